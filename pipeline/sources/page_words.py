"""The words Vietnamese news pages print around an article: sections, buttons, headings. Data, not code.

Each set is in lower case, without digits and punctuation, toned as the press does: see `line_classifier.key`. The plain
strings are phrases between semicolons, for patterns, in the case they are printed in.
"""

from __future__ import annotations

from pipeline.text import normalize


def phrases(lines: str) -> list[str]:
    """Return the phrases between the semicolons of `lines`, single-spaced."""
    return [" ".join(phrase.split()) for phrase in lines.split(";")]


def _words(lines: str) -> frozenset[str]:
    return frozenset(normalize.press_tone(words) for words in phrases(lines))


RELATED = _words(  # headings over links to other articles
    """
    xem thêm; đọc thêm; đọc tiếp; tin liên quan; bài liên quan; bài viết liên quan; tin bài liên quan;
    tin tức liên quan; các tin liên quan; các bài liên quan; sự kiện liên quan; video liên quan; chủ
    đề liên quan; tin cùng chuyên mục; bài cùng chuyên mục; cùng chuyên mục; cùng tác giả; cùng chủ
    đề; tin khác; các tin khác; tin cũ hơn; tin mới hơn; tin mới; tin mới nhất; tin mới nhận; tin nổi
    bật; tin nóng; tin đọc nhiều; bài đọc nhiều; đọc nhiều; đọc nhiều nhất; xem nhiều; xem nhiều nhất;
    có thể bạn quan tâm; có thể bạn thích; bạn có thể quan tâm; đừng bỏ lỡ; đáng quan tâm; mời bạn đọc
    thêm; mời quý độc giả đọc thêm; tin tài trợ; nổi bật; tiêu điểm; dành cho bạn; gợi ý cho bạn; xem
    thêm tin; xem tiếp; tin đáng đọc; đáng chú ý; tham khảo thêm; khám phá thêm chủ đề; xem thêm các
    tin; xem thêm về; cùng sự kiện; tin cùng sự kiện; chủ đề khác; bạn nên đọc; tin xem thêm; các bài
    viết khác; bài viết khác; bài khác; tin bài khác; quan tâm nhất; mới nhất; khám phá thêm
    """
)

COMMENTS = _words(  # headings over readers' comments
    """
    bình luận; ý kiến; ý kiến bạn đọc; ý kiến của bạn; gửi bình luận; gửi ý kiến; viết bình luận; bình
    luận của bạn; bình luận mới nhất; thảo luận; tất cả bình luận; phản hồi; bình luận bài viết
    """
)

COMMENT_BUTTONS = _words(  # what is printed under one comment
    """
    trả lời; thích; phản hồi; xem thêm bình luận; gửi
    """
)

BUTTONS = _words(  # buttons; one such word alone may also be a line of a list or a poem
    """
    chia sẻ; facebook; twitter; zalo; linkedin; email; gmail; pinterest; sao chép; in; lưu; thích;
    like; share; theo dõi; x; messenger; telegram; tweet; print; nghe; hết; báo lỗi; menu; trở lại;
    quay lại; trở về; tìm kiếm; mới nhất; tốc độ đọc; phóng to; thu nhỏ; gửi; bình luận; bản in; có;
    không; sao
    """
)

CERTAIN_BUTTONS = _words(  # buttons at any position
    """
    chia sẻ; chia sẻ bài viết; chia sẻ bài viết này; copy link; sao chép liên kết; sao chép link; in
    bài; in bài viết; lưu bài; lưu bài viết; lưu tin; gửi mail; gửi email; đã sao chép; chia sẻ
    facebook; thích bài viết; chia sẻ lên facebook; chia sẻ qua zalo; gửi góp ý; trang chủ; quảng cáo;
    advertisement; nghe đọc bài; nghe bài viết; cỡ chữ; cỡ chữ a a; a a; đăng nhập; đăng ký; tắt quảng
    cáo; về trang chủ; về đầu trang; lên đầu trang; xem ảnh lớn; tải ứng dụng; mục lục; đọc bài gốc;
    giọng nữ; giọng nam; đường dây nóng; trở về trang chủ; trở lại chủ đề; xem ảnh; đọc báo in; trở về
    đầu trang; nữ miền bắc; nữ miền nam; nam miền bắc; nam miền nam; nữ miền trung; tặng sao; bình
    luận bài viết này; copy link thành công; theo dõi chúng tôi; bật âm thanh; tắt âm thanh; báo nói;
    nghe podcast; đọc tin; thu gọn; tăng cỡ chữ; giảm cỡ chữ; chia sẻ bài
    """
)

SECTIONS = _words(  # sections of newspapers
    """
    thời sự; tin tức; tin nóng; chính trị; xã hội; chính trị xã hội; thời sự chính trị; kinh tế; kinh
    doanh; thế giới; quốc tế; tin thế giới; thể thao; bóng đá; bóng đá việt nam; bóng đá quốc tế; văn
    hóa; văn hóa giải trí; giải trí; giáo dục; sức khỏe; y tế; đời sống; khoa học; công nghệ; khoa học
    công nghệ; số hóa; du lịch; pháp luật; pháp đình; hình sự; bất động sản; nhà đất; xe; ô tô; ô tô
    xe máy; môi trường; khí hậu; nông nghiệp; nông thôn mới; góc nhìn; ý kiến; bạn đọc; tâm sự; cười;
    video; podcast; podcasts; xây dựng đảng; quân sự; quốc phòng; quốc phòng an ninh; an ninh; an ninh
    trật tự; nhịp sống trẻ; nhịp sống số; giới trẻ; gia đình; ẩm thực; thời trang; điện ảnh; phim; âm
    nhạc; thời tiết; chứng khoán; tài chính; tài chính ngân hàng; ngân hàng; tiêu dùng; thị trường;
    doanh nghiệp; doanh nhân; khởi nghiệp; emagazine; longform; infographic; multimedia; đô thị; giao
    thông; dân sinh; lao động; việc làm; lao động việc làm; công đoàn; du học; tuyển sinh; tuyển dụng;
    khuyến học; nhân ái; nhịp sống; địa phương; trong nước; trong tỉnh; tin trong nước; pháp luật đời
    sống; tư vấn; chuyển đổi số; năng lượng; hội nhập; biển đảo; phóng sự; điều tra; phóng sự điều
    tra; ký sự; bình luận; trang địa phương; dân tộc; tôn giáo; mặt trận; đoàn thể; người việt; người
    việt năm châu; tennis; hậu trường; sao; văn học; sách; nghệ thuật; di sản; lịch sử; thời đại; kiều
    bào; phụ nữ; làm đẹp; dinh dưỡng; các bệnh; viễn thông
    """
)

