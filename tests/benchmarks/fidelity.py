"""The checks measured: what they find of errors put into human translations, and what they flag in those as they are.

    python -m tests.benchmarks.fidelity [--split rules|dev|test] [--only fidelity|language] [--read N] [--seed N]

`rules` is what the checks were written on: `parallel.dev` and 2,000 training pairs, drawn with seed 4; `dev` is the
first of them alone. `test` is `parallel.test`, looked at when nothing is tuned any more. Consecutive pairs make records of one to three
sentences. Of the pairs that some corruption fits, half are corrupted once each, by the kind that has been used least;
the others stay as they are. A corruption is found when its record gets a warning or an error that the record without it
does not get: one that is about that sentence, or of a check that the kind is a matter of (`own`: of such a check only;
`held`: an error of a check that holds records back). False flags are counted on the pairs that were left alone, where
the human translator rounds, rewords and errs too: `--read 20` prints some of them.

`language` is the comparison behind the check `vietnamese_left`: cuts of 3 to 12 words from both sides of
`parallel.dev`, the English ones with a Vietnamese name in a set of their own. lingua and py3langid take part where they
are installed (`pip install lingua-language-detector py3langid`); nothing else needs them.
"""

# ruff: noqa: T201 - a command prints

from __future__ import annotations

import argparse
import importlib
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

from pipeline.checks.coverage import is_untranslated
from pipeline.checks.rules import inspect
from pipeline.config import Inspect
from pipeline.records import Article, Flag, Origin, Sentence, Translated
from pipeline.text.normalize import fold, looks_vietnamese
from pipeline.train import config as training
from pipeline.train import reading

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
HOLD = Inspect().hold
TRAINING_PAIRS = 2000
MOST_SENTENCES = 3
LEAST_WORDS = 6  # of a sentence that is dropped or swapped: the training pairs hold phrases of a dictionary too
Z = 1.96  # of a 95 % interval


@dataclass(frozen=True, slots=True)
class Case:
    """A record, one of its sentences, and the same record with that sentence corrupted."""

    kind: str
    clean: Translated
    corrupted: Translated
    sentence: int


def main() -> None:
    parser = argparse.ArgumentParser(description="Recall and false flags of the checks.")
    parser.add_argument("--split", choices=("rules", "dev", "test"), default="rules")
    parser.add_argument("--only", choices=("fidelity", "language"))
    parser.add_argument("--read", type=int, default=0, help="print so many of the flagged pairs that are as they were")
    parser.add_argument("--missed", type=int, default=0, help="print so many of the corruptions that were not found")
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of the parallel texts")
    options = parser.parse_args()
    if not (options.data / "parallel.dev.tsv.xz").exists():
        print(f"skipped: {options.data} has no parallel.dev.tsv.xz; --data says where the texts are")
        return
    if options.only != "language":
        fidelity(options)
    if options.only != "fidelity":
        language(options.data, seed=options.seed)


# What is measured


def pairs_of(data: Path, split: str) -> list[tuple[str, str]]:
    """Return the pairs of a split that are Vietnamese and English, in order, and print how many are not."""
    if split == "test":
        found = read(data / "parallel.test.tsv.xz")
    elif split == "dev":
        found = read(data / "parallel.dev.tsv.xz")
    else:
        found = read(data / "parallel.train.tsv.xz")
        random.Random(4).shuffle(found)
        found = [*read(data / "parallel.dev.tsv.xz"), *found[:TRAINING_PAIRS]]
    kept = [(vi, en) for vi, en in found if not looks_vietnamese(en) and (looks_vietnamese(vi) or len(vi.split()) < 4)]
    print(f"{split}: {len(kept)} pairs; left out {len(found) - len(kept)} whose sides are not Vietnamese and English")
    return kept


def read(path: Path) -> list[tuple[str, str]]:
    source = training.Pairs(path=str(path), source=2, target=3)
    return list(reading.read_pairs(source, tone_style="any", tally=reading.ReadCounts()))


def records_of(pairs: Sequence[tuple[str, str]], *, rng: random.Random) -> list[Translated]:
    """Return records of one to three consecutive pairs each; the article is the summary, so that it supports it."""
    found: list[Translated] = []
    at = 0
    while at < len(pairs):
        count = rng.randint(1, MOST_SENTENCES)
        found.append(record([Sentence(vi, en) for vi, en in pairs[at : at + count]]))
        at += count
    return found


