"""Hedges: Vietnamese with right English, and with wrong English."""

from __future__ import annotations

import pytest

from tests.checks.rule_examples import raised

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
