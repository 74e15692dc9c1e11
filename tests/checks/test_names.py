"""Names, offices, initials and pronouns: each row a Vietnamese sentence, a right translation and a wrong one."""

from __future__ import annotations

import datetime as dt
import tomllib
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.checks.names import comparison, gender
from pipeline.checks.names.entities import is_syllable, read_english, read_vietnamese
from pipeline.checks.names.gazetteer import gazetteer
from pipeline.checks.view import View
from pipeline.records import Flag, Translated
from pipeline.text.normalize import press_tone
from tests.records import translated

TABLE = Path(__file__).parents[2] / "pipeline" / "checks" / "names" / "names.toml"


def record(vietnamese: str, english: str, *, article: str = "", published: str = "", title: str = "") -> Translated:
    return translated((vietnamese, english), text=article or vietnamese, published=published, title=title)


def flags(translated: Translated) -> list[Flag]:
    return comparison.check(View(translated)) + gender.check(View(translated))


def found(vietnamese: str, english: str, *, article: str = "", published: str = "") -> set[tuple[str, str]]:
    """Return check and severity of what is flagged, but for notes."""
    every = flags(record(vietnamese, english, article=article, published=published))
    return {(flag.check, flag.severity) for flag in every if flag.severity != "note"}


RIGHT_AND_WRONG = [
    # people: order, marks, đ, tone style
    ("Ông Nguyễn Phước Long bị bắt.", "Nguyen Phuoc Long was arrested.", "Nguyen Van Nam was arrested."),
    ("Ông Nguyễn Phước Long bị bắt.", "Mr Long was arrested.", "The man was arrested."),
    ("Ông Nguyễn Phước Long bị bắt.", "Nguyễn Phước Long was arrested.", "Nguyen Phuc Long was arrested."),
    ("Ông Đỗ Đức Duy phát biểu.", "Do Duc Duy spoke.", "Do Duc Dung spoke."),
    ("Bà Trần Thị Thuý nói.", "Tran Thi Thuy said.", "Tran Thi Thao said."),
    ("Bà Trần Thị Thúy nói.", "Ms Thúy said.", "Ms Hoa said."),
    ("Theo Phạm Minh Chính, dự án chậm.", "According to Pham Minh Chinh, the project is late.", "The project is late."),
    # names written as in the original
    ("Đội Real Madrid thắng trận này.", "Real Madrid won this match.", "Real Betis won this match."),
    ("Theo Putin, Trump đã đồng ý.", "According to Putin, Trump agreed.", "According to Putin, Bolton agreed."),
    ("Hãng Samsung mở nhà máy mới.", "Samsung opened a new factory.", "Toshiba opened a new factory."),
    # exonyms
    ("Trung Quốc phản đối việc này.", "China objected to this.", "Japan objected to this."),
    ("Hàn Quốc mua thêm gạo.", "South Korea buys more rice.", "North Korea buys more rice."),
    ("Đài Loan mua thêm gạo.", "Taiwan buys more rice.", "Thailand buys more rice."),
    ("Tàu rời Bắc Kinh hôm qua.", "The train left Beijing yesterday.", "The train left Shanghai yesterday."),
    ("Ông Tập Cận Bình đến thăm.", "Xi Jinping is visiting.", "Tap Can Binh is visiting."),
    ("Tình hình Biển Đông căng thẳng.", "The South China Sea is tense.", "The Black Sea is tense."),
    ("Tình hình Biển Đông căng thẳng.", "The East Sea is tense.", "The sea is tense."),
    ("Bộ Ngoại giao Mỹ lên tiếng.", "The U.S. Foreign Ministry spoke.", "The Russian Foreign Ministry spoke."),
    ("Quân đội Mỹ rút lui.", "American troops withdraw.", "British troops withdraw."),
    ("Liên Hợp Quốc và Campuchia ký kết.", "The UN and Cambodia signed.", "The UN and Laos signed."),
    ("Cảnh sát Anh bắt hai người.", "British police arrested two.", "French police arrested two."),
    ("Quan hệ Mỹ - Trung căng thẳng.", "US-China ties are tense.", "US-Russia ties are tense."),
    ("Người đàn ông Ấn Độ bị bắt.", "The Indian man was arrested.", "The Thai man was arrested."),
    # a name that is altered within
    ("Thí sinh Lê Âu Ngân Anh nói.", "Contestant Le Au Ngan Anh spoke.", "Contestant Le Europe Ngan Anh spoke."),
    ("Bà Trương Thị Tuyết Hương kể.", "Truong Thi Tuyet Huong told.", "Truong Thi Tuyen Huong told."),
    # places of Vietnam
    ("Mưa lớn ở Hà Nội.", "Heavy rain in Hanoi.", "Heavy rain in Da Nang."),
    ("Người dân TP.HCM lo lắng.", "Residents of Ho Chi Minh City worry.", "Residents of Hue worry."),
    ("Người dân TP.HCM lo lắng.", "HCMC residents worry.", "Residents worry."),
    ("Bão vào Đắk Lắk.", "The storm hits Daklak.", "The storm hits Gia Lai."),
    ("Cháy ở huyện Hóc Môn.", "A fire in Hoc Mon District.", "A fire in Cu Chi District."),
    ("Tàu neo ở đảo Lý Sơn.", "The ship is off Ly Son Island.", "The ship is off Phu Quoc Island."),
]  # fmt: skip