def record(sentences: Sequence[Sentence]) -> Translated:
    summary = " ".join(sentence.summary for sentence in sentences)
    article = Article(id="0", text=summary, text_sha256="", source=Origin(path="parallel", row=0))
    return Translated(article, summary, "", tuple(sentences), ())


# Corruptions: each returns the sentence's new English, or None where it does not fit

_FIGURE = re.compile(r"(?<![\w.,])\d+(?:[.,]\d+)*(?!\w)")
_UNIT = re.compile(r"\b(thousand|million|billion|trillion)\b", re.IGNORECASE)
_UNITS = ("thousand", "million", "billion", "trillion")
_VIETNAMESE_UNIT = re.compile(r"\b(?:nghìn|ngàn|triệu|t[ỷỉ])\b", re.IGNORECASE)
_NAME = re.compile(r"(?<=[a-z,] )(?:[A-Z][^\W\d_]+)(?: [A-Z][^\W\d_]+)*")
_NOT_NAMES = frozenset(
    "January February March April May June July August September October November December Monday Tuesday Wednesday"
    " Thursday Friday Saturday Sunday".split()
)
_NEGATED = re.compile(r"\b(?:không|chưa|chẳng|đừng)\b", re.IGNORECASE)
_NEGATION = re.compile(
    r"\b(?P<aux>is|are|was|were|do|does|did|has|have|had|would|could|should)n['’]t\b|\b(?P<not>not|never)\s"
    r"|\b(?P<can>cannot|can['’]t)\b|\b(?P<will>won['’]t)\b|\b(?P<without>without)\b|\b(?P<no>no)\s(?=[a-z])",
    re.IGNORECASE,
)
_AUXILIARY = re.compile(r"\b(?:is|are|was|were|will|can|could|should|would|must)\b(?! not\b|n['’]t)(?=\s[a-z])")
_CLAUSE = re.compile(r"[,;:]\s")


def digit(vi: str, en: str, rng: random.Random) -> str | None:
    theirs = {re.sub(r"\D", "", figure) for figure in _FIGURE.findall(vi)}
    figures = [match for match in _FIGURE.finditer(en) if re.sub(r"\D", "", match[0]) in theirs]
    if not figures:
        return None
    match = rng.choice(figures)
    at = rng.choice([place for place, letter in enumerate(match[0]) if letter.isdigit()])
    other = rng.choice([one for one in "123456789" if one != match[0][at]])
    return en[: match.start() + at] + other + en[match.start() + at + 1 :]


def unit(vi: str, en: str, rng: random.Random) -> str | None:
    found = list(_UNIT.finditer(en))
    if not found or not _VIETNAMESE_UNIT.search(vi):
        return None
    match = rng.choice(found)
    other = rng.choice([one for one in _UNITS if one != match[0].lower()])
    return en[: match.start()] + other + en[match.end() :]


def names_in(vi: str, en: str) -> list[re.Match[str]]:
    """Return the names of the English that the Vietnamese has too."""
    theirs = fold(vi)
    found = (match for match in _NAME.finditer(en) if match[0].split()[0] not in _NOT_NAMES)
    return [match for match in found if re.search(rf"\b{re.escape(fold(match[0]))}\b", theirs)]


def name(vi: str, en: str, rng: random.Random, pool: Sequence[str]) -> str | None:
    found = names_in(vi, en)
    if not found:
        return None
    match = rng.choice(found)
    words = len(match[0].split())
    others = [one for one in pool if len(one.split()) == words and fold(one) not in fold(vi) and one != match[0]]
    return en[: match.start()] + rng.choice(others) + en[match.end() :] if others else None


def negation_removed(vi: str, en: str, rng: random.Random) -> str | None:
    found = list(_NEGATION.finditer(en))
    if not found or not _NEGATED.search(vi):
        return None
    match = rng.choice(found)
    put = match["aux"] or ("can" if match["can"] else "will" if match["will"] else "with" if match["without"] else "")
    return en[: match.start()] + put + en[match.end() :]


def negation_added(vi: str, en: str, rng: random.Random) -> str | None:
    del vi
    found = list(_AUXILIARY.finditer(en))
    if not found:
        return None
    match = rng.choice(found)
    return f"{en[: match.end()]} not{en[match.end() :]}"


