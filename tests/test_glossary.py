"""The files of a newsroom (terms, corrections): they are read as written, and every bad line is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline import glossary
from pipeline.corrections import Correction
from pipeline.errors import ConfigError
from pipeline.glossary import Term


def terms(tmp_path: Path, data: str | bytes) -> tuple[Term, ...]:
    path = tmp_path / "terms.csv"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return glossary.read(str(path), None).terms


LINE = {
    "id": "a1",
    "index": 0,
    "vi": "Trời mưa to.",
    "en": "It rained heavily.",
    "machine": "Sky rain big.",
    "by": "Mai",
    "at": "2026-11-23T09:00:00+07:00",
}


ABOUT = {"id": "a1", "text_sha256": "0" * 64, "by": "Mai", "at": "2026-11-23T09:00:00+07:00"}


def corrections(tmp_path: Path, *lines: object) -> dict[str, Correction]:
    path = tmp_path / "corrections.jsonl"
    text = "".join((line if isinstance(line, str) else json.dumps(line, ensure_ascii=False)) + "\n" for line in lines)
    path.write_text(text, encoding="utf-8")
    return dict(glossary.read(None, str(path)).corrections)


@pytest.mark.parametrize(
    "data",
    [
        "vi,en,wrong\nhuyện,rural district,county | district\n",
        b"\xef\xbb\xbfvi,en,wrong\r\nhuy\xe1\xbb\x87n,rural district,county|district\r\n",
        "vi;en;wrong\nhuyện;rural district;county|district\n",
        "VI\tWrong\tEn\nhuyện\tcounty|district\trural district\n\n",
        'en,note,vi,wrong\n"rural district","asked for, twice",huyện,county|district|\n',
    ],
)
def test_terms_are_read_from_what_spreadsheets_write(tmp_path: Path, data: str | bytes) -> None:
    assert terms(tmp_path, data) == (Term("huyện", "rural district", ("county", "district")),)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("", r"terms.csv: is empty.*vi,en,wrong"),
        ("huyện,district\n", r"terms.csv:1: no such column: `huyện`; .*vi,en,wrong"),
        ("vi,en,wrogn\n", r"terms.csv:1: no such column: `wrogn`; did you mean `wrong`\?"),
        ("vi,wrong\nhuyện,county\n", r"terms.csv:1: no column `en`"),
        ("vi,en,en\n", r"terms.csv:1: a column is named twice"),
        ("vi,en\nhuyện,\n", r"terms.csv:2: en: is empty"),
        ("vi,en\n,district\n", r"terms.csv:2: vi: is empty"),
        ("vi,en\n“huyện,district\n", r"terms.csv:2: vi: .* must begin with a letter"),
        ("vi,en\nxã, commune, village\n", r"terms.csv:2: 3 cells under 2 columns; quote"),
        ("vi,en,wrong\nxã,commune,ward|commune\n", r"terms.csv:2: wrong: “commune” is also the English term"),
        ("vi,en\nhoà giải,mediation\nxã,commune\nhòa giải,conciliation\n", r"terms.csv:4: vi: .*in line 2 already"),
        ('vi,en\nxã,"commune\n', r"terms.csv:2: not valid CSV"),
        (b"vi,en\nx\xe3,commune\n", r"terms.csv:2: is not UTF-8; save it as UTF-8"),
    ],
)
def test_a_bad_term_is_named_with_file_line_and_field(tmp_path: Path, data: str | bytes, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        terms(tmp_path, data)


def test_a_missing_file_is_named_with_its_field(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"translate.terms: .*no.csv: cannot be read"):
        glossary.read(str(tmp_path / "no.csv"), None)
    with pytest.raises(ConfigError, match=r"translate.corrections: .*no.jsonl: cannot be read"):
        glossary.read(None, str(tmp_path / "no.jsonl"))


def test_a_correction_is_found_by_its_sentence_however_the_tones_are_written(tmp_path: Path) -> None:
    line = LINE | {"vi": "Ông Hoà  khoẻ lại."}
    found = corrections(tmp_path, line, "")
    assert found[glossary.sentence_key("Ông Hòa khỏe lại.")] == Correction(
        "Ông Hoà khoẻ lại.", "It rained heavily.", "Mai", "2026-11-23T09:00:00+07:00"
    )


@pytest.mark.parametrize(
    ("times", "wins"),
    [
        (("2026-11-23T09:00:00", "2026-11-23T08:00:00"), 0),
        (("2026-11-23T09:00:00", "2026-11-23T09:00:00"), 1),
        (("2026-11-23T09:00:00+07:00", "2026-11-23T03:00:00Z"), 1),
        (("2026-11-23", "2026-11-22T23:00:00Z"), 0),
    ],
)
def test_the_later_correction_wins(tmp_path: Path, times: tuple[str, str], wins: int) -> None:
    lines = [LINE | {"en": str(number), "at": at} for number, at in enumerate(times)]
    (found,) = corrections(tmp_path, *lines).values()
    assert found.en == str(wins)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "corrections.jsonl:2: not valid JSON"),
        ("[" * 100_000, "corrections.jsonl:2: not valid JSON"),
        ("[]", "corrections.jsonl:2: is not a JSON object"),
        ({name: value for name, value in LINE.items() if name != "by"}, "corrections.jsonl:2: by: is missing"),
        (LINE | {"en": " "}, "corrections.jsonl:2: en: must be a text"),
        (LINE | {"vi": 3}, "corrections.jsonl:2: vi: must be a text"),
        (LINE | {"at": "yesterday"}, "corrections.jsonl:2: at: 'yesterday' is not a time"),
        (LINE | {"action": "releas"}, "corrections.jsonl:2: action: .*did you mean `release`"),
        (LINE | {"action": 3}, "corrections.jsonl:2: action: no such action: `3`; there are: sentence, summary"),
        (ABOUT | {"action": "reject", "id": ""}, "corrections.jsonl:2: id: must be a text"),
        (ABOUT | {"action": "reject", "text_sha256": "ab"}, "corrections.jsonl:2: text_sha256: must be 64"),
        (ABOUT | {"action": "reject", "reason": 3}, "corrections.jsonl:2: reason: must be a text"),
        (ABOUT | {"action": "summary"}, "corrections.jsonl:2: vi: is missing"),
        (ABOUT | {"action": "release"}, "corrections.jsonl:2: flags: must be a list"),
        (ABOUT | {"action": "release", "flags": ["number"]}, "corrections.jsonl:2: flags: each needs the texts"),
        (ABOUT | {"action": "release", "flags": [{"check": 3}]}, "corrections.jsonl:2: flags: each needs the texts"),
        (json.dumps(LINE | {"en": "half \ud83d"}), "corrections.jsonl:2: en: contains half of a character"),
    ],
)
def test_a_bad_correction_is_named_with_file_line_and_field(tmp_path: Path, line: object, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        corrections(tmp_path, LINE, line)


def test_the_digests_are_of_the_bytes_wherever_the_files_lie(tmp_path: Path) -> None:
    digests = []
    for name in ("a", "b"):
        (tmp_path / name).write_text("vi,en\nxã,commune\n", encoding="utf-8")
        digests.append(glossary.read(str(tmp_path / name), None).digests)
    assert digests[0] == digests[1]
    assert set(digests[0]) == {"terms"}