@pytest.mark.parametrize(("vietnamese", "right", "wrong"), RIGHT_AND_WRONG)
def test_a_name_that_changed_is_an_error(vietnamese: str, right: str, wrong: str) -> None:
    assert found(vietnamese, right) == set()
    assert ("name", "error") in found(vietnamese, wrong)


@pytest.mark.parametrize(
    ("vietnamese", "english", "severities"),
    [
        # a word at the start of the sentence that is a surname too
        ("Từ Ngã Ba Đông Dương, họ đi tiếp.", "From the Indochina Junction they went on.", []),
        ("Nguyên Phó Chủ tịch huyện bị bắt.", "The former district vice chairman was arrested.", []),
        ("Từ Hiểu Đông bỏ chạy.", "Xu Xiaodong ran away.", []),
        # `vì sao` holds no planet, `đàn ông` no title, `Vi-rút` no surname
        ("Vì sao Kim Jong Un vắng mặt?", "Why is Kim Jong Un absent?", []),
        ("Vi-rút corona lan rộng.", "The coronavirus is spreading.", []),
        # an acronym makes no foreign name of the word behind it
        ("Lãnh đạo TCT Bảo đảm hàng hải bị bắt.", "The leader of the maritime safety corporation was arrested.", ["warning"]),
        # two syllables may be something else
        ("Huế bỏ Lục Bộ khỏi danh sách.", "Hue removes the six ministries from the list.", ["warning"]),
        ("Hôm qua ông Lục phát biểu.", "Lu spoke yesterday.", []),
        # a Chinese name that is read in Chinese
        ("Trung Quốc hủy chuyến bay tới Thường Châu.", "China cancels flights to Changzhou.", ["warning"]),
        ("Việt Nam đón đoàn từ Thường Châu.", "Vietnam welcomes a group from Changzhou.", ["error"]),
        # words for any office replace none
        ("Tổng Bí thư họp với các nước.", "The leaders of the countries met.", ["warning"]),
        # the country may be added
        ("Cục Quản lý Dược Vũ Tuấn Cường họp.", "Vu Tuan Cuong of the Drug Administration of Vietnam met.", []),
        # both bodies, or neither, are said
        ("UBND và Tỉnh ủy họp.", "The People's Committee and the Party Committee met.", []),
        ("Lãnh đạo tỉnh họp.", "The provincial People's Committee met.", []),
    ],
)  # fmt: skip
def test_how_bad_it_is(vietnamese: str, english: str, severities: list[str]) -> None:
    assert [flag.severity for flag in comparison.check(View(record(vietnamese, english)))] == severities


