"""Every kind of source on a real small file: what comes out, what is refused and why, and that nothing vanishes."""

from __future__ import annotations

import bz2
import csv
import gzip
import hashlib
import io
import json
import lzma
import os
import re
import subprocess
import sys
import threading
import tracemalloc
import unicodedata
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from pipeline import sources
from pipeline.config import Columns, Exclude, Source
from pipeline.errors import ConfigError, SourceError
from pipeline.ids import article_id, text_digest
from pipeline.messages import logged_to
from pipeline.records import Article, Failure
from pipeline.sources import SourceFile, byte_streams, compression
from tests.refusals import as_nobody

TEXTS = [
    "Sáng nay, hơn hai trăm người dân phường Bến Đá ra công viên trồng cây, dọn rác và sơn lại ghế đá cho các em nhỏ.",
    "Chiều qua, đội cứu hộ đưa được chín thuyền viên gặp nạn ngoài khơi vào bờ an toàn sau mười hai giờ tìm kiếm.",
    "Giá lúa ở các huyện đầu nguồn tăng thêm ba trăm đồng mỗi ký, nhiều hộ trữ lúa trong kho chờ giá còn lên nữa.",
]
ENGLISH = (
    "The council said on Monday that the new bridge over the river would open to traffic two months early this year."
)
ALL = Exclude(under_syllables=0, not_vietnamese=False)


class Reading:
    """One reading of a source, with all that it told."""

    def __init__(self, path: Path | str | None = None, *, exclude: Exclude | None = None, **fields: Any) -> None:
        self.warnings: list[str] = []
        self.files: list[SourceFile] = []
        source = Source(path=None if path is None else str(path), **fields)
        with logged_to(self.warnings.append):
            self.records = list(sources.read(source, exclude=exclude or Exclude(), on_file=self.files.append))

    @property
    def articles(self) -> list[Article]:
        return [record for record in self.records if isinstance(record, Article)]

    @property
    def failures(self) -> list[Failure]:
        return [record for record in self.records if isinstance(record, Failure)]

    @property
    def texts(self) -> list[str]:
        return [article.text for article in self.articles]


def write(path: Path, data: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def jsonl(*rows: object) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def three() -> str:
    return jsonl(*({"id": f"n{number}", "text": text} for number, text in enumerate(TEXTS)))


# Kinds


def test_txt_is_a_pasted_article(tmp_path: Path) -> None:
    body = "\n\n".join(TEXTS)
    page = f"Thời sự\n\nPhường Bến Đá trồng thêm hai trăm cây xanh\n\n2/3/2023 10:15\n\nTTXVN - {body}\n\nDuy Ba\n\nXem thêm\n"
    read = Reading(write(tmp_path / "a.txt", page))
    (article,) = read.articles
    assert article.title == "Phường Bến Đá trồng thêm hai trăm cây xanh"
    assert article.text == "\n".join(TEXTS)
    assert article.published == "2023-03-02T10:15:00"
    assert article.extra == {"section": "Thời sự", "byline": "Duy Ba"}
    assert ("related", "Xem thêm") in article.set_aside
    assert article.text_sha256 == text_digest(article.text)
    assert article.id == article_id(article.text_sha256)
    assert article.source.encoding == "utf-8"


def test_html_page(tmp_path: Path) -> None:
    page = (Path(__file__).parents[1] / "data" / "pages" / "article.html").read_bytes()
    (article,) = Reading(write(tmp_path / "a.htm", page)).articles
    assert article.title == "Làng gốm Bến Sét đón mẻ lò củi đầu tiên sau mười năm"
    assert article.text.startswith("Rạng sáng 8/3, khói lò củi")
    assert article.text.endswith("ảnh hưởng việc nung gốm.")
    assert "Kim Ngân" not in article.text
    assert "Trang chủ" not in article.text
    assert article.published == "2024-03-09T06:30:00+07:00"
    assert article.outlet == "Báo Sông Quê"
    assert article.url == "https://songque.example/lang-gom-ben-set.html"


def test_html_says_its_encoding(tmp_path: Path) -> None:
    letters = "Sáng nay các em cùng quét lá, ba bác thì câu cá. " * 12
    page = f"<html><head><meta charset=iso-8859-2><title>Lá</title></head><body><p>{letters}</p></body></html>"
    data = page.replace("à", "a").replace("ù", "u").replace("ì", "i").encode("iso-8859-2")
    (article,) = Reading(write(tmp_path / "a.html", data), exclude=ALL).articles
    assert article.source.encoding == "iso8859-2"
    assert "quét lá" in article.text


def test_html_without_an_article_is_rejected(tmp_path: Path) -> None:
    for name, page in (
        ("a.html", "<html><body></body></html>"),
        ("b.html", ""),
        ("c.html", "<?xml version='1.0' encoding='utf-8'?>"),
    ):
        (failure,) = Reading(write(tmp_path / name, page)).failures
        assert (failure.kind, failure.rejected) == ("empty", True)


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "zst": zstandard.compress,
    "xz": lzma.compress,
    "bz2": bz2.compress,
}


