"""Detect and convert TCVN3 (ABC) and VNI, the font encodings of Vietnamese before Unicode.

Python and charset-normalizer know neither encoding; the latter takes TCVN3 for iso8859_10. A text is in an encoding if
nearly all words with marks are well-formed Vietnamese syllables after the conversion. Counting syllables, not letters,
keeps Czech or French, which have as many accents, from being taken for TCVN3. `normalize.looks_vietnamese` counts by
`vietnamese_share` too.
"""

from __future__ import annotations

import contextlib
import functools
import re
import unicodedata
from collections.abc import Iterable

# TCVN 5712:1993 VN3, the encoding of the .Vn fonts: one byte a letter. A capital with a tone has no byte: it was the
# small letter in a font of capitals, or the capital and a byte for the tone (B0 to B4, from VN2).
_TCVN3 = str.maketrans(
    bytes.fromhex(
        "A1A2A3A4A5A6A7 A8A9AAABACADAE B0B1B2B3B4 B5B6B7B8B9 BBBCBDBEC6 C7C8C9CACB CCCECFD0D1 D2D3D4D5D6 D7D8DCDDDE"
        "DFE1E2E3E4 E5E6E7E8E9 EAEBECEDEE EFF1F2F3F4 F5F6F7F8F9 FAFBFCFDFE"
    ).decode("latin-1"),
    "ĂÂÊÔƠƯĐăâêôơưđ\u0300\u0309\u0303\u0301\u0323àảãáạằẳẵắặầẩẫấậèẻẽéẹềểễếệìỉĩíịòỏõóọồổỗốộờởỡớợùủũúụừửữứựỳỷỹýỵ",
)

# VNI for Windows: a base letter and a byte for its marks; i with a tone, ơ, ư, ỵ and đ have bytes of their own.
_TONES = ("\u0301", "\u0300", "\u0309", "\u0303", "\u0323")
_VNI_TONES = dict(zip("ùøûõï", _TONES, strict=True))
_VNI_HATS = dict(zip("âáàåãä", ("\u0302", *("\u0302" + tone for tone in _TONES)), strict=True))
_VNI_BREVES = dict(zip("êéèúüë", ("\u0306", *("\u0306" + tone for tone in _TONES)), strict=True))
_VNI_ALONE = dict(zip("íìæóòîôöñ", "íìỉĩịỵơưđ", strict=True))
_VNI_BASES = {
    "a": _VNI_TONES | _VNI_HATS | _VNI_BREVES,
    "e": _VNI_TONES | _VNI_HATS,
    "o": _VNI_TONES | _VNI_HATS,
    "u": _VNI_TONES,
    "y": _VNI_TONES,
    "ô": _VNI_TONES,
    "ö": _VNI_TONES,
}


def _vni_table() -> dict[str, str]:
    """Return the letter for each code of one or two Latin-1 characters; a capital may have a small mark ("Aù")."""
    small = dict(_VNI_ALONE)
    for base, marks in _VNI_BASES.items():
        letter = _VNI_ALONE.get(base, base)
        small |= {base + mark: unicodedata.normalize("NFC", letter + code) for mark, code in marks.items()}
    capital = {code[0].upper() + code[1:]: letter.upper() for code, letter in small.items()}
    return small | capital | {code.upper(): letter for code, letter in capital.items()}


_VNI = _vni_table()
_VNI_CODE = re.compile("|".join(sorted(_VNI, key=len, reverse=True)))

_WORD = re.compile(r"[^\W\d_]+")
_SMALL = re.compile("[a-z]")
_CAPITAL = re.compile("[A-Z]")


def from_tcvn3(text: str) -> str:
    """Return TCVN3 `text`, given as its bytes read in cp1252, in NFC.

    Small accented letters between capitals were printed as capitals and become capitals: "CéNG HßA" is "CỘNG HÒA".
    """
    unicode = unicodedata.normalize("NFC", text.translate(_TCVN3))
    return "\n".join(_raise_capitals(line) for line in unicode.split("\n"))


def _raise_capitals(line: str) -> str:
    if _is_all_capitals(line):
        return line.upper()
    return _WORD.sub(lambda match: match[0].upper() if _is_all_capitals(match[0]) else match[0], line)


def _is_all_capitals(text: str) -> bool:
    """Return whether `text` has at least two ASCII capitals and no lower-case ASCII letter."""
    return text.upper() != text and not _SMALL.search(text) and len(_CAPITAL.findall(text)) > 1