def clause_dropped(vi: str, en: str, rng: random.Random) -> str | None:
    """Leave out the beginning or the end of a sentence at a comma: between a third and two thirds of its words."""
    del vi
    if len(en.split()) < 2 * LEAST_WORDS:
        return None
    cuts = [
        match for match in _CLAUSE.finditer(en) if 1 / 3 <= len(en[: match.start()].split()) / len(en.split()) <= 2 / 3
    ]
    if not cuts:
        return None
    match = rng.choice(cuts)
    if rng.random() < 1 / 2:
        return en[: match.start()] + "."
    return en[match.end()].upper() + en[match.end() + 1 :]


def cases_of(records: Sequence[Translated], *, rng: random.Random) -> tuple[list[Case], set[tuple[int, int]]]:
    """Return the corrupted cases, and which pairs (record, sentence) were left alone."""
    pool = sorted(
        {
            match[0]
            for one in records
            for sentence in one.sentences
            for match in names_in(sentence.summary, sentence.translation)
        }
    )
    single: dict[str, Callable[[str, str], str | None]] = {
        "digit": lambda vi, en: digit(vi, en, rng),
        "unit": lambda vi, en: unit(vi, en, rng),
        "name": lambda vi, en: name(vi, en, rng, pool),
        "negation removed": lambda vi, en: negation_removed(vi, en, rng),
        "negation added": lambda vi, en: negation_added(vi, en, rng),
        "clause dropped": lambda vi, en: clause_dropped(vi, en, rng),
    }
    used: Counter[str] = Counter()
    found: list[Case] = []
    alone: set[tuple[int, int]] = set()
    for row, clean in enumerate(records):
        for at, sentence in enumerate(clean.sentences):
            fitting: dict[str, Case] = {}
            for kind, corrupt in single.items():
                english = corrupt(sentence.summary, sentence.translation)
                if english is not None and english != sentence.translation:
                    fitting[kind] = Case(kind, clean, with_english(clean, {at: english}), at)
            for case in (dropped(clean, at), swapped(clean, at, rng)):
                if case is not None:
                    fitting[case.kind] = case
            if fitting and rng.random() < 1 / 2:
                kind = min(fitting, key=lambda one: (used[one], one))
                used[kind] += 1
                found.append(fitting[kind])
            else:
                alone.add((row, at))
    return found, alone


def with_english(clean: Translated, english: dict[int, str]) -> Translated:
    sentences = tuple(
        replace(sentence, translation=english.get(at, sentence.translation))
        for at, sentence in enumerate(clean.sentences)
    )
    return replace(clean, sentences=sentences)


def dropped(clean: Translated, at: int) -> Case | None:
    """Return a case in which two sentences went to the model as one, and the one at `at` did not come back."""
    if len(clean.sentences) < 2 or len(clean.sentences[at].translation.split()) < LEAST_WORDS:
        return None
    first = min(at, len(clean.sentences) - 2)
    one, two = clean.sentences[first : first + 2]
    joined = Sentence(f"{one.summary} {two.summary}", f"{one.translation} {two.translation}")
    left = two.translation if at == first else one.translation
    around = clean.sentences[:first], clean.sentences[first + 2 :]
    whole = record([*around[0], joined, *around[1]])
    short = record([*around[0], replace(joined, translation=left), *around[1]])
    return Case("sentence dropped", whole, short, first)


def swapped(clean: Translated, at: int, rng: random.Random) -> Case | None:
    """Return a case in which two sentences have each other's translations."""
    if len(clean.sentences) < 2 or len(clean.sentences[at].translation.split()) < LEAST_WORDS:
        return None
    other = rng.choice([one for one in range(len(clean.sentences)) if one != at])
    english = {at: clean.sentences[other].translation, other: clean.sentences[at].translation}
    return Case("sentence swapped", clean, with_english(clean, english), at)


# What is found

OWN = {
    "digit": {"number"},
    "unit": {"number"},
    "name": {"name", "initials", "office"},
    "negation removed": {"negation"},
    "negation added": {"negation"},
    "clause dropped": {"coverage"},
    "sentence dropped": {"coverage"},
    "sentence swapped": {"coverage"},
}


