"""Hostile input: ids and names that point elsewhere, inputs that expand, and secrets that must not be published."""

from __future__ import annotations

import base64
import bz2
import gzip
import json
import lzma
import os
import shutil
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from pipeline import config as configs
from pipeline.config import Config
from pipeline.sources import byte_streams
from pipeline.storage import versions
from pipeline.storage.published import NEW
from tests.conftest import article, tomdich, write_feed
from tests.faults_tally import FaultFixture, accounted, whole
from tests.test_faults import Night

ROOT = Path(__file__).parents[1]


def slow(value: Any) -> Any:
    """Return a test's parameter that `make faults` takes and `make test` does not."""
    return pytest.param(value, marks=pytest.mark.faults)


# Paths

TRICKS = [
    "../../../escaped",
    "/tmp/tomdich-escaped",
    "..\\..\\escaped",
    "a/../../escaped",
    ".staging",
    "latest",
    "manifest.json",
    "a\x00b",
    "\x1b[2J\x1b]0;title\x07",
    "x" * 100_000,
    "\u202egnp.exe",
    "ｅｓｃａｐｅ／..",
    "con",
    "-rf",
    "~root",
    "$(touch escaped)",
    "a\nb\rc",
    "\ud83d",
    "e\u0301\u0323" * 50,
    " ",
    "%2e%2e%2fescaped",
    "<script>alert(1)</script>",
]


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if ".memo" not in path.parts}


def test_ids_that_point_elsewhere_stay_inside_the_version(
    tmp_path: Path, make_config: Callable[..., Path], fault: FaultFixture
) -> None:
    rows = [
        article(number) | {"id": trick, "url": trick, "title": f"Tin {trick[:200]}", "published": trick, "extra": trick}
        for number, trick in enumerate(TRICKS)
    ]
    feed = "".join(json.dumps(row) + "\n" for row in rows)  # ASCII: half a character is an escape here
    (tmp_path / "feed.jsonl").write_text(feed, encoding="utf-8")
    config = make_config(sources=[{"path": "feed.jsonl", "keep": ["extra"]}])
    plain = tmp_path / "plain"
    write_feed(tmp_path / "plain.jsonl", [article(number) for number in range(len(TRICKS))])
    expected = [unicodedata.normalize("NFC", trick.strip()) or None for trick in TRICKS]  # ids are in NFC
    with fault("path tricks in ids") as one:
        version = Night(config, tmp_path / "out").run()
        left = accounted(version)
        assert len(left) == len(rows)
        for trick, found in zip(expected, left, strict=True):
            assert found == (trick.replace("\ud83d", "\ufffd") if trick else found)
        one.left(left)
    other = Night(make_config(sources=[{"path": "plain.jsonl"}]), plain).run()
    assert tree(version.folder) == tree(other.folder)
    assert tree(tmp_path / "out" / "night") - {version.folder.name} == {
        name.replace(other.folder.name, version.folder.name) for name in tree(plain / "night") - {other.folder.name}
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "feed.jsonl",
        "night.yaml",
        "out",
        "plain",
        "plain.jsonl",
    ]


