"""Text from bytes to words."""

from __future__ import annotations

import json
import lzma
import math
import time
import timeit
import unicodedata
from itertools import islice
from pathlib import Path

import ftfy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.text.normalize import (
    Decoded,
    decode,
    fold,
    looks_vietnamese,
    new_tone,
    press_tone,
    repair,
    syllables,
    tidy,
)
from tests.text.test_legacy_encodings import to_cp1258, to_tcvn3, to_vni

DATA = Path(__file__).parents[3] / "shared" / "data"

NEWS = """Hà Nội chuẩn bị mở tuyến xe buýt điện
Sáng 12-3, Sở Giao thông cho biết tuyến xe buýt điện đầu tiên qua phố cổ sẽ chạy từ tháng tới. “Giá vé chỉ 7.000 đồng”, \
ông Đặng Hữu Quỳ nói.
Mỗi ngày có 10⁶ lượt tìm kiếm trên mạng, tức tăng ½ so với năm ngoái…"""

# What Vietnamese is typed in, marks and capitals included.
VIETNAMESE = "aàảãáạăằẳẵắặâầẩẫấậbcdđeèẻẽéẹêềểễếệghiìỉĩíịklmnoòỏõóọôồổỗốộơờởỡớợpqrstuùủũúụưừửữứựvxyỳỷỹýỵ"
LETTERS = st.text(alphabet=VIETNAMESE + VIETNAMESE.upper() + " .,\n“”_0")

DECODED = {
    "utf-8": (NEWS.encode(), Decoded(NEWS, "utf-8")),
    "utf-8 with its mark": (b"\xef\xbb\xbf" + NEWS.encode(), Decoded(NEWS, "utf-8")),
    "utf-16, little end first": (b"\xff\xfe" + NEWS.encode("utf-16-le"), Decoded(NEWS, "utf-16-le")),
    "utf-16, big end first": (b"\xfe\xff" + NEWS.encode("utf-16-be"), Decoded(NEWS, "utf-16-be")),
    "utf-32": (b"\xff\xfe\0\0" + NEWS.encode("utf-32-le"), Decoded(NEWS, "utf-32-le")),
    "empty": (b"", Decoded("", "utf-8")),
    "tcvn3": (to_tcvn3("Mưa lớn ở miền núi").encode("cp1252"), Decoded("Mưa lớn ở miền núi", "tcvn3", ("tcvn3",))),
    "vni": (to_vni("Mưa lớn ở miền núi").encode("cp1252"), Decoded("Mưa lớn ở miền núi", "vni", ("vni",))),
    "windows-1258": (to_cp1258("Mưa lớn ở miền núi"), Decoded("Mưa lớn ở miền núi", "cp1258", ("cp1258",))),
    "quotes of Word in tcvn3": (
        b"\x93" + to_tcvn3("Trời đã sáng").encode("cp1252") + b"\x94\x85",
        Decoded("“Trời đã sáng”…", "tcvn3", ("tcvn3",)),
    ),
}


@pytest.mark.parametrize(("data", "expected"), DECODED.values(), ids=DECODED)
def test_decode(data: bytes, expected: Decoded) -> None:
    assert decode(data) == expected


def test_a_damaged_byte_in_a_long_text_is_replaced_and_said() -> None:
    data = (NEWS * 10).encode().replace("đồng".encode(), b"\x91\xe1\xbb\x93ng", 1)
    found = decode(data)
    assert (found.encoding, found.repairs) == ("utf-8", ("utf8_replaced",))
    assert found.text.count("\ufffd") == 1
    assert repair(found.text)[1] == ("replacement_left",)


def test_a_short_text_cut_within_a_character_is_still_utf8() -> None:
    found = decode("Nước sông Hồng dâng cao, đê an toà".encode()[:-1])
    assert found == Decoded("Nước sông Hồng dâng cao, đê an to\ufffd", "utf-8", ("utf8_replaced",))