EVERY_CHECK = [
    ("name", "Ông Nguyễn Xuân Phúc dự họp.", "Mr. Phuc attended.", "Mr. Nguyen attended."),
    ("name", "Ông Nguyễn Xuân Phúc dự họp.", "Phuc attended.", "Nguyen attended."),
    ("name", "Tổng thống Putin đến Hà Nội.", "President Putin arrived in Hanoi.", "President Trump arrived in Hanoi."),
    ("name", "Thủ tướng Nhật Bản Shigeru Ishiba đến.", "Japanese Prime Minister Shigeru Ishiba arrived.", "Japanese Prime Minister Fumio Kishida arrived."),
    ("name", "Chủ tịch Tập Cận Bình thăm Việt Nam.", "President Xi Jinping visited Vietnam.", "President Tap Can Binh visited Vietnam."),
    ("name", "Tổng thống Hàn Quốc Lee Jae Myung phát biểu.", "South Korean President Lee Jae-myung spoke.", "South Korean President Yoon Suk-yeol spoke."),
    ("name", "Nhà lãnh đạo Kim Jong-un thị sát.", "Leader Kim Jong Un inspected it.", "Leader Kim Jong Il inspected it."),
    ("name", "Diễn viên Châu Tinh Trì ra phim.", "Actor Stephen Chow made a film.", "Actor Jackie Chan made a film."),
    ("name", "Ca sĩ Sơn Tùng M-TP ra MV.", "Singer Son Tung M-TP released a video.", "Singer Den Vau released a video."),
    ("name", "Tổng thư ký Liên Hợp Quốc António Guterres phát biểu.", "UN Secretary-General António Guterres spoke.", "UN Secretary-General Ban Ki-moon spoke."),
    ("name", "Mưa ở Bắc Ninh.", "Rain in Bac Ninh.", "Rain in Bac Giang."),
    ("name", "Mưa ở Bà Rịa - Vũng Tàu.", "Rain in Ba Ria-Vung Tau.", "Rain in Binh Duong."),
    ("name", "Mưa ở Thừa Thiên Huế.", "Rain in Thua Thien Hue.", "Rain in Quang Tri."),
    ("name", "Cháy ở phường Bến Nghé, quận 1.", "A fire in Ben Nghe Ward, District 1.", "A fire in Ben Thanh Ward, District 1."),
    ("name", "Vụ án tại xã Ia Pa, Gia Lai.", "A case in Ia Pa Commune, Gia Lai.", "A case in Ia Grai Commune, Gia Lai."),
    ("name", "Đảo Phú Quốc đón khách.", "Phu Quoc Island welcomes visitors.", "Con Dao Island welcomes visitors."),
    ("name", "Quần đảo Hoàng Sa và Trường Sa.", "The Paracel and Spratly islands.", "The Spratly islands."),
    ("name", "Quần đảo Hoàng Sa.", "The Hoang Sa (Paracel) archipelago.", "The Truong Sa (Spratly) archipelago."),
    ("name", "Sông Mê Kông cạn nước.", "The Mekong is running low.", "The Red River is running low."),
    ("name", "Đồng bằng sông Cửu Long ngập mặn.", "The Mekong Delta is hit by salt.", "The Red River Delta is hit by salt."),
    ("name", "Vịnh Hạ Long đông khách.", "Ha Long Bay is crowded.", "Nha Trang Bay is crowded."),
    ("name", "Sân bay Tân Sơn Nhất quá tải.", "Tan Son Nhat airport is overloaded.", "Noi Bai airport is overloaded."),
    ("name", "Tập đoàn Vingroup lãi lớn.", "Vingroup posted a large profit.", "Masan posted a large profit."),
    ("name", "Hãng Vietnam Airlines mở đường bay.", "Vietnam Airlines opened a route.", "Vietjet Air opened a route."),
    ("name", "CLB Hà Nội FC thắng CLB Viettel.", "Hanoi FC beat Viettel.", "Hanoi FC beat Nam Dinh."),
    ("name", "HLV Park Hang-seo rời đội.", "Coach Park Hang-seo left.", "Coach Troussier left."),
    ("name", "Đội tuyển Anh thua Pháp.", "England lost to France.", "England lost to Spain."),
    ("name", "Hà Lan và Bỉ ký kết.", "The Netherlands and Belgium signed.", "The Netherlands and Denmark signed."),
    ("name", "Nga tấn công Ukraine.", "Russia attacked Ukraine.", "Russia attacked Poland."),
    ("name", "Triều Tiên thử tên lửa.", "North Korea tested a missile.", "South Korea tested a missile."),
    ("name", "Úc và New Zealand phản đối.", "Australia and New Zealand object.", "Austria and New Zealand object."),
    ("name", "Thụy Điển gia nhập NATO.", "Sweden joined NATO.", "Switzerland joined NATO."),
    ("name", "Thụy Sĩ trung lập.", "Switzerland is neutral.", "Sweden is neutral."),
    ("name", "Nhà Trắng lên tiếng.", "The White House spoke.", "The Kremlin spoke."),
    ("name", "Tòa Bạch Ốc lên tiếng.", "The White House spoke.", "The Pentagon spoke."),
    ("name", "Lầu Năm Góc lên tiếng.", "The Pentagon spoke.", "The White House spoke."),
    ("name", "Vatican chọn giáo hoàng.", "The Vatican chose a pope.", "Rome chose a pope."),
    ("name", "Bị cáo Trương Mỹ Lan kháng cáo.", "Defendant Truong My Lan appealed.", "Defendant Truong My Linh appealed."),
    ("name", "Vụ án Vạn Thịnh Phát.", "The Van Thinh Phat case.", "The Viet A case."),
    ("name", "Tỉnh Đồng Nai họp.", "Dong Nai province met.", "Dong Thap province met."),
    ("name", "Ông Đặng Văn Lâm bắt chính.", "Dang Van Lam is in goal.", "Dang Van Long is in goal."),
    ("name", "Chùa Một Cột đông khách.", "The One Pillar Pagoda is crowded.", "The Perfume Pagoda is crowded."),
    ("name", "Hôm qua anh Hùng bị thương.", "Hung was injured yesterday.", "Dung was injured yesterday."),
    ("name", "Lũ quét ở Hà Giang làm 3 người chết.", "Flash floods in Ha Giang killed three.", "Flash floods in Lai Chau killed three."),
    ("name", "Ông Trump áp thuế Trung Quốc.", "Trump imposed tariffs on China.", "Biden imposed tariffs on China."),
    ("name", "Công an TP Đà Nẵng bắt 5 người.", "Da Nang police arrested five.", "Hanoi police arrested five."),
    ("name", "Công ty Nhật Cường buôn lậu.", "Nhat Cuong company smuggled goods.", "Nhat Nam company smuggled goods."),
    ("name", "Bác sĩ Nguyễn Thanh Liêm mổ.", "Dr Nguyen Thanh Liem operated.", "Dr Nguyen Thanh Nhan operated."),
    ("name", "Bác sĩ Liêm mổ.", "Dr Liem operated.", "Dr Nhan operated."),
    ("name", "Thủ tướng Anh Keir Starmer đến.", "British Prime Minister Keir Starmer arrived.", "British Prime Minister Rishi Sunak arrived."),
    ("initials", "Nạn nhân là anh T. (25 tuổi).", "The victim is T. (25).", "The victim is H. (25)."),
    ("initials", "Bé gái L.T.M.A. mất tích.", "The girl, L.T.M.A., is missing.", "The girl, L.T.M.H., is missing."),
    ("initials", "Nghi phạm Nguyễn Văn T. bị bắt.", "The suspect, Nguyen Van T., was arrested.", "The suspect, Nguyen Van H., was arrested."),
    ("initials", "Chị Nguyễn Thị M. kể lại.", "Nguyen Thi M. recounted it.", "Nguyen Thi N. recounted it."),
    ("initials", "Nghi can là Đ.V.H.", "The suspect is D.V.H.", "The suspect is D.V.N."),
    ("office", "UBND tỉnh họp.", "The provincial People's Committee met.", "The provincial Party Committee met."),
    ("office", "Tỉnh ủy họp.", "The provincial Party Committee met.", "The provincial People's Committee met."),
    ("office", "HĐND tỉnh họp.", "The provincial People's Council met.", "The provincial People's Committee met."),
    ("office", "Mặt trận Tổ quốc họp.", "The Fatherland Front met.", "The Party Committee met."),
    ("office", "Quốc hội họp.", "The National Assembly met.", "The People's Council met."),
    ("office", "Chủ tịch UBND tỉnh nói.", "The provincial People's Committee chairman spoke.", "The provincial Party Committee chairman spoke."),
    ("office", "Quốc hội họp.", "The National Assembly met.", "The Senate met."),
    ("office", "Chủ tịch nước Lương Cường tiếp đại sứ.", "State President Luong Cuong received the ambassador.", "Prime Minister Luong Cuong received the ambassador."),
    ("office", "Bộ trưởng Bộ Y tế Đào Hồng Lan nói.", "Health Minister Dao Hong Lan spoke.", "Deputy Health Minister Dao Hong Lan spoke."),
    ("office", "Thứ trưởng Bộ Công an Lê Quốc Hùng nói.", "Deputy Minister of Public Security Le Quoc Hung spoke.", "Minister of Public Security Le Quoc Hung spoke."),
    ("office", "Phó Chủ tịch nước Võ Thị Ánh Xuân đến.", "Vice President Vo Thi Anh Xuan arrived.", "President Vo Thi Anh Xuan arrived."),
    ("office", "Bí thư Tỉnh ủy Lê Văn A phát biểu.", "The provincial Party secretary, Le Van A, spoke.", "Prime Minister Le Van A spoke."),
    ("office", "Phó Chủ tịch UBND TP Hà Nội phát biểu.", "The vice chairman of the Hanoi People's Committee spoke.", "The chairman of the Hanoi People's Committee spoke."),
    ("office", "Trung ương Đảng họp.", "The Party Central Committee met.", "The Politburo met."),
    ("office", "Tỉnh ủy Nghệ An họp.", "The Nghe An provincial Party Committee met.", "The Nghe An provincial People's Committee met."),
    ("office", "Huyện ủy kỷ luật hai cán bộ.", "The district Party Committee disciplined two officials.", "The district People's Committee disciplined two officials."),
    ("office", "Bộ Y tế khuyến cáo.", "The Ministry of Health advises this.", "The Ministry of Finance advises this."),
    ("office", "Bộ Công an khởi tố.", "The Ministry of Public Security prosecuted him.", "The Ministry of National Defence prosecuted him."),
    ("office", "Viện kiểm sát truy tố.", "The procuracy indicted him.", "The Supreme Court indicted him."),
    ("office", "Hội đồng nhân dân thông qua.", "The People's Council passed it.", "The National Assembly passed it."),
    ("office", "UBND tỉnh Quảng Ninh quyết định.", "The Quang Ninh People's Committee decided.", "The Quang Ninh People's Council decided."),
    ("office", "Thượng viện Mỹ thông qua.", "The US Senate passed it.", "The US House of Representatives passed it."),
    ("office", "Hạ viện Mỹ thông qua.", "The US House passed it.", "The US Senate passed it."),
    ("office", "WHO cảnh báo.", "The WHO warns.", "The WTO warns."),
    ("office", "Đảng Cộng hòa thắng.", "Republicans won.", "Democrats won."),
    ("office", "Chủ tịch Quốc hội phát biểu.", "The National Assembly chairman spoke.", "The vice chairman of the National Assembly spoke."),
    ("office", "Phó Chủ tịch Quốc hội phát biểu.", "The National Assembly vice chairman spoke.", "The National Assembly chairman spoke."),
    ("pronoun", "Cô Lan nói cô bị lừa.", "Ms Lan said she was cheated.", "Mr Lan said he was cheated."),
    ("pronoun", "Ông Sáu kể ông từng đi lính.", "Mr Sau said he had been a soldier.", "Ms Sau said she had been a soldier."),
    ("pronoun", "Bà Nguyễn Thị Kim Ngân nói bà sẽ đến.", "Nguyen Thi Kim Ngan said she would come.", "Nguyen Thi Kim Ngan said he would come."),
    ("pronoun", "Theo Nguyễn Thị Hoa, chị bị đánh.", "According to Nguyen Thi Hoa, she was beaten.", "According to Nguyen Thi Hoa, he was beaten."),
    ("pronoun", "Cô giáo Hoa nói cô không đánh học sinh.", "Teacher Hoa said she did not hit the pupil.", "Teacher Hoa said he did not hit the pupil."),
]  # fmt: skip


