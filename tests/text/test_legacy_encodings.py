"""TCVN3 and VNI: tables written down a second time, and texts that must not be taken for them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.text.legacy_encodings import from_tcvn3, from_vni, recognise, vietnamese_share

# Letter by letter, from the standard's chart (TCVN 5712:1993, VN3).
TCVN3 = {
    "à": 0xB5, "ả": 0xB6, "ã": 0xB7, "á": 0xB8, "ạ": 0xB9,
    "ă": 0xA8, "ằ": 0xBB, "ẳ": 0xBC, "ẵ": 0xBD, "ắ": 0xBE, "ặ": 0xC6,
    "â": 0xA9, "ầ": 0xC7, "ẩ": 0xC8, "ẫ": 0xC9, "ấ": 0xCA, "ậ": 0xCB,
    "è": 0xCC, "ẻ": 0xCE, "ẽ": 0xCF, "é": 0xD0, "ẹ": 0xD1,
    "ê": 0xAA, "ề": 0xD2, "ể": 0xD3, "ễ": 0xD4, "ế": 0xD5, "ệ": 0xD6,
    "ì": 0xD7, "ỉ": 0xD8, "ĩ": 0xDC, "í": 0xDD, "ị": 0xDE,
    "ò": 0xDF, "ỏ": 0xE1, "õ": 0xE2, "ó": 0xE3, "ọ": 0xE4,
    "ô": 0xAB, "ồ": 0xE5, "ổ": 0xE6, "ỗ": 0xE7, "ố": 0xE8, "ộ": 0xE9,
    "ơ": 0xAC, "ờ": 0xEA, "ở": 0xEB, "ỡ": 0xEC, "ớ": 0xED, "ợ": 0xEE,
    "ù": 0xEF, "ủ": 0xF1, "ũ": 0xF2, "ú": 0xF3, "ụ": 0xF4,
    "ư": 0xAD, "ừ": 0xF5, "ử": 0xF6, "ữ": 0xF7, "ứ": 0xF8, "ự": 0xF9,
    "ỳ": 0xFA, "ỷ": 0xFB, "ỹ": 0xFC, "ý": 0xFD, "ỵ": 0xFE,
    "đ": 0xAE, "Ă": 0xA1, "Â": 0xA2, "Ê": 0xA3, "Ô": 0xA4, "Ơ": 0xA5, "Ư": 0xA6, "Đ": 0xA7,
}  # fmt: skip
# As a VNI font shows them without its font.
VNI = dict(
    pair.split("=")
    for pair in (
        "á=aù à=aø ả=aû ã=aõ ạ=aï ă=aê ắ=aé ằ=aè ẳ=aú ẵ=aü ặ=aë â=aâ ấ=aá ầ=aà ẩ=aå ẫ=aã ậ=aä"
        " é=eù è=eø ẻ=eû ẽ=eõ ẹ=eï ê=eâ ế=eá ề=eà ể=eå ễ=eã ệ=eä í=í ì=ì ỉ=æ ĩ=ó ị=ò"
        " ó=où ò=oø ỏ=oû õ=oõ ọ=oï ô=oâ ố=oá ồ=oà ổ=oå ỗ=oã ộ=oä ơ=ô ớ=ôù ờ=ôø ở=ôû ỡ=ôõ ợ=ôï"
        " ú=uù ù=uø ủ=uû ũ=uõ ụ=uï ư=ö ứ=öù ừ=öø ử=öû ữ=öõ ự=öï ý=yù ỳ=yø ỷ=yû ỹ=yõ ỵ=î đ=ñ"
        " Á=AÙ À=AØ Ả=AÛ Ã=AÕ Ạ=AÏ Ă=AÊ Ắ=AÉ Ằ=AÈ Ẳ=AÚ Ẵ=AÜ Ặ=AË Â=AÂ Ấ=AÁ Ầ=AÀ Ẩ=AÅ Ẫ=AÃ Ậ=AÄ"
        " É=EÙ È=EØ Ẻ=EÛ Ẽ=EÕ Ẹ=EÏ Ê=EÂ Ế=EÁ Ề=EÀ Ể=EÅ Ễ=EÃ Ệ=EÄ Í=Í Ì=Ì Ỉ=Æ Ĩ=Ó Ị=Ò"
        " Ó=OÙ Ò=OØ Ỏ=OÛ Õ=OÕ Ọ=OÏ Ô=OÂ Ố=OÁ Ồ=OÀ Ổ=OÅ Ỗ=OÃ Ộ=OÄ Ơ=Ô Ớ=ÔÙ Ờ=ÔØ Ở=ÔÛ Ỡ=ÔÕ Ợ=ÔÏ"
        " Ú=UÙ Ù=UØ Ủ=UÛ Ũ=UÕ Ụ=UÏ Ư=Ö Ứ=ÖÙ Ừ=ÖØ Ử=ÖÛ Ữ=ÖÕ Ự=ÖÏ Ý=YÙ Ỳ=YØ Ỷ=YÛ Ỹ=YÕ Ỵ=Î Đ=Ñ"
    ).split()
)
SMALL = "àảãáạăằẳẵắặâầẩẫấậèẻẽéẹêềểễếệìỉĩíịòỏõóọôồổỗốộơờởỡớợùủũúụưừửữứựỳỷỹýỵđ"

NEWS = (
    "Sáng nay, mực nước sông Hồng tại trạm đo đã giảm xuống dưới báo động một. Người dân ven đê bắt đầu trở về dọn dẹp"
    " nhà cửa, cán bộ xã phát thuốc khử trùng và nước sạch cho từng hộ."
)
LETTERS = st.text(alphabet=SMALL + "bcdghklmnpqrstvx ,.1\n")


def to_tcvn3(text: str) -> str:
    """TCVN3 as cp1252 shows it."""
    return "".join(chr(TCVN3[letter]) if letter in TCVN3 else letter for letter in text)


def to_vni(text: str) -> str:
    return "".join(VNI.get(letter, letter) for letter in text)


def to_cp1258(text: str) -> bytes:
    """Letters with their hats and horns in one byte, tones in another."""
    tones = "\u0300\u0301\u0303\u0309\u0323"
    letters = []
    for letter in text:
        parts = unicodedata.normalize("NFD", letter)
        base = unicodedata.normalize("NFC", "".join(part for part in parts if part not in tones))
        letters.append(base + "".join(part for part in parts if part in tones))
    return "".join(letters).encode("cp1258")


def test_both_tables_hold_every_letter_of_vietnamese() -> None:
    assert set(SMALL) <= set(TCVN3)
    assert set(SMALL + SMALL.upper()) == set(VNI)


@given(LETTERS)
def test_tcvn3_round_trip(text: str) -> None:
    assert from_tcvn3(to_tcvn3(text)) == text


@given(st.text(alphabet=SMALL + SMALL.upper() + " ,.1\n"))
def test_vni_round_trip(text: str) -> None:
    assert from_vni(to_vni(text)) == text


@pytest.mark.parametrize("capital", "ĂÂÊÔƠƯĐ")
def test_the_capitals_that_tcvn3_has(capital: str) -> None:
    assert from_tcvn3(chr(TCVN3[capital]) + "ng") == capital + "ng"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        # the heading of every official letter, as it is seen without its font
        ("Céng hßa x· héi chñ nghÜa ViÖt Nam", "Cộng hòa xã hội chủ nghĩa Việt Nam"),
        ("§éc lËp - Tù do - H¹nh phóc", "Độc lập - Tự do - Hạnh phúc"),
        # in a font of capitals the small accented letters were capitals
        ("CéNG HßA X· HéI", "CỘNG HÒA XÃ HỘI"),
        ("B¸o NH¢N D¢N sè míi", "Báo NHÂN DÂN số mới"),
        # a capital and a byte for its tone
        ("¤\xb3ng, A\xb0", "Ống, À"),
    ],
)
def test_tcvn3(written: str, read: str) -> None:
    assert from_tcvn3(written) == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Coäng hoøa xaõ hoäi chuû nghóa Vieät Nam", "Cộng hòa xã hội chủ nghĩa Việt Nam"),
        ("Ñoäc laäp - Töï do - Haïnh phuùc", "Độc lập - Tự do - Hạnh phúc"),
        ("COÄNG HOØA XAÕ HOÄI CHUÛ NGHÓA", "CỘNG HÒA XÃ HỘI CHỦ NGHĨA"),
        ("Aù Chaâu, Öùng Hoøa", "Á Châu, Ứng Hòa"),
    ],
)
def test_vni(written: str, read: str) -> None:
    assert from_vni(written) == read


@pytest.mark.parametrize(
    ("written", "encoding"),
    [
        (to_tcvn3(NEWS), "tcvn3"),
        (to_vni(NEWS), "vni"),
        (to_cp1258(NEWS).decode("cp1252"), "cp1258"),
    ],
    ids=["tcvn3", "vni", "cp1258"],
)
def test_recognises_what_it_converts(written: str, encoding: str) -> None:
    assert written != NEWS
    assert recognise(written) == (NEWS, encoding)


def test_recognises_tcvn3_among_foreign_names() -> None:
    news = "Theo Reuters, CEO Tim Cook của Apple đã gặp Elon Musk, Mark Zuckerberg ở New York để bàn về chip."
    assert recognise(to_tcvn3(news)) == (news, "tcvn3")


OTHERS = {
    "Vietnamese": (NEWS, "utf-8"),
    "Vietnamese whose letters French has too": ("Có gì mà vào, chú và cô à? Thì là, ông bà nào mà già.", "cp1252"),
    "English": ("The café’s owner, a naïve fiancé, paid £5 for crème brûlée – no discount.", "cp1252"),
    "French": ("L’été dernier, où étiez-vous ? À l’école, là où le maître a reçu les élèves français.", "cp1252"),
    "German": ("Die Bürger müssen früher größere Änderungen prüfen; für schöne Häuser gäbe es Zuschüsse.", "cp1252"),
    "Spanish": ("El niño comió mañana también; según él, la canción española está aquí y allá.", "cp1252"),
    "Portuguese": ("Não há razão para a votação não começar amanhã às três; a situação está difícil.", "cp1252"),
    "Italian": ("Perché la città è più bella così? Già da lunedì sarà là, però non può.", "cp1252"),
    "Swedish": ("Hon är på väg från Göteborg till Åland och må bra när vädret är så här.", "cp1252"),
    "Icelandic": ("Það er gott veður í dag og fólkið fór út á götu með börnin sín í góða veðrinu.", "cp1252"),
    "Czech": ("Příliš žluťoučký kůň úpěl ďábelské ódy a všechny děti půjdou do školy.", "cp1250"),
    "Polish": ("Zażółć gęślą jaźń; rząd ogłosił, że środki będą większe niż się spodziewano.", "cp1250"),
    "Hungarian": ("Árvíztűrő tükörfúrógép; a kormány úgy döntött, hogy több pénzt költ.", "cp1250"),
    "Romanian": ("Preşedintele a declarat că negocierile vor avea loc săptămâna viitoare.", "cp1250"),
    "Turkish": ("Cumhurbaşkanı, görüşmelerin önümüzdeki hafta yapılacağını söyledi.", "cp1254"),
    "Russian": ("Президент заявил, что переговоры пройдут на следующей неделе в Москве.", "cp1251"),
    "Greek": ("Ο πρόεδρος δήλωσε ότι οι συνομιλίες θα γίνουν την επόμενη εβδομάδα.", "cp1253"),
    "Thai": ("ประธานาธิบดีกล่าวว่าการเจรจาจะมีขึ้นในสัปดาห์หน้าที่กรุงเทพ", "cp874"),
    "Chinese": ("总统表示谈判将于下周在北京举行，各方代表将出席会议。", "gbk"),
    "Japanese": ("大統領は来週東京で会談が行われると述べた。", "shift_jis"),
    "ASCII": ("Nothing to see here.", "ascii"),
}


@pytest.mark.parametrize(("text", "encoding"), OTHERS.values(), ids=OTHERS)
def test_takes_nothing_else_for_vietnamese(text: str, encoding: str) -> None:
    assert recognise(text.encode(encoding).decode("cp1252", errors="replace")) is None
    assert recognise(text) is None


@pytest.mark.parametrize(
    ("words", "shares"),
    [
        (["thuở", "khuỷu", "ngoằn", "giếng", "gì", "quỳ", "hoà", "hòa"], (1.0, 1.0)),
        (["trong", "nhà"], (3 / 8, 1.0)),  # a word without a mark counts neither way
        (["été", "nhà"], (3 / 6, 1 / 2)),
        (["nhàc"], (0.0, 0.0)),  # before a stop only two tones are possible
        (["abc"], (0.0, 0.0)),
        ([], (0.0, 0.0)),
    ],
)
def test_vietnamese_share(words: list[str], shares: tuple[float, float]) -> None:
    assert vietnamese_share(words) == shares