def fidelity(options: argparse.Namespace) -> None:
    pairs = pairs_of(options.data, options.split)
    rng = random.Random(options.seed)
    records = records_of(pairs, rng=rng)
    cases, alone = cases_of(records, rng=rng)
    found: dict[str, Counter[str]] = {kind: Counter() for kind in OWN}
    by: dict[str, Counter[str]] = {kind: Counter() for kind in OWN}
    missed: list[Case] = []
    for case in cases:
        new = added(case)
        counts = found[case.kind]
        counts["cases"] += 1
        counts["found"] += bool(new)
        counts["own"] += any(flag.check in OWN[case.kind] for flag in new)
        counts["held"] += any(held(flag) for flag in new)
        by[case.kind].update({flag.check for flag in new})
        if not new:
            missed.append(case)
    print(f"\nrecall on {len(cases)} corrupted pairs of {len(records)} records, seed {options.seed}")
    print(f"{'kind':18}{'cases':>6}   {'found':24}{'own':24}{'held':24}by")
    for kind, counts in found.items():
        shares = "".join(f"{share(counts[what], counts['cases']):24}" for what in ("found", "own", "held"))
        print(
            f"{kind:18}{counts['cases']:>6}   {shares}{', '.join(f'{check} {n}' for check, n in by[kind].most_common(5))}"
        )
    of_numbers = [found[kind] for kind, checks in OWN.items() if checks == {"number"}]
    own, count = (sum(counts[what] for counts in of_numbers) for what in ("own", "cases"))
    print(f"\nthe check `number` alone: digit and unit {own} of {count} found: {share(own, count)}")
    false_flags(records, alone, options)
    for case in random.Random(options.seed).sample(missed, min(options.missed, len(missed))):
        print(f"\nmissed: {case.kind}")
        show(case.corrupted.sentences[case.sentence], ())


def added(case: Case) -> list[Flag]:
    """Return the warnings and errors of the corrupted record that the clean one does not get."""
    before = Counter(map(identity, inspect(case.clean).flags))
    found: list[Flag] = []
    for flag in inspect(case.corrupted).flags:
        if flag.severity == "note":
            continue
        if before[identity(flag)]:
            before[identity(flag)] -= 1
        elif flag.check in OWN[case.kind] or case.sentence in sentences_of(case.corrupted, flag):
            found.append(flag)
    return found


def identity(flag: Flag) -> tuple[str, str, str, str, str, str]:
    return flag.check, flag.field, flag.severity, flag.expected, flag.found, flag.message


def held(flag: Flag) -> bool:
    return flag.severity == "error" and flag.check in HOLD


def sentences_of(translated: Translated, flag: Flag) -> list[int]:
    """Return which sentences the flag's span touches; all of them for a flag on the article."""
    if flag.field not in {"summary", "translation"}:
        return list(range(len(translated.sentences)))
    found: list[int] = []
    start = 0
    for at, sentence in enumerate(translated.sentences):
        end = start + len(sentence.summary if flag.field == "summary" else sentence.translation)
        if flag.start < max(end, start + 1) and flag.end >= start:
            found.append(at)
        start = end + (1 if end > start else 0)
    return found


def false_flags(records: Sequence[Translated], alone: set[tuple[int, int]], options: argparse.Namespace) -> None:
    flagged: dict[tuple[int, int], list[Flag]] = {place: [] for place in alone}
    started = time.perf_counter()
    for row, one in enumerate(records):
        for flag in inspect(one).flags:
            for at in sentences_of(one, flag):
                if (row, at) in flagged and flag.severity != "note":
                    flagged[row, at].append(flag)
    seconds = time.perf_counter() - started
    count = len(flagged)
    print(f"\nfalse flags on {count} pairs left as they were ({1000 * seconds / len(records):.2f} ms a record)")
    print(f"{'check':18}{'warning or error':28}{'error':28}")
    checks = sorted({flag.check for flags in flagged.values() for flag in flags})
    for check in checks:
        of_check = [[flag.severity for flag in flags if flag.check == check] for flags in flagged.values()]
        any_, errors = sum(map(bool, of_check)), sum("error" in severities for severities in of_check)
        print(f"{check:18}{share(any_, count):28}{share(errors, count):28}{any_} of {count}, {errors} errors")
    everything = sum(bool(flags) for flags in flagged.values())
    errors = sum(any(flag.severity == "error" for flag in flags) for flags in flagged.values())
    hold_any = sum(any(flag.check in HOLD for flag in flags) for flags in flagged.values())
    hold = sum(any(held(flag) for flag in flags) for flags in flagged.values())
    print(f"{'all':18}{share(everything, count):28}{share(errors, count):28}")
    print(f"{'hold set':18}{share(hold_any, count):28}{share(hold, count):28}")
    wrong = sorted(place for place, flags in flagged.items() if any(map(held, flags)))
    for row, at in random.Random(options.seed).sample(wrong, min(options.read, len(wrong))):
        print(f"\nflagged: {options.split} record {row} sentence {at}")
        show(records[row].sentences[at], [flag for flag in flagged[row, at] if held(flag)])