@pytest.mark.parametrize(("check", "vietnamese", "right", "wrong"), EVERY_CHECK)
def test_names_offices_initials_and_pronouns(check: str, vietnamese: str, right: str, wrong: str) -> None:
    assert found(vietnamese, right) == set()
    assert check in {one for one, _ in found(vietnamese, wrong)}


def test_a_name_that_keeps_its_vietnamese_marks_is_a_note() -> None:
    english = "In Đà Nẵng, Nguyễn Phước Long met Müller."
    flagged = comparison.check(View(record("Tại Đà Nẵng, Nguyễn Phước Long gặp Müller.", english)))
    assert [(flag.severity, flag.found, flag.expected) for flag in flagged] == [
        ("note", "Đà Nẵng", "Da Nang"),
        ("note", "Nguyễn Phước Long", "Nguyen Phuoc Long"),
    ]


def test_words_that_are_still_vietnamese_are_no_names_with_marks() -> None:
    flagged = comparison.check(View(record("Bộ trưởng rời Hà Nội.", "Bộ trưởng rời Hà Nội.")))
    assert [flag for flag in flagged if flag.severity == "note"] == []


FINE = [
    ("Ông Tôn Kiến Bình phát biểu.", "Sun Jianping spoke."),  # a surname that is also a word
    # the first word of a sentence is no name
    ("Theo báo cáo, giá tăng.", "According to the report, prices rose."),
    ("Nhiều người bị thương.", "Many were injured."),
    ("Anh bị bắt tối qua.", "He was arrested last night."),
    ("Pháp luật nghiêm cấm việc này.", "The law forbids this."),
    # institutions are translated by meaning
    ("Bộ Y tế công bố số liệu.", "The Ministry of Health published the figures."),
    ("Theo UBND tỉnh, dự án chậm.", "According to the provincial People's Committee, the project is late."),
    ("Ủy ban nhân dân họp.", "The People's Committee met."),
    ("Công an huyện điều tra.", "District police are investigating."),
    ("Sinh viên Đại học Bách khoa biểu diễn.", "Students of the University of Science and Technology perform."),
    ("Viện Khoa học Công nghệ ra mắt.", "The Institute of Science and Technology opened."),
    ("Quốc hội thông qua luật.", "The National Assembly passed the law."),
    ("Giá là 5 đô la Mỹ.", "The price is $5."),
    ("Cô học tiếng Anh.", "She learns English."),
    ("Bộ Chính trị họp tại Hà Nội.", "The Politburo met in Hanoi."),
    ("Nhà lãnh đạo Trung Quốc Lý Văn Đạt đến.", "Chinese leader Li Wenda arrived."),
    ("Ông Donald Trump và bà Kamala Harris tranh luận.", "Donald Trump and Kamala Harris debated."),
    ("Sau Tết Đinh Dậu, giá tăng.", "After Tet, prices rose."),
    ("NGUYỄN VĂN LONG BỊ BẮT", "Nguyen Van Long arrested"),
]  # fmt: skip