@pytest.mark.parametrize("ending", ["jsonl", "ndjson", *(f"jsonl.{one}" for one in PACKINGS)])
def test_jsonl_packed_or_not(tmp_path: Path, ending: str) -> None:
    packed = PACKINGS.get(ending.rpartition(".")[2], bytes)(three().encode())
    path = write(tmp_path / f"a.{ending}", packed)
    read = Reading(path)
    assert read.texts == TEXTS
    assert [article.id for article in read.articles] == ["n0", "n1", "n2"]
    assert [article.source.row for article in read.articles] == [0, 1, 2]
    assert read.files == [SourceFile(str(path), hashlib.sha256(packed).hexdigest(), len(packed), 3)]


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress], ids=["gz", "zst"])
def test_packing_is_told_by_the_bytes_and_may_be_in_parts(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    lines = [line.encode() for line in three().splitlines(keepends=True)]
    path = write(tmp_path / "a.jsonl", b"".join(map(pack, lines)))
    assert Reading(path).texts == TEXTS


@pytest.mark.parametrize(
    ("ending", "delimiter"), [("csv", ","), ("csv", ";"), ("csv", "\t"), ("tsv", "\t"), ("csv.gz", "|")]
)
def test_csv_delimiters_quotes_and_newlines(tmp_path: Path, ending: str, delimiter: str) -> None:
    out = io.StringIO()
    table = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    table.writerow(["id", "title", "text"])
    table.writerow(["1", f'Một "đề tài"{delimiter} hai phần', f"{TEXTS[0]}\n{TEXTS[1]}"])
    table.writerow(["2", "Hai", TEXTS[2]])
    data = b"\xef\xbb\xbf" + out.getvalue().encode()
    read = Reading(write(tmp_path / f"a.{ending}", gzip.compress(data) if ending.endswith("gz") else data))
    assert read.failures == []
    title = f'Một "đề tài"{delimiter} hai phần'
    assert [article.title for article in read.articles] == [title.replace("\t", ""), "Hai"]
    assert read.texts == [f"{TEXTS[0]}\n{TEXTS[1]}", TEXTS[2]]
    assert [article.id for article in read.articles] == ["1", "2"]


def test_csv_field_longer_than_the_modules_limit_and_the_limit_stays(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    long = " ".join(TEXTS * 500)
    read = Reading(write(tmp_path / "a.csv", f'text,n\n"{long}",1\n'))
    assert read.texts == [long]
    assert csv.field_size_limit() == before < len(long)


def test_csv_bad_rows_cost_only_themselves(tmp_path: Path) -> None:
    rows = ["id,text", f'1,"{TEXTS[0]}"', f'2,"{TEXTS[1]}', f'3,"{TEXTS[2]}"', "4,có,thừa", "5"]
    read = Reading(write(tmp_path / "a.csv", "\n".join(rows) + "\n"))
    assert [article.id for article in read.articles] == ["1", "3"]
    assert [(failure.kind, failure.category) for failure in read.failures] == [("bad_row", "damaged")] * 3
    assert "a.csv: line 3: " in read.failures[0].message
    assert "3 fields where the header has 2" in read.failures[1].message


def test_csv_quote_that_is_never_closed_at_the_end(tmp_path: Path) -> None:
    read = Reading(write(tmp_path / "a.csv", f'text,n\n"{TEXTS[0]},1\n{TEXTS[1].replace(",", "")},2\n'))
    assert read.texts == [TEXTS[1].replace(",", "")]
    assert "never closed" in read.failures[0].message


def test_tsv_without_quoting(tmp_path: Path) -> None:
    read = Reading(write(tmp_path / "a.tsv", f'title\ttext\n"Vua" cờ tướng\t{TEXTS[0]}\n"Mở ngoặc\t{TEXTS[1]}\n'))
    assert [article.title for article in read.articles] == ['"Vua" cờ tướng', '"Mở ngoặc']


def in_cp1258(text: str) -> bytes:
    """Return `text` in windows-1258, which writes the tone behind its vowel."""
    out = b""
    for letter in text:
        parts = unicodedata.normalize("NFD", letter)
        tone = next((part for part in parts if part in "\u0300\u0301\u0303\u0309\u0323"), "")
        out += (unicodedata.normalize("NFC", parts.replace(tone, "") if tone else parts) + tone).encode("cp1258")
    return out


def test_csv_in_an_old_encoding(tmp_path: Path) -> None:
    table = "title;text\n" + "".join(f'Tin {number};"{text}"\n' for number, text in enumerate(TEXTS))
    read = Reading(write(tmp_path / "a.csv", in_cp1258(table)))
    assert read.texts == TEXTS
    assert read.articles[0].source.encoding == "cp1258"
    assert "cp1258" in read.articles[0].source.repairs


def test_tables_in_utf16(tmp_path: Path) -> None:
    table = "title,text\n" + "".join(f'"Tin {number}","{text}"\n' for number, text in enumerate(TEXTS))
    read = Reading(write(tmp_path / "a.csv", table.encode("utf-16")))
    assert read.texts == TEXTS
    assert read.articles[0].source.encoding == "utf-16-le"
    lines = jsonl(*({"text": text} for text in TEXTS)).encode("utf-16")
    assert Reading(write(tmp_path / "a.jsonl", lines)).texts == TEXTS


def test_excel_notes_its_delimiter(tmp_path: Path) -> None:
    assert Reading(write(tmp_path / "a.csv", f"sep=;\ntext;n\n{TEXTS[0]};1\n")).texts == [TEXTS[0]]


def test_csv_empty_lines_are_no_rows(tmp_path: Path) -> None:
    rows = "\n\n".join(f'"{text}"' for text in TEXTS)
    read = Reading(write(tmp_path / "a.csv", f"text\n\n{rows}\n \n\n"))
    assert (read.texts, read.failures) == (TEXTS, [])


def test_csv_header_with_a_quote_that_is_never_closed(tmp_path: Path) -> None:
    with pytest.raises(
        SourceError, match=r"a\.csv: line 1: the header cannot be read: a quote is opened and never closed"
    ):
        Reading(write(tmp_path / "a.csv", '"text,n\na,b\na,b\n'))


def test_parquet_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    table = pa.table([[TEXTS[0]], [TEXTS[1]]], names=["text", "text"])
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(SourceError, match=r"a\.parquet: two columns are named 'text'; rename one"):
        Reading(tmp_path / "a.parquet")


def test_csv_header_named_twice(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"a\.csv: line 1: two columns are named 'text'"):
        Reading(write(tmp_path / "a.csv", "text,text\na,b\n"))


@pytest.mark.parametrize("packed", [False, True])
def test_parquet(tmp_path: Path, packed: bool) -> None:
    table = pa.table(
        {
            "text": TEXTS,
            "day": pa.array([date(2023, 3, 2), None, date(2023, 3, 4)]),
            "at": pa.array([1_677_726_900_123_456_789] * 3, pa.timestamp("ns", "UTC")),
            "number": [7.0, 8.0, float("nan")],
            "unused": [[1], [2], [3]],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=2)
    path = tmp_path / "a.parquet"
    if packed:
        path = write(tmp_path / "b.parquet.gz", gzip.compress(path.read_bytes()))
    read = Reading(path, columns=Columns(published="day", id="number"), keep=("at",))
    assert read.texts == TEXTS
    assert [article.published for article in read.articles] == ["2023-03-02", "", "2023-03-04"]
    assert [article.id for article in read.articles] == ["7", "8", article_id(text_digest(TEXTS[2]))]
    assert read.articles[0].extra == {"at": "2023-03-02T03:15:00.123456+00:00"}
    assert read.files == [SourceFile(str(path), hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size, 3)]


def test_damaged_parquet(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"a\.parquet: not a readable Parquet file"):
        Reading(write(tmp_path / "a.parquet", b"PAR1 and then nothing"))


def stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(data)))


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (three().encode(), 3),
        (gzip.compress(three().encode()), 3),
        ("\n".join(TEXTS).encode(), 1),
        ("\n".join(TEXTS).encode("utf-16"), 1),
    ],
    ids=["jsonl", "jsonl.gz", "txt", "utf-16"],
)
def test_stdin_by_its_first_characters(monkeypatch: pytest.MonkeyPatch, data: bytes, count: int) -> None:
    stdin(monkeypatch, data)
    read = Reading("-")
    assert len(read.articles) == count
    assert read.files == [SourceFile("-", hashlib.sha256(data).hexdigest(), len(data), count)]


