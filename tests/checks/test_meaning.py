"""Negation, hedges, stages of a case and attribution: Vietnamese with right English, and with wrong English."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.checks import attribution, hedges, negation, procedure
from pipeline.checks.view import View
from pipeline.records import Flag, Translated
from tests.records import translated


def flags(record: Translated) -> list[Flag]:
    """Return the flags of the four checks."""
    view = View(record)
    return [flag for check in (negation, hedges, procedure, attribution) for flag in check.check(view)]


def flags_of(vietnamese: str, english: str) -> list[Flag]:
    return flags(translated((vietnamese, english), text=""))


def raised(vietnamese: str, english: str) -> set[tuple[str, str]]:
    return {(flag.check, flag.severity) for flag in flags_of(vietnamese, english)}


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


HEDGE = [
    ("Ông Nam được cho là đã nhận hối lộ.", "Mr Nam allegedly took bribes.", "Mr Nam took bribes.", "error"),
    ("Nghi do chập điện, căn nhà cháy.", "A short circuit is suspected in the house fire.", "A short circuit set the house on fire.", "error"),
    ("Nhóm này bị cáo buộc lừa đảo.", "The group is accused of fraud.", "The group committed fraud.", "error"),
    ("Bà bị tố cáo đánh người.", "She was accused of an assault.", "She beat people.", "error"),
    ("Cầu dự kiến thông xe năm 2026.", "The bridge is expected to open in 2026.", "The bridge opened in 2026.", "warning"),
    ("Dường như ông đã rời đi.", "He seems to have left.", "He left.", "warning"),
    ("Ông Nam nhận hối lộ.", "Mr Nam took bribes.", "Mr Nam reportedly took bribes.", "warning"),
    ("Ông Nam nghi nhận hối lộ.", "Mr Nam is suspected of taking bribes.", "Mr Nam took bribes.", "error"),
    ("Bị nghi trộm xe, ông bị bắt.", "Suspected of stealing a car, he was arrested.", "Having stolen a car, he was arrested.", "error"),
    ("Nghi phạm đâm chết hai người.", "The suspect stabbed two people to death.", "The man stabbed two people to death.", "error"),
    ("Ông có dấu hiệu nhận hối lộ.", "He showed signs of taking bribes.", "He took bribes.", "warning"),
    ("Có thể mưa vào ngày mai.", "It may rain tomorrow.", "It rains tomorrow.", "warning"),
    ("Theo cáo buộc, ông chiếm đoạt 5 tỷ.", "He allegedly embezzled 5 billion.", "He embezzled 5 billion.", "error"),
    ("Vụ cháy được cho là do chập điện.", "The fire is believed to have been caused by a short circuit.", "The fire was caused by a short circuit.", "error"),
    ("Ông bị tình nghi giết người.", "He is suspected of murder.", "He murdered someone.", "error"),
    ("Ước tính có 500 người.", "An estimated 500 people.", "There were 500 people.", "warning"),
    ("Có lẽ ông sẽ từ chức.", "He will probably resign.", "He resigned.", "warning"),
    ("Chưa xác nhận được thông tin ông chết.", "His death is unconfirmed.", "He died.", "error"),
    ("Nguyên nhân nghi do mâu thuẫn tình cảm.", "A love quarrel is the suspected cause.", "A love quarrel is the cause.", "error"),
]  # fmt: skip


@pytest.mark.parametrize(("vietnamese", "right", "wrong", "severity"), HEDGE)
def test_hedge(vietnamese: str, right: str, wrong: str, severity: str) -> None:
    assert not any(check == "hedge" for check, _ in raised(vietnamese, right))
    assert ("hedge", severity) in raised(vietnamese, wrong)


PROCEDURE = [
    ("Công an khởi tố ông Nam.", "Police charged Mr Nam.", "Mr Nam was convicted.", "error"),
    ("Công an khởi tố ông Nam.", "Police launched criminal proceedings against Mr Nam.", "Mr Nam was sentenced to prison.", "error"),
    ("Ông bị bắt tạm giam bốn tháng.", "He was taken into custody for four months.", "He was jailed for four months.", "error"),
    ("Bị can khai nhận hành vi.", "The suspect admitted the act.", "The convict admitted the act.", "error"),
    ("Tòa mở phiên hình sự với bị cáo Hùng.", "The court opened the criminal trial of the defendant Hung.", "The court opened the trial of the criminal Hung.", "error"),
    ("Cô tố cáo ông ta quấy rối.", "She accused him of harassment.", "He was charged with harassment.", "error"),
    ("Công an điều tra vụ cháy.", "Police are investigating the fire.", "Police questioned the accused over the fire.", "error"),
    ("Bị cáo xin giảm nhẹ.", "The defendant asked for leniency.", "The criminal asked for leniency.", "error"),
    ("Viện kiểm sát truy tố ông Nam.", "Prosecutors indicted Mr Nam.", "Mr Nam was found guilty.", "error"),
    ("Nghi phạm bỏ trốn.", "The suspect fled.", "The murderer fled.", "error"),
    ("Ông bị tạm đình chỉ công tác.", "He was suspended from work.", "He was dismissed from work.", "error"),
    ("Tòa tuyên phạt ông 5 năm tù.", "The court sentenced him to five years in prison.", "The court met him.", "warning"),
    ("Bị cáo kháng cáo bản án.", "The defendant appealed the verdict.", "The defendant accepted the verdict.", "warning"),
    ("Công an khám xét nhà ông.", "Police searched his house.", "Police visited his house.", "warning"),
    ("Ông bị truy nã quốc tế.", "He is on an international wanted list.", "He is known abroad.", "warning"),
    ("Hung thủ ra đầu thú.", "The attacker turned himself in.", "The attacker was caught.", "error"),
    ("Tòa xét xử vụ án hôm nay.", "The court tries the case today.", "The case is closed today.", "warning"),
    ("Ông được hưởng án treo.", "He was given a suspended sentence.", "He was jailed.", "error"),
    ("Vô tội.", "Not guilty.", "Guilty.", "error"),
    ("Tòa tuyên ông vô tội.", "The court found him not guilty.", "The court found him guilty.", "error"),
    ("Công an khởi tố vụ án.", "Police opened a criminal case.", "Police closed the case with a conviction.", "error"),
    ("Công an khởi tố bị can Nguyễn Văn A.", "Police charged Nguyen Van A.", "Nguyen Van A was convicted.", "error"),
    ("Công an tạm giữ ông A.", "Police detained Mr A.", "Mr A was sentenced.", "error"),
    ("Ông A bị bắt tạm giam.", "Mr A was arrested and held.", "Mr A was imprisoned.", "error"),
    ("Công an điều tra vụ việc.", "Police are investigating.", "Police charged a man.", "error"),
    ("Tòa tuyên án 5 năm tù.", "The court sentenced him to five years in prison.", "The court charged him.", "warning"),
    ("Bị cáo hầu tòa.", "The defendant stood trial.", "The convict stood trial.", "error"),
    ("Bị can bị cáo buộc lừa đảo.", "The accused is alleged to have committed fraud.", "The convicted man committed fraud.", "error"),
    ("Viện kiểm sát đề nghị 10 năm tù.", "Prosecutors asked for ten years in prison.", "The court sentenced him to ten years in prison.", "error"),
    ("Bị cáo bị đề nghị mức án 10 năm tù.", "Prosecutors sought ten years for the defendant.", "The defendant was sentenced to ten years in prison.", "error"),
    ("Tòa tuyên bị cáo trắng án.", "The court acquitted the defendant.", "The court convicted the defendant.", "error"),
    ("Bà được tại ngoại.", "She was released on bail.", "She was acquitted.", "error"),
    ("Ông bị cấm đi khỏi nơi cư trú.", "He is barred from leaving his residence.", "He is free to leave.", "error"),
    ("Công an ra lệnh bắt khẩn cấp.", "Police issued an urgent arrest warrant.", "Police released him.", "error"),
    ("Viện kiểm sát truy tố 5 người.", "Prosecutors indicted five people.", "The court convicted five people.", "error"),
    ("Công an đề nghị truy tố 5 người.", "Police proposed prosecuting five people.", "Five people were convicted.", "error"),
    ("Tòa phúc thẩm giữ nguyên án sơ thẩm.", "The appeals court upheld the first-instance verdict.", "The appeals court overturned the first-instance verdict.", "error"),
    ("Bà bị xử phạt hành chính.", "She was given an administrative fine.", "She was convicted.", "error"),
    ("Bị kỷ luật khiển trách.", "He was reprimanded.", "He was convicted.", "error"),
    ("Ông bị cách chức.", "He was dismissed.", "He was suspended.", "error"),
    ("Hung thủ bị bắt.", "The killer was arrested.", "The killer was sentenced.", "error"),
    ("Ông được ân xá.", "He was pardoned.", "He was acquitted.", "error"),
    ("Ông được giảm án.", "His sentence was reduced.", "He was acquitted.", "error"),
    ("Công an đình chỉ điều tra.", "Police dropped the investigation.", "Police continued the investigation.", "error"),
]  # fmt: skip


@pytest.mark.parametrize(("vietnamese", "right", "wrong", "severity"), PROCEDURE)
def test_procedure(vietnamese: str, right: str, wrong: str, severity: str) -> None:
    assert not any(check == "procedure" for check, _ in raised(vietnamese, right))
    assert ("procedure", severity) in raised(vietnamese, wrong)


ATTRIBUTION = [
    ("“Giá sẽ tăng”, ông Long nói với báo chí.", "“Prices will rise,” Mr Long told reporters.", "Prices will rise."),
    ("Bộ Y tế cho biết có 5 ca mới.", "There are 5 new cases, the health ministry said.", "There are 5 new cases."),
    ("Giá sẽ tăng.", "Prices will rise.", "Prices will rise, he said."),
    ("Theo Reuters, giá sẽ tăng.", "According to Reuters, prices will rise.", None),
    ("Giá sẽ tăng theo mùa.", "Prices will rise with the season.", "Prices will rise, according to officials."),
    ("“Tôi không biết”, bà Hoa nói.", "“I do not know,” Ms Hoa said.", "I do not know."),
    ("Theo ông Long, giá sẽ tăng.", "Prices will rise, according to Mr Long.", "Prices will rise."),
    ("Ông Long cho biết giá sẽ tăng.", "Mr Long said prices would rise.", "Prices will rise."),
    ("Theo Bộ Y tế, có 5 ca mới.", "According to the health ministry there are five new cases.", "There are five new cases."),
    ("Báo Tuổi Trẻ đưa tin giá tăng.", "Tuoi Tre reported that prices rose.", "Prices rose."),
    ("Ông nói: “Giá sẽ tăng”.", "He said: “Prices will rise.”", "Prices will rise."),
    ("Ông khẳng định dự án an toàn.", "He affirmed that the project is safe.", "The project is safe."),
    ("Theo điều tra ban đầu, ông Nam nhận tiền.", "According to the initial investigation, Mr Nam took money.", "Mr Nam took money."),
]  # fmt: skip


@pytest.mark.parametrize(("vietnamese", "right", "wrong"), ATTRIBUTION)
def test_attribution(vietnamese: str, right: str, wrong: str | None) -> None:
    assert not raised(vietnamese, right)
    if wrong is not None:
        assert raised(vietnamese, wrong) == {("attribution", "warning")}


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