@pytest.mark.parametrize(("vietnamese", "english"), FINE)
def test_what_is_no_name_is_not_flagged(vietnamese: str, english: str) -> None:
    assert found(vietnamese, english) == set()


def test_a_single_first_syllable_counts_if_the_article_has_it_within_a_sentence() -> None:
    article = "Hôm qua Thắng đến trường. Thắng bị ngã."
    assert comparison.check(View(record("Thắng bị ngã.", "He fell.", article=article))) == []
    reading = read_vietnamese("Thắng bị ngã.", known=frozenset({"thắng"}))
    assert [run.tokens[0].text for run in reading.spans] == ["Thắng"]
    assert read_vietnamese("Thắng bị ngã.").spans == []


OFFICES = [
    ("Chủ tịch nước Lương Cường đến.", "President Luong Cuong arrived.", "Prime Minister Luong Cuong arrived."),
    ("Thủ tướng Phạm Minh Chính đến.", "PM Pham Minh Chinh arrived.", "Deputy Prime Minister Pham Minh Chinh arrived."),
    ("Phó Thủ tướng Lê Văn Thành đến.", "Deputy PM Le Van Thanh arrived.", "Prime Minister Le Van Thanh arrived."),
    ("Tổng Bí thư Tô Lâm đến.", "Party chief To Lam arrived.", "President To Lam arrived."),
    ("Chủ tịch Quốc hội Trần Thanh Mẫn đến.", "National Assembly Chairman Tran Thanh Man arrived.", "Prime Minister Tran Thanh Man arrived."),
    ("Chủ tịch UBND tỉnh Lê Văn Hẳn đến.", "Provincial Chairman Le Van Han arrived.", "President Le Van Han arrived."),
    ("Đại sứ Phạm Quang Vinh đến.", "Ambassador Pham Quang Vinh arrived.", "Mayor Pham Quang Vinh arrived."),
]  # fmt: skip