def test_file_names_of_any_bytes_are_read_recorded_and_stay_inside(
    tmp_path: Path, make_config: Callable[..., Path], fault: FaultFixture
) -> None:
    names = [
        b"b\xe0i b\xe1o.txt",  # a name from an old disk: no UTF-8
        b"a\nb.txt",
        b"\x1b[31m.txt",
        "\u202egnp.txt".encode(),
        b"x" * 251 + b".txt",
        "bài báo.txt".encode(),
        b"..txt" if os.name == "nt" else b"...leading.dots.txt",
        b"$(touch escaped).txt",
    ]
    folder = tmp_path / "feed"
    folder.mkdir()
    for number, name in enumerate(names):
        path = os.path.join(os.fsencode(folder), name)  # noqa: PTH118 - the names are bytes
        with open(path, "wb") as file:  # noqa: PTH123
            file.write(article(number)["text"].encode())
    hidden = sum(name.startswith(b".") for name in names)
    with fault("path tricks in file names") as one:
        config = make_config(sources=[{"path": "feed"}])
        done = tomdich("run", config, "--outputs", "out", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        (version,) = whole(tmp_path / "out" / "night")
        left = accounted(version)
        assert len(left) == len(names) - hidden
        recorded = [
            json.loads(line)["path"] for line in (version.folder / "sources.jsonl").read_text("utf-8").splitlines()
        ]
        assert f"{folder}/b\\udce0i b\\udce1o.txt" in recorded
        one.left(left)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["feed", "night.yaml", "out"]


@pytest.mark.parametrize(
    "name", ["../escaped", "/tmp/escaped", "a/b", "..", ".", "", "a\x00b", "x" * 101, "night\n", "ｎight"]
)
def test_an_experiment_s_name_is_a_plain_folder_name(
    tmp_path: Path, make_config: Callable[..., Path], name: str
) -> None:
    from pipeline.errors import ConfigError

    with pytest.raises(ConfigError, match="name"):
        configs.load(make_config(name=name))


# Sizes


# Linux counts what the parent held before the child's own program began; so ask for this program's alone.
PEAK = """
import resource, sys
from pathlib import Path
if sys.platform == "linux":
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(int(line.split()[1]) * 1024)
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def measured(
    script: str, *arguments: str, stdin: Iterator[bytes] | None = None, timeout: float = 250
) -> tuple[str, int]:
    """Run a script in a process of its own; return what it printed and the most memory it held, in bytes."""
    code = f"{script}\n{PEAK}"
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        for piece in stdin or ():
            process.stdin.write(piece)
        process.stdin.close()
        process.stdin = None
        out, said = process.communicate(timeout=timeout)
    assert process.returncode == 0, said.decode()
    *printed, peak = out.decode().splitlines()
    return "\n".join(printed), int(peak)


READ = """
import sys
from collections import Counter
from pipeline import sources
from pipeline.config import Exclude, Source
from pipeline.config import Config
from pipeline.errors import SourceError
from pipeline.records import Article
found = Counter()
try:
    for record in sources.read(
        Source(path=sys.argv[1], format=sys.argv[2] if len(sys.argv) > 2 else None),
        exclude=Exclude(), on_file=lambda _: None,
    ):
        found["article" if isinstance(record, Article) else record.kind] += 1
except SourceError as error:
    found["refused"] += 1
print(sorted(found.items()))
"""
BASELINE = 150 * 1024 * 1024  # the interpreter, Arrow and the libraries of a web page
BOUND = BASELINE + 6 * byte_streams.LONGEST
JSON_BOUND = BASELINE + 30 * byte_streams.LONGEST  # the longest line there may be, all of it the smallest of values


def good() -> bytes:
    return (json.dumps(article(1), ensure_ascii=False) + "\n").encode()


def one_line(size: int, *, unit: bytes = b"x") -> Iterator[bytes]:
    """Yield a line of JSON with a text of this size, and then a good one."""
    yield b'{"id": "long", "text": "'
    piece = unit * (1024 * 1024 // len(unit))
    for _ in range(size // len(piece)):
        yield piece
    yield b'"}\n'
    yield good()


@pytest.mark.parametrize("size", [100, pytest.param(1024, marks=pytest.mark.faults)], ids=["100 MB", "1 GB"])
@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("jsonl", "[('article', 1), ('bad_row', 1)]"),
        ("csv", "[('refused', 1)]"),
        ("txt", "[('bad_row', 1)]"),
        ("html", "[('bad_row', 1)]"),
    ],
)
def test_a_line_that_does_not_end_costs_time_and_no_memory(
    fault: FaultFixture, kind: str, found: str, size: int
) -> None:
    with fault("one long line"):
        printed, peak = measured(READ, "-", kind, stdin=one_line(size * 1024 * 1024))
        assert printed == found
        assert peak < BOUND, peak


# what is left when one packing is taken off two is no line of JSON, or no text
REFUSED = {"[('refused', 1)]", "[('undecodable', 1)]", "[('bad_row', 1)]"}


def _opened(path: Path, ending: str) -> bz2.BZ2File | gzip.GzipFile | lzma.LZMAFile:
    if ending == "xz":
        return lzma.open(path, "wb", preset=0)
    return bz2.open(path, "wb", 1) if ending == "bz2" else gzip.open(path, "wb", 1)


@pytest.mark.parametrize("size", [100, pytest.param(8 * 1024, marks=pytest.mark.faults)], ids=["100 MB", "8 GB"])
@pytest.mark.parametrize("ending", ["gz", "zst", "gz.gz", "xz", "bz2"])
def test_a_bomb_is_unpacked_in_bounded_pieces(tmp_path: Path, fault: FaultFixture, ending: str, size: int) -> None:
    bomb = tmp_path / f"bomb.jsonl.{ending}"
    if ending == "zst":
        with bomb.open("wb") as out, zstandard.ZstdCompressor().stream_writer(out) as packed:
            for piece in one_line(size * 1024 * 1024, unit=b"\0"):
                packed.write(piece)
    else:
        with _opened(bomb, ending) as packed_:
            for piece in one_line(size * 1024 * 1024, unit=b"\0"):
                packed_.write(piece)
        if ending == "gz.gz":
            bomb.write_bytes(gzip.compress(bomb.read_bytes()))
    with fault("bomb"):
        printed, peak = measured(READ, str(bomb))
        assert printed in (REFUSED if ending == "gz.gz" else {"[('article', 1), ('bad_row', 1)]"})
        assert peak < BOUND, peak


def test_a_parquet_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, fault: FaultFixture) -> None:
    pq.write_table(pa.table({"text": ["a" * (40 * 1024 * 1024)]}), tmp_path / "a.parquet", compression="zstd")
    assert (tmp_path / "a.parquet").stat().st_size < 1024 * 1024
    with fault("bomb"):
        printed, peak = measured(READ, str(tmp_path / "a.parquet"))
        assert printed == "[('refused', 1)]"
        assert peak < BOUND, peak


def test_a_parquet_cell_too_long_for_an_article_is_rejected_alone(tmp_path: Path, fault: FaultFixture) -> None:
    texts = ["a" * (byte_streams.LONGEST + 1), *(article(number)["text"] for number in range(30))]
    pq.write_table(pa.table({"text": texts}), tmp_path / "a.parquet")
    with fault("one long line"):
        printed, peak = measured(READ, str(tmp_path / "a.parquet"))
        assert printed == "[('article', 30), ('bad_row', 1)]"
        assert peak < BOUND + 6 * byte_streams.LONGEST, peak


SMALL = {"lists": "[],", "objects": "{},", "numbers": "1,", "strings": '"",', "keys": None}


@pytest.mark.parametrize("what", ["lists", "deep objects", *(slow(what) for what in (*list(SMALL)[1:], "deep lists"))])
def test_json_of_the_smallest_values_is_bounded(tmp_path: Path, fault: FaultFixture, what: str) -> None:
    room = byte_streams.LONGEST - 100
    if what == "keys":
        inside = ",".join(f'"{number:x}":1' for number in range(room // 12))
        line = '{"text":"", "extra":{' + inside + "}}"
    elif what.startswith("deep"):
        opening, closing = ("[", "]") if what == "deep lists" else ('{"a":', "}")
        depth = room // 8
        line = '{"text":' + opening * depth + "1" + closing * depth + "}"
    else:
        unit = SMALL[what]
        assert unit is not None
        line = '{"text":[' + unit * (room // len(unit)) + "1]}"
    (tmp_path / "a.jsonl").write_bytes(line.encode() + b"\n" + good())
    assert len(line) <= byte_streams.LONGEST
    with fault("deep or wide JSON"):
        printed, peak = measured(READ, str(tmp_path / "a.jsonl"))
        assert "('article', 1)" in printed
        assert peak < JSON_BOUND, peak / byte_streams.LONGEST


@pytest.mark.parametrize("depth", [30, 450, 100_000, *map(slow, (33, 200, 900, 1100))])
@pytest.mark.parametrize("field", ["text", "published", "extra"])
def test_deep_json_is_one_damaged_row(
    tmp_path: Path, make_config: Callable[..., Path], fault: FaultFixture, depth: int, field: str
) -> None:
    """Through a whole run: what is kept of a row is written and read again at every stage."""
    deep = json.dumps(article(2) | {"extra": 1, field: "DEEP"}).replace('"DEEP"', "[" * depth + "]" * depth)
    (tmp_path / "feed.jsonl").write_text(json.dumps(article(1) | {"extra": 1}) + "\n" + deep + "\n", encoding="utf-8")
    config = make_config(sources=[{"path": "feed.jsonl", "keep": ["extra"]}])
    with fault("deep or wide JSON", read=["a1"]) as one:
        version = Night(config, tmp_path / "out").run()
        counts = version.manifest["counts"]
        assert counts["records"] + counts["damaged"] == counts["read"] == 2
        assert counts["records"] == (2 if field == "extra" and depth <= 32 else 1)
        one.left(accounted(version))


# Secrets

TOKEN = "s3cr3t/t0k3n+x%41 y"  # with what URLs write otherwise
FORMS = {
    TOKEN,
    quote(TOKEN),
    quote(TOKEN, safe=""),
    quote_plus(TOKEN),
    base64.b64encode(f"reader:{TOKEN}".encode()).decode(),
}
ENVIRONMENT = {
    "FEED_TOKEN": TOKEN,
    "FEED_TOKEN_QUOTED": quote(TOKEN, safe=""),
    "HF_TOKEN": "hf_abcdefghijklmnopqrstuvwxyz012345",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMIbPxRfiCYzEXAMPLEKEY",
    "SMTP_PASSWORD": "correct-horse-battery-staple",
}


class Guarded(BaseHTTPRequestHandler):
    """Serves a feed to whoever knows the token, in whichever way it was asked for it."""

    answer: int = 200
    page: bytes = b""

    def do_GET(self) -> None:
        known = TOKEN in unquote(self.path) or TOKEN in unquote(urlsplit(self.path).query.replace("+", " "))
        basic = self.headers.get("Authorization", "").removeprefix("Basic ")
        known = known or base64.b64decode(basic).decode() == f"reader:{TOKEN}"
        code = self.answer if known else 401
        if code == 0:
            self.connection.close()
            return
        self.send_response(code, f"for {self.path}")  # a server may say what it was asked
        if code == 302:
            self.send_header("Location", f"/moved?key={quote(TOKEN, safe='')}")
        self.send_header("Content-Length", str(len(self.page)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(self.page)

    do_HEAD = do_GET  # noqa: N815 - the base class's name

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass

    def handle_error(self, *_: object) -> None:
        pass


@pytest.fixture
def guarded() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Guarded)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def leaks(folder: Path, *said: str) -> list[str]:
    """Return where one of the secrets stands: in a file, a packed row, or what was said."""
    secrets = {form for form in (*FORMS, *ENVIRONMENT.values()) if form}
    places: dict[str, str] = {f"output {number}": text for number, text in enumerate(said)}
    for path in folder.rglob("*"):
        if path.is_file():
            places[str(path)] = path.read_bytes().decode("utf-8", errors="replace")
            if path.suffix == ".parquet":
                places[f"{path} (rows)"] = json.dumps(pq.read_table(path).to_pylist(), ensure_ascii=False)
    return [f"{place}: {secret}" for place, text in places.items() for secret in secrets if secret in text]


PLACES = {
    "query": "http://{host}/feed.jsonl?key=${{FEED_TOKEN_QUOTED}}",
    "userinfo": "http://reader:${{FEED_TOKEN_QUOTED}}@{host}/feed.jsonl",
    "path": "http://{host}/${{FEED_TOKEN_QUOTED}}/feed.jsonl",
    "page": "http://{host}/article.html?key=${{FEED_TOKEN_QUOTED}}",
}


def published(folder: Path) -> list[versions.Version]:
    return whole(folder / "out" / "night")


@pytest.mark.parametrize("place", ["query", *(slow(place) for place in list(PLACES)[1:])])
def test_a_token_in_a_url_reaches_nothing_that_is_written_or_said(
    tmp_path: Path, make_config: Callable[..., Path], fault: FaultFixture, guarded: str, place: str
) -> None:
    html = (ROOT / "tests" / "data" / "pages" / "article.html").read_bytes()
    feed = "".join(json.dumps(article(number)) + "\n" for number in range(3)).encode()
    config = make_config(sources=[{"path": PLACES[place].format(host=guarded)}])
    Guarded.page = html if place == "page" else feed
    Guarded.answer = 200
    with fault("secrets"):
        done = tomdich("run", config, "--outputs", "out", cwd=tmp_path, **ENVIRONMENT)
        assert done.returncode == 0, done.stderr
        (version,) = published(tmp_path)
        assert "${FEED_TOKEN_QUOTED}" in (version.folder / "config.yaml").read_text("utf-8")
        assert "${FEED_TOKEN_QUOTED}" in (version.folder / "sources.jsonl").read_text("utf-8")
        assert leaks(tmp_path / "out", done.stdout, done.stderr) == []


@pytest.mark.usefixtures("no_messages")
def test_a_password_that_passed_the_config_is_in_no_tally(tmp_path: Path, guarded: str) -> None:
    from pipeline.runner.loading import from_sources, load

    Guarded.page = (json.dumps(article(1)) + "\n").encode()
    Guarded.answer = 200
    place = f"http://reader:{quote(TOKEN, safe='')}@{guarded}/feed.jsonl"
    stage = {"model": "fake", "engine": "fake"}
    whole = {"name": "night", "sources": [{"path": "-"}], "summarize": stage, "translate": stage}
    config = Config.model_validate(whole)
    source = config.sources[0].model_copy(update={"path": place})  # checked no more: as a program may make it
    config = config.model_copy(update={"sources": (source,)})
    loaded = load(
        config,
        read=from_sources(config, lambda: None),
        folder=tmp_path,
        limit=None,
        fail=lambda _failure: None,
        event=lambda _kind, _values: None,
        advance=lambda _count: None,
        stopping=lambda: None,
        standing=lambda _article: NEW,
        withdrawn=lambda _id, _sha: False,
        rejected={},
    )
    shown = f"http://reader:***@{guarded}/feed.jsonl"
    assert [tally.path for tally in loaded.tallies] == [file.path for file in loaded.files] == [shown]


@pytest.mark.parametrize("place", ["query", "userinfo", "path"])
@pytest.mark.parametrize("answer", [404, 403, 500, 302, 0], ids=str)
def test_a_token_in_a_url_is_in_no_error(
    tmp_path: Path,
    guarded: str,
    fault: FaultFixture,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    answer: int,
    messages: list[str],
) -> None:
    from pipeline import sources
    from pipeline.config import Exclude, Source
    from pipeline.errors import SourceError

    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    Guarded.answer, Guarded.page = answer, b""
    source = Source(path=PLACES[place].format(host=guarded))
    optional = source.model_copy(update={"optional": True})
    with fault("secrets"):
        with pytest.raises(SourceError) as error:
            list(sources.read(source, exclude=Exclude(), on_file=lambda _: None))
        list(sources.read(optional, exclude=Exclude(), on_file=lambda _: None))
        assert "${FEED_TOKEN_QUOTED}" in str(error.value)
        assert leaks(tmp_path, str(error.value), *messages) == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"sources": [{"path": "http://reader:${FEED_TOKEN_QUOTED}@127.0.0.1:9/feed.jsonl"}]}, "Cannot connect"),
        pytest.param({"sources": [{"path": "http://${FEED_TOKEN}.invalid/feed.jsonl"}]}, "", marks=pytest.mark.faults),
        pytest.param({"sources": [{"path": "nosuch://${FEED_TOKEN}/feed.jsonl"}]}, "", marks=pytest.mark.faults),
        pytest.param({"sources": [{"path": "${FEED_TOKEN}/feed.jsonl"}]}, "no such file", marks=pytest.mark.faults),
        pytest.param({"sources": [{"dataset": "${FEED_TOKEN}/articles"}]}, "", marks=pytest.mark.faults),
        ({"summarize": {"model": "no/such-model"}}, ""),
        pytest.param({"on_same_id": "${SMTP_PASSWORD}"}, "", marks=pytest.mark.faults),
    ],
    ids=["no server", "no host", "no protocol", "no file", "no dataset", "no model", "no config"],
)
def test_a_run_that_fails_tells_no_secret(
    tmp_path: Path, make_config: Callable[..., Path], fault: FaultFixture, fields: dict[str, Any], said: str
) -> None:
    write_feed(tmp_path / "feed.jsonl", [article(1)])
    config = make_config(**fields)
    with fault("secrets"):
        done = tomdich("run", config, "--outputs", "out", cwd=tmp_path, HF_HUB_OFFLINE="1", **ENVIRONMENT)
        assert done.returncode == 2, done.stderr
        assert "Traceback" not in done.stderr
        assert said in done.stderr
        (tmp_path / "out").mkdir(exist_ok=True)
        assert leaks(tmp_path / "out", done.stdout, done.stderr) == []
    shutil.rmtree(tmp_path / "out")
