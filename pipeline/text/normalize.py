"""Decode bytes, repair text, move tone marks, and split Vietnamese text into syllables.

Text is normalized to NFC, not NFKC, which turns 10⁶ into 106. Expensive repairs run only if a cheap search finds a
sign that they are needed: a clean article costs one search, less than a fiftieth of the time of ftfy.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from dataclasses import dataclass

from pipeline.text.legacy_encodings import recognise, vietnamese_share

__all__ = [
    "LOOP_LENGTH",
    "LOOP_TIMES",
    "Decoded",
    "decode",
    "fold",
    "looks_vietnamese",
    "new_tone",
    "press_tone",
    "repair",
    "syllables",
    "tidy",
]

# Decoding


@dataclass(frozen=True, slots=True)
class Decoded:
    """Decoded bytes."""

    text: str
    encoding: str  # Python's name, or "tcvn3", "vni"
    repairs: tuple[str, ...] = ()  # of "utf8_replaced", "tcvn3", "vni", "cp1258"


_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark is a prefix of this one
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROL_BYTES = bytes([*range(9), *range(0x0E, 0x1B), *range(0x1C, 0x20), 0x7F])
_MOST_CONTROLS = 0.01
_MOST_REPLACED = 0.001
_SOUND_PER_REPLACED = 5  # text in another encoding has hardly any valid UTF-8 sequence


def decode(data: bytes) -> Decoded:
    """Return `data` as text, with its encoding and the repairs.

    Tries in order: a byte-order mark; UTF-8; UTF-8 with less than 0.1 % of the characters replaced, or more if it is
    clearly UTF-8; TCVN3, VNI and windows-1258 by their syllables; charset-normalizer.
    Raises `UnicodeError` if the bytes are not text or the encoding is unknown.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            data = data[len(mark) :]
            if encoding == "utf-8":
                break
            try:
                return Decoded(data.decode(encoding), encoding)
            except UnicodeDecodeError as error:
                raise UnicodeError(
                    f"begins with the byte-order mark of {encoding} but is not valid: {error.reason}; save it as UTF-8"
                ) from None
    controls = len(data) - len(data.translate(None, _CONTROL_BYTES))
    if controls > _MOST_CONTROLS * len(data):
        raise UnicodeError(
            f"is not text: {controls} of {len(data)} bytes are control characters; give the text itself, in UTF-8"
        )
    try:
        return Decoded(data.decode("utf-8"), "utf-8")
    except UnicodeDecodeError:
        return _decode_other(data)


def _decode_other(data: bytes) -> Decoded:
    """Return `data`, which is not valid UTF-8, as text."""
    text = data.decode("utf-8", errors="replace")
    replaced = text.count("\ufffd")
    sound = len(text) - replaced - len(data.translate(None, bytes(range(0x80, 0x100))))
    utf8 = Decoded(text, "utf-8", ("utf8_replaced",))
    # English in Latin-1 has few bytes to replace too, but hardly any valid UTF-8 sequence
    if replaced < _MOST_REPLACED * len(text) and sound >= replaced:
        return utf8
    if sound >= _SOUND_PER_REPLACED * replaced:
        return utf8
    # cp1252 does not define five bytes, which text in these encodings never has
    if found := recognise(data.decode("cp1252", errors="replace")):
        converted, encoding = found
        return Decoded(converted, encoding, (encoding,))
    from charset_normalizer import from_bytes

    best = from_bytes(data).best()
    if best is None:
        raise UnicodeError("has an unknown encoding; save it as UTF-8")
    # the most common of the code pages that give the same text
    encoding = "cp1252" if "cp1252" in best.could_be_from_charset else best.encoding
    return Decoded(data.decode(encoding), encoding)


# Repair