@pytest.mark.parametrize(("vietnamese", "right", "wrong"), OFFICES)
def test_another_office_is_an_error(vietnamese: str, right: str, wrong: str) -> None:
    assert found(vietnamese, right) == set()
    assert found(vietnamese, wrong) == {("office", "error")}


def test_an_office_that_is_missing_is_a_warning() -> None:
    assert found("Thủ tướng Phạm Minh Chính đến.", "Pham Minh Chinh arrived.") == {("office", "warning")}


INITIALS = [
    ("Nạn nhân N.T.H. nhập viện.", "The victim, N.T.H., is in hospital.", "The victim is in hospital."),
    ("Bị can N.V.A bị bắt.", "The accused N.V.A. was arrested.", "The accused N.V.B. was arrested."),
    ("Nạn nhân N.T.Đ. nhập viện.", "Victim N.T.D. is in hospital.", "Victim N.T.H. is in hospital."),
]  # fmt: skip


@pytest.mark.parametrize(("vietnamese", "right", "wrong"), INITIALS)
def test_initials_are_kept(vietnamese: str, right: str, wrong: str) -> None:
    assert found(vietnamese, right) == set()
    assert ("initials", "error") in found(vietnamese, wrong)


def test_one_initial_counts_behind_a_title_only() -> None:
    assert found("Chị T. gặp nạn.", "T. had an accident.") == set()
    assert found("Chị T. gặp nạn.", "Ms H had an accident.") == {("initials", "warning")}
    assert found("Bệnh viêm gan B. lan rộng.", "Hepatitis spreads.") == set()


ARTICLE = "Ông Nguyễn Xuân Phúc dự họp tại Huế. Bà Nguyễn Thị Mai cũng đến. Ông Phúc phát biểu, bà Mai trả lời."


@pytest.mark.parametrize(
    ("vietnamese", "english", "expected"),
    [
        ("Nguyễn Xuân Phúc dự họp.", "Mr Nguyen attended the meeting.", "Mr Phuc"),
        ("Nguyễn Thị Mai cũng đến.", "Mrs. Nguyen came too.", "Mrs Mai"),
        ("Ông Phúc phát biểu.", "Mr Nguyen spoke.", "Mr Phuc"),
        ("Ông Phúc phát biểu.", "President Nguyen spoke.", "President Phuc"),
    ],
)
def test_a_title_stands_before_the_given_name(vietnamese: str, english: str, expected: str) -> None:
    flagged = gender.check(View(record(vietnamese, english, article=ARTICLE)))
    assert [(flag.check, flag.severity, flag.expected) for flag in flagged] == [("name", "warning", expected)]


@pytest.mark.parametrize(
    "english", ["Mr Phuc attended.", "Mr Nguyen Xuan Phuc attended.", "President Nguyen Xuan Phuc attended."]
)
def test_a_title_before_a_given_or_a_whole_name_is_right(english: str) -> None:
    assert gender.check(View(record("Nguyễn Xuân Phúc dự họp.", english, article=ARTICLE))) == []


PRONOUNS = [
    ("Ông Long nói ông vô tội.", "Long said he was innocent.", "Long said she was innocent."),
    ("Bà cho biết sẽ kháng cáo.", "She said she would appeal.", "He said he would appeal."),
    ("Cô ấy rời trường.", "She left her school.", "He left his school."),
    ("Anh ta bỏ chạy.", "He ran away.", "She ran away."),
    ("Thầy Minh nói sẽ nghỉ.", "Minh said he would stop.", "Minh said she would stop."),
    ("Chị Lan mất ví.", "Lan lost her wallet.", "Lan lost his wallet."),
]


@pytest.mark.parametrize(("vietnamese", "right", "wrong"), PRONOUNS)
def test_the_pronoun_is_of_the_sex_that_the_title_tells(vietnamese: str, right: str, wrong: str) -> None:
    assert gender.check(View(record(vietnamese, right))) == []
    assert found(vietnamese, wrong) == {("pronoun", "error")}


@pytest.mark.parametrize(
    ("vietnamese", "english"),
    [
        ("Ông Long và bà Mai đến.", "Long came with her."),  # both
        ("Bà Mai gặp nạn nhân.", "Mai met him."),  # the victim
        ("Ông Long gặp Nguyễn Thị Hoa.", "Long met her."),  # another person
        ("Anh em trong đội rất vui.", "She was happy."),  # not a person
        ("Nước Anh rút lui.", "She withdrew."),
        ("Ông Long và vợ rời đi.", "She left."),
        ("Bà con chú ý.", "He looked."),
    ],
)
def test_a_pronoun_in_doubt_is_not_flagged(vietnamese: str, english: str) -> None:
    assert [flag for flag in gender.check(View(record(vietnamese, english))) if flag.check == "pronoun"] == []