ENGLISH = "The café was closed and nobody knew when it would open again. " + "It rained all day long. " * 100
FRENCH = "L’été dernier, les élèves français étudiaient à l’école, là où le maître les a laissés. " * 5
RUSSIAN = "Президент заявил, что переговоры пройдут на следующей неделе в Москве. " * 5


@pytest.mark.parametrize(
    ("text", "encoding"),
    [(ENGLISH, "cp1252"), (RUSSIAN, "cp1251")],
    ids=["one accent in a thousand letters", "Russian"],
)
def test_other_encodings_are_detected(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == Decoded(text, encoding)


def test_french_is_not_converted_from_an_encoding_of_vietnamese() -> None:
    found = decode(FRENCH.encode("cp1252"))
    assert found.repairs == ()
    assert "français étudiaient" in found.text


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\0", "control characters"),
        (bytes(range(256)) * 10, "control characters"),
        (b"\xff\xfea\0b", "byte-order mark of utf-16-le"),
    ],
    ids=["an image", "every byte", "half a character of UTF-16"],
)
def test_what_is_not_text_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(UnicodeError, match=says):
        decode(data)


REPAIRED = {
    "nothing": (NEWS, NEWS, ()),
    "not compatibility": ("10⁶ m², ½ và ﬁ, Ａ, ①", "10⁶ m², ½ và ﬁ, Ａ, ①", ()),
    "not quotes nor entities": ("“Sao?” ‘a’ &amp; &lt;b&gt; <i>", "“Sao?” ‘a’ &amp; &lt;b&gt; <i>", ()),
    "not right capitals": ("XÃ ĐẦM HÀ, CHÂU Âu… “THỦ ĐÔ”", "XÃ ĐẦM HÀ, CHÂU Âu… “THỦ ĐÔ”", ()),
    "not quotes behind capitals": ("“LÀM GIÀU CHO XÃ”, ĐÃ… RỒI", "“LÀM GIÀU CHO XÃ”, ĐÃ… RỒI", ()),
    "not a no-break space behind capitals": ("XÃ\u00a0HỘI, CHÂU Á\u00a0– ÂU", "XÃ\u00a0HỘI, CHÂU Á\u00a0– ÂU", ()),
    "not quotes behind small letters": ("“Tôi đã…” và «xã»", "“Tôi đã…” và «xã»", ()),
    "not French": ("L’été à la française", "L’été à la française", ()),
    "mojibake": ("Tiáº¿ng Viá»‡t giÃ u vÃ\xa0 Ä‘áº¹p", "Tiếng Việt già u và đẹp", ("mojibake",)),
    "mojibake whose no-break spaces became spaces": ("lÃ  ngÃ y vui á»Ÿ Ä‘Ã¢y", "là ngày vui ở đây", ("mojibake",)),
    "mojibake of capitals only": ("CÃ“ THÃ”NG TIN", "CÓ THÔNG TIN", ("mojibake",)),
    "mojibake in one line": ("Trời đẹp.\nTrá»\x9di mÆ°a.\nHết.", "Trời đẹp.\nTrời mưa.\nHết.", ("mojibake",)),
    "quotes of Windows as controls": ("Ông nói: \x93Đi thôi\x94", "Ông nói: “Đi thôi”", ("mojibake",)),
    "tcvn3 read in cp1252": (to_tcvn3("Cộng hòa xã hội chủ nghĩa"), "Cộng hòa xã hội chủ nghĩa", ("tcvn3",)),
    "vni read in cp1252": (to_vni("Cộng hòa xã hội chủ nghĩa"), "Cộng hòa xã hội chủ nghĩa", ("vni",)),
    "decomposed": (unicodedata.normalize("NFD", "Tiếng Việt"), "Tiếng Việt", ("nfc",)),
    "tone typed before the circumflex": ("ca\u0301\u0302p", "cấp", ("nfc",)),
    "eth": ("Ðà Nẵng ðã mưa", "Đà Nẵng đã mưa", ("eth",)),
    "eth in abbreviations": ("HÐND, QÐ-TTg, 5.000ð, VNÐ, vnð", "HĐND, QĐ-TTg, 5.000đ, VNĐ, vnđ", ("eth",)),
    "the eth of Iceland": ("Tiền đạo Guðjohnsen, SIGURÐSSON", "Tiền đạo Guðjohnsen, SIGURÐSSON", ()),
    "invisible": ("\ufeffViệt\u200b Nam, xin\xad chào\x07", "Việt Nam, xin chào", ("control",)),
    "invisible between letter and mark": ("a\u200b\u0301", "á", ("control",)),
    "joiner of an emoji": ("Gia đình 👨\u200d👩\u200d👧 vui", "Gia đình 👨\u200d👩\u200d👧 vui", ()),
    "line breaks": ("một\r\nhai\rba\u2028bốn\x0bnăm\x85sáu", "một\nhai\nba\nbốn\nnăm…sáu", ("mojibake",)),
    "paragraphs and tabs": ("một\n\n\thai\n", "một\n\n\thai\n", ()),
    "lost": ("Vi\ufffdt Nam", "Vi\ufffdt Nam", ("replacement_left",)),
    "half a pair": ("a\ud83d", "a\ufffd", ("replacement_left",)),
    "two halves": ("a\ud83d\ude00", "a😀", ()),
    "several": (
        "Ðe\u0323p\u200b \ufffd",
        "Đẹp \ufffd",
        ("nfc", "eth", "control", "replacement_left"),
    ),
}


