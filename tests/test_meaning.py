"""Negation, hedges, stages of a case and attribution: Vietnamese with right English, and with wrong English."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.checks import meaning
from pipeline.records import Article, Flag, Origin, Sentence, Translated


def flags_of(vietnamese: str, english: str) -> list[Flag]:
    return meaning.check(translated([Sentence(vietnamese, english)]))


def translated(
    sentences: list[Sentence], *, title: str = "", title_translation: str = "", text: str = ""
) -> Translated:
    summary = " ".join(sentence.summary for sentence in sentences)
    article = Article(id="1", title=title, text=text, text_sha256="", source=Origin("a.jsonl", 0))
    return Translated(article, summary, title_translation, tuple(sentences), ())


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
]


@pytest.mark.parametrize(("vietnamese", "right", "wrong"), NEGATION)
def test_negation(vietnamese: str, right: str, wrong: str) -> None:
    assert ("negation", "error") not in raised(vietnamese, right)
    assert ("negation", "error") in raised(vietnamese, wrong)


HEDGE = [
    ("Ông Nam được cho là đã nhận hối lộ.", "Mr Nam allegedly took bribes.", "Mr Nam took bribes.", "error"),
    ("Nghi do chập điện, căn nhà cháy.", "A short circuit is suspected in the house fire.", "A short circuit set the house on fire.", "error"),
    ("Nhóm này bị cáo buộc lừa đảo.", "The group is accused of fraud.", "The group committed fraud.", "error"),
    ("Bà bị tố cáo đánh người.", "She was accused of an assault.", "She beat people.", "error"),
    ("Cầu dự kiến thông xe năm 2026.", "The bridge is expected to open in 2026.", "The bridge opened in 2026.", "warning"),
    ("Dường như ông đã rời đi.", "He seems to have left.", "He left.", "warning"),
    ("Ông Nam nhận hối lộ.", "Mr Nam took bribes.", "Mr Nam reportedly took bribes.", "warning"),
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
]


@pytest.mark.parametrize(("vietnamese", "right", "wrong"), ATTRIBUTION)
def test_attribution(vietnamese: str, right: str, wrong: str | None) -> None:
    assert not raised(vietnamese, right)
    if wrong is not None:
        assert raised(vietnamese, wrong) == {("attribution", "warning")}


def test_a_flag_stands_on_the_word_it_is_about() -> None:
    first = Sentence("Trời mưa to.", "It rained hard.")
    record = translated(
        [first, Sentence("Ông Long không đến.", "Mr Long came."), Sentence("Bà Hoa đến.", "Mrs Hoa did not come.")],
        title="Hoà không thắng",
        title_translation="Hoa wins",
    )
    found = {(flag.field, flag.expected or flag.found): flag for flag in meaning.check(record)}
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
    assert not meaning.check(translated([Sentence(right, "")], text=article))
    if wrong is not None:
        (flag,) = meaning.check(translated([Sentence(wrong, "")], text=article))
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
    record = translated([Sentence(*pair) for pair in pairs])
    texts = {"summary": record.summary, "translation": record.translation}
    for flag in meaning.check(record):
        assert 0 <= flag.start < flag.end <= len(texts[flag.field])


def test_a_megabyte_without_a_space_is_read_in_linear_time() -> None:
    assert not meaning.check(translated([Sentence("x" * 1_000_000, "y" * 1_000_000)]))
