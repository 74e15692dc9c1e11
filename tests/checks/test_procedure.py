"""Stages of a case and legal terms: Vietnamese with right English, and with wrong English."""

from __future__ import annotations

import pytest

from tests.checks.rule_examples import raised

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
    ("Nhóm cưỡng đoạt tài sản bị bắt.", "The group was arrested for extortion.", "The group was arrested for raping property.", "error"),
    ("Trời mưa ở Huế.", "It rains in Hue.", "A man was molested in Hue.", "error"),
    ("Công an đình chỉ điều tra.", "Police dropped the investigation.", "Police continued the investigation.", "error"),
]  # fmt: skip


@pytest.mark.parametrize(("vietnamese", "right", "wrong", "severity"), PROCEDURE)
def test_procedure(vietnamese: str, right: str, wrong: str, severity: str) -> None:
    assert not any(check == "procedure" for check, _ in raised(vietnamese, right))
    assert ("procedure", severity) in raised(vietnamese, wrong)