def test_the_article_tells_the_sex_of_a_person_without_a_title() -> None:
    assert (
        gender.check(
            View(record("Phúc rời cuộc họp.", "Phuc left his meeting.", article=ARTICLE + " Hôm nay Phúc về."))
        )
        == []
    )
    wrong = record("Nguyễn Xuân Phúc dự họp.", "Phuc left her meeting.", article=ARTICLE)
    assert [(flag.check, flag.found) for flag in gender.check(View(wrong))] == [("pronoun", "her")]
    title = record("Nguyễn Xuân Phúc dự họp.", "Ms Phuc attended the meeting.", article=ARTICLE)
    assert [(flag.check, flag.expected) for flag in gender.check(View(title))] == [("pronoun", "Mr Phuc")]


# Provinces and ministries


def test_the_table_has_63_provinces_before_and_34_after() -> None:
    raw = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    mergers = raw["mergers"]["provinces"]
    assert mergers["date"] == dt.date(2025, 7, 1)
    assert len(raw["provinces"]) == 63
    assert len(raw["provinces"]) - len(mergers["into"]) == 34
    assert 34 - len(set(mergers["into"].values())) == 11


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Hà Giang", "Tuyên Quang"), ("Yên Bái", "Lào Cai"), ("Hòa Bình", "Phú Thọ"), ("Nam Định", "Ninh Bình"),
        ("Quảng Nam", "Đà Nẵng"), ("Kon Tum", "Quảng Ngãi"), ("Bình Định", "Gia Lai"), ("Đắk Nông", "Lâm Đồng"),
        ("Phú Yên", "Đắk Lắk"), ("Bình Dương", "Thành phố Hồ Chí Minh"), ("Long An", "Tây Ninh"),
        ("Sóc Trăng", "Cần Thơ"), ("Bến Tre", "Vĩnh Long"), ("Kiên Giang", "An Giang"), ("Bạc Liêu", "Cà Mau"),
        ("Bộ Giao thông vận tải", "Bộ Xây dựng"), ("Bộ Kế hoạch và Đầu tư", "Bộ Tài chính"),
    ],
)  # fmt: skip
def test_what_was_merged_into_what(old: str, new: str) -> None:
    changes = {entry.name: merger.into.name for entry, merger in gazetteer().mergers.items()}
    assert changes[old] == new


def test_spellings_are_in_press_style() -> None:
    raw = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    sections = ("countries", "places", "people", "organizations", "offices", "terms")
    spellings = [spelling for section in sections for line in raw[section] for spelling in line.split("|")]
    assert [spelling for spelling in spellings if spelling != unicodedata.normalize("NFC", press_tone(spelling))] == []


def test_old_and_new_provinces_are_kept_by_name() -> None:
    vietnamese = "Mưa lớn ở Hà Giang và Tuyên Quang."
    for published in ("2024-05-01", "2025-09-01", "hôm qua", ""):
        right = record(vietnamese, "Heavy rain in Ha Giang and Tuyen Quang.", published=published)
        assert comparison.check(View(right)) == []
        wrong = record(vietnamese, "Heavy rain in Tuyen Quang.", published=published)
        assert [flag.severity for flag in comparison.check(View(wrong))] == ["error"]


@pytest.mark.parametrize(
    ("vietnamese", "english"),
    [
        ("Lũ quét ở Hà Giang.", "Flash floods in Tuyen Quang."),
        ("Lũ quét ở Tuyên Quang.", "Flash floods in Ha Giang."),
        ("Bộ Giao thông vận tải phê duyệt.", "The Ministry of Construction approved."),
    ],
)
def test_the_other_name_of_a_province_is_a_note_once_the_law_is_in_force(vietnamese: str, english: str) -> None:
    after = comparison.check(View(record(vietnamese, english, published="2025-08-01T07:00:00+07:00")))
    assert [(flag.severity, flag.field) for flag in after] == [("note", "translation")]
    before = comparison.check(View(record(vietnamese, english, published="2024-08-01")))
    assert all(flag.severity != "note" for flag in before)


# Summary and article, translation and article


def test_a_name_of_the_summary_must_stand_in_the_article() -> None:
    article = "Công an bắt Nguyễn Văn Long ở Mỹ. Mỹ khen ngợi."
    assert (
        comparison.check(
            View(record("Nguyễn Văn Long bị bắt ở Hoa Kỳ.", "Nguyen Van Long was arrested in the US.", article=article))
        )
        == []
    )
    invented = record("Trần Văn Nam bị bắt ở Pháp.", "Tran Van Nam was arrested in France.", article=article)
    assert [(flag.field, flag.found, flag.severity) for flag in comparison.check(View(invented))] == [
        ("summary", "Pháp", "error"),
        ("summary", "Trần Văn Nam", "error"),
    ]


def test_a_name_may_stand_in_the_title_only() -> None:
    summary = "Nguyễn Văn Long bị bắt."
    record_ = record(summary, "Nguyen Van Long was arrested.", article="Anh ta bị bắt.", title="Bắt Nguyễn Văn Long")
    assert comparison.check(View(record_)) == []