def from_vni(text: str) -> str:
    """Return VNI `text`, given as its bytes read in cp1252, in NFC."""
    return _VNI_CODE.sub(lambda match: _VNI[match[0]], text)


# In 13,000 articles of vietnews and baomoi, three quarters of the letters are in accented syllables (a tenth in lists
# of foreign names), and 0.97 of the accented words are well formed. With the wrong table it was 0.43 at most, in twenty
# other languages 0.6.
_LEAST_LETTERS = 0.2
_LEAST_FORMED = 0.75


def recognise(text: str) -> tuple[str, str] | None:
    """Return the text in NFC and its encoding, "tcvn3", "vni" or "cp1258", if it is Vietnamese in one of them.

    `text` is the bytes read in cp1252. Returns None if it is most plausible unconverted, or is not Vietnamese.
    """
    if text.isascii():
        return None
    readings = {"": text, "tcvn3": from_tcvn3(text), "vni": from_vni(text)}
    with contextlib.suppress(UnicodeError):
        readings["cp1258"] = unicodedata.normalize("NFC", text.encode("cp1252").decode("cp1258"))
    shares = {encoding: vietnamese_share(_WORD.findall(reading)) for encoding, reading in readings.items()}
    best = max(shares, key=lambda encoding: sum(shares[encoding]))
    letters, formed = shares[best]
    if not best or letters < _LEAST_LETTERS or formed < _LEAST_FORMED:
        return None
    return readings[best], best


def vietnamese_share(words: Iterable[str]) -> tuple[float, float]:
    """Return two shares, each 0 to 1, of NFC `words`.

    The first is the share of letters in well-formed Vietnamese syllables with a mark among all letters. The second is
    the share of well-formed syllables among the words with a letter outside ASCII. Both are 0 without such words.
    """
    syllables = _marked_syllables()
    letters = inside = marked = formed = 0
    for word in words:
        letters += len(word)
        if not word.isascii():
            marked += 1
            if word.lower() in syllables:
                formed += 1
                inside += len(word)
    return (inside / letters if letters else 0.0, formed / marked if marked else 0.0)


_ONSETS = ("", *"b c ch d đ g gh gi h k kh l m n ng ngh nh p ph qu r s t th tr v x".split())
_OPEN_RIMES = (
    "a ai ao au ay âu ây e eo ê êu i ia iu iêu o oa oai oao oay oe oeo oi ô ôi ơ ơi u ua ui uê uy uya uyu uây uôi uơ"
    " ư ưa ưi ưu ươi ươu y yêu am an ang anh ăm ăn ăng âm ân âng em en eng êm ên ênh im in inh iêm iên iêng oan oang"
    " oanh oăn oăng oăm oam oen om on ong oong ôm ôn ông ơm ơn um un ung uân uâng uyn uynh uyên uôm uôn uông uênh ưm"
    " ưn ưng ươm ươn ương yêm yên yêng ynh"
).split()
_STOPPED_RIMES = (
    "ac ach ap at ăc ăp ăt ăk âc âp ât ec ep et êch êk êp êt ich ip it iêc iêp iêt oac oach oat oăc oăt oap oet oc op"
    " ot ooc ôc ôk ôp ôt ơc ơp ơt uc up ut uât uych uyt uyêt uêch uôc uôt ưc ưt ươc ươp ươt yêt"
).split()


@functools.cache  # 31,000 words in 12 ms: built when first needed
def _marked_syllables() -> frozenset[str]:
    """Return the well-formed syllables with a mark, in lower case and NFC, with the tone on any vowel."""
    open_tones, stopped_tones = ("", *_TONES), ("", "\u0301", "\u0323")
    rimes = {
        unicodedata.normalize("NFC", rime[:place] + tone + rime[place:])
        for tones, group in ((open_tones, _OPEN_RIMES), (stopped_tones, _STOPPED_RIMES))
        for rime in group
        for place, letter in enumerate(rime, start=1)
        if letter in "aăâeêioôơuưy"
        for tone in tones
    }
    words = {onset + rime for onset in _ONSETS for rime in rimes}
    # in gì, gìn, giếng, i is the vowel
    words |= {unicodedata.normalize("NFC", f"gi{tone}{coda}") for tone in _TONES for coda in ("", "n")}
    return frozenset(word for word in words if not word.isascii())