@pytest.mark.usefixtures("no_messages")
def test_stdin_in_a_given_format(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin(monkeypatch, f"text\n{TEXTS[0].replace(',', '')}\n".encode())
    assert len(Reading("-", format="csv").articles) == 1
    assert sources.find(Source(path="-")) == ["-"]


@pytest.mark.usefixtures("no_messages")
def test_memory_file_system(tmp_path: Path) -> None:
    import fsspec

    remote = fsspec.filesystem("memory")
    remote.pipe({"/feeds/b.jsonl.gz": gzip.compress(three().encode()), "/feeds/a.txt": "\n".join(TEXTS).encode()})
    pq.write_table(pa.table({"text": TEXTS}), tmp_path / "c.parquet")
    remote.pipe("/feeds/deep/c.parquet", (tmp_path / "c.parquet").read_bytes())
    assert [len(Reading(path).articles) for path in ("memory://feeds/b.jsonl.gz", "memory://feeds/*.txt")] == [3, 1]
    assert [Path(path).name for path in sources.find(Source(path="memory://feeds"))] == [
        "a.txt",
        "b.jsonl.gz",
        "c.parquet",
    ]
    read = Reading("memory://feeds")
    assert len(read.articles) == 7
    assert read.articles[0].source.path == "memory:///feeds/a.txt"
    with pytest.raises(SourceError, match=r"memory://feeds/no\.txt: no such file"):
        Reading("memory://feeds/no.txt")


COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Site(BaseHTTPRequestHandler):
    pages: dict[str, bytes]
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        page = self.pages.get(self.path, self.pages.get(self.path.partition("?")[0]))
        self.send_response(404 if page is None else 200)
        self.send_header("Content-Length", str(len(page or b"")))
        self.send_header("ETag", '"1"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("X-Error-Code", "RepoNotFound" if "nothing" in self.path else "EntryNotFound")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(page or b"")

    do_HEAD = do_GET  # noqa: N815 - the base class's name

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        pass


@pytest.fixture
def site() -> Iterator[Callable[[dict[str, bytes]], str]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()

    def serve(pages: dict[str, bytes]) -> str:
        Site.pages, Site.asked = pages, []
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    server.shutdown()
    server.server_close()
    thread.join()


def test_web_addresses(site: Callable[[dict[str, bytes]], str]) -> None:
    page = (Path(__file__).parents[1] / "data" / "pages" / "article.html").read_bytes()
    address = site({"/tin/lang-gom?id=3": page, "/feed.jsonl": three().encode()})
    (article,) = Reading(f"{address}/tin/lang-gom?id=3").articles
    assert article.title.startswith("Làng gốm")
    assert len(Reading(f"{address}/feed.jsonl").articles) == 3
    with pytest.raises(SourceError, match=r"/gone\.jsonl: no such file"):
        Reading(f"{address}/gone.jsonl")
    with pytest.raises(SourceError, match=r"127\.0\.0\.1:9/a\.jsonl: .*Cannot connect"):
        Reading("http://127.0.0.1:9/a.jsonl")


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    write(
        tmp_path / "news" / "train-0.jsonl",
        jsonl({"content": TEXTS[0], "n": 1, "x": [1]}, {"content": TEXTS[1], "n": 2, "x": []}),
    )
    write(tmp_path / "news" / "train-1.jsonl", jsonl({"content": TEXTS[2], "n": 3, "x": [2]}))
    return tmp_path / "news"


def test_hugging_face_dataset_in_a_folder(dataset: Path) -> None:
    read = Reading(dataset=str(dataset), columns=Columns(text="content"), keep=("n",))
    assert read.texts == TEXTS
    assert [article.extra for article in read.articles] == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert read.articles[2].source.path == f"{dataset}#train"
    (first,) = read.files
    assert first.records == 3
    write(dataset / "train-1.jsonl", jsonl({"content": TEXTS[2], "n": 4, "x": [2]}))
    assert Reading(dataset=str(dataset), columns=Columns(text="content")).files[0].digest != first.digest


def test_hugging_face_dataset_on_a_hub_is_read_at_one_commit_and_without_torch(
    site: Callable[[dict[str, bytes]], str], tmp_path: Path
) -> None:
    info = {"id": "me/news", "sha": COMMIT, "siblings": [{"rfilename": "train.jsonl"}], "tags": []}
    files_at_commit = [{"type": "file", "path": "train.jsonl", "size": len(three().encode()), "oid": "1" * 40}]
    hub = {
        "/api/datasets/me/news": json.dumps(info).encode(),
        f"/api/datasets/me/news/revision/{COMMIT}": json.dumps(info).encode(),
        f"/api/datasets/me/news/tree/{COMMIT}": json.dumps(files_at_commit).encode(),
        f"/datasets/me/news/resolve/{COMMIT}/train.jsonl": three().encode(),
    }
    program = """
import sys
from pipeline import sources
from pipeline.config import Exclude, Source
from pipeline.errors import SourceError
for name in ("me/news", "me/nothing"):
    try:
        for record in sources.read(Source(dataset=name), exclude=Exclude(), on_file=print):
            print(record.id, record.source.path)
    except SourceError as error:
        print(error)
print("torch" in sys.modules)
"""
    environment = os.environ | {"HF_ENDPOINT": site(hub), "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "0"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    *rows, file, nothing, torch = done.stdout.splitlines()[-6:]
    assert rows == ["n0 me/news#train", "n1 me/news#train", "n2 me/news#train"]
    assert f"path='me/news#train', digest='{COMMIT}'" in file
    assert nothing.startswith("me/nothing: cannot be read: 404")
    assert torch == "False"
    assert all(COMMIT in path for path in Site.asked if "/resolve/" in path)


def test_hugging_face_dataset_that_changes_while_it_is_read(dataset: Path) -> None:
    read_files: list[SourceFile] = []
    source = Source(dataset=str(dataset), columns=Columns(text="content"))
    stream = sources.read(source, exclude=ALL, on_file=read_files.append)
    next(stream)
    with (dataset / "train-1.jsonl").open("a") as file:
        file.write(jsonl({"content": TEXTS[0], "n": 4, "x": []}))
    with pytest.raises(SourceError, match=r"news.*: was changed while it was read; run again when it is complete"):
        list(stream)
    assert read_files == []


def test_hugging_face_dataset_saved_to_disk(tmp_path: Path) -> None:
    import datasets

    datasets.disable_progress_bars()
    datasets.DatasetDict({"test": datasets.Dataset.from_list([{"text": text} for text in TEXTS])}).save_to_disk(
        str(tmp_path / "saved")
    )
    assert Reading(dataset=str(tmp_path / "saved"), split="test").texts == TEXTS
    with pytest.raises(SourceError, match="no such split; it has test"):
        Reading(dataset=str(tmp_path / "saved"))
    datasets.Dataset.from_list([{"text": TEXTS[0]}]).save_to_disk(str(tmp_path / "alone"))
    assert Reading(dataset=str(tmp_path / "alone")).texts == TEXTS[:1]


def test_hugging_face_dataset_that_is_not_there(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"Available splits: \['train'\]"):
        Reading(dataset=str(dataset), split="test")
    with pytest.raises(SourceError, match="no such folder"):
        Reading(dataset=str(tmp_path / "nothing"))
    with pytest.raises(SourceError, match=r"'content', 'n', 'x'; none is 'text': .*\{text: content\}"):
        Reading(dataset=str(dataset))


# Finding


def test_a_folder_that_may_not_be_entered_is_not_taken_for_an_empty_one() -> None:
    with as_nobody() as folder:
        write(folder / "open" / "a.jsonl", three())
        (folder / "open" / "closed").mkdir(mode=0)
        with pytest.raises(SourceError, match=r"open/closed: cannot be read: Permission denied"):
            Reading(folder / "open")
        with pytest.raises(SourceError, match=r"closed.*Permission denied"):
            Reading(folder / "open" / "closed" / "a.jsonl")


def test_folders_are_read_in_order_of_path_and_unknown_endings_are_told(tmp_path: Path) -> None:
    for name, text in zip(("b/2.jsonl", "a.jsonl", "b/1.jsonl"), TEXTS, strict=True):
        write(tmp_path / name, jsonl({"text": text}))
    for name in (".hidden/c.jsonl", "x.pdf", "b/y.docx"):
        write(tmp_path / name, "?")
    (tmp_path / "b" / "loop").symlink_to(tmp_path)
    read = Reading(tmp_path)
    assert [Path(article.source.path).relative_to(tmp_path).as_posix() for article in read.articles] == [
        "a.jsonl",
        "b/1.jsonl",
        "b/2.jsonl",
    ]
    (warning,) = read.warnings
    assert "ignored 2 with unknown endings" in warning
    assert "x.pdf" in warning
    assert "y.docx" in warning
    assert [file.path for file in read.files] == sources.find(Source(path=str(tmp_path)))


def test_a_file_url_is_read_as_urls_write_it(tmp_path: Path) -> None:
    path = write(tmp_path / "tin mới #1.jsonl", three())
    assert "%20" in path.as_uri()
    assert len(Reading(path.as_uri()).articles) == 3


@pytest.mark.parametrize("name", ["A.JSONL.GZ", "a.jsonl.Gz"])
def test_endings_in_capitals_are_endings(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, gzip.compress(three().encode()))
    assert len(Reading(tmp_path).articles) == 3
    write(tmp_path / name, three().encode())
    with pytest.raises(SourceError, match="is not packed as its name says"):
        Reading(tmp_path)


@pytest.mark.usefixtures("no_messages")
def test_globs(tmp_path: Path) -> None:
    for name in ("a1.jsonl", "a2.jsonl.gz", "b.jsonl", "deep/a3.jsonl"):
        data = three().encode()
        write(tmp_path / name, gzip.compress(data) if name.endswith("gz") else data)
    found = partial(sources.find)
    assert [Path(path).name for path in found(Source(path=f"{tmp_path}/a*.jsonl*"))] == ["a1.jsonl", "a2.jsonl.gz"]
    assert len(found(Source(path=f"{tmp_path}/**/*.jsonl"))) == 3
    write(tmp_path / "odd[1].jsonl", three())
    assert len(Reading(tmp_path / "odd[1].jsonl").articles) == 3


def test_a_given_format_goes_before_the_ending(tmp_path: Path) -> None:
    assert len(Reading(write(tmp_path / "feed.json", three()), format="jsonl").articles) == 3


def test_environment_is_expanded_and_never_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "secret" / "a.jsonl", three())
    monkeypatch.setenv("FEED_TOKEN", "secret")
    read = Reading(f"{tmp_path}/${{FEED_TOKEN}}/*.jsonl")
    assert read.articles[0].source.path == read.files[0].path == f"{tmp_path}/${{FEED_TOKEN}}/a.jsonl"
    with pytest.raises(SourceError) as error:
        Reading(f"{tmp_path}/${{FEED_TOKEN}}/b.jsonl")
    assert "secret" not in str(error.value)
    with pytest.raises(ConfigError, match="NO_SUCH_NAME"):
        Reading("${NO_SUCH_NAME}/a.jsonl")


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("feeds/mond.jsonl", r"mond\.jsonl: no such file; .*feeds holds monday\.jsonl"),
        ("feed/monday.jsonl", "no such file; .* holds feeds"),
        ("feeds/*.csv", r"feeds/\*\.csv: nothing matches; .*feeds holds monday\.jsonl, tuesday\.jsonl"),
        ("feeds/notes.doc", "unknown ending; give `format:`"),
        ("other", r"other: only .*notes\.doc; known endings: \.txt"),
    ],
)
def test_what_is_not_there_is_named_with_what_is(tmp_path: Path, path: str, told: str) -> None:
    for name in ("feeds/monday.jsonl", "feeds/tuesday.jsonl", "other/notes.doc"):
        write(tmp_path / name, three())
    if "notes" in path:
        write(tmp_path / path, "?")
    with pytest.raises(SourceError, match=told):
        Reading(tmp_path / path)


# Columns


def test_columns_and_keep(tmp_path: Path) -> None:
    row = {
        "url": "https://a.vn/1",
        "content": TEXTS[0],
        "headline": " Tin\nmột ",
        "date": "Thứ Ba, 2/3/2023, 10:15 (GMT+7)",
        "site": "Báo A",
        "section": {"name": "Xã hội", "rank": float("nan")},
        "gold": TEXTS[1],
        "english": ENGLISH,
    }
    columns = Columns(
        id="url",
        url="url",
        text="content",
        title="headline",
        published="date",
        outlet="site",
        reference_summary="gold",
        reference_translation="english",
    )
    (article,) = Reading(write(tmp_path / "a.jsonl", jsonl(row)), columns=columns, keep=("section",)).articles
    assert article.id == article.url == "https://a.vn/1"
    assert article.title == "Tin một"
    assert article.published == "2023-03-02T10:15:00+07:00"
    assert article.outlet == "Báo A"
    assert article.extra == {"section": {"name": "Xã hội", "rank": None}}
    assert (article.reference_summary, article.reference_translation) == (TEXTS[1], ENGLISH)


def test_paragraphs_in_a_list_and_numbers_for_ids(tmp_path: Path) -> None:
    (article,) = Reading(write(tmp_path / "a.jsonl", jsonl({"id": 12.0, "text": TEXTS[:2]}))).articles
    assert (article.id, article.text) == ("12", "\n".join(TEXTS[:2]))


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_a_column_that_does_not_exist(tmp_path: Path, ending: str) -> None:
    table = pa.table({"contents": TEXTS, "title": ["a", "b", "c"]})
    path = tmp_path / f"a.{ending}"
    if ending == "parquet":
        pq.write_table(table, path)
    else:
        rows = table.to_pylist()
        lines = [f'"{row["contents"]}",{row["title"]}' for row in rows]
        write(path, jsonl(*rows) if ending == "jsonl" else "\n".join(["contents,title", *lines]))
    told = rf"a\.{ending}: row 1: its columns are 'contents', 'title'; `columns.text` asks for 'content', .* did you mean 'contents'\?"
    with pytest.raises(SourceError, match=told):
        Reading(path, columns=Columns(text="content"))
    with pytest.raises(SourceError, match="`keep` asks for 'sections'"):
        Reading(path, columns=Columns(text="contents"), keep=("sections",))
    with pytest.raises(SourceError, match=r"none is 'text': say which holds it with `columns: \{text: content\}`"):
        Reading(path)


def test_json_lines_may_name_a_column_later(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", jsonl({"text": TEXTS[0]}, {"text": TEXTS[1], "gold": TEXTS[2]}))
    read = Reading(path, columns=Columns(reference_summary="gold"))
    assert [article.reference_summary for article in read.articles] == ["", TEXTS[2]]


# Rejected


def test_every_row_comes_out_as_an_article_or_a_rejection(tmp_path: Path) -> None:
    lines = [
        json.dumps({"id": "good", "text": TEXTS[0]}),
        "{not json",
        "",
        json.dumps([1, 2]),
        json.dumps({"id": "no text"}),
        json.dumps({"id": "null", "text": None}),
        json.dumps({"id": "blank", "text": " \n "}),
        json.dumps({"id": "number", "text": 12}),
        json.dumps({"id": "short", "text": "Tin ngắn."}),
        json.dumps({"id": "english", "text": ENGLISH}),
        '{"id": "nan", "text": NaN}',
    ]
    path = write(tmp_path / "a.jsonl", "\n".join(lines).encode() + b"\n" + bytes(range(10)) * 9)
    read = Reading(path)
    assert [article.id for article in read.articles] == ["good"]
    assert [(failure.id, failure.kind) for failure in read.failures] == [
        ("", "bad_row"),
        ("", "bad_row"),
        ("no text", "empty"),
        ("null", "empty"),
        ("blank", "empty"),
        ("", "bad_row"),
        ("short", "short"),
        ("english", "not_vietnamese"),
        ("nan", "empty"),
        ("", "undecodable"),
    ]
    assert all(not failure.retry and failure.stage == "load" for failure in read.failures)
    unreadable = {"bad_row", "undecodable"}
    for failure in read.failures:
        assert failure.category == ("damaged" if failure.kind in unreadable else "rejected"), failure
    assert all(f"a.jsonl: line {failure.source.row + 1}: " in failure.message for failure in read.failures)
    assert read.files[0].records == len(read.records) == 11


def test_excluding_is_the_configs_choice(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", jsonl({"text": "Tin ngắn."}, {"text": ENGLISH}))
    assert len(Reading(path, exclude=ALL).articles) == 2
    (failure,) = Reading(write(tmp_path / "b.jsonl", three()), exclude=Exclude(under_syllables=25)).failures[:1]
    assert "exclude.under_syllables is 25" in failure.message


def test_binary_is_undecodable(tmp_path: Path) -> None:
    (failure,) = Reading(write(tmp_path / "a.txt", bytes(range(256)) * 8)).failures
    assert (failure.kind, failure.category, failure.source.path) == ("undecodable", "damaged", str(tmp_path / "a.txt"))


def test_repairs_are_recorded(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", TEXTS[0])
    (article,) = Reading(write(tmp_path / "a.jsonl", jsonl({"text": decomposed, "title": "ThÃ nh phố"}))).articles
    assert article.text == TEXTS[0]
    assert "nfc" in article.source.repairs
    (same,) = Reading(write(tmp_path / "b.txt", decomposed)).articles
    assert same.id == article.id
    assert same.source.repairs == ("nfc",)


def test_half_a_character_becomes_a_replacement(tmp_path: Path) -> None:
    line = '{"id": "a\\ud83d", "text": "' + TEXTS[0] + ' \\ud83d"}\n'
    (article,) = Reading(write(tmp_path / "a.jsonl", line)).articles
    assert article.text == f"{TEXTS[0]} �"
    assert "replacement_left" in article.source.repairs


FAST = PACKINGS | {"gz": lambda data: gzip.compress(data, 1), "xz": lambda data: lzma.compress(data, preset=0)}


@pytest.mark.parametrize("ending", PACKINGS)
def test_one_line_too_long_is_rejected_and_the_next_is_read(tmp_path: Path, ending: str) -> None:
    swollen = b'{"text": "' + b"a" * (200 * 1024 * 1024) + b'"}\n'
    packed = tmp_path / f"a.jsonl.{ending}"
    write(packed, FAST[ending](swollen) + FAST[ending](three().encode()))
    del swollen
    tracemalloc.start()
    try:
        read = Reading(packed)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert read.texts == TEXTS
    (failure,) = read.failures
    assert f"line 1: longer than {byte_streams.MEGABYTES} MiB" in failure.message
    assert peak < 2.5 * byte_streams.LONGEST, peak


# Damage


@pytest.mark.parametrize("pack", PACKINGS.values(), ids=PACKINGS)
def test_a_file_cut_short(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    data = pack(os.urandom(999).hex().encode() + b"\n" + three().encode() * 400)
    path = write(tmp_path / "a.jsonl.gz", data[: len(data) - 9])
    with pytest.raises(SourceError, match=r"a\.jsonl\.gz: the (gzip|zstd|xz|bzip2) data is cut short"):
        Reading(path)
    write(tmp_path / "b.jsonl", three())
    read = Reading(tmp_path / "*.jsonl*", optional=True)
    assert read.texts[-3:] == TEXTS
    assert "cut short" in read.warnings[0]
    assert read.files[0].digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert sum(file.records for file in read.files) == len(read.records)


def test_damaged_and_empty_packing(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(three().encode()))
    data[30] ^= 255
    for name, content, told in (
        ("a.jsonl.gz", bytes(data), "damaged"),
        ("b.jsonl.gz", b"", "is empty"),
        ("c.jsonl.zst", b"plain", "not packed as its name says"),
        ("d.jsonl.xz", lzma.compress(three().encode()) + b"more" * 9, "the xz data is damaged"),
        ("e.jsonl.bz2", bz2.compress(three().encode()) + b"more" * 9, "the bzip2 data is damaged"),
    ):
        with pytest.raises(SourceError, match=told):
            Reading(write(tmp_path / name, content))


def test_an_xz_file_that_asks_for_gigabytes_of_memory_is_refused(tmp_path: Path) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 400 * 1024**2, "mode": lzma.MODE_FAST, "mf": lzma.MF_HC3}]
    write(tmp_path / "a.jsonl.xz", lzma.compress(three().encode(), filters=filters))
    with pytest.raises(SourceError, match=r"a\.jsonl\.xz: the xz data is damaged: Memory usage limit exceeded"):
        Reading(tmp_path / "a.jsonl.xz")


def test_an_optional_source_that_is_missing_is_a_warning(tmp_path: Path, messages: list[str]) -> None:
    source = Source(path=str(tmp_path / "a.jsonl"), optional=True)
    assert sources.find(source) == []
    assert "no such file" in messages[0]
    assert len(Reading(tmp_path / "a.jsonl", optional=True).warnings) == 1


def test_a_source_that_changes_while_it_is_read(tmp_path: Path, messages: list[str]) -> None:
    for optional in (False, True):
        path = write(tmp_path / "a.jsonl", three())
        read_files: list[SourceFile] = []
        stream = sources.read(Source(path=str(path), optional=optional), exclude=ALL, on_file=read_files.append)
        next(stream)
        with path.open("a") as file:
            file.write(three())
        if optional:
            list(stream)
            assert "changed while it was read" in messages[0]
            assert len(read_files) == 1
        else:
            with pytest.raises(SourceError, match=r"a\.jsonl: was changed while it was read"):
                list(stream)
            assert read_files == []


@pytest.mark.usefixtures("no_messages")
def test_a_stream_left_early_closes_its_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", three())
    read_files: list[SourceFile] = []
    stream = sources.read(Source(path=str(path)), exclude=ALL, on_file=read_files.append)
    next(stream)
    del stream  # an open file would be a ResourceWarning, which is an error here
    assert read_files == []


# What always holds


@given(st.lists(st.binary(max_size=40)), st.integers(1, 7))
def test_lines_are_those_of_the_whole_whatever_the_chunks(chunks: list[bytes], longest: int) -> None:
    joined = b"".join(chunks)
    first = re.search(rb"\r\n?|\n", joined)
    if first is not None and first[0] == b"\r" and first.end() < len(joined):
        joined = joined.replace(b"\r", b"\n")
    expected = joined.split(b"\n")
    if not expected[-1]:
        expected.pop()
    assert list(byte_streams.lines(chunks)) == expected
    assert list(byte_streams.lines(chunks, longest=longest)) == [
        line if len(line) <= longest else None for line in expected
    ]


@given(st.binary(max_size=3000), st.integers(1, 50), st.sampled_from(list(PACKINGS.values())))
def test_unpacking_gives_back_what_was_packed(data: bytes, size: int, pack: Callable[[bytes], bytes]) -> None:
    packed = pack(data) + pack(data[:7])
    chunks = (packed[start : start + size] for start in range(0, len(packed), size))
    assert b"".join(compression.decompressed(chunks, name="a")) == data + data[:7]


CELLS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12) | st.sampled_from(
    ['"', 'a"b', "a\nb", ",", ";"]
)


@given(st.lists(st.tuples(CELLS, CELLS), max_size=8))
def test_csv_rows_are_those_that_were_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(
        [("id", "text"), *((f"r{number}", one + two) for number, (one, two) in enumerate(rows))]
    )
    path = write(tmp_path_factory.mktemp("csv") / "a.csv", out.getvalue())
    read = Reading(path, exclude=ALL)
    assert [record.id for record in read.records] == [f"r{number}" for number in range(len(rows))]


@given(
    st.binary(max_size=200) | st.text(max_size=80).map(str.encode),
    st.sampled_from(["txt", "html", "jsonl", "csv", "tsv", "parquet", "jsonl.gz"]),
)
def test_whatever_the_bytes_are_they_are_records_or_one_clear_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, ending: str
) -> None:
    path = write(tmp_path_factory.mktemp("any") / f"a.{ending}", b"text\n" + data if ending in {"csv", "tsv"} else data)
    try:
        read = Reading(path, exclude=ALL)
    except SourceError as error:
        assert str(error).startswith(str(path))  # noqa: PT017 - most inputs raise nothing
    else:
        assert read.files[0].records == len(read.records)


def test_published_from_a_parquet_time(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"text": TEXTS[:1], "published": [datetime(2023, 3, 2, 3, 15, tzinfo=UTC)]}), tmp_path / "a.parquet"
    )
    assert Reading(tmp_path / "a.parquet").articles[0].published == "2023-03-02T03:15:00+00:00"


