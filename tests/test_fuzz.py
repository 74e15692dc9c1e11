"""Arbitrary bytes for every reader and for the config: records, rejections or one clear error, and nothing else.

The mutations know the formats (a valid file, bits flipped, parts cut, moved and doubled, marks and magics put in), so
that they reach behind the first check. `make faults` tries a hundred times more; with atheris installed
(`pip install atheris`) it also lets coverage lead the way.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import math
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import config as configs
from pipeline import sources
from pipeline.config import Exclude, Source
from pipeline.errors import ConfigError, SourceError
from pipeline.messages import logged_to
from pipeline.records import Article, Failure, Translated
from pipeline.runner.publishing import published_row, table
from pipeline.sources import bitext
from pipeline.storage.rows import arrow_schema, as_json
from tests.conftest import article
from tests.faults_tally import FaultFixture

ROOT = Path(__file__).parents[1]
ALL = Exclude(under_syllables=0, not_vietnamese=False)
_encode, _decode = msgspec.json.Encoder().encode, msgspec.json.Decoder(Article).decode

few = settings(max_examples=40, suppress_health_check=list(HealthCheck))
many = settings(max_examples=2000, suppress_health_check=list(HealthCheck))


def _quietly_read(source: Source, files: list[sources.SourceFile]) -> list[Article | Failure]:
    with logged_to(pytest.fail):
        return list(sources.read(source, exclude=ALL, on_file=files.append))


def through(path: Path, *, keep: tuple[str, ...] = ()) -> int:
    """Read a file as a run does, and write every record as a run does; return how many there were."""
    told: list[sources.SourceFile] = []
    count = 0
    try:
        for record in _quietly_read(Source(path=str(path), keep=keep), told):
            count += 1
            if isinstance(record, Article):
                assert _decode(_encode(record)) == record
                published = published_row(Translated(record, "", "", (), (), ()), keep=keep)
                schema = arrow_schema(keep)
                assert table([published], schema).equals(pa.Table.from_pylist([as_json(published)], schema=schema))
            else:
                assert record.category in {"rejected", "damaged"}
                json.dumps(asdict(record), ensure_ascii=False).encode()
    except SourceError as error:
        assert str(path) in str(error)  # noqa: PT017 - most inputs raise nothing
        str(error).encode()
    else:
        assert [file.records for file in told] == [count]
    return count


# Files


def valid() -> dict[str, bytes]:
    """Return a sound file of each kind."""
    rows = [article(number) | {"url": "https://bao.example/a", "published": "2/3/2023 10:15"} for number in range(4)]
    lines = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in rows).encode()
    table = "id,title,text\n" + "".join(f'{one["id"]},"{one["title"]}, mới","{one["text"]}"\n' for one in rows)
    arrow = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), arrow, row_group_size=2)
    page = "Thời sự\n\nPhường Bến Đá trồng cây\n\n2/3/2023 10:15\n\nTTXVN - Sáng nay. Chiều về.\n\nDuy Ba\n\nXem thêm\n"
    return {
        "a.txt": page.encode(),
        "a.html": (ROOT / "tests" / "data" / "pages" / "article.html").read_bytes(),
        "a.jsonl": lines,
        "b.jsonl": lines.decode().encode("utf-16"),
        "a.jsonl.gz": gzip.compress(lines),
        "a.jsonl.zst": zstandard.compress(lines),
        "a.jsonl.xz": lzma.compress(lines),
        "a.jsonl.bz2": bz2.compress(lines),
        "a.csv": table.encode(),
        "b.csv": table.replace(",", ";").encode("cp1258", errors="ignore"),
        "a.tsv": table.replace(",", "\t").encode(),
        "a.parquet": arrow.getvalue(),
        "a.parquet.gz": gzip.compress(arrow.getvalue()),
    }


MARKS = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\x00", b"BZh91AY&SY", b"PAR1", b'"', b"'", b"\r", b"\n", b"\t",
    b"\\", b"\\ud83d", b"{", b"}", b"[", b"]", b"null", b"1e999", b"-", b"<![CDATA[", b"<!--", b"<meta charset=utf-7>",
    b"<?xml version='1.0' encoding='utf-16'?>", b"sep=\x00\n", b"\xed\xa0\x80", b"\xc0\xaf", b"\xff" * 9, b"&#x110000;",
)  # fmt: skip


def mutated(data: bytes, random: Random) -> bytes:
    """Return `data` with some of what goes wrong on disks and lines."""
    out = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 5, 20))):
        if not out:
            break
        at, other = random.randrange(len(out)), random.randrange(len(out))
        match random.randrange(6):
            case 0:
                out[at] ^= 1 << random.randrange(8)
            case 1:
                del out[at:]
            case 2:
                out[at:at] = out[other : other + random.randrange(80)]
            case 3:
                out[at:at] = random.choice(MARKS)
            case 4:
                del out[at : at + random.randrange(40)]
            case _:
                out[at : at + 8] = random.randbytes(8)
    return bytes(out)


def fuzz_files(folder: Path, name: str, data: bytes, random: Random) -> None:
    path = folder / name
    path.write_bytes(mutated(data, random))
    through(path)


@pytest.mark.parametrize("name", sorted(valid()))
def test_damaged_files_are_records_rejections_or_one_error(tmp_path: Path, fault: FaultFixture, name: str) -> None:
    data = valid()[name]
    assert through(written(tmp_path / name, data)) > 0
    with fault("fuzzed file"):
        few(given(st.randoms(use_true_random=False))(lambda random: fuzz_files(tmp_path, name, data, random)))()


@pytest.mark.faults
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", sorted(valid()))
def test_damaged_files_at_length(tmp_path: Path, fault: FaultFixture, name: str) -> None:
    data = valid()[name]
    with fault("fuzzed file"):
        many(given(st.randoms(use_true_random=False))(lambda random: fuzz_files(tmp_path, name, data, random)))()


def translations() -> dict[str, bytes]:
    """Return a sound translation file of each kind."""
    unit = '<tu tuid="x"><tuv xml:lang="vi"><seg>Có <ph>&lt;br/></ph>12 xe</seg></tuv><tuv xml:lang="en"><seg>12 cars</seg></tuv></tu>'
    segment = (
        '<segment id="s"><source>Có <pc id="1">12</pc> xe<cp hex="0041"/></source><target>12 cars</target></segment>'
    )
    marked = '<mrk mtype="seg" mid="1">{}</mrk>'
    old = f"<source>Có 12 xe</source><seg-source>{marked.format('Có 12 xe')}</seg-source><target>{marked.format('12 cars')}</target>"
    return {
        "a.tmx": f'<?xml version="1.0"?><!DOCTYPE tmx SYSTEM "tmx14.dtd"><tmx version="1.4"><body>{unit}{unit}</body></tmx>'.encode(),
        "a.xlf": f'<xliff version="1.2"><file source-language="vi" target-language="en"><body><trans-unit id="u">{old}</trans-unit></body></file></xliff>'.encode(),
        "b.xlf": f'<xliff version="2.0" srcLang="vi" trgLang="en"><file><unit id="u">{segment}{segment}</unit></file></xliff>'.encode(),
    }


def units(path: Path) -> int:
    """Read a translation file as `lint` does; return how many units there were."""
    count = 0
    try:
        for unit in bitext.read(str(path), format_=None, source="vi", target="en"):
            count += 1
            assert isinstance(unit, bitext.Unit | bitext.Omitted | bitext.BadRow)
            json.dumps(asdict(unit), ensure_ascii=False).encode()
    except SourceError as error:
        assert str(path) in str(error)  # noqa: PT017 - most inputs raise nothing
        str(error).encode()
    return count


def fuzz_units(path: Path, data: bytes, random: Random) -> None:
    units(written(path, mutated(data, random)))


@pytest.mark.parametrize("name", sorted(translations()))
def test_damaged_translation_files_are_units_or_one_error(tmp_path: Path, fault: FaultFixture, name: str) -> None:
    data = translations()[name]
    assert units(written(tmp_path / name, data)) > 0
    with fault("fuzzed file"):
        few(given(st.randoms(use_true_random=False))(lambda random: fuzz_units(tmp_path / name, data, random)))()


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


# Values

HARD = (
    "", " ", "\x00", "\ud83d", "\x1b[31m", "2023-02-30", "Mon, 31 Feb 2023 10:00:00 +9999", "1/1/0001", "31/12/9999 25:99",
    "9" * 400, "1e400", "٣", "ａ", "\u202e", "e\u0301\u0323" * 40, "<b>", "${HOME}", "%s", "{0}",
)  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**300), 10**300)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([*HARD, 1e300, 2**63, -(2**63) - 1, 10**18])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)
FIELDS = (
    "id",
    "text",
    "title",
    "url",
    "published",
    "outlet",
    "reference_summary",
    "reference_translation",
    "extra",
    "",
)
ROWS = st.lists(st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=6), min_size=1, max_size=3)


def fuzz_rows(folder: Path, rows: list[dict[str, Any]]) -> None:
    lines = [json.dumps({"text": "một hai ba", "extra": None} | one) for one in rows]
    assert through(written(folder / "a.jsonl", "\n".join(lines).encode()), keep=("extra",)) == len(rows)


def test_every_json_value_in_every_field_is_a_record_or_a_rejection(tmp_path: Path, fault: FaultFixture) -> None:
    with fault("fuzzed values"):
        few(given(ROWS)(lambda rows: fuzz_rows(tmp_path, rows)))()


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_every_json_value_in_every_field_at_length(tmp_path: Path, fault: FaultFixture) -> None:
    with fault("fuzzed values"):
        many(given(ROWS)(lambda rows: fuzz_rows(tmp_path, rows)))()


FIXED: tuple[pa.DataType, ...] = (
    pa.int64(), pa.uint64(), pa.int8(), pa.float64(), pa.float32(), pa.float16(), pa.date32(), pa.date64(),
    pa.timestamp("s"), pa.timestamp("us"), pa.timestamp("ns", "UTC"), pa.timestamp("ms", "Asia/Ho_Chi_Minh"),
    pa.timestamp("us", "Nowhere/Never"), pa.time32("s"), pa.time64("ns"), pa.time64("us"), pa.duration("s"), pa.duration("ns"),
)  # fmt: skip
EXTREMES = (0, 1, -1, 2**31 - 1, -(2**31), 2**63 - 1, -(2**63), 253_402_300_800, 86_400 * 10**9 + 1, 951_782_400_000)


def arrays() -> list[pa.Array[Any]]:
    """Return a column of each Arrow type, with the values Python has none for among them."""
    found: list[pa.Array[Any]] = []
    for kind in FIXED:
        width = kind.bit_width // 8
        raw = b"".join((number % 2 ** (8 * width)).to_bytes(width, "little") for number in EXTREMES)
        found.append(pa.Array.from_buffers(kind, len(EXTREMES), [None, pa.py_buffer(raw)]))
    count = len(EXTREMES)
    offsets = b"".join((4 * number).to_bytes(4, "little") for number in range(count + 1))
    old = "Hà Nội mưa to".encode("cp1258", errors="ignore").ljust(4 * count, b"\xe0")[: 4 * count]
    found.append(pa.Array.from_buffers(pa.string(), count, [None, pa.py_buffer(offsets), pa.py_buffer(old)]))
    for kind, value in (
        (pa.binary(), b"\xe0\xff"),
        (pa.large_string(), "a"),
        (pa.bool_(), True),
        (pa.decimal128(10, 3), 1),
        (pa.list_(pa.int64()), [1, 2]),
        (pa.list_(pa.string()), ["a", None]),
        (pa.struct([("a", pa.string())]), {"a": "x"}),
        (pa.map_(pa.string(), pa.int64()), [("a", 1)]),
        (pa.dictionary(pa.int32(), pa.string()), "a"),
    ):
        found.append(pa.array([value, None] * (count // 2), kind))
    return [*found, pa.nulls(count)]


@pytest.mark.parametrize("column", ["text", "title", "published", "id", "extra"])
def test_every_arrow_type_in_every_field_is_a_record_or_a_rejection(
    tmp_path: Path, fault: FaultFixture, column: str
) -> None:
    tried = 0
    for values in arrays():
        table = pa.table({"text": ["một hai ba"] * len(values), "extra": [""] * len(values)} | {column: values})
        try:
            pq.write_table(table, tmp_path / "a.parquet")
        except (pa.ArrowException, OverflowError, ValueError):
            continue  # Parquet has no such value
        with fault("fuzzed values"):
            assert through(tmp_path / "a.parquet", keep=("extra",)) == len(values), values.type
        tried += 1
    assert tried > 20


@pytest.mark.usefixtures("no_messages")
def test_letters_of_an_old_encoding_in_a_parquet_string_are_read_as_what_they_are(tmp_path: Path) -> None:
    text = "Sáng nay bà con ra đồng gặt lúa, các cháu đi học, cả làng vui như hội và ai cũng cười nói."
    data = text.encode("utf-8").replace("đ".encode(), b"d") + b" \xff"
    offsets = (0).to_bytes(4, "little") + len(data).to_bytes(4, "little")
    column = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(offsets), pa.py_buffer(data)])
    pq.write_table(pa.table({"text": column}), tmp_path / "a.parquet")
    (found,) = sources.read(Source(path=str(tmp_path / "a.parquet")), exclude=ALL, on_file=lambda _: None)
    assert isinstance(found, Article)
    assert found.text.startswith("Sáng nay bà con ra dồng gặt lúa")


# The config

CONFIG = {
    "name": "night",
    "sources": [{"path": "feed.jsonl", "columns": {"text": "body"}, "keep": ["section"], "optional": True}],
    "exclude": {"under_syllables": 5},
    "summarize": {"model": "fake", "engine": "fake", "generation": {"max_new_tokens": 12, "length_penalty": 1.5}},
    "translate": {"model": "fake", "engine": "fake", "accept_license": "x"},
    "limits": {"max_failure_ratio": 0.1},
    "runtime": {"device": "auto", "batch_tokens": 640},
}
WORDS = (
    b": ", b"- ", b"? ", b"&a ", b"*a", b"<<: *a", b"!!python/object/apply:os.system [id]", b"!!binary x", b"!!timestamp x",
    b"2001-99-99", b"!!int x", b"!!int ''", b"!!bool x", b"!!float x", b"0b", b"0x", b".nan", b".inf", b"-.inf", b"1e999", b"~", b"{", b"}", b"[", b"]", b"|", b">",
    b"%YAML 9", b"---\n", b"...\n", b"\t", b"\x00", b"\xff", b"\xef\xbb\xbf", b"'", b'"', b'"\\ud800"', b"#", b"1:60", b"=",
    b"{[1, 2]: 3}", b"null: ", b"1: ", b"true: ", b"? []\n: ", b"[" * 50, b"&a [*a]", b"!!set {a}", b"!!omap [a: 1]",
)  # fmt: skip


def load(path: Path, overrides: tuple[str, ...] = ()) -> None:
    """Load a config; whatever it is, it is a config that can be used or a `ConfigError` that can be printed."""
    said = ""
    try:
        config = configs.load(path, overrides)
    except ConfigError as error:
        said = str(error)
    else:
        again = yaml.safe_load(configs.dump(config))
        assert isinstance(again, dict)
        options = (config.summarize.generation, config.translate.generation)
        numbers = [
            number for one in options for number in (one.length_penalty, one.repetition_penalty) if number is not None
        ]
        assert all(math.isfinite(number) for number in numbers), "a number that no digest can hold"
    assert len(said) < 100_000


def fuzz_config(folder: Path, random: Random) -> None:
    data = bytearray(yaml.safe_dump(CONFIG, allow_unicode=True).encode())
    for _ in range(random.choice((0, 1, 1, 3))):
        at = random.randrange(len(data) or 1)
        match random.randrange(4):
            case 0:
                data[at:at] = random.choice(WORDS)
            case 1:
                lines = data.split(b"\n")
                lines.insert(random.randrange(len(lines)), lines[random.randrange(len(lines))])
                data = bytearray(b"\n".join(lines))
            case 2:
                start = data.find(b": ", at) + 2  # a value
                end = data.find(b"\n", start)
                data[start:end] = random.choice(WORDS)
            case _:
                data = bytearray(mutated(bytes(data), random))
    (folder / "fuzzed.yaml").write_bytes(bytes(data))
    load(folder / "fuzzed.yaml")


def test_whatever_a_config_holds_it_loads_or_says_why_not(tmp_path: Path, fault: FaultFixture) -> None:
    with fault("fuzzed config"):
        settings(few, max_examples=150)(
            given(st.randoms(use_true_random=False))(lambda random: fuzz_config(tmp_path, random))
        )()


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_whatever_a_config_holds_at_length(tmp_path: Path, fault: FaultFixture) -> None:
    with fault("fuzzed config"):
        many(given(st.randoms(use_true_random=False))(lambda random: fuzz_config(tmp_path, random)))()


BAD_CONFIGS: dict[str, str] = {
    "a date that is none": "name: 2001-99-99\n",
    "a number that is none": "name: !!int x\n",
    "a binary that is none": "name: !!binary x\n",
    "deep lists": "name: " + "[" * 20_000 + "\n",
    "deep maps": "".join(" " * depth + "a:\n" for depth in range(2_000)),
    "itself": "name: &a [*a]\nsources: *a\n",
    "a thousand laughs": "a0: &a0 [x, x]\n"
    + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)),
    "laughs for sources": "a0: &a0 [{path: x}]\n"
    + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9))
    + "sources: *a8\nname: x\n",
    "keys that are no text": "1: x\n2.5: y\nnull: z\n[1]: q\n",
    "not a mapping": "- a\n- b\n",
    "nothing": "",
    "a tag of python": "name: !!python/object/apply:os.system ['touch escaped']\n",
    "half a character": 'name: "\\ud800"\n',
    "not a number": "summarize: {model: fake, engine: fake, generation: {length_penalty: .nan}}\n",
    "no end of a number": "name: x\nlimits: {max_failure_ratio: " + "9" * 5000 + "}\n",
}


@pytest.mark.parametrize("what", BAD_CONFIGS)
def test_configs_that_mean_harm(tmp_path: Path, fault: FaultFixture, what: str) -> None:
    (tmp_path / "a.yaml").write_text(BAD_CONFIGS[what], encoding="utf-8")
    with fault("fuzzed config"), pytest.raises(ConfigError) as error:
        configs.load(tmp_path / "a.yaml")
    assert str(tmp_path / "a.yaml") in str(error.value)
    assert len(str(error.value)) < 100_000
    assert not (tmp_path / "escaped").exists()


@given(
    st.text(max_size=30)
    | st.sampled_from(
        ["sources.0=1", "sources.9.path=x", "a.b.c.d=1", "name.x=1", "=", "a=[", "a=&a [*a]", "name=2001-99-99", "..=1"]
    )
)
@few
def test_whatever_is_set_on_the_command_line(tmp_path_factory: pytest.TempPathFactory, override: str) -> None:
    path = tmp_path_factory.getbasetemp() / "set.yaml"
    path.write_text(yaml.safe_dump(CONFIG), encoding="utf-8")
    load(path, (override,))


# Coverage-led

KINDS = ["txt", "html", "jsonl", "csv", "tsv", "parquet", "jsonl.gz", "jsonl.zst", "jsonl.xz", "jsonl.bz2", "yaml"]
LED = """
import sys, atheris
with atheris.instrument_imports(include=["pipeline"]):
    from pathlib import Path
    from tests.test_fuzz import KINDS, through, load
folder = Path(sys.argv.pop(1))
def one(data):
    kind = KINDS[data[0] % len(KINDS)] if data else "txt"
    path = folder / f"a.{kind}"
    path.write_bytes(data[1:])
    load(path) if kind == "yaml" else through(path)
atheris.Setup(sys.argv, one)
atheris.Fuzz()
"""


@pytest.mark.faults
@pytest.mark.timeout(600)
def test_readers_and_config_under_a_fuzzer_that_follows_coverage(tmp_path: Path, fault: FaultFixture) -> None:
    pytest.importorskip("atheris", reason="atheris is not installed: pip install atheris, where it has a wheel")
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    kinds = {name: index for index, name in enumerate(KINDS)}
    for name, data in valid().items():
        if (kind := kinds.get(name.partition(".")[2])) is not None:
            (corpus / name).write_bytes(bytes([kind]) + data)
    (corpus / "config").write_bytes(bytes([kinds["yaml"]]) + yaml.safe_dump(CONFIG).encode())
    with fault("fuzzed by coverage"):
        done = subprocess.run(
            [sys.executable, "-c", LED, tmp_path, corpus, "-max_total_time=120", "-rss_limit_mb=2048", "-timeout=20"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-4000:]