def show(sentence: Sentence, flags: Sequence[Flag]) -> None:
    print(f"  vi  {sentence.summary}\n  en  {sentence.translation}")
    for flag in flags:
        print(f"  {flag.severity} {flag.check}: {flag.message} (expected {flag.expected!r}, found {flag.found!r})")


def share(hits: int, of: int) -> str:
    """Return hits/of with its 95 % Wilson interval."""
    if not of:
        return "-"
    low, high = wilson(hits, of)
    return f"{hits / of:.3f} [{low:.3f}, {high:.3f}]"


def wilson(hits: int, of: int) -> tuple[float, float]:
    rate = hits / of
    middle = rate + Z * Z / (2 * of)
    spread = Z * ((rate * (1 - rate) + Z * Z / (4 * of)) / of) ** 0.5
    scale = 1 + Z * Z / of
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


# Which language it is

SHORTEST, LONGEST = 3, 12
NAMES = "Nguyễn Phú Trọng|Đà Nẵng|Trần Hưng Đạo|Bà Rịa - Vũng Tàu|Võ Thị Sáu|Hải Phòng|Đắk Lắk|Phạm Nhật Vượng".split(
    "|"
)


def language(data: Path, *, seed: int) -> None:
    """Print how each way to tell English from Vietnamese does on short cuts."""
    rng = random.Random(seed)
    pairs = read(data / "parallel.dev.tsv.xz")  # all: to leave some out by one of the ways would favour it
    vietnamese = [cut for vi, _ in pairs if (cut := cut_of(vi, rng))]
    english = [cut for _, en in pairs if (cut := cut_of(en, rng))]
    named = [with_name(cut, rng) for cut in english]
    print(
        f"\nlanguage of {len(vietnamese)} Vietnamese and {len(english)} English cuts of {SHORTEST} to {LONGEST} words:"
        f" taken for Vietnamese (or not English), seed {seed}"
    )
    print(f"{'':34}{'Vietnamese':26}{'English':26}{'English, a name':26}{'ms each':>8}")
    for title, tell in tellers():
        tell("một câu để nạp mô hình")
        started = time.perf_counter()
        told = [sum(map(tell, texts)) for texts in (vietnamese, english, named)]
        each = 1000 * (time.perf_counter() - started) / (len(vietnamese) + 2 * len(english))
        shares = (share(hits, len(of)) for hits, of in zip(told, (vietnamese, english, named), strict=True))
        print(f"{title:34}{''.join(f'{one:26}' for one in shares)}{each:8.3f}")


def cut_of(text: str, rng: random.Random) -> str:
    """Return some words in a row of `text`, "" where it has too few."""
    words = text.split()
    count = rng.randint(SHORTEST, LONGEST)
    if len(words) < count:
        return ""
    start = rng.randint(0, len(words) - count)
    return " ".join(words[start : start + count])


def with_name(text: str, rng: random.Random) -> str:
    words = text.split()
    words.insert(rng.randint(0, len(words)), rng.choice(NAMES))
    return " ".join(words)


def tellers() -> list[tuple[str, Callable[[str], bool]]]:
    """Return each way that is installed here: whether a text is not English, but Vietnamese."""
    found: list[tuple[str, Callable[[str], bool]]] = [
        ("marks (pipeline.checks.coverage)", is_untranslated),
        ("marks (pipeline.text.normalize)", looks_vietnamese),
    ]
    try:
        py3langid = importlib.import_module("py3langid")  # without types
    except ImportError:
        print("py3langid: not installed, left out")
    else:
        name = f"py3langid {metadata.version('py3langid')}"
        found.append((f"{name}, 97 languages", lambda text: py3langid.classify(text)[0] != "en"))
        two = py3langid.langid.LanguageIdentifier.from_model_file(py3langid.langid.MODEL_FILE)
        two.set_languages(["vi", "en"])
        found.append((f"{name}, vi and en", lambda text: two.classify(text)[0] == "vi"))
    try:
        from lingua import Language, LanguageDetectorBuilder
    except ImportError:
        print("lingua: not installed, left out")
    else:
        detector = LanguageDetectorBuilder.from_languages(Language.VIETNAMESE, Language.ENGLISH).build()
        name = f"lingua {metadata.version('lingua-language-detector')}"
        found.append((f"{name}, vi and en", lambda text: detector.detect_language_of(text) == Language.VIETNAMESE))
    return found


if __name__ == "__main__":
    main()