PLACES = _words(  # provinces and cities, which a page prints under the title
    """
    an giang; bà rịa vũng tàu; bạc liêu; bắc giang; bắc kạn; bắc ninh; bến tre; bình dương; bình định;
    bình phước; bình thuận; cà mau; cao bằng; cần thơ; đà nẵng; đắk lắk; đắk nông; điện biên; đồng
    nai; đồng tháp; gia lai; hà giang; hà nam; hà nội; hà tĩnh; hải dương; hải phòng; hậu giang; hòa
    bình; hưng yên; khánh hòa; kiên giang; kon tum; lai châu; lạng sơn; lào cai; lâm đồng; long an;
    nam định; nghệ an; ninh bình; ninh thuận; phú thọ; phú yên; quảng bình; quảng nam; quảng ngãi;
    quảng ninh; quảng trị; sóc trăng; sơn la; tây ninh; thái bình; thái nguyên; thanh hóa; thừa thiên
    huế; huế; tiền giang; tp hcm; tp hồ chí minh; thành phố hồ chí minh; trà vinh; tuyên quang; vĩnh
    long; vĩnh phúc; yên bái; miền bắc; miền trung; miền nam; tây nguyên; đồng bằng sông cửu long;
    việt nam; đà lạt; nha trang; vũng tàu; tphcm; sài gòn; hạ long; phú quốc; tây bắc; đông nam bộ
    """
)

TAG_HEADINGS = _words(  # headings over an article's tags
    """
    từ khóa; tags; tag; chủ đề; thẻ; từ khóa liên quan
    """
)

# Names an outlet signs a dateline with, without brackets; in brackets any short name is one.
OUTLETS = """
    TTXVN; Vietnam+; VietnamPlus; TTO; Tuổi Trẻ Online; Tuổi Trẻ; TNO; Thanh Niên Online; Thanh Niên; VOV.VN;
    VOV.vn; VOV; VTV.vn; VTV.VN; VTV; VTC News; VTCNews; VTC; Dân trí; Dân Trí; VnExpress; VietNamNet;
    Vietnamnet; PLO; NLĐO; NLD; NLĐ; TPO; Tiền Phong; ANTD.VN; ANTĐ; ANTD; CAND; QĐND; SGGPO; SGGP; HNMO; HNM;
    LĐO; Lao Động; LĐTĐ; ĐCSVN; PLVN; KTĐT; BNEWS; VnEconomy; Zing.vn; Zing; Znews; Soha; Kenh14; CafeF; VOH;
    BVPL; GD&TĐ; GDTĐ; GDVN; Infonet; ICTnews; SKĐS; Chinhphu.vn; MTĐT; DNVN; PNO; ĐĐK; BĐT; TBKTSG;
    KTSG Online; KTSG; Congthuong.vn; Kinhtedothi; Baoquocte.vn; TG&VN
"""
PICTURES = """
    Ảnh; ẢNH; Nguồn ảnh; Nguồn Ảnh; Hình ảnh; Hình; Tranh; Đồ họa; Đồ hoạ; ĐỒ HỌA; Đồ thị; Video; VIDEO; Clip;
    CLIP; Photo; Infographic
"""
PICTURE_KINDS = """
    minh họa; minh hoạ; tư liệu; chụp màn hình; cắt từ clip; cắt từ video; do nhân vật cung cấp;
    chỉ mang tính minh họa; CTV
"""
BYLINE_LABELS = """
    tác giả; nhóm tác giả; người viết; viết bởi; by; bài, ảnh; bài và ảnh; bài & ảnh; bài - ảnh; tin, ảnh;
    tin và ảnh; tin - ảnh; ảnh, bài; ảnh và bài; tin bài; bài viết; bài; thực hiện; biên tập; biên dịch;
    lược dịch; tổng hợp; nguồn; phóng viên; nhóm phóng viên; pv
"""
AUTHORSHIP = "tổng hợp; lược dịch; biên dịch; thực hiện; ghi"
COUNTED = "lượt xem; lượt đọc; lượt thích; lượt chia sẻ; bình luận; phút đọc; thích; chia sẻ; xem; đọc"
APPEALS = """
    trở thành người đầu tiên; hãy là người đầu tiên; bài viết này có hữu ích; bài viết có hữu ích;
    bạn đang đọc bài; bạn thấy bài viết này; bạn có đồng ý; đánh giá bài viết; vui lòng đăng nhập;
    bạn cần đăng nhập; mời bạn bình luận
"""
MASTHEADS = """
    báo điện tử; tạp chí điện tử; cơ quan ngôn luận; trang thông tin điện tử; cổng thông tin điện tử;
    trang tin điện tử; kênh thông tin
"""
