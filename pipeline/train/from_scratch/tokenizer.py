"""Train a tokenizer: a SentencePiece Unigram model, rebuilt in the `tokenizers` library to keep byte fallback.

Reason: `tokenizers` has a Unigram trainer of its own, but it learns from whatever its pre-tokenizer
leaves: split at punctuation it gave broken pieces ("▁Ngà" + "y"), unsplit it glued punctuation to words. SentencePiece
trains well, but transformers 5 drops `byte_fallback` when it converts a SentencePiece model, and characters outside
the vocabulary become `<unk>`. So: SentencePiece learns the pieces and scores (digits split one by one, no
normalization of its own), and a `tokenizers` Unigram is built of them with byte fallback, NFC and single spaces; that
`tokenizer.json` is all that is shipped. Of 5,600 lines of news in two languages none got other ids than from
SentencePiece; `build` counts them again on the texts it was given, and refuses where the two libraries that read the
file (`tokenizers`, and transformers' fast class) differ at all.
"""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.checkpoints.device import cores
from pipeline.checkpoints.tokenizers import JsonTokenizer
from pipeline.errors import ConfigError, ModelError
from pipeline.progress import Progress
from pipeline.train import card, reading, state
from pipeline.train.coding import EOS, PAD, UNK
from pipeline.train.config import Articles, Lines, Pairs, TokenizerTraining, data_key
from pipeline.waiting import Stopping

if TYPE_CHECKING:
    import sentencepiece
    import tokenizers

_log = logging.getLogger(__name__)

PAD_ID, EOS_ID, UNK_ID = 0, 1, 2  # T5's
_LONGEST = 20_000  # bytes of a line: SentencePiece skips longer ones silently
_COMPARED = 2_000  # lines that are read by every library


def build(training: TokenizerTraining, *, progress: Progress, stopping: Stopping) -> Path:
    """Return the folder of the trained tokenizer: `tokenizer.json`, `tokenizer_config.json`, a card.

    A result that was made of the same texts and settings is kept. Raises `ConfigError` where there is too
    little text for the vocabulary, `ModelError` where the libraries read the result differently, `StoppedError` where
    `stopping` gives a reason while the texts are read.
    """
    home = training.home
    with state.on_disk(home), state.locked(home):
        made_of = _made_of(training)
        target = home / state.RESULT
        if state.read_json(home / "training.json") == made_of and (target / "tokenizer.json").is_file():
            _log.info(f"{training.name}: nothing has changed, {target} is kept")
            return target
        tallies: dict[str, reading.ReadCounts] = {}
        progress.begin("tokenizer", None)
        trained = _train(training, _counted(_texts(training, tallies, stopping), progress))
        for name, tally in tallies.items():
            reading.report(name, tally, tally.read - tally.left_out.total())
        rebuilt = rebuild(trained)
        compared = list(islice(_texts(training, {}, stopping), _COMPARED))
        build_dir = state.build_dir(target)
        rebuilt.save(str(build_dir / "tokenizer.json"))
        settings = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": PAD, "eos_token": EOS, "unk_token": UNK}
        state.write_json(build_dir / "tokenizer_config.json", settings | {"clean_up_tokenization_spaces": False})
        differing = _compare(build_dir, trained, compared)
        (build_dir / "README.md").write_text(
            card.tokenizer_card(training, tallies, compared=len(compared), differing=differing), encoding="utf-8"
        )
        state.put(build_dir, target)
        state.write_json(home / "training.json", made_of)
        _log.info(f"{training.name}: {len(trained)} pieces; {differing} of {len(compared)} lines differ")
        return target


