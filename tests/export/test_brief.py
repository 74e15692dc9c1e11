"""The brief: topics, copies, records on hold, and untrusted texts, which stay text in three formats."""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import docx
import pytest

from pipeline.errors import UsageError
from pipeline.export import brief
from pipeline.export.brief.gathering import Brief, gather
from pipeline.export.brief.watchlist import prepare, read
from pipeline.export.brief.writing import as_docx, as_html, as_markdown
from pipeline.storage.versions import Version
from tests.conftest import article, tomdich
from tests.published import Row, edit, flag, publish
from tests.text.test_near_duplicates import body

HOSTILE = '<script>alert(1)</script> [x](javascript:alert(1)) **bold** "q" & \u202eevil\u202c \x07 # `c` | http://evil.example'


@pytest.fixture
def version(tmp_path: Path) -> Version:
    """Return a version of five articles, two of them copies of one story, each with its English."""
    articles = [
        article(n)
        | {
            "text": body(n),
            "url": f"https://www.bao{n}.example/tin/{n}.html",
            "outlet": f"Báo {n}",
            "published": f"2024-03-0{n + 1}T08:00:00+07:00",
        }
        for n in range(4)
    ]
    articles.append(
        articles[1]
        | {
            "id": "copy",
            "text": body(1) + "\nTheo TTXVN.",
            "outlet": "Tuổi Trẻ",
            "url": "https://tuoitre.example/1?a=1&b=2",
        }
    )
    return edit(publish(tmp_path, articles, exclude={"under_syllables": 5, "not_vietnamese": False}), english)


def english(row: Row) -> Row:
    return {"title_translation": f"Headline of {row['id']}", "translation": f"Summary of {row['id']}, in English."}


def gathered(version: Version, **options: Any) -> Brief:
    return gather(version, **({"topics": [], "hold": "leave-out", "title": None} | options))


def watch(tmp_path: Path, text: str, name: str = "watch.txt") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


# Watchlist


@pytest.mark.parametrize(
    ("term", "text", "stands"),
    [
        ("Hà Nội", "tại Hà Nội, sáng nay", True),
        ("Hà Nội", "in Ha Noi today", True),
        ("Hà Nội", "in Hanoi today", True),
        ("ha noi", "tại HÀ NỘI", True),
        ("hanoi", "tại Hà Nội", False),  # one word is not taken for two
        ("Đà Nẵng", "Da Nang, Danang, Da-Nang", True),
        ("da nang", "ở Đà Nẵng", True),
        ("bão", "cơn bão số 3", True),
        ("bão", "the bao came", True),
        ("bão", "báo cáo của tờ báo", False),  # a newspaper is no storm
        ("bao", "tờ báo", True),
        ("bão", "Sáng nay, bao nhiêu người đã đến chợ. Bao gạo nặng.", False),  # nor is a sack
        ("bão", "Chiều nay trời nắng. Mr Quoc Bao came.", False),  # nor is a man
        ("bảo", "đã bao lâu", False),
        ("Đắk Lắk", "người dân tỉnh Đăk Lăk nói", True),
        ("bão", "ba\u0303o so\u0302\u0301 3", True),  # decomposed
        ("hoà bình", "hòa bình", True),  # tone style
        ("Đắk Lắk", "Dak Lak", True),
        ("flood", "floods in the south", False),
        ("flood*", "floods in the south", True),
        ("COVID-19", "covid 19, Covid-19", True),
        ("AI", "tại sao, ai đó", True),
        ("ai", "mai sau", False),
        ("y tế", "Bộ Y tế", True),
        ("C++ (lập trình)", "học C lập trình", True),
        ("số 1", "số 10", False),
    ],
)
def test_a_term_forgives_missing_marks_but_takes_whole_words(
    tmp_path: Path, term: str, text: str, stands: bool
) -> None:
    (topic,) = read(watch(tmp_path, term))
    assert topic.matches(prepare([text])) is stands


def test_a_term_does_not_reach_from_the_headline_into_the_summary(tmp_path: Path) -> None:
    (topic,) = read(watch(tmp_path, "hà nội"))
    assert not topic.matches(prepare(["Sông Hà", "Nội dung"]))