@pytest.mark.parametrize(("text", "expected", "names"), REPAIRED.values(), ids=REPAIRED)
def test_repair(text: str, expected: str, names: tuple[str, ...]) -> None:
    assert repair(text) == (expected, names)


@pytest.mark.parametrize("encoding", ["latin-1", "cp437", "mac_roman", "cp1250", "cp1251", "cp1257"])
def test_mojibake_of_every_code_page_is_undone(encoding: str) -> None:
    lines = [line for line in NEWS.split("\n") if _mistakable(line, encoding)]
    text = "\n".join(lines * 3) or "Ngày mai trời có mưa nhẹ và mây"
    assert repair(text.encode().decode(encoding)) == (text, ("mojibake",))


def _mistakable(line: str, encoding: str) -> bool:
    try:
        line.encode().decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


@given(LETTERS)
def test_right_vietnamese_needs_no_repair(text: str) -> None:
    text = "Ở " + text  # a text of Ã and “ alone is in doubt
    assert repair(text) == (text, ())


@given(LETTERS)
def test_decomposed_vietnamese_is_composed(text: str) -> None:
    text = "Ở " + text
    assert repair(unicodedata.normalize("NFD", text))[0] == text


@given(st.text())
def test_repaired_text_is_in_nfc_and_can_be_written(text: str) -> None:
    repaired, _ = repair(text)
    assert unicodedata.is_normalized("NFC", repaired)
    assert repaired.encode().decode() == repaired
    assert not any(unicodedata.category(letter) == "Cc" for letter in repaired if letter not in "\t\n")


@given(
    st.lists(LETTERS | st.sampled_from(["Ð", "ð", "\u200b", "\u0301", "\u0302", "e\u0323", "\ufffd", "\x07"])).map(
        "".join
    )
)
def test_repaired_text_needs_no_repair(text: str) -> None:
    repaired, _ = repair(text)
    assert repair(repaired)[0] == repaired


@pytest.mark.parametrize(
    "unit", ["Ã", "á»", "\x80", "Ð", "BÐ", "a\u0301\u0302", "\u0301\u0323", "\r\n", "\u200b", "Ã  ", "é", "µA"]
)
def test_repair_takes_linear_time_on_hostile_input(unit: str) -> None:
    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        started = time.process_time()
        repaired, _ = repair(text)
        looks_vietnamese(repaired)
        return time.process_time() - started

    # ten times the text may take ten times as long; a quadratic algorithm takes a hundred, and more than the floor
    assert seconds(200_000) < max(40 * seconds(20_000), 1.0)