def test_a_name_of_the_translation_may_come_from_the_article() -> None:
    article = "Ông Nguyễn Xuân Phúc đến Pháp. Ông Phúc phát biểu."
    assert (
        comparison.check(View(record("Ông Phúc phát biểu.", "Nguyen Xuan Phuc spoke in France.", article=article)))
        == []
    )
    assert found("Ông Phúc phát biểu.", "Tran Van Phuc spoke in Germany.", article=article) == {("name", "error")}


def test_invented_names_are_flagged_where_they_stand() -> None:
    english = "The victim met Christopher Tufton in Kingston."
    flagged = comparison.check(View(record("Nạn nhân đến gặp bộ trưởng.", english)))
    assert [(english[flag.start : flag.end], flag.severity) for flag in flagged] == [
        ("Christopher Tufton", "error"),
        ("Kingston", "warning"),
    ]


@pytest.mark.parametrize(
    ("english", "name"),
    [
        ("Nam met Pham Van Long.", "Pham Van Long"),  # an English word
        ("Nam met Tran Thi Lan.", "Tran Thi Lan"),  # Lan is in the record
        ("Nam met Ban Ki-moon.", "Ban Ki-moon"),
        ("In Hung Yen Province, Nam met Lan.", "Hung Yen"),
        ("Nam met a Hung-based man.", "Hung"),
        ("Nam met The Manticore.", "Manticore"),
    ],
)
def test_an_invented_name_is_shown_whole(english: str, name: str) -> None:
    (flag,) = comparison.check(View(record("Ông Nam đến.", english, article="Ông Nam đến gặp bà Lan.")))
    assert (english[flag.start : flag.end], flag.found) == (name, name)
    assert f"“{name}”" in flag.message


def test_the_title_is_compared_too() -> None:
    both = translated(text="Trung Quốc phản đối.", title="Trung Quốc phản đối", title_translation="Japan objects")
    (flag,) = comparison.check(View(both))
    assert (flag.field, flag.start, flag.end, flag.expected, flag.found) == ("title", 0, 10, "China", "Japan")
    assert comparison.check(View(replace(both, title_translation="China objects"))) == []


def test_a_message_says_what_stands_where() -> None:
    (flag,) = comparison.check(View(record("Trung Quốc phản đối việc này.", "Japan objected to this.")))
    assert "“Trung Quốc”" in flag.message
    assert "“Japan”" in flag.message


# Reading


def test_titles_surnames_and_places_are_told_apart() -> None:
    reading = read_vietnamese("Hôm qua ông Nguyễn Văn Hùng rời huyện Cư Jút đến Viện Kinh tế gặp bà Mai.")
    kinds = [(" ".join(token.text for token in run.tokens), run.person, run.place, run.title) for run in reading.spans]
    assert kinds[0] == ("Nguyễn Văn Hùng", True, False, "ông")
    assert kinds[1] == ("Cư Jút", False, True, "")
    assert kinds[-1] == ("Mai", False, False, "bà")


@pytest.mark.parametrize("word", ["nguyen", "long", "quoc", "thuy", "nghieng", "huynh", "tuyen", "oanh", "y"])
def test_vietnamese_syllables(word: str) -> None:
    assert is_syllable(word)


@pytest.mark.parametrize("word", ["trump", "putin", "madrid", "real", "johnson", "wang", "samsung"])
def test_no_vietnamese_syllables(word: str) -> None:
    assert not is_syllable(word)


def test_the_longest_rendering_counts() -> None:
    reading = read_english("South Korea's president met the U.S. envoy.")
    assert {entry.name for means, _, _ in reading.entities for entry in means} >= {"Hàn Quốc", "Mỹ"}
    assert "Triều Tiên" not in {entry.name for entry in reading.outermost}


def test_the_table_is_as_large_as_promised() -> None:
    kinds = [entry.kind for entry in gazetteer().spellings]
    assert kinds.count("country") + kinds.count("place") >= 300
    assert kinds.count("person") >= 40


# Whatever the texts are

WORDS = st.sampled_from(
    "Ông bà Nguyễn Văn Long Trung Quốc Mỹ Anh anh cô N.T.H. T. TP.HCM TP . , “ ” - – Hà Giang Thủ tướng Phó US U.S. China Mr Nguyen "
    "he she People's Committee \u0301 \u202e 😀 İ ß ǅ".split(" ")
)
TEXT = st.lists(WORDS, max_size=25).map(" ".join) | st.text(max_size=60)


@settings(max_examples=150)
@given(vietnamese=TEXT, english=TEXT, article=TEXT, title=TEXT, published=st.sampled_from(["", "2025-12-01", "x"]))
def test_any_text_gives_flags_with_spans_inside_it(
    vietnamese: str, english: str, article: str, title: str, published: str
) -> None:
    translated = replace(
        record(vietnamese, english, article=article, published=published, title=title), title_translation=english
    )
    fields = {
        "title": title,
        "summary": translated.summary,
        "title_translation": english,
        "translation": translated.translation,
    }
    for flag in flags(translated):
        assert 0 <= flag.start <= flag.end <= len(fields[flag.field])
        assert flag.message
        assert flag.check in {"name", "office", "initials", "pronoun"}
