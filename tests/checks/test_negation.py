"""Negation: Vietnamese with right English, and with wrong English; and what holds for all four checks with a table."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.checks.rule_examples import flags, flags_of, raised
from tests.records import translated

NEGATION = [
    ("Ông Long không nhận tiền.", "Mr Long did not take money.", "Mr Long took money."),
    ("Ông chưa trả lời.", "He has yet to reply.", "He has replied."),
    ("Ông chưa trả lời.", "He hasn’t replied.", "He replied."),
    ("Bà chẳng biết ai ở đó.", "She knew nobody there.", "She knew somebody there."),
    ("Đừng mở cửa.", "Do not open the door.", "Open the door."),
    ("Công ty không hề biết việc này.", "The company never knew about this.", "The company knew about this."),
    ("Người không có giấy phép bị phạt.", "People without a permit are fined.", "People with a permit are fined."),
    ("Các bác sĩ không thể cứu bệnh nhân.", "Doctors failed to save the patient.", "Doctors saved the patient."),
    ("Thông tin này không chính xác.", "This information is inaccurate.", "This information is accurate."),
    ("Không khí ở Hà Nội ô nhiễm.", "The air in Hanoi is polluted.", "The air in Hanoi is not polluted."),
    ("Hàng không tăng giá vé.", "Airlines raised fares.", "Airlines did not raise fares."),
    ("Không gian làm việc rộng rãi.", "The workspace is large.", "The workspace isn't large."),
    ("Không quân Mỹ tham gia.", "The US Air Force takes part.", "The US Air Force never takes part."),
    ("Anh đã ăn cơm chưa?", "Have you eaten?", "Have you not eaten yet, or never?"),
    ("Ông có đồng ý không?", "Does he agree?", "Does he not agree?"),
    ("Chưa rõ ông có đến hay không.", "It is unclear whether he will come.", "It is clear whether he will come."),
    (
        "Nhiều nước, chẳng hạn Lào, đã ký.",
        "Many countries, such as Laos, signed.",
        "Many countries, such as Laos, did not sign.",
    ),
    (
        "Thuốc không chỉ rẻ mà còn tốt.",
        "The drug is not only cheap but also good.",
        "The drug is only cheap but also good.",
    ),
    ("Mưa chỉ là một nguyên nhân.", "The rain is only one cause.", "The rain is not only one cause."),
    ("Họ không thể không đi.", "They have to go.", "They do not have to go."),
    ("Sự việc chưa từng có.", "An unprecedented event.", "An event."),
    ("Không ít người phản đối.", "Many people object.", "Nobody objects."),
    ("Chưa đầy 100 người đến.", "Less than 100 people came.", "Not one of the 100 people came."),
    ("Ông ăn bún chả ở Hà Nội.", "He ate bun cha in Hanoi.", "He did not eat bun cha in Hanoi."),
    ("Đề án số 1 được thông qua.", "Project No. 1 was passed.", "Project No. 1 was not passed."),
    ("Khách hàng không có điện.", "Customers are without power.", "Customers have power."),
    (
        "Ông không đến và bà không đi.",
        "He did not come and she did not go.",
        "He did not come and she went.",
    ),
    ("Phim về Tôn Ngộ Không ra rạp.", "The film about Sun Wukong opens.", "The film about Sun Wukong does not open."),
    ("Chùa Không Lộ mở cửa.", "Khong Lo pagoda opened.", "Khong Lo pagoda did not open."),
    ("Cầu thủ Hoàng Khắc Không ghi bàn.", "Hoang Khac Khong scored.", "Hoang Khac Khong did not score."),
    ("Hãng hàng không Vietjet mở đường bay.", "Vietjet airline opened a route.", "Vietjet airline did not open a route."),
    ("Lực lượng phòng không bắn hạ máy bay.", "Air defence forces shot down the aircraft.", "Air defence forces did not shoot down the aircraft."),
    ("Máy bay không người lái tấn công.", "Drones attacked.", "Drones did not attack."),
    ("Tàu không số chở vũ khí.", "The unnumbered ships carried arms.", "The unnumbered ships carried no arms."),
    ("Không ai bị thương.", "No one was hurt.", "Someone was hurt."),
    ("Không ai bị thương.", "There were no injuries.", "There were injuries."),
    ("Không có thương vong.", "There were no casualties.", "There were casualties."),
    ("Ông không nhận tội.", "He pleaded not guilty.", "He pleaded guilty."),
    ("Ông không nhận tội.", "He denied the charges.", "He admitted the charges."),
    ("Bà chưa bao giờ đến đó.", "She has never been there.", "She has been there."),
    ("Giá không đổi.", "Prices were unchanged.", "Prices changed."),
    ("Nguyên nhân chưa rõ.", "The cause is unclear.", "The cause is clear."),
    ("Danh tính nạn nhân chưa được xác định.", "The victim is unidentified.", "The victim is identified."),
    ("Danh tính nạn nhân chưa được xác định.", "The victim has not been identified.", "The victim has been identified."),
    ("Nạn nhân không qua khỏi.", "The victim died.", "The victim recovered."),
    ("Nạn nhân không qua khỏi.", "The victim did not survive.", "The victim survived."),
    ("Cấm xe tải vào phố.", "Trucks are banned from the street.", "Trucks are allowed into the street."),
    ("Cấm xe tải vào phố.", "Trucks are not allowed into the street.", "Trucks are allowed into the street."),
    ("Bộ từ chối bình luận.", "The ministry declined to comment.", "The ministry commented."),
    ("Bộ từ chối bình luận.", "The ministry would not comment.", "The ministry commented."),
    ("Ông phủ nhận cáo buộc.", "He denied the accusation.", "He confirmed the accusation."),
    ("Ông phủ nhận cáo buộc.", "He rejected the accusation.", "He accepted the accusation."),
    ("Giá không ngừng tăng.", "Prices keep rising.", "Prices stopped rising."),
    ("Xe không biển số gây tai nạn.", "A car without plates caused the accident.", "A car with plates caused the accident."),
    ("Thanh toán không tiền mặt tăng.", "Cashless payments rose.", "Cash payments rose."),
    ("Ông không đủ điều kiện.", "He is ineligible.", "He is eligible."),
    ("Ông không đủ điều kiện.", "He is not eligible.", "He is eligible."),
    ("Học sinh không phải đóng học phí.", "Pupils do not have to pay fees.", "Pupils have to pay fees."),
    ("Nếu không, dự án sẽ dừng.", "Otherwise the project will stop.", "So the project will stop."),
    ("Không phải ai cũng đồng ý.", "Not everyone agrees.", "Everyone agrees."),
    ("Không chỉ Hà Nội, Huế cũng mưa.", "Not only Hanoi but Hue too had rain.", "Only Hanoi and Hue had rain."),
    ("Ông chẳng nói gì.", "He said nothing.", "He said something."),
    ("Chưa ai nhận trách nhiệm.", "Nobody has claimed responsibility.", "Somebody has claimed responsibility."),
    ("Công ty không còn nợ.", "The company is free of debt.", "The company is in debt."),
    ("Việt Nam không có ca mắc mới.", "Vietnam reported zero new cases.", "Vietnam reported new cases."),
    ("Ông không hài lòng.", "He is dissatisfied.", "He is satisfied."),
    ("Hai bên không đạt thỏa thuận.", "The two sides failed to reach a deal.", "The two sides reached a deal."),
    ("Tàu mất liên lạc.", "The ship lost contact.", "The ship did not lose contact."),
    ("Trời không mưa.", "It did not rain.", "It rained."),
    ("Anh ra về tay không.", "He left empty-handed.", "He did not leave."),
    ("Ngân hàng không tăng lãi suất.", "The bank kept rates unchanged.", "The bank raised rates."),
    ("Ngân hàng không tăng lãi suất.", "The bank did not raise rates.", "The bank raised rates."),
    ("Dự án chưa hoàn thành.", "The project is unfinished.", "The project is finished."),
    ("Dự án chưa hoàn thành.", "The project is incomplete.", "The project is complete."),
    ("Không được hút thuốc.", "Smoking is prohibited.", "Smoking is allowed."),
    ("Người dân không nên hoang mang.", "People should not panic.", "People should panic."),
    ("Chớ nên chủ quan.", "Do not be complacent.", "Be complacent."),
    ("Ông không những giỏi mà còn tốt.", "He is not only good but kind.", "He is not good but kind."),
    ("Giá vàng không giảm.", "Gold did not fall.", "Gold fell."),
    ("Không một ai sống sót.", "There were no survivors.", "There were survivors."),
    ("Không lâu sau, ông chết.", "Soon afterwards he died.", "He did not die soon afterwards."),
    ("Ông vắng mặt tại tòa.", "He was absent from court.", "He was present in court."),
    ("Ông không thể không lo.", "He cannot but worry.", "He cannot worry."),
    ("Người dân không nên ra đường khi không cần thiết.", "People should not go out unless necessary.", "People should go out when necessary."),
    ("Ca nhiễm không có triệu chứng.", "The patient is asymptomatic.", "The patient has symptoms."),
    ("Học sinh chưa thể trở lại trường.", "Students are unable to return to school.", "Students are able to return to school."),
    ("Anh không ngờ mình trúng số.", "He was surprised to win the lottery.", "He expected to win the lottery."),
    ("Thời tiết không thuận lợi.", "The weather was unfavorable.", "The weather was favorable."),
    ("Ông không bình luận.", "He declined to comment.", "He commented."),
    ("Nguyên nhân vụ cháy đang được điều tra.", "The cause of the fire is not yet known.", "There was no fire to investigate."),
    ("Anh nghỉ ba tuần không lương.", "He takes three weeks of unpaid leave.", "He takes three weeks of paid leave."),
    ("Hàng nghìn hộ bị mất điện.", "Thousands of homes are without power.", "Thousands of homes are not cold."),
    ("Nỗ lực cứu hộ đã thất bại.", "The rescue was not successful.", "The rescue has not begun."),
    ("Bệnh viện thiếu thuốc.", "The hospital does not have enough drugs.", "The hospital does not dispense drugs."),
    ("Nhớ mang theo áo mưa.", "Don't forget your raincoat.", "Don't take your raincoat."),
    ("Người dân không yên tâm.", "People are worried.", "People are reassured."),
    ("Đội không thua trận nào.", "The team is unbeaten.", "The team is beaten."),
    ("Ông không loại trừ khả năng này.", "He left open the possibility.", "He ruled out the possibility."),
    ("Tài xế dương tính với ma túy.", "The driver tested positive for drugs.", "The driver tested negative for drugs."),
    ("Vụ án có bốn người chưa thành niên.", "Four juveniles are involved in the case.", "Four adults are involved in the case."),
    ("Hội thảo bàn về người chưa thành niên.", "The seminar is about youth.", "The seminar is about adults."),
    ("Vẻ đẹp không kém phần gợi cảm.", "A beauty not less sensual.", "A beauty that is not sensual."),
    ("Kết quả xét nghiệm âm tính.", "The test was negative.", "The test was positive."),
]  # fmt: skip


@pytest.mark.parametrize(("vietnamese", "right", "wrong"), NEGATION)
def test_negation(vietnamese: str, right: str, wrong: str) -> None:
    assert not any(check == "negation" for check, _ in raised(vietnamese, right))
    assert ("negation", "error") in raised(vietnamese, wrong)


def test_a_flag_stands_on_the_word_it_is_about() -> None:
    record = translated(
        ("Trời mưa to.", "It rained hard."),
        ("Ông Long không đến.", "Mr Long came."),
        ("Bà Hoa đến.", "Mrs Hoa did not come."),
        title="Hoà không thắng",
        title_translation="Hoa wins",
    )
    found = {(flag.field, flag.expected or flag.found): flag for flag in flags(record)}
    texts = {"title": record.article.title, "summary": record.summary, "translation": record.translation}
    assert set(found) == {("title", "không"), ("summary", "không"), ("translation", "not")}
    for (field, word), flag in found.items():
        assert texts[field][flag.start : flag.end] == word


@pytest.mark.parametrize(
    ("article", "right", "wrong"),
    [
        ("Tại tòa, ông Nam không nhận tiền của công ty.", "Nam không nhận tiền.", "Ông Nam nhận tiền của công ty."),
        ("Tại tòa, ông Nam nhận tiền của công ty.", "Ông Nam nhận tiền.", "Ông Nam không nhận tiền của công ty."),
        ("Bộ chưa công bố kết quả.", "Bộ chưa công bố kết quả.", "Bộ công bố kết quả."),
        ("Bộ không chỉ công bố mà còn giải thích.", "Bộ chỉ công bố.", None),
        ("Bộ công bố kết quả. Trước đó bộ không công bố kết quả.", "Bộ công bố kết quả.", None),
    ],
)
def test_a_summary_against_its_article(article: str, right: str, wrong: str | None) -> None:
    assert not flags(translated((right, ""), text=article))
    if wrong is not None:
        (flag,) = flags(translated((wrong, ""), text=article))
        assert (flag.check, flag.severity, flag.field) == ("negation", "warning", "summary")
        assert wrong[flag.start : flag.end] == flag.found


def test_a_sentence_without_translation_is_left_to_coverage() -> None:
    assert not flags_of("Ông không đến.", "")


WORDS = st.lists(
    st.sampled_from("không chưa chỉ được cho là nghi khởi tố bị can kết án nói theo 5 , . ? “ ” ’ not no n't never only said charged convicted is İ".split()),
    max_size=25,
).map(" ".join)  # fmt: skip


@given(st.lists(st.tuples(WORDS | st.text(max_size=40), WORDS | st.text(max_size=40)), max_size=4))
def test_any_text_gives_spans_inside_it(pairs: list[tuple[str, str]]) -> None:
    record = translated(*pairs, text="")
    texts = {"summary": record.summary, "translation": record.translation}
    for flag in flags(record):
        assert 0 <= flag.start < flag.end <= len(texts[flag.field])


def test_where_both_deny_as_often_a_word_like_unknown_excuses_nothing() -> None:
    vietnamese = "Danh tính chưa rõ và ông không đến."
    assert not flags_of(vietnamese, "The identity is unknown and he did not come.")
    assert ("negation", "error") in raised(vietnamese, "The identity is not known and he came.")


def test_a_long_list_of_negatives_is_read_in_linear_time() -> None:
    def seconds(count: int) -> float:
        pair = ("chưa rõ, " * count, "unknown, " * count)
        started = time.process_time()
        flags(translated(pair, text=""))
        return time.process_time() - started

    assert min(seconds(20_000) for _ in range(2)) < 30 * min(seconds(2_000) for _ in range(3))


def test_a_megabyte_without_a_space_is_read_in_linear_time() -> None:
    assert not flags(translated(("x" * 1_000_000, "y" * 1_000_000), text=""))