# Anything but ASCII, the letters of Vietnamese in NFC, and the punctuation of its press. An article without such
# characters can only be mojibake if it has a capital Ã. This search takes a sixth of the time of the others.
_UNUSUAL = re.compile(
    "[^\n\t -~\xa0àáâãèéêìíòóôõùúýÀÁÂÃÈÉÊÌÍÒÓÔÕÙÚÝĂăĐđĨĩŨũƠơƯưẠ-ỹ“”‘’–—…•°×²³½®]",
)
# UTF-8 read in a single-byte code page: a lead byte and its continuations in cp1252. Sure are sequences that nobody
# types, so not the quote after “XÃ”, which would make Ô. Sure are also C1 controls, and the bytes E1 BA and E1 BB of
# Vietnamese letters in Mac Roman, cp1251, cp1250, cp437 and cp1257.
_RARE = "\x80-\x9f¡-§ª¬¯±µ¶¸¹º¼½¾¿€ƒ†‡ˆ‰Š‹ŒŽ˜™š›œžŸ"
_TYPED = "\xa0¨©«\xad®°²³´·»‘’‚“”„•–—…"
_SURE_MOJIBAKE = re.compile(
    f"[\x80-\x9f]|[Â-ß][{_RARE}]|[à-ï](?:[{_RARE}][{_RARE}{_TYPED}]|»[{_RARE}])|·[∫ª]|б[є»]|áş|ß[║╗]|į[ŗ»]"
)
_LIKELY_MOJIBAKE = re.compile(f"[Â-ß][{_RARE}{_TYPED}]|[à-ï][{_RARE}{_TYPED}]{{2}}")
_VIETNAMESE_ONLY = re.compile("[Ạ-ỹ]")
_RIGHT = re.compile("[Ạ-ỹĂăĐđĨĩŨũƠơƯư]")
# Python sorts combining marks in quadratic time; UAX #15 limits them to 30 a letter in a stream.
_STACKED = re.compile("([\u0300-\u036f]{30})[\u0300-\u036f]+")
_HATS = "\u0302\u0306"
_TONES_AND_HATS = re.compile(f"[\u0300\u0301\u0303\u0309{_HATS}]{{2,}}")
# Old fonts used eth for đ: at the start of a syllable, in an abbreviation (HÐND, VNÐ), after a number (5.000ð). Within
# a word it is Icelandic (Guðmundsson).
_ETH = re.compile(
    "(?<![^\\W\\d_])[Ðð]|(?<![^\\W\\d_])[B-DF-HJ-NP-TV-XZÐ]{1,4}Ð[B-DF-HJ-NP-TV-XZÐ]{0,4}(?![^\\W\\d_])|(?<=\\bvn)ð\\b",
)
_TO_DD = str.maketrans("Ðð", "Đđ")
# All controls of Unicode but tab and newline, direction marks, joiners, the soft hyphen, byte-order marks and
# noncharacters. The joiner of an emoji is kept.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u180e\u200b\u200c\u200e\u200f"
    "\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff]"
    "|(?<![\u2190-\u2bff\ufe0f\U0001f000-\U0001faff])\u200d"
)
_LINE_BREAK = re.compile("[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def repair(text: str) -> tuple[str, tuple[str, ...]]:
    """Return `text` repaired and in NFC, and the names of the repairs, in this order.

    "tcvn3", "vni", "cp1258" (Vietnamese in that encoding, read in cp1252), "mojibake" (UTF-8 read in another encoding),
    "nfc" (composed; at most 30 combining marks on a letter are kept), "eth" (Ð for Đ), "control" (controls and
    invisible characters removed), "replacement_left" (a character was lost earlier and is �). Every kind of line break
    becomes a newline, which is not reported.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not _UNUSUAL.search(text) and not ("Ã" in text and _is_mojibake(text)):
        return text, ()
    if _SURROGATE.search(text):  # JSON can contain lone surrogates, which no file can
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    done: list[str] = []
    if found := _from_legacy(text):
        text, encoding = found
        done.append(encoding)
    for name, mend in (
        ("mojibake", _without_mojibake),
        ("nfc", _composed),
        ("eth", _without_eth),
        ("control", _without_invisible),
    ):
        mended = mend(text)
        if mended != text:
            done.append(name)
            text = mended
    if "\ufffd" in text:
        done.append("replacement_left")
    return _LINE_BREAK.sub("\n", text), tuple(done)


def _from_legacy(text: str) -> tuple[str, str] | None:
    """Return `text` converted and its encoding, if it is Vietnamese in an old encoding that was read in cp1252."""
    if text.isascii() or _VIETNAMESE_ONLY.search(text):
        return None
    try:
        text.encode("cp1252")
    except UnicodeEncodeError:
        return None
    return recognise(text)


def _is_mojibake(text: str) -> bool:
    """Return whether `text` has sure mojibake, or likely mojibake and no letter that is surely right."""
    if _SURE_MOJIBAKE.search(text):
        return True
    return not _RIGHT.search(text) and _LIKELY_MOJIBAKE.search(text) is not None


def _without_mojibake(text: str) -> str:
    """Return `text` with mojibake repaired by ftfy, without the other repairs of ftfy."""
    if not _is_mojibake(text):
        return text
    import ftfy

    config = ftfy.TextFixerConfig(
        unescape_html=False,
        remove_terminal_escapes=False,
        fix_latin_ligatures=False,
        fix_character_width=False,
        uncurl_quotes=False,
        fix_line_breaks=False,
        fix_surrogates=False,
        remove_control_chars=False,
        normalization=None,
        explain=False,
    )
    # the second byte of à is a no-break space; if it became a space, ftfy does not recognize the à
    if "Ã  " in text and not _VIETNAMESE_ONLY.search(text):
        text = text.replace("Ã ", "Ã\xa0")
    # ftfy decides better on the whole text; the second pass is for texts in which only some lines are broken
    text = ftfy.fix_encoding(text, config._replace(decode_inconsistent_utf8=False))
    lines = (ftfy.fix_encoding(line, config) if _is_mojibake(line) else line for line in text.split("\n"))
    return "\n".join(lines)


def _composed(text: str) -> str:
    """Return `text` in NFC, also if a tone precedes the circumflex or breve, an order that does not compose."""
    composed = unicodedata.normalize("NFC", _STACKED.sub(r"\1", text))
    if "\u0302" in composed or "\u0306" in composed:
        decomposed = unicodedata.normalize("NFD", composed)
        hats_first = _TONES_AND_HATS.sub(
            lambda match: "".join(sorted(match[0], key=lambda mark: mark not in _HATS)), decomposed
        )
        composed = unicodedata.normalize("NFC", hats_first)
    return composed


def _without_eth(text: str) -> str:
    if "Ð" not in text and "ð" not in text:
        return text
    return _ETH.sub(lambda match: match[0].translate(_TO_DD), text)


def _without_invisible(text: str) -> str:
    # characters that a joiner separated may compose
    return _composed(_INVISIBLE.sub("", text)) if _INVISIBLE.search(text) else text


def tidy(text: str) -> str:
    """Return `text` with single spaces and without empty lines, so one newline separates paragraphs."""
    lines = (" ".join(line.split()) for line in text.splitlines())
    return "\n".join(line for line in lines if line)


# Tone placement

# The initial consonants of syllables that end in oa, oe or uy with a tone, from 66,000 articles. The list excludes Noé
# and Joé, and quý, whose u belongs to qu.
_TONE_ONSETS = {
    "oa": frozenset(("", *"ch d đ g h kh l ng nh s t th tr x".split())),
    "oe": frozenset(("", *"ch đ h kh l ng nh t x".split())),
    "uy": frozenset(("", *"ch d đ h kh l ng nh s t th tr x".split())),
}
_TONE_PLACES = tuple(
    (unicodedata.normalize("NFC", first + second + tone), unicodedata.normalize("NFC", first + tone + second))
    for rime in _TONE_ONSETS
    for first in (rime[0], rime[0].upper())
    for second in (rime[1], rime[1].upper())
    for tone in "\u0300\u0301\u0303\u0309\u0323"
)
_TO_PRESS = dict(_TONE_PLACES)
_TO_NEW = {press: new for new, press in _TONE_PLACES}
_NEW = re.compile("[oOuU][àáãảạÀÁÃẢẠèéẽẻẹÈÉẼẺẸỳýỹỷỵỲÝỸỶỴ](?![^\\W_])")
_PRESS = re.compile("[òóõỏọÒÓÕỎỌùúũủụÙÚŨỦỤ][aAeEyY](?![^\\W_])")

_ONSET = re.compile("[^\\W_]*\\Z")
_LOOK_BACK = 4  # an onset has at most three letters


def press_tone(text: str) -> str:
    """Return NFC `text` in the tone style of the press: hoà, khoẻ, thuỷ become hòa, khỏe, thủy."""
    return _NEW.sub(lambda match: _moved(match, _TO_PRESS), text)


def new_tone(text: str) -> str:
    """Return NFC `text` with tones on the main vowel: hòa, khỏe, thủy become hoà, khoẻ, thuỷ."""
    return _PRESS.sub(lambda match: _moved(match, _TO_NEW), text)


def _moved(match: re.Match[str], places: dict[str, str]) -> str:
    """Return the matched rime with its tone moved, or unchanged if it does not end a Vietnamese syllable."""
    moved = places.get(match[0])
    if moved is None:
        return match[0]
    onset = _ONSET.search(match.string, max(0, match.start() - _LOOK_BACK), match.start())
    assert onset is not None
    return moved if onset[0].lower() in _TONE_ONSETS[fold(match[0])] else match[0]


# Words

_SYLLABLE = re.compile(r"[^\W_]+")
_WORD = re.compile(r"[^\W\d_]+")
_MARKS = re.compile("[\u0300-\u034e\u0350-\u036f]+")  # all of them combine; no character before them does
_FOREIGN = re.compile("[\u0370-\U0010ffff]")

# A text loops if a sequence of four words occurs in it three times. One human sentence in 500 also does, with a term of
# four syllables ("sở hữu trí tuệ") or a list.
LOOP_LENGTH = 4
LOOP_TIMES = 3


def syllables(text: str) -> list[str]:
    """Return the runs of letters and digits of `text` in order: in Vietnamese, its syllables."""
    return _SYLLABLE.findall(text)


def small(text: str) -> str:
    """Return `text` in lower case with its length unchanged; `İ`, whose lower case has two characters, is kept."""
    low = text.lower()
    if len(low) == len(text):
        return low
    return "".join(letter.lower() if len(letter.lower()) == 1 else letter for letter in text)


def fold(text: str) -> str:
    """Return `text` in lower case without marks, and đ as d."""
    low = text.lower()
    if low.isascii():
        return low
    bare = _MARKS.sub("", unicodedata.normalize("NFD", low)).replace("đ", "d")
    return _FOREIGN.sub(lambda match: "" if unicodedata.combining(match[0]) else match[0], bare)


_LEAST_VIETNAMESE = 0.3  # of the letters in lower-case words
_LEAST_IN_LISTS = 0.08  # of all letters
_LEAST_FORMED = 0.5


def looks_vietnamese(text: str) -> bool:
    """Return whether `text`, the body of an article, is Vietnamese written with marks.

    Counts the words in lower case, which excludes foreign names; counts all words if few are in lower case (a list of
    matches, a text in capitals). In 36,000 articles, well-formed Vietnamese syllables with marks have at least 0.37 of
    the letters (0.1 in such lists); in English, French or Vietnamese without marks, hardly any.
    """
    words = _WORD.findall(unicodedata.normalize("NFC", text))
    uncapitalized = [word for word in words if word.islower()]
    running = 6 * len(uncapitalized) >= len(words)
    letters, formed = vietnamese_share(uncapitalized if running else words)
    return letters >= (_LEAST_VIETNAMESE if running else _LEAST_IN_LISTS) and formed >= _LEAST_FORMED