def rebuild(trained: sentencepiece.SentencePieceProcessor) -> tokenizers.Tokenizer:
    """Return the Unigram of the `tokenizers` library with the pieces and scores of `trained` (ids 0, 1, 2 special)."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    vocabulary = [(trained.id_to_piece(at), trained.get_score(at)) for at in range(len(trained))]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=UNK_ID, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    metaspace = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), metaspace])
    tokenizer.add_special_tokens([PAD, EOS, UNK])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {EOS}", pair=f"$A {EOS} $B {EOS}", special_tokens=[(EOS, EOS_ID)]
    )
    return tokenizer


def _made_of(training: TokenizerTraining) -> dict[str, Any]:
    """Return what the tokenizer and its card depend on."""
    data: list[Pairs | Articles | Lines] = [*training.pairs, *training.articles, *training.lines]
    settings = training.model_dump(
        mode="json",
        include={"seed", "exclude", "tone_style", "body_characters", "vocabulary", "coverage", "sentences", "card"},
    )
    described = [[data_key(source), reading.digests(source), source.license, source.note] for source in data]
    return settings | {"data": described}


def _texts(training: TokenizerTraining, tallies: dict[str, reading.ReadCounts], stopping: Stopping) -> Iterator[str]:
    """Yield the texts to learn from; the counts of each source are added to `tallies`."""

    def tally(kind: str, number: int, path: str | None) -> reading.ReadCounts:
        return tallies.setdefault(f"{kind}.{number} {Path(path or '').name}".strip(), reading.ReadCounts())

    for number, pairs in enumerate(training.pairs):
        counts = tally("pairs", number, pairs.path)
        for pair in reading.read_pairs(pairs, tone_style=training.tone_style, tally=counts, stopping=stopping):
            yield from _fitting(pair, counts)
    for number, source in enumerate(training.articles):
        counts = tally("articles", number, source.path or source.dataset)
        for title, text, summary in reading.read_articles(
            source, exclude=training.exclude, tone_style=training.tone_style, tally=counts, stopping=stopping
        ):
            yield from _fitting((title, summary, text[: training.body_characters]), counts)
    for number, lines in enumerate(training.lines):
        counts = tally("lines", number, lines.path)
        for line in reading.read_lines(lines, tone_style=training.tone_style, tally=counts, stopping=stopping):
            yield from _fitting((line,), counts)


def _fitting(texts: tuple[str, ...], tally: reading.ReadCounts) -> Iterator[str]:
    for text in texts:
        if len(text.encode()) > _LONGEST:
            tally.drop(f"longer than {_LONGEST} bytes")
        elif text:
            yield text


def _counted(texts: Iterator[str], progress: Progress) -> Iterator[str]:
    for text in texts:
        progress.advance(1)
        yield text


def _train(training: TokenizerTraining, texts: Iterator[str]) -> sentencepiece.SentencePieceProcessor:
    import sentencepiece

    sentencepiece.set_random_generator_seed(training.seed)
    out = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=texts,
            model_writer=out,
            vocab_size=training.vocabulary,
            model_type="unigram",
            byte_fallback=True,
            split_digits=True,
            normalization_rule_name="identity",  # NFC and single spaces are applied here, in training and in use
            character_coverage=training.coverage,
            pad_id=PAD_ID,
            eos_id=EOS_ID,
            unk_id=UNK_ID,
            bos_id=-1,
            input_sentence_size=training.sentences,
            shuffle_input_sentence=True,
            max_sentence_length=_LONGEST,
            num_threads=cores(),
            minloglevel=2,
        )
    except RuntimeError as error:
        said = str(error).splitlines()[-1].rpartition("] ")[2].strip().rstrip(".")
        raise ConfigError(
            f"vocabulary: {training.vocabulary} cannot be learnt from these texts: {said}; give more text or a smaller "
            "`vocabulary`"
        ) from None
    return sentencepiece.SentencePieceProcessor(model_proto=out.getvalue())


def _compare(folder: Path, trained: sentencepiece.SentencePieceProcessor, lines: list[str]) -> int:
    """Return how many lines get other ids than from SentencePiece; raises `ModelError` where the readers differ."""
    from transformers import AutoTokenizer

    reader = JsonTokenizer(folder / "tokenizer.json", unk_piece=UNK)
    rows = reader.encode(lines)
    expected_rows = AutoTokenizer.from_pretrained(folder)(lines, return_token_type_ids=False)["input_ids"]
    for line, row, other in zip(lines, rows, expected_rows, strict=True):
        if [*row, EOS_ID] != other:
            raise ModelError(f"{folder}: transformers and tokenizers give other ids for {json.dumps(line)[:200]}")
    expected: list[list[int]] = trained.encode(lines)
    return sum(row != other for row, other in zip(rows, expected, strict=True))
