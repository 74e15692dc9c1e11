"""Attribution: Vietnamese with right English, and with wrong English."""

from __future__ import annotations

import pytest

from tests.checks.rule_examples import raised

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