def test_a_clean_article_costs_next_to_nothing() -> None:
    article = (NEWS + "\n") * 10
    assert len(article.encode()) > 3000
    ours, full = math.inf, math.inf  # in turn, so that a busy machine slows both
    for _ in range(50):
        ours = min(ours, timeit.timeit(lambda: repair(article), number=1))
        full = min(full, timeit.timeit(lambda: ftfy.fix_text(article), number=1))
    assert ours < full / 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  một \t hai\u00a0 ba \n\n \n bốn\r\n", "một hai ba\nbốn"),
        ("\n \n", ""),
        ("một\u2028hai", "một\nhai"),
    ],
)
def test_tidy(text: str, expected: str) -> None:
    assert tidy(text) == expected


@given(st.text())
def test_tidy_loses_no_word_and_is_done_once(text: str) -> None:
    assert tidy(text).split() == text.split()
    assert tidy(tidy(text)) == tidy(text)


# new style, as the press writes it
TONES = """hoà hòa · Hoà Hòa · HOÀ HÒA · hoá hóa · hoạ họa · oà òa · xoã xõa · loá lóa · doạ dọa · nhoà nhòa · ngoã ngõa
khoẻ khỏe · Khoẻ Khỏe · loè lòe · xoè xòe · chí-choé chí-chóe
thuỷ thủy · THUỶ THỦY · tuỳ tùy · huỷ hủy · uỷ ủy · Uý Úy · luỹ lũy · truỵ trụy · suý súy · nguỵ ngụy
hoà_bình hòa_bình · (hoà) (hòa) · hoà,hoá hòa,hóa"""
SAME_IN_BOTH = """hoa hoan toán hoàng hoài xoáy xoèn ngoéo loạt khuỷu thuyền tuyết khuya chuỳnh quý quỳ quỷ Quý QUÝ
quà quả mùa của múa Noé Joé Chloé Zoé Bảo Huế thuở goòng số-0à"""


@pytest.mark.parametrize(
    "pair", [pair.split() for line in TONES.split("\n") for pair in line.split(" · ")], ids="/".join
)
def test_tone_placement(pair: list[str]) -> None:
    new, press = pair
    assert press_tone(new) == press
    assert new_tone(press) == new
    assert press_tone(press) == press
    assert new_tone(new) == new


@pytest.mark.parametrize("word", SAME_IN_BOTH.split())
def test_words_without_a_choice_keep_their_tone(word: str) -> None:
    assert press_tone(word) == word
    assert new_tone(word) == word


RIMES = [
    "oà",
    "oá",
    "oả",
    "oã",
    "oạ",
    "oè",
    "oé",
    "uỳ",
    "uý",
    "uỷ",
    "uỵ",
    "òa",
    "óe",
    "ủy",
    "oàn",
    "uýt",
    "oa",
    "uy",
    "ua",
]
SYLLABLES = st.builds(
    lambda onset, rime, behind: onset + rime + behind,
    st.sampled_from(["", "h", "kh", "th", "qu", "q", "j", "ng", "gi", "tr", "đ", "H", "TH", "Đ", "b"]),
    st.sampled_from(RIMES + [rime.upper() for rime in RIMES]),
    st.sampled_from([" ", "_", ".", "-", "", "”", "1"]),
)


@given(st.lists(SYLLABLES | LETTERS).map("".join))
def test_the_two_placements_undo_each_other(text: str) -> None:
    press, new = press_tone(text), new_tone(text)
    assert (press_tone(press), new_tone(new)) == (press, new)
    assert (press_tone(new), new_tone(press)) == (press, new)
    assert unicodedata.is_normalized("NFC", press)
    assert unicodedata.is_normalized("NFC", new)
    assert fold(press) == fold(new) == fold(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Giá 13,94% ở Bà Rịa - Vũng Tàu!", ["Giá", "13", "94", "ở", "Bà", "Rịa", "Vũng", "Tàu"]),
        ("nghiên_cứu COVID-19", ["nghiên", "cứu", "COVID", "19"]),
        ("…", []),
    ],
)
def test_syllables(text: str, expected: list[str]) -> None:
    assert syllables(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Đường Huỳnh Thúc Kháng", "duong huynh thuc khang"), ("PHỞ 24", "pho 24"), ("đ Đ", "d d"), ("北京", "北京")],
)
def test_fold(text: str, expected: str) -> None:
    assert fold(text) == expected


