"""Parallel text: each unit of a table or a translation file, as a pair, as what cannot be read, or with a reason."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree  # type: ignore[import-untyped]

from pipeline.errors import SourceError
from pipeline.sources import bitext, bitext_xml
from pipeline.sources.bitext import BadRow, Omitted, Read, Unit

ROOT = Path(__file__).parents[2]
ROWS = [("a", "Có 12 xe.", "There are 12 cars."), ("b", "Hai nhà", "Two houses")]


def read(file: Path, **arguments: Any) -> list[Read]:
    """Read a file; the format is that of its ending, the names are the defaults of the command line."""
    return list(bitext.read(str(file), **{"format_": None, "source": "vi", "target": "en"} | arguments))


def pairs(units: list[Read]) -> list[tuple[str, str, str]]:
    """Return id, source and target of each unit; all must be pairs."""
    assert all(isinstance(one, Unit) for one in units), units
    return [(one.place.id, one.source, one.target) for one in units if isinstance(one, Unit)]


def xml(folder: Path, text: str, name: str = "a.tmx") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def tmx(*units: str, doctype: str = '<!DOCTYPE tmx SYSTEM "tmx14.dtd">') -> str:
    body = "\n".join(units)
    return f'<?xml version="1.0"?>\n{doctype}\n<tmx version="1.4"><header srclang="vi"/><body>\n{body}\n</body></tmx>'


def tu(source: str, target: str, *, languages: tuple[str, str] = ("vi", "en"), name: str = "") -> str:
    variants = zip(languages, (source, target), strict=True)
    inner = "".join(f'<tuv xml:lang="{tag}"><seg>{text}</seg></tuv>' for tag, text in variants)
    return f'<tu tuid="{name}">{inner}</tu>'


def xliff_1(*units: str, source: str = "vi", target: str = "en-US") -> str:
    languages = f'source-language="{source}"' + (f' target-language="{target}"' if target else "")
    return (
        '<xliff version="1.2" xmlns="urn:oasis:names:tc:xliff:document:1.2">'
        f'<file original="a" datatype="plaintext" {languages}><body>\n' + "\n".join(units) + "</body></file></xliff>"
    )


def xliff_2(*units: str, source: str = "vi", target: str = "en") -> str:
    return (
        f'<xliff version="2.0" xmlns="urn:oasis:names:tc:xliff:document:2.0" srcLang="{source}" trgLang="{target}">'
        '<file id="f">\n' + "\n".join(units) + "</file></xliff>"
    )


# Tables


def test_each_format_of_a_table_gives_the_same_pairs(tmp_path: Path) -> None:
    columns = ("id", "vi", "en")
    objects = [dict(zip(columns, row, strict=True)) for row in ROWS]
    lines = [json.dumps(one, ensure_ascii=False) for one in objects]
    texts = {
        "a.csv": "\n".join(",".join(row) for row in (columns, *ROWS)),
        "a.tsv": "\n".join("\t".join(row) for row in (columns, *ROWS)),
        "a.jsonl": "\n".join(lines),
        "a.json": json.dumps(objects),
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(texts["a.csv"].encode()))
    pq.write_table(pa.Table.from_pylist(objects), tmp_path / "a.parquet")
    for name in (*texts, "a.csv.gz", "a.parquet"):
        assert pairs(read(tmp_path / name)) == ROWS, name


def test_the_columns_may_have_other_names_and_the_place_of_a_row_is_its_line(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text('câu;dịch\n"Một\nhai";One two\nBa;Three\n', encoding="utf-8")
    first, second = read(file, source="câu", target="dịch")
    assert isinstance(first, Unit)
    assert isinstance(second, Unit)
    assert (first.place.where, first.place.line, first.source) == ("lines 2 to 3", 2, "Một\nhai")
    assert (second.place.where, second.place.line, second.target) == ("line 4", 4, "Three")


def test_a_row_of_parquet_has_no_line(tmp_path: Path) -> None:
    pq.write_table(pa.table({"vi": ["Một"], "en": ["One"]}), tmp_path / "a.parquet")
    (unit,) = read(tmp_path / "a.parquet")
    assert isinstance(unit, Unit)
    assert (unit.place.where, unit.place.line) == ("row 1", None)


def test_a_row_that_cannot_be_read_is_named_and_one_without_text_has_a_reason(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    rows = [
        '{"vi": "Một", "en": "One"}',
        '{"vi": "Hai"',
        '{"vi": ["Ba"], "en": "Three"}',
        '{"vi": "", "en": " "}',
        '{"en": "Five"}',
    ]
    file.write_text("\n".join(rows), encoding="utf-8")
    units = read(file)
    assert [type(one) for one in units] == [Unit, BadRow, BadRow, Omitted, BadRow]
    messages = [(one.line, one.message) for one in units if isinstance(one, BadRow)]
    assert [line for line, _ in messages] == [2, 3, 5]
    for (_, message), expected in zip(
        messages, ("line 2: not valid JSON", "column 'vi': holds list", "no column 'vi'"), strict=True
    ):
        assert expected in message
    assert units[3].reason == "both texts are empty"  # type: ignore[union-attr]


def test_an_empty_cell_is_a_pair_without_a_translation(tmp_path: Path) -> None:
    pq.write_table(pa.table({"vi": ["Một"], "en": pa.array([None], pa.string())}), tmp_path / "a.parquet")
    assert pairs(read(tmp_path / "a.parquet")) == [("", "Một", "")]


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
def test_a_table_without_the_columns_is_refused_with_what_it_has(tmp_path: Path, name: str) -> None:
    row = {"source": "Một", "en": "One"}
    (tmp_path / "a.csv").write_text("source,en\nMột,One\n", encoding="utf-8")
    write_json = json.dumps(row) + "\n"
    (tmp_path / "a.jsonl").write_text(write_json, encoding="utf-8")
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "a.parquet")
    with pytest.raises(SourceError, match=r"its columns are 'source', 'en'; none is 'vi': .*`--source COLUMN"):
        read(tmp_path / name)


@pytest.mark.parametrize(("name", "text"), [("a.csv", ""), ("a.tsv", "\n\n"), ("a.csv", "sep=;\n")])
def test_a_table_without_a_header_is_refused_and_one_without_rows_is_not(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(SourceError, match=rf"{name}: is empty; a table begins with a line of column names"):
        read(tmp_path / name)
    (tmp_path / "header.csv").write_text("vi,en\n", encoding="utf-8")
    assert read(tmp_path / "header.csv") == []


def test_source_and_target_are_two(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="`--source` and `--target` are both 'en'; name two"):
        read(tmp_path / "a.csv", source="en")


def test_an_ending_that_says_no_format_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"a\.docx: unknown ending; say `--format` \(csv, .*xliff\)"):
        read(tmp_path / "a.docx")
    with pytest.raises(SourceError, match="stdin has no ending"):
        list(bitext.read("-", format_=None, source="vi", target="en"))


# TMX


def test_tmx_inline_codes_are_left_out_and_the_text_around_them_is_kept(tmp_path: Path) -> None:
    source = 'Có <bpt i="1">&lt;b></bpt>1.200<ept i="1">&lt;/b></ept> xe<ph>&lt;br/></ph>mới <hi>ở &amp; gần</hi> Huế.'
    file = xml(tmp_path, tmx(tu(source, "There are <it pos='begin'>[</it>1,200 cars", name="x")))
    assert pairs(read(file)) == [("x", "Có 1.200 xe mới ở & gần Huế.", "There are 1,200 cars")]


def test_tmx_text_within_a_code_is_kept(tmp_path: Path) -> None:
    file = xml(tmp_path, tmx(tu('Xem <ph>&lt;img alt="<sub>con mèo</sub>"></ph> đây', "See")))
    assert pairs(read(file)) == [("", "Xem con mèo đây", "See")]


def test_tmx_takes_the_two_languages_of_a_unit_in_any_order_and_country(tmp_path: Path) -> None:
    units = (tu("One", "Một", languages=("EN-gb", "vi-VN")), tu("Hai", "Two", languages=("vi_VN", "en")))
    assert pairs(read(xml(tmp_path, tmx(*units)))) == [("", "Một", "One"), ("", "Hai", "Two")]


def test_tmx_gives_each_variant_of_a_language_and_names_units_in_other_languages(tmp_path: Path) -> None:
    twice = tu("Một", "One").replace("</tu>", '<tuv xml:lang="en"><seg>A</seg></tuv></tu>')
    *both, other = read(xml(tmp_path, tmx(twice, tu("Một", "Un", languages=("vi", "fr")))))
    assert pairs(both) == [("", "Một", "One"), ("", "Một", "A")]
    assert isinstance(other, Omitted)
    assert (other.place.line, other.reason) == (5, "not in these two languages")


def test_a_file_in_other_languages_only_is_refused_with_what_it_has(tmp_path: Path) -> None:
    file = xml(tmp_path, tmx(tu("Un", "Eins", languages=("fr", "de"))))
    with pytest.raises(SourceError, match="no unit is in 'vi' and 'en', only in 'fr' and 'de'; `--source` and"):
        read(file)
    assert pairs(read(file, source="de", target="fr")) == [("", "Eins", "Un")]


def test_a_translation_file_in_utf_16_is_read_by_its_declaration(tmp_path: Path) -> None:
    text = tmx(tu("Huế", "Hue")).replace('version="1.0"', 'version="1.0" encoding="utf-16"')
    (tmp_path / "a.tmx").write_bytes(text.encode("utf-16"))
    assert pairs(read(tmp_path / "a.tmx")) == [("", "Huế", "Hue")]


# XLIFF


def test_xliff_1_gives_each_unit_with_its_line_and_not_what_a_memory_proposed(tmp_path: Path) -> None:
    proposed = "<alt-trans><source>Ba</source><target>Three</target></alt-trans>"
    units = (
        f'<trans-unit id="u1"><source>Hai <g id="1">xe</g></source><target>Two cars</target>{proposed}</trans-unit>',
        '<group><trans-unit id="u2"><source>Nhà<x id="1"/>mới</source></trans-unit></group>',
    )
    found = read(xml(tmp_path, xliff_1(*units), "a.xlf"))
    assert pairs(found) == [("u1", "Hai xe", "Two cars"), ("u2", "Nhà mới", "")]
    assert [one.place.line for one in found if isinstance(one, Unit)] == [2, 3]


def test_xliff_1_segments_that_a_tool_has_marked_are_pairs_of_their_own(tmp_path: Path) -> None:
    def marked(*texts: str) -> str:
        return " ".join(f'<mrk mtype="seg" mid="{at}">{text}</mrk>' for at, text in enumerate(texts))

    def unit(source: str, target: str) -> str:
        whole = "<source>Một. Hai.</source>"
        return f'<trans-unit id="u">{whole}<seg-source>{source}</seg-source><target>{target}</target></trans-unit>'

    segments = marked("Một.", "Hai.")
    found = read(
        xml(tmp_path, xliff_1(unit(segments, marked("One.", "Two.")), unit(segments, marked("One. Two."))), "a.xlf")
    )
    assert pairs(found) == [("u/0", "Một.", "One."), ("u/1", "Hai.", "Two."), ("u", "Một. Hai.", "One. Two.")]


def test_xliff_1_segments_without_ids_of_their_own_are_one_pair(tmp_path: Path) -> None:
    def marked(*texts: str) -> str:
        return " ".join(f'<mrk mtype="seg">{text}</mrk>' for text in texts)

    whole = f"<source>Một. Hai.</source><seg-source>{marked('Một.', 'Hai.')}</seg-source>"
    unit = f'<trans-unit id="u">{whole}<target>{marked("One.", "Two.")}</target></trans-unit>'
    assert pairs(read(xml(tmp_path, xliff_1(unit), "a.xlf"))) == [("u", "Một. Hai.", "One. Two.")]


def test_xliff_2_gives_each_segment_of_a_unit(tmp_path: Path) -> None:
    unit = (
        '<unit id="u"><segment id="s"><source>Có <pc id="1">12</pc> xe<ph id="2"/>mới</source><target>12 cars</target></segment>'
        "<ignorable><source> </source></ignorable>"
        '<segment><source>A<cp hex="0042"/></source></segment></unit>'
    )
    assert pairs(read(xml(tmp_path, xliff_2(unit), "a.xliff"))) == [
        ("u/s", "Có 12 xe mới", "12 cars"),
        ("u/2", "AB", ""),
    ]


@pytest.mark.parametrize(("source", "target"), [("en", "vi"), ("en-GB", "vi-VN"), ("en", "")])
def test_an_xliff_from_english_to_vietnamese_gives_the_same_pairs(tmp_path: Path, source: str, target: str) -> None:
    first = '<trans-unit id="u"><source>One</source><target>Một</target></trans-unit>'
    second = '<unit id="u"><segment><source>One</source><target>Một</target></segment></unit>'
    for text in (xliff_1(first, source=source, target=target), xliff_2(second, source=source, target=target)):
        assert pairs(read(xml(tmp_path, text, "a.xlf"))) == [("u", "Một", "One")]


def test_units_that_are_not_to_be_translated_have_that_reason(tmp_path: Path) -> None:
    first = (
        '<group translate="no"><trans-unit id="a"><source>A</source></trans-unit>'
        '<trans-unit id="b" translate="yes"><source>B</source></trans-unit></group>'
    )
    second = '<unit id="a" translate="no"><segment><source>A</source></segment></unit>'
    found = read(xml(tmp_path, xliff_1(first), "a.xlf")), read(xml(tmp_path, xliff_2(second), "a.xlf"))
    reasons = [[one.reason if isinstance(one, Omitted) else "" for one in units] for units in found]
    assert reasons == [['marked translate="no"', ""], ['marked translate="no"']]


# XML from outside


@pytest.mark.parametrize(
    "declared",
    [
        '<!ENTITY a "Huế">',
        '<!ENTITY a SYSTEM "file:///etc/passwd">',
        '<!ENTITY % a SYSTEM "http://example.com/a.dtd"> %a;',
    ],
)
def test_a_file_that_declares_entities_is_refused(tmp_path: Path, declared: str) -> None:
    file = xml(tmp_path, tmx(tu("Tỉnh", "Province"), doctype=f"<!DOCTYPE tmx [{declared}]>"))
    with pytest.raises(SourceError, match="declares entities, which are not expanded"):
        read(file)


def test_entities_that_multiply_in_an_attribute_are_stopped_by_the_parser(tmp_path: Path) -> None:
    levels = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    text = f'<!DOCTYPE tmx [<!ENTITY a0 "aaaaaaaaaa">{levels}]><tmx version="&a9;"/>'
    with pytest.raises(SourceError, match="not valid XML: Maximum entity amplification factor exceeded"):
        read(xml(tmp_path, text))


def test_an_entity_of_a_dtd_that_is_not_loaded_is_a_row_that_cannot_be_read(tmp_path: Path) -> None:
    bad, good = read(xml(tmp_path, tmx(tu("Tỉnh &nbsp; Huế", "Hue"), tu("Huế", "Hue"))))
    assert isinstance(bad, BadRow)
    assert (bad.line, bad.message.partition("line 4: ")[2]) == (4, "holds the entity &nbsp;, which is not expanded")
    assert pairs([good]) == [("", "Huế", "Hue")]


def test_damaged_xml_gives_the_units_before_the_damage_then_raises(tmp_path: Path) -> None:
    text = tmx(tu("Một", "One"), tu("Hai", "Two"))
    file = xml(tmp_path, text[: text.index("Two")])
    units = bitext.read(str(file), format_=None, source="vi", target="en")
    assert pairs([next(units)]) == [("", "Một", "One")]
    with pytest.raises(SourceError, match=r"line 5: not valid XML: .*; what follows is not read$"):
        next(units)


@pytest.mark.parametrize("text", ["<hi>" * 300 + "Một" + "</hi>" * 300, "Một " * 2_000_000], ids=["deep", "long"])
def test_what_the_parser_has_a_limit_for_is_said_without_its_options(tmp_path: Path, text: str) -> None:
    with pytest.raises(SourceError, match=r"line 4: a text is longer than .* deep; what follows is not read$"):
        read(xml(tmp_path, tmx(tu(text, "One"))))


@pytest.mark.parametrize(
    ("text", "said"),
    [("<rss/>", "its root is <rss>"), ('<xliff version="3.0"/>', "<xliff version='3'>"), ("", "not valid XML")],
)
def test_other_xml_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        read(xml(tmp_path, text))


PIECES = st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn"]), min_size=1).filter(lambda text: text.strip())


@given(st.lists(st.tuples(PIECES, PIECES), min_size=1, max_size=5))
def test_any_text_comes_back_as_it_was_written_but_for_white_space(texts: list[tuple[str, str]]) -> None:
    root = etree.Element("tmx", version="1.4")
    for pair in texts:
        unit = etree.SubElement(root, "tu")
        for tag, text in zip(("vi", "en"), pair, strict=True):
            variant = etree.SubElement(unit, "tuv", {"{http://www.w3.org/XML/1998/namespace}lang": tag})
            etree.SubElement(variant, "seg").text = text
    data = etree.tostring(root, encoding="utf-8")
    chunks = (data[at : at + 7] for at in range(0, len(data), 7))
    found = list(bitext_xml.units(chunks, name="a.tmx", source="vi", target="en"))
    expected = [tuple(" ".join(text.split()) for text in pair) for pair in texts]
    assert [(one.source, one.target) for one in found if isinstance(one, Unit)] == expected


def test_a_large_file_is_read_in_bounded_memory() -> None:
    """Twelve megabytes of XML, in a process of its own: its peak grows by less than a quarter of that."""
    script = """
import resource
from pipeline.sources import bitext_xml
unit = b'<group><tu><tuv xml:lang="vi"><seg>%s</seg></tuv><tuv xml:lang="en"><seg>One</seg></tuv></tu></group>' % (b"a " * 2000)
def chunks(count):
    yield b'<tmx version="1.4"><body>'
    for number in range(count):
        yield unit
    yield b"</body></tmx>"
def read(count):
    assert sum(1 for _ in bitext_xml.units(chunks(count), name="a", source="vi", target="en")) == count
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(read(100), read(3_000))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    before, after = map(int, done.stdout.split())
    scale = 1024 if sys.platform == "linux" else 1  # KiB there, bytes on macOS
    assert (after - before) * scale < 3_000_000