@pytest.mark.parametrize(
    ("name", "text", "topics"),
    [
        ("w.txt", "# bão lụt\n\n Hà  Nội \nbão\n", ["Hà Nội", "bão"]),
        ("w.yaml", "Storms: [bão, typhoon*]\nCapital: Hà Nội\nRice:\n", ["Storms", "Capital", "Rice"]),
        ("w.yml", "- bão\n- 5G\n- 2024\n", ["bão", "5G", "2024"]),
        ("w.yml", "- 2026-02-30\n- no\n", ["2026-02-30", "no"]),  # YAML 1.2: a date and `no` are text
    ],
)
def test_a_watchlist_is_lines_or_yaml(tmp_path: Path, name: str, text: str, topics: list[str]) -> None:
    assert [topic.name for topic in read(watch(tmp_path, text, name))] == topics


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("w.txt", "# nothing\n", "holds no term"),
        ("w.txt", "bão\n***\n", "'***' holds no letter"),
        ("w.yaml", "a: [b: c]\n", "a: its terms are words"),
        ("w.yaml", "word", "write topics with their terms"),
        ("w.yaml", "a: [", "not valid YAML"),
        ("w.yaml", "a: [x]\na: [y]", "`a` occurs twice, on lines 1 and 2"),
    ],
)
def test_a_wrong_watchlist_says_where(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        read(watch(tmp_path, text, name))
    with pytest.raises(UsageError, match="no such file"):
        read(tmp_path / "none.txt")


# Gathering


def test_articles_stand_under_the_first_topic_that_matches_or_under_other(version: Version, tmp_path: Path) -> None:
    texts = {"a0": "Rice prices fell.", "a1": "A storm hit rice fields.", "a2": "Nothing.", "a3": "Storm warning."}
    edit(
        version, lambda row: english(row) | {"translation": texts.get(row["id"], texts["a1"]), "title_translation": ""}
    )
    topics = read(watch(tmp_path, "storm\nrice\nBình Dương"))
    found = gathered(version, topics=topics)
    assert [(group.name, [item.summary for item in group.items]) for group in found.groups] == [
        ("storm", [texts["a3"], texts["a1"]]),  # the newest first
        ("rice", [texts["a0"]]),
        ("Other", [texts["a2"]]),
    ]
    assert "Nothing on: Bình Dương." in found.notes


def test_what_only_the_article_mentions_counts_where_headline_and_summary_match_nothing(
    version: Version, tmp_path: Path
) -> None:
    edit(version, lambda row: english(row) | {"article": row["article"] + f"\nVụ việc số {row['id']} ở Bình Dương."})
    topics = read(watch(tmp_path, "Binh Duong\nheadline of a2"))
    groups = {group.name: len(group.items) for group in gathered(version, topics=topics).groups}
    assert groups == {"Binh Duong": 3, "headline of a2": 1}


def test_near_copies_stand_under_also_in(version: Version) -> None:
    (group,) = gathered(version).groups
    assert [item.headline for item in group.items] == [f"Headline of a{n}" for n in (3, 2, 1, 0)]
    also = {item.headline: [(copy.name, copy.link) for copy in item.also] for item in group.items}
    assert also.pop("Headline of a1") == [("Tuổi Trẻ", "https://tuoitre.example/1?a=1&b=2")]
    assert set(map(tuple, also.values())) == {()}
    assert gathered(version).subtitle.endswith("4 stories from 5 outlets")


def test_a_copy_without_an_outlet_is_named_by_its_title_and_not_as_an_outlet(tmp_path: Path) -> None:
    text = body(1)
    articles = [
        article(1) | {"text": text, "outlet": "Báo 1", "published": "2024-03-01"},
        article(2) | {"text": text + "\nTheo TTXVN.", "outlet": "Báo 2", "published": "2024-03-02"},
        article(3) | {"text": text + "\nTheo báo bạn.", "title": "Bản không nguồn", "published": "2024-03-02"},
    ]
    version = edit(publish(tmp_path, articles, exclude={"under_syllables": 5, "not_vietnamese": False}), english)
    ((item,),) = (group.items for group in gathered(version).groups)
    assert ([one.name for one in item.also], [one.name for one in item.copies]) == (["Báo 2"], ["Bản không nguồn"])
    found = gathered(version)
    for written in (as_markdown(found), as_html(found)):
        assert "Near copies, outlet not known: Bản không nguồn" in " ".join(written.split())
        assert re.search(r"Also in\s+Báo 2(?![,\w])", written)
    paragraphs = [one.text for one in docx.Document(io.BytesIO(as_docx(found))).paragraphs]
    assert "Also in Báo 2" in paragraphs
    assert "Near copies, outlet not known: Bản không nguồn" in paragraphs


def test_a_topic_whose_story_is_on_hold_or_under_another_topic_is_not_said_to_be_missing(
    version: Version, tmp_path: Path
) -> None:
    held = edit(
        version,
        lambda row: (
            english(row)
            | {"status": "hold" if row["id"] == "a0" else "ok"}
            | {"title": {"a0": "Giá thép tăng", "a2": "Bão và lũ ở miền Trung"}.get(row["id"], row["title"])}
        ),
    )
    topics = read(watch(tmp_path, "bão\nlũ\nthép\nnhôm\n"))
    notes = gathered(held, topics=topics).notes
    assert "Nothing of its own on: lũ (see bão), thép (1 article left out)." in notes
    assert "Nothing on: nhôm." in notes
    marked = gathered(held, topics=topics, hold="mark")
    assert [group.name for group in marked.groups] == ["bão", "thép", "Other"]


@pytest.mark.parametrize(
    ("term", "text", "stands"),
    [
        ("thép", "Thép Xanh Nam Định thắng đậm trên sân nhà", False),
        ("thép", "Giá thép giảm, Thép Xanh Nam Định vẫn được tài trợ", True),
        ("thép", "Thép Hòa Phát xuất khẩu kỷ lục", True),
        ("steel", "Nam Dinh Green Steel won again", False),
        ("Thép Xanh Nam Định", "Thép Xanh Nam Định thắng đậm", True),
        ("CLB Thép Xanh Nam Định", "CLB Thép Xanh Nam Định thắng đậm", True),
        ("than", "Than Quảng Ninh giải thể", False),
        ("công an", "CLB Công an Hà Nội vô địch", False),
        ("công an", "Công an Hà Nội bắt nhóm trộm cáp", True),
        ("Công an Hà Nội", "Công an Hà Nội tạm giữ một cầu thủ", True),
        ("Hà Nội", "CLB Hà Nội bổ nhiệm người mới", False),
        ("Hà Nội", "Hanoi FC signs a player", False),
        ("CLB Hà Nội", "CLB Hà Nội bổ nhiệm người mới", True),
        ("Hải Phòng", "HLV của Hải Phòng tiếc vì hai bàn thắng bị từ chối", False),
        ("Hải Phòng", "Cảng Hải Phòng đón tàu lớn", True),
        ("cảng", "Cảng Sài Gòn từng vô địch", False),
    ],
)
def test_a_term_inside_the_name_of_a_football_club_does_not_count(
    tmp_path: Path, term: str, text: str, stands: bool
) -> None:
    (topic,) = read(watch(tmp_path, f"{term}\n"))
    assert topic.matches(prepare([text])) is stands


def test_outlets_are_counted_only_where_all_are_known(tmp_path: Path) -> None:
    version = publish(tmp_path, [article(1) | {"text": body(1), "outlet": "Báo 1"}, article(2) | {"text": body(2)}])
    assert gathered(edit(version, english)).subtitle.endswith(" · 2 stories")


def test_a_version_that_was_copied_elsewhere_still_gives_a_brief(version: Version, tmp_path: Path) -> None:
    made = gathered(version).subtitle
    moved = version.folder.rename(tmp_path / "for the archive")
    assert gathered(Version(moved, version.manifest)).subtitle == made


def hold(row: Row) -> Row:
    """Hold back two: a0, and a1, which leads a story."""
    held = {
        "status": "hold",
        "flags": [flag("number", "error", message="1.2 trillion became 1.2 billion"), flag("length")],
    }
    return english(row) | (held if row["id"] in {"a0", "a1"} else {})


def test_records_on_hold_are_left_out_and_counted_and_a_copy_leads_in_their_place(version: Version) -> None:
    found = gathered(edit(version, hold))
    (group,) = found.groups
    assert [item.headline for item in group.items] == ["Headline of a3", "Headline of a2", "Headline of copy"]
    assert "2 articles are left out: on hold until someone has looked." in found.notes


def test_records_on_hold_can_be_marked_with_the_reason(version: Version) -> None:
    found = gathered(edit(version, hold), hold="mark")
    held = {item.headline: item.held for group in found.groups for item in group.items if item.held}
    assert held == dict.fromkeys(["Headline of a1", "Headline of a0"], ("number: 1.2 trillion became 1.2 billion",))
    assert not any("left out" in note for note in found.notes)
    assert as_html(found).count("<strong>On hold.</strong>") == 2
    assert as_markdown(found).count("> **On hold.** number: 1.2 trillion became 1.2 billion") == 2


def test_what_has_no_english_is_counted(version: Version, tmp_path: Path) -> None:
    edit(version, lambda row: english(row) | ({"translation": " "} if row["id"] == "a3" else {}))
    assert "1 article is left out: the translator gave no English text." in gathered(version).notes
    (tmp_path / "until").mkdir()
    with pytest.raises(UsageError, match="--until summarize and has no English"):
        gathered(publish(tmp_path / "until", [article(1)], until="summarize"))


@pytest.mark.parametrize(
    ("row", "field", "expected"),
    [
        ({"published": "2024-03-14T11:42:00+07:00"}, "date", "14 March 2024"),
        ({"published": "2024-03-14"}, "date", "14 March 2024"),
        ({"published": "hôm  qua"}, "date", "hôm qua"),
        ({"outlet": ""}, "outlet", "bao0.example"),
        ({"outlet": "", "url": ""}, "outlet", ""),
        ({"title_translation": " "}, "headline", "Tỉnh số 0 trồng rừng"),
        ({"title_translation": "", "title": ""}, "headline", "(no headline)"),
        ({"url": "javascript:alert(1)"}, "link", ""),
        ({"url": "javascript:alert(1)"}, "address", "javascript:alert(1)"),
        ({"url": "data:text/html,x"}, "link", ""),
        ({"url": "//evil.example/x"}, "link", ""),
        ({"url": "https://"}, "link", ""),
        ({"url": "http://[::1"}, "link", ""),
        ({"url": 'https://a.example/"onclick=x <b>'}, "link", "https://a.example/%22onclick=x%20%3Cb%3E"),
        ({"url": "https://a.example/tin-tức"}, "link", "https://a.example/tin-t%E1%BB%A9c"),
        ({"url": " HTTPS://A.example/%20x "}, "link", "HTTPS://A.example/%20x"),
    ],
)
def test_an_item_says_where_and_when(version: Version, row: Row, field: str, expected: str) -> None:
    edit(version, lambda one: english(one) | (row if one["id"] == "a0" else {}))
    items = [item for group in gathered(version).groups for item in group.items]
    (item,) = [item for item in items if item.summary == "Summary of a0, in English."]
    assert getattr(item, field) == expected


@pytest.mark.parametrize(
    ("manifest", "day"),
    [
        ({"edition": "2026-11-24"}, "24 November 2026 · "),  # made on the 23rd in UTC, which is the 24th in Hanoi
        ({"edition": None}, "23 November 2026 · "),  # of before there were editions
    ],
)
def test_the_day_is_the_editions(version: Version, manifest: Row, day: str) -> None:
    version.manifest.update({"version": "20261123T190000Z-3f9a1c2b"} | manifest)
    assert gathered(version).subtitle.startswith(day)


@pytest.mark.parametrize(
    ("scope", "note"),
    [
        ("full", None),
        ("new", None),
        ("limited", "A sample: only the first articles of the sources were read."),
        ("partial", "A part: the run was stopped before every article was done."),
    ],
)
def test_a_sample_or_a_part_says_that_it_is_one(version: Version, scope: str, note: str | None) -> None:
    version.manifest["scope"] = scope
    found = gathered(version)
    assert [one for one in found.notes if one.startswith("A ")] == ([note] if note else [])
    assert (note or "tomdich night/") in as_markdown(found).replace("\\", "")


# Writing


class Page(HTMLParser):
    """What a browser would find in a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def hostile(version: Version, tmp_path: Path) -> Brief:
    """Return a brief in which every text is hostile."""
    names = ("title", "title_translation", "translation", "outlet", "published")
    edit(
        version,
        lambda _: (
            dict.fromkeys(names, HOSTILE) | {"status": "hold", "flags": [flag("number", "error", message=HOSTILE)]}
        ),
    )
    return gathered(version, hold="mark", title=HOSTILE, topics=read(watch(tmp_path, f"{HOSTILE}\nrice")))


def seen() -> str:
    """Return the hostile text as a person is to see it."""
    return HOSTILE.replace("\u202e", "\\u202e").replace("\u202c", "\\u202c").replace("\x07", "\\u0007")


def test_html_shows_hostile_texts_as_texts_and_fetches_nothing(hostile: Brief) -> None:
    page = Page(as_html(hostile))
    assert not {"script", "b", "img", "link", "iframe", "form"} & set(page.tags)
    assert not [name for name in page.attributes if name.startswith("on")]
    assert all(link.startswith("https://") for link in page.links)
    assert page.text.count(seen()) >= 5 * 4
    assert "\u202e" not in page.text


def test_html_for_mail_has_its_styles_on_the_elements(version: Version) -> None:
    text = as_html(gathered(version))
    page = Page(text)
    assert "style" not in page.tags
    assert "class" not in page.attributes
    assert sorted(page.links) == sorted(
        [f"https://www.bao{n}.example/tin/{n}.html" for n in range(4)] + ["https://tuoitre.example/1?a=1&b=2"]
    )
    assert "Báo 0 · 1 March 2024 · bao0.example" in page.text


def test_markdown_shows_hostile_texts_as_texts(hostile: Brief) -> None:
    text = as_markdown(hostile)
    assert "<script>" not in text
    assert not re.search(r"(?<!\\)\]\((?!https://)", text)  # no link but to the web
    assert "http://evil" not in text
    assert r"\*\*bold\*\*" in text
    assert "\u202e" not in text
    assert all(
        line.startswith(("#", ">", "Also in ", "---")) or not re.match(r"[-+>#=]|\d+[.)] ", line)
        for line in text.splitlines()
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1. First", r"1\. First"),
        ("2024 was", "2024 was"),
        ("- item", r"\- item"),
        ("a - b. 3", "a - b. 3"),
        ("=== x", r"\=== x"),
        ("a_b*c", r"a\_b\*c"),
        ("mail me@x.example", "mail me&#64;x.example"),
    ],
)
def test_markdown_escapes_what_would_act_where_it_stands(hostile: Brief, text: str, expected: str) -> None:
    item = hostile.groups[0].items[0]
    item.summary = text
    assert f"\n\n{expected}\n\n" in as_markdown(hostile)


def test_docx_has_headings_links_and_the_texts(version: Version) -> None:
    document = docx.Document(io.BytesIO(as_docx(gathered(version, title="Morning brief"))))
    texts = [(paragraph.style.name, paragraph.text) for paragraph in document.paragraphs if paragraph.style]
    assert texts[0] == ("Title", "Morning brief")
    assert ("Heading 2", "Headline of a1") in texts
    at = texts.index(("Heading 2", "Headline of a1"))
    assert [text for _, text in texts[at + 1 : at + 4]] == [
        "Báo 1 · 2 March 2024 · bao1.example",
        "Summary of a1, in English.",
        "Also in Tuổi Trẻ",
    ]
    links = {link.address: link.text for paragraph in document.paragraphs for link in paragraph.hyperlinks}
    assert links["https://tuoitre.example/1?a=1&b=2"] == "Tuổi Trẻ"
    assert len(links) == 5


def test_docx_shows_hostile_texts_as_texts(hostile: Brief) -> None:
    hostile_texts = [paragraph.text for paragraph in docx.Document(io.BytesIO(as_docx(hostile))).paragraphs]
    assert hostile_texts.count(seen()) >= 5


def test_a_brief_of_nothing_says_so(version: Version) -> None:
    edit(version, lambda row: english(row) | {"status": "hold"})
    found = gathered(version)
    assert "There is nothing to report." in Page(as_html(found)).text
    assert "There is nothing to report." in as_markdown(found)
    assert "There is nothing to report." in [
        paragraph.text for paragraph in docx.Document(io.BytesIO(as_docx(found))).paragraphs
    ]
    assert "5 articles are left out: on hold until someone has looked." in as_markdown(found)


# Where it goes


def test_the_file_stands_where_it_was_asked_for_and_never_in_a_version(
    version: Version, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"to": "md", "watch": None, "hold": "leave-out", "title": None}
    monkeypatch.chdir(tmp_path)
    assert brief.write(version, output=None, **options) == Path(f"night-{version.folder.name}.brief.md")
    there = tmp_path / "there.md"
    there.write_text("before")
    assert brief.write(version, output=there, **options) == there
    assert there.read_text(encoding="utf-8").startswith("# night")
    assert not list(tmp_path.glob(".*part"))
    for place, said in (
        (version.folder / "brief.md", "never changes"),
        (version.folder / "data" / "brief.md", "never changes"),
        (tmp_path, "is a folder"),
        (tmp_path / "no" / "x.md", "No such file"),
    ):
        with pytest.raises(UsageError, match=said):
            brief.write(version, output=place, **options)


def test_the_command_writes_a_brief_with_topics(version: Version, tmp_path: Path) -> None:
    watch(tmp_path, "headline of a1\n")
    done = tomdich(
        "brief", version.folder, "--to", "md", "--watch", "watch.txt", "--title", "Today", "-o", "-", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("# Today\n")
    assert done.stdout.index("## headline of a1") < done.stdout.index("## Other")
    wrong = tomdich("brief", version.folder, "--watch", "none.txt", cwd=tmp_path)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "none.txt: no such file" in wrong.stderr
