"""Right English as the press writes it, through all the checks at once: none of them raises an error."""

from __future__ import annotations

import pytest

from pipeline.checks.rules import inspect
from tests.records import translated

RIGHT = [
    ("Công an quận 1 khởi tố Nguyễn Văn An về tội cướp tài sản.", "District 1 police have opened a criminal case against Nguyen Van An for robbery."),
    ("Công an quận 1 khởi tố Nguyễn Văn An về tội cướp tài sản.", "Nguyen Van An is facing robbery charges, District 1 police said."),
    ("Cơ quan CSĐT Công an tỉnh Nghệ An đã khởi tố vụ án, khởi tố bị can, bắt tạm giam 4 tháng đối với Lê Văn Bình.", "Nghe An police have started legal proceedings against Le Van Binh and detained him for four months."),
    ("VKSND TP Hà Nội truy tố 15 bị can trong vụ án.", "Hanoi prosecutors have indicted 15 people in the case."),
    ("TAND TP.HCM tuyên phạt Trần Thị Hoa 12 năm tù.", "A Ho Chi Minh City court sentenced Tran Thi Hoa to 12 years in jail."),
    ("TAND TP.HCM tuyên phạt Trần Thị Hoa 12 năm tù về tội Lừa đảo chiếm đoạt tài sản.", "Tran Thi Hoa was jailed for 12 years for fraud by the HCMC People's Court."),
    ("HĐXX tuyên bị cáo án tử hình.", "The judges sentenced the defendant to death."),
    ("Tòa phúc thẩm bác kháng cáo, tuyên y án 20 năm tù.", "The appeals court rejected the appeal and upheld the 20-year sentence."),
    ("Ông Hùng kháng cáo xin giảm nhẹ hình phạt.", "Mr Hung appealed for a lighter sentence."),
    ("Hai nghi phạm bị bắt sau 3 giờ gây án.", "Two suspects were arrested three hours after the crime."),
    ("Người đàn ông bị bắt quả tang khi đang trộm xe máy.", "The man was caught red-handed stealing a motorbike."),
    ("Công an đang truy bắt nghi phạm.", "Police are hunting for the suspect."),
    ("Ông bị khởi tố để điều tra hành vi nhận hối lộ.", "He is being investigated for taking bribes."),
    ("Bộ Công an bắt ông Nguyễn Văn B để điều tra tội tham ô.", "The Ministry of Public Security arrested Nguyen Van B in an embezzlement probe."),
    ("Cựu bộ trưởng bị cáo buộc nhận 3 triệu USD.", "The former minister is accused of taking $3 million."),
    ("Cựu bộ trưởng khai nhận 3 triệu USD.", "The former minister confessed to having taken $3 million."),
    ("Vụ việc đang được điều tra, làm rõ.", "The case is under investigation."),
    ("Không có thương vong về người.", "No casualties were reported."),
    ("May mắn không có ai bị thương.", "Luckily, no one was hurt."),
    ("Hiện chưa rõ nguyên nhân vụ cháy.", "The cause of the fire remains unknown."),
    ("Nguyên nhân vụ cháy đang được điều tra.", "The cause of the fire is not yet known and is being investigated."),
    ("Ông không phải là người đầu tiên làm điều này.", "He is not the first to do this."),
    ("Không ai nghĩ rằng ông sẽ thắng.", "Nobody thought he would win."),
    ("Nếu không có giấy tờ, tài xế sẽ bị phạt.", "Drivers without papers will be fined."),
    ("Người dân không nên ra đường khi không cần thiết.", "People should not go out unless necessary."),
    ("Việt Nam chưa ghi nhận ca tử vong nào.", "Vietnam has recorded no deaths."),
    ("Ca nhiễm không có triệu chứng.", "The patient is asymptomatic."),
    ("Học sinh chưa thể trở lại trường.", "Students are still unable to return to school."),
    ("Dự án vẫn chưa được phê duyệt.", "The project has yet to be approved."),
    ("Máy bay không hạ cánh được.", "The plane was unable to land."),
    ("Ông qua đời vì ung thư.", "He died of cancer."),
    ("Không chỉ vậy, giá còn tăng.", "Moreover, prices are rising."),
    ("Anh không ngờ mình trúng số.", "He was surprised to win the lottery."),
    ("Thời tiết không thuận lợi.", "The weather was unfavorable."),
    ("Không khí lạnh tràn về.", "A cold spell is coming."),
    ("Hàng không Việt Nam phục hồi.", "Vietnam's aviation industry is recovering."),
    ("Công ty không trả lời yêu cầu bình luận.", "The company did not respond to a request for comment."),
    ("Ông không bình luận.", "He declined to comment."),
    ("Hà Nội không còn ca nhiễm.", "Hanoi has no more cases."),
    ("Chưa đầy một năm, giá tăng gấp đôi.", "Prices doubled in less than a year."),
    ("Không quá 20 người được tập trung.", "Gatherings of more than 20 people are banned."),
    ("Giá vàng chưa có dấu hiệu dừng.", "Gold shows no sign of stopping."),
    ("Xe không chính chủ bị phạt.", "Drivers of vehicles not registered in their names are fined."),
    ("Không được sử dụng điện thoại khi lái xe.", "Using a phone while driving is banned."),
    ("Tổng thống Mỹ Donald Trump nói ông không muốn chiến tranh.", "U.S. President Donald Trump said he did not want war."),
    ("Đội tuyển nữ Việt Nam thắng Philippines 4-0.", "Vietnam's women beat the Philippines 4-0."),
    ("Sáng 2/4, giá vàng SJC ở mức 101,5 triệu đồng/lượng.", "On the morning of April 2, SJC gold was VND101.5 million a tael."),
    ("Sáng nay, giá vàng SJC ở mức 101,5 triệu đồng/lượng (mua vào) và 103,8 triệu đồng/lượng (bán ra).", "SJC gold was bought at VND101.5 million and sold at VND103.8 million per tael this morning."),
    ("Kim ngạch xuất khẩu 11 tháng ước đạt 369,93 tỷ USD, tăng 14,4%.", "Exports in the first 11 months are estimated at $369.93 billion, up 14.4 percent."),
    ("Mức phạt từ 4 đến 6 triệu đồng.", "Fines range from VND4 million to VND6 million ($157-236)."),
    ("Thí sinh thi tốt nghiệp THPT ngày 26 và 27/6.", "Students will take the high school graduation exam on June 26 and 27."),
    ("Lương tối thiểu vùng tăng 7,2% từ 1/1/2026.", "The regional minimum wage will rise 7.2% from January 1, 2026."),
    ("Bão số 10 (Bualoi) giật cấp 15 đổ bộ Hà Tĩnh rạng sáng 29/9.", "Typhoon Bualoi, the 10th storm this year, made landfall in Ha Tinh early on September 29 with gusts of force 15."),
    ("Tai nạn liên hoàn giữa 3 ôtô trên cao tốc khiến 2 người chết, 5 người bị thương.", "A pile-up of three cars on the expressway left two people dead and five injured."),
    ("Chung cư mini 9 tầng cháy lúc nửa đêm, 56 người chết.", "A nine-story mini apartment block caught fire at midnight, killing 56."),
    ("Nhiệt độ Hà Nội xuống 11 độ C.", "Temperatures in Hanoi fell to 11 degrees Celsius."),
    ("Cụ bà 103 tuổi được ghép tim.", "A 103-year-old woman got a heart transplant."),
    ("Đề xuất giảm thuế VAT 2% đến hết 2026.", "A 2-percentage-point VAT cut is proposed until the end of 2026."),
    ("Theo Tổng cục Thống kê, CPI tháng 10 tăng 0,2%.", "The CPI rose 0.2% in October, according to the General Statistics Office."),
    ("Chủ tịch nước Lương Cường tiếp Đại sứ Nhật Bản Ito Naoki.", "State President Luong Cuong received Japanese Ambassador Ito Naoki."),
    ("Thủ tướng Phạm Minh Chính yêu cầu hoàn thành 3.000 km cao tốc.", "Prime Minister Pham Minh Chinh wants 3,000 km of expressways completed."),
    ("Bà Trương Mỹ Lan, Chủ tịch Vạn Thịnh Phát, bị tuyên án tử hình.", "Truong My Lan, chairwoman of Van Thinh Phat, was sentenced to death."),
    ("Nghệ sĩ Thành Lộc trở lại sân khấu.", "Actor Thanh Loc is back on stage."),
    ("Hoa hậu Thùy Tiên bị bắt.", "Beauty queen Thuy Tien was arrested."),
]  # fmt: skip


@pytest.mark.parametrize(("vietnamese", "english"), RIGHT)
def test_no_check_calls_it_an_error(vietnamese: str, english: str) -> None:
    record = inspect(translated((vietnamese, english)))
    assert [(flag.check, flag.message) for flag in record.flags if flag.severity == "error"] == []