def dated_page(head: str = "", *, line: str = "", above: str = "") -> str:
    body = "".join(f"<p>{text}</p>" for text in TEXTS * 2)
    return (
        f"<html><head><title>Trồng cây ở Bến Đá</title>{head}</head><body><header>Chủ nhật, 29/11/2026</header>{above}"
        f"<article><h1>Trồng cây ở Bến Đá</h1>{line}{body}</article>"
        '<footer><time datetime="2018-01-01">1/1/2018</time> Giấy phép số 12/GP-TTĐT cấp ngày 01/02/2019</footer>'
        "</body></html>"
    )


@pytest.mark.parametrize(
    ("page", "published"),
    [
        (dated_page(line="<div class=d>Thứ tư, 6/5/2026 10:15</div>"), "2026-05-06T10:15:00"),
        (dated_page(line="<span>Hà My - 06/05/2026, 10:15 (GMT+7)</span>"), "2026-05-06T10:15:00+07:00"),
        (dated_page(above="<span>Thứ tư, 6/5/2026, 10:15</span>"), "2026-05-06T10:15:00"),
        (dated_page(), ""),
        (
            dated_page(
                '<meta property="article:published_time" content="2026-05-07T08:00:00+07:00">',
                line="<div>6/5/2026 10:15</div>",
            ),
            "2026-05-07T08:00:00+07:00",
        ),
        (
            dated_page(
                '<meta property="article:published_time" content="">'
                '<script type="application/ld+json">{"@type": "NewsArticle", "datePublished": "2026-05-07"}</script>'
            ),
            "2026-05-07",
        ),
        (dated_page(line='<time datetime="2026-05-06T10:15:00+07:00">hôm qua</time>'), "2026-05-06T10:15:00+07:00"),
    ],
)
def test_a_page_is_dated_by_what_it_declares_then_by_its_date_line_and_never_by_a_guess(
    tmp_path: Path, page: str, published: str
) -> None:
    (article,) = Reading(write(tmp_path / "a.html", page)).articles
    assert article.published == published


@pytest.mark.usefixtures("no_messages")
def test_dates_without_an_offset_are_of_the_configs_time_zone(tmp_path: Path) -> None:
    rows = [
        {"text": text, "date": date}
        for text, date in zip(TEXTS, ["2026-05-06 10:15", "2026-05-06T10:15:00+09:00", "6/5/2026"], strict=True)
    ]
    source = Source(path=str(write(tmp_path / "a.jsonl", jsonl(*rows))), columns=Columns(published="date"))
    found = sources.read(source, exclude=ALL, on_file=lambda _: None, timezone="Asia/Tokyo")
    assert [article.published for article in found if isinstance(article, Article)] == [
        "2026-05-06T10:15:00+09:00",
        "2026-05-06T10:15:00+09:00",
        "2026-05-06",
    ]