MARKED = st.characters(categories=["Mn", "Mc", "Lo", "Lm", "Ll", "Lu"])


@given(st.lists(LETTERS | st.text() | st.text(MARKED)).map("".join))
def test_fold_drops_what_combines_and_nothing_else(text: str) -> None:
    decomposed = unicodedata.normalize("NFD", text.lower())
    bare = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    assert fold(text) == bare.replace("đ", "d")


@given(LETTERS)
def test_vietnamese_folds_to_ascii(text: str) -> None:
    assert fold(text.translate({ord("“"): None, ord("”"): None})).isascii()


VIETNAMESE_TEXTS = {
    "news": NEWS,
    "decomposed": unicodedata.normalize("NFD", NEWS),
    "full of English names": "Apple, Google, Microsoft, Amazon Web Services và OpenAI cùng Elon Musk, Mark Zuckerberg, Tim Cook,"
    " Satya Nadella dự World Economic Forum ở Davos, Switzerland, theo Reuters và The New York Times.",
    "a list of matches": "Bán kết Champions League: Real Madrid – Manchester City, Bayern Munich – Inter Milan. Giao hữu: Việt Nam"
    " – Indonesia, Hà Nội FC – Arsenal. Ligue 1: Paris Saint Germain – Lyon.",
    "capitals": "KẾT QUẢ BẦU CỬ HỘI ĐỒNG NHÂN DÂN CÁC CẤP",
}
OTHER_TEXTS = {
    "English": "The first electric bus line through the old quarter will open next month, the city said on Tuesday.",
    "English with Vietnamese names": "Prime Minister Nguyễn Văn Bình met Trần Thị Hồng, head of Đà Nẵng port, in Hà Nội on Monday"
    " to discuss the new terminal, which is due to open in Quảng Ngãi by the end of the year.",
    "French": "L’été dernier, à Paris, où étiez-vous ? Là, à l’école, le maître a reçu ses élèves : « Voilà déjà midi ».",
    "Portuguese": "Não há razão para a votação não começar amanhã às três; a situação está difícil, mas é só isso.",
    "Italian": "Perché la città è più bella così? Già da lunedì sarà là, però non può: è ciò che si dirà.",
    "Chinese": "总统表示谈判将于下周在北京举行，各方代表将出席会议。",
    "without marks": "Sang nay Thu tuong tham tinh Ninh Binh va lam viec voi lanh dao tinh ve quy hoach cang bien.",
    "unconverted tcvn3": to_tcvn3("Sáng nay, mực nước sông Hồng tại trạm đo đã giảm xuống dưới báo động một."),
    "nothing": "",
    "numbers": "12.345 – 67%",
}


@pytest.mark.parametrize("text", VIETNAMESE_TEXTS.values(), ids=VIETNAMESE_TEXTS)
def test_looks_vietnamese(text: str) -> None:
    assert looks_vietnamese(text)


@pytest.mark.parametrize("text", OTHER_TEXTS.values(), ids=OTHER_TEXTS)
def test_does_not_look_vietnamese(text: str) -> None:
    assert not looks_vietnamese(text)


@pytest.mark.skipif(not DATA.exists(), reason="the shared data set is not beside the repository")
def test_language_of_thousands_of_articles() -> None:
    for name in ("vietnews.val", "baomoi.train"):
        with lzma.open(DATA / f"{name}.jsonl.xz", "rt", encoding="utf-8") as file:
            bodies = [json.loads(line)["body"] for line in islice(file, 500)]
        assert all(map(looks_vietnamese, bodies)), name
    with lzma.open(DATA / "english-news.txt.xz", "rt", encoding="utf-8") as file:
        assert not any(map(looks_vietnamese, islice(file, 5000)))
