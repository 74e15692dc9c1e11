"""Read the units of TMX 1.4, XLIFF 1.2 and XLIFF 2: each a text and its translation, with line number and id.

The XML comes from outside. It is parsed by lxml in pieces: external DTDs and entities are not loaded, a file that
declares entities is refused, libxml2's own limits of depth and size hold, and a unit is freed when it has been read.
Inline codes are left out, the text between them is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pipeline.errors import SourceError, UnavailableError
from pipeline.sources.articles import BadRow

Element: TypeAlias = Any  # lxml has no types

_Reader: TypeAlias = "Callable[[Element], Iterator[Unit | Omitted]]"

_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_CODES = frozenset({"bpt", "ept", "it", "ph", "ut"})  # elements whose text is code of the native format
_STANDALONE = frozenset({"it", "ph", "ut", "x"})  # codes that stand for something in the text: a break, a picture
_OTHER_LANGUAGES = "not in these two languages"
_MOST_NAMED = 3  # pairs of languages in a message


@dataclass(frozen=True, slots=True)
class Place:
    """Where a unit is in its file."""

    where: str  # for messages: "line 12", "row 3"
    line: int | None  # 1-based; None where the format has no lines
    id: str  # the file's own name of it, or ""


@dataclass(frozen=True, slots=True)
class Unit:
    """A Vietnamese text and its English translation as they were read; one of them may be empty."""

    place: Place
    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Omitted:
    """A unit that is no pair, and why."""

    place: Place
    reason: str


class _EntityError(Exception):
    """A text holds an entity that is not declared in the file."""


def unit(place: Place, *, source: str, target: str) -> Unit | Omitted:
    """Return the pair, or why it is none."""
    if not source.strip() and not target.strip():
        return Omitted(place, "both texts are empty")
    return Unit(place, source, target)


def units(chunks: Iterable[bytes], *, name: str, source: str, target: str) -> Iterator[Unit | Omitted | BadRow]:
    """Yield each unit of a TMX or XLIFF file in the languages `source` and `target` (`vi` is also `vi-VN`).

    A file that translates from `target` to `source` gives the same pairs. Raises `UnavailableError` where the XML is
    damaged or cut off, after the units before that; `SourceError` for other XML, for declared entities, and for a file
    that has units in other languages only.
    """
    languages = _Languages(source, target)
    read: _Reader | None = None
    tag = ""  # of a unit
    inside = index = 0
    for event, element in _events(chunks, name=name):
        if read is None:
            tag, read = _reader(element, languages, name=name)
        elif event == "start":
            inside += _local(element) == tag
        elif _local(element) == tag:
            inside -= 1
            try:
                yield from read(element)
            except _EntityError as error:
                message = f"{name}: line {element.sourceline}: holds the entity &{error};, which is not expanded"
                yield BadRow(index, f"line {element.sourceline}", message, line=element.sourceline)
            index += 1
            _free(element)
        elif not inside:
            _free(element)
    if languages.others and not languages.pairs:
        found = ", ".join(one for one, _ in languages.others.most_common(_MOST_NAMED))
        raise SourceError(
            f"{name}: no unit is in '{source}' and '{target}', only in {found}; `--source` and `--target` name the "
            "file's languages for Vietnamese and English"
        )


@dataclass(slots=True)
class _Languages:
    """The two languages that are wanted, and a count of what the file has."""

    source: str
    target: str
    pairs: int = 0
    others: Counter[str] = field(default_factory=Counter)

    def oriented(self, place: Place, languages: tuple[str, str], texts: tuple[str, str]) -> Unit | Omitted:
        """Return the pair with the Vietnamese first; `languages` are those of `texts`, a missing one is "".

        A file may leave out one language or both: then the other text is taken for what is wanted.
        """
        for wanted, found in (
            ((self.source, self.target), texts),
            ((self.target, self.source), texts[::-1]),
        ):
            if all(not tag or _is(tag, one) for tag, one in zip(languages, wanted, strict=True)):
                self.pairs += 1
                return unit(place, source=found[0], target=found[1])
        return self.other(place, languages)

    def other(self, place: Place, languages: Iterable[str]) -> Omitted:
        """Return what stands for a unit in other languages."""
        self.others[" and ".join(f"'{tag}'" for tag in languages) or "none"] += 1
        return Omitted(place, _OTHER_LANGUAGES)


def _events(chunks: Iterable[bytes], *, name: str) -> Iterator[tuple[str, Element]]:
    """Yield the start and end of each element; of damaged XML those before the damage, then raise."""
    from lxml import etree  # type: ignore[import-untyped]

    parser = etree.XMLPullParser(
        events=("start", "end"),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    damage: Any = None
    for chunk in chunks:
        try:
            parser.feed(chunk)
        except etree.XMLSyntaxError as error:
            damage = error
        yield from parser.read_events()
        if damage is not None:
            break
    else:
        try:
            parser.close()
        except etree.XMLSyntaxError as error:
            damage = error
    if damage is not None:
        message = damage.msg.partition(", line ")[0]  # lxml adds the place
        if "XML_PARSE_HUGE" in message:  # an option of the parser, which a person cannot set
            message = "a text is longer than 10 million bytes, or elements are nested more than 255 deep"
            raise UnavailableError(f"{name}: line {damage.lineno}: {message}; what follows is not read")
        raise UnavailableError(f"{name}: line {damage.lineno}: not valid XML: {message}; what follows is not read")


def _reader(root: Element, languages: _Languages, *, name: str) -> tuple[str, _Reader]:
    """Return the tag of a unit, and what reads one; raises `SourceError` where the root is of no such file."""
    dtd = root.getroottree().docinfo.internalDTD
    if dtd is not None and any(True for _ in dtd.iterentities()):
        raise SourceError(f"{name}: declares entities, which are not expanded; remove them from its DOCTYPE")
    match _local(root), root.get("version", "").partition(".")[0]:
        case "tmx", _:
            return "tu", lambda element: _tmx(element, languages)
        case "xliff", "1":
            return "trans-unit", lambda element: _xliff_1(element, languages)
        case "xliff", "2":
            given = root.get("srcLang", ""), root.get("trgLang", "")
            return "unit", lambda element: _xliff_2(element, languages, given)
        case kind, version:
            shown = f"<{kind} version={version!r}>" if kind == "xliff" else f"<{kind}>"
            raise SourceError(f"{name}: its root is {shown}; TMX, XLIFF 1 and XLIFF 2 are read")


def _tmx(element: Element, languages: _Languages) -> Iterator[Unit | Omitted]:
    """Yield the pair of a unit of TMX; of several variants in one language each with each."""
    place = _place(element, element.get("tuid", ""))
    variants = [(one.get(_LANG) or one.get("lang") or "", one.find("{*}seg")) for one in element.iterfind("{*}tuv")]
    given = [(tag, "" if seg is None else _text(seg)) for tag, seg in variants]
    vietnamese = [one for one in given if _is(one[0], languages.source)]
    english = [one for one in given if _is(one[0], languages.target)]
    if not vietnamese or not english:
        yield languages.other(place, (tag for tag, _ in given))
    for first in vietnamese:
        for second in english:
            yield languages.oriented(place, (first[0], second[0]), (first[1], second[1]))


def _xliff_1(element: Element, languages: _Languages) -> Iterator[Unit | Omitted]:
    """Yield the pair of a `trans-unit`, or one for each segment where the tool that wrote it has marked them."""
    place = _place(element, element.get("id", ""))
    if not _is_translatable(element):
        yield Omitted(place, 'marked translate="no"')
        return
    file = next(element.iterancestors("{*}file"), None)
    given = ("", "") if file is None else (file.get("source-language", ""), file.get("target-language", ""))
    source, segmented, target = (element.find(f"{{*}}{tag}") for tag in ("source", "seg-source", "target"))
    sources, targets = _marked(segmented), _marked(target)
    if not sources or sources.keys() != targets.keys():
        yield languages.oriented(place, given, (_text(source), _text(target)))
        return
    for mid, one in sources.items():
        yield languages.oriented(_place(element, f"{place.id}/{mid}"), given, (_text(one), _text(targets[mid])))


def _xliff_2(element: Element, languages: _Languages, given: tuple[str, str]) -> Iterator[Unit | Omitted]:
    """Yield the pair of each segment of a `unit`."""
    for number, segment in enumerate(element.iterfind("{*}segment"), 1):
        name = segment.get("id") or (str(number) if number > 1 else "")
        place = _place(segment, "/".join(filter(None, (element.get("id", ""), name))))
        if not _is_translatable(element):
            yield Omitted(place, 'marked translate="no"')
            continue
        texts = _text(segment.find("{*}source")), _text(segment.find("{*}target"))
        yield languages.oriented(place, given, texts)


def _place(element: Element, name: str) -> Place:
    return Place(f"line {element.sourceline}", element.sourceline, " ".join(name.split()))


def _is_translatable(element: Element) -> bool:
    """Return what the nearest of the element and those around it says, which is yes where none says anything."""
    around = (one.get("translate") for one in (element, *element.iterancestors()))
    return next((said for said in around if said), "yes") != "no"


def _marked(element: Element | None) -> dict[str, Element]:
    """Return the segments marked in an element of XLIFF 1.2, by their ids; none where two have the same id."""
    found = [] if element is None else [one for one in element.iter("{*}mrk") if one.get("mtype") == "seg"]
    by_id = {one.get("mid", ""): one for one in found}
    return by_id if len(by_id) == len(found) else {}


def _text(element: Element | None) -> str:
    """Return the text of an element without inline codes, white space as single spaces."""
    return "" if element is None else " ".join("".join(_pieces(element)).split())


def _pieces(element: Element) -> Iterator[str]:
    from lxml import etree

    yield element.text or ""
    for child in element:
        if child.tag is etree.Entity:
            raise _EntityError(child.name)
        tag = _local(child)
        if tag == "cp":  # a character that XML cannot hold
            yield _character(child.get("hex", ""))
        elif tag in _CODES:
            if tag in _STANDALONE:
                yield " "
            for sub in child.iterfind(".//{*}sub"):  # a text within the code, of a picture or a footnote
                yield f" {_text(sub)} "
        else:
            yield " " if tag in _STANDALONE else ""
            yield from _pieces(child)
        yield child.tail or ""


def _character(code: str) -> str:
    try:
        return chr(int(code, 16)).encode("utf-8", "replace").decode()
    except (ValueError, OverflowError):
        return "\N{REPLACEMENT CHARACTER}"


def _is(tag: str, wanted: str) -> bool:
    """Return whether a language tag is the one that is wanted, or the same language of some country."""
    tag, wanted = (one.lower().replace("_", "-") for one in (tag, wanted))
    return tag == wanted or tag.startswith(f"{wanted}-")


def _local(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _free(element: Element) -> None:
    """Free the memory of an element that has been read, and of those before it."""
    parent = element.getparent()
    element.clear()
    while parent is not None and element.getprevious() is not None:
        del parent[0]
