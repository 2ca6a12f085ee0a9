"""What a city's demands are made of: roads, matters, phrases, and the ways tickets go."""

from __future__ import annotations

from typing import Final

ROADS: Final = [
    first + second + kind
    for first in "黄崤召建虢甘永和文大上六北南茅"
    for second in "河山公设国棠兴平明岭阳峰环门津"
    for kind in ("路", "街")
]
ESTATES: Final = [
    first + second
    for first in ("阳光", "幸福", "天鹅", "锦绣", "滨河", "金茂", "恒大", "绿地")
    for second in ("小区", "花园", "家园", "新城", "公寓")
]
MATTERS: Final = [
    "路灯不亮",
    "自来水管漏水",
    "井盖缺失",
    "垃圾无人清运",
    "暖气不热",
    "电梯停运",
    "噪声扰民",
    "占道经营",
    "违章停车",
    "拖欠工资",
    "社保卡补办",
    "公积金提取",
    "医保报销",
    "燃气泄漏",
    "停水没有通知",
    "停电频繁",
    "树木倒伏",
    "道路坑洼",
    "红绿灯故障",
    "公交车不进站",
    "出租车拒载",
    "物业乱收费",
    "房产证办理",
    "学区划分",
    "幼儿园收费",
    "油烟污染",
    "污水外溢",
    "黑臭水体",
    "扬尘污染",
    "施工夜间扰民",
    "食品过期",
    "药店无证",
    "虚假广告",
    "快递丢失",
    "网购纠纷",
    "预付卡不退",
    "健身房关门",
    "驾校退费",
    "旅游合同",
    "酒店卫生",
    "流浪犬伤人",
    "消防通道堵塞",
    "高空抛物",
    "外墙脱落",
    "屋顶漏雨",
    "车位不足",
    "充电桩损坏",
    "健身器材损坏",
    "公厕关闭",
    "广场舞音量大",
    "农田灌溉",
    "低保申请",
    "残疾证办理",
    "老年卡年审",
    "退休金未到账",
    "失业金申领",
    "户口迁移",
    "身份证邮寄",
    "婚姻登记预约",
    "营业执照变更",
]
DETAILS: Final = [
    "已经持续三天",
    "影响居民出行",
    "多次联系物业无果",
    "存在安全隐患",
    "老人小孩不便",
    "至今没有处理",
    "夜间尤其严重",
    "之前反映过一次",
    "附近学校学生经过",
    "下雨后更加明显",
    "周边住户都受到影响",
    "现场没有设置警示标志",
    "曾有行人在此摔倒",
    "工作人员答复正在协调但一直没有结果",
    "要求出示收费依据对方拒绝提供",
    "家中有病人需要照顾",
    "涉及二十余户居民",
    "有照片和视频为证",
    "对方电话一直无人接听",
    "每天早晚高峰最为严重",
]
WHEN: Final = [
    "今天上午",
    "昨天晚上",
    "上周以来",
    "近半个月来",
    "自去年入冬后",
    "本月初",
    "连续多日凌晨",
    "节假日期间",
]
COURSES: Final = [
    "市民曾到现场找过负责人，对方表示不归其管理，让市民找其他部门",
    "市民已向社区居委会反映，社区称需要上级部门统一安排",
    "市民拨打过服务电话，对方承诺两个工作日内上门，至今未见人员到场",
    "此前有人来查看过，简单处理后不久又出现同样的问题",
    "市民认为该问题长期得不到解决，对答复不满意",
    "市民不清楚应由哪个单位负责，来电咨询并请求转办",
    "与市民同住一个小区的邻居也多次来电反映同一情况",
    "市民担心继续下去会造成更大的损失",
]
WISHES: Final = [
    "希望相关部门尽快处理",
    "请核实并答复",
    "要求给出解决方案",
    "希望派人到现场查看",
    "请告知办理进度",
    "希望加强管理",
    "请说明政策依据",
]
COUNTIES: Final = ("411202",) * 4 + ("411203",) * 2 + ("411221", "411224", "411281", "411282")
AREAS: Final = tuple(
    county + (f"{town:03d}000" if town else "")
    for town in (0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 100, 101, 102)
    for county in COUNTIES
)
"""Half a dozen counties; most demands name the town in them."""
TYPES: Final = ("consult",) * 5 + ("help",) * 3 + ("complaint",) * 3 + ("report", "suggestion")
SOURCES: Final = (
    ("phone",) * 400
    + ("wechat", "app", "web") * 40
    + ("mail", "sms", "province", "city_website") * 10
    + ("police_110", "branch", "people_cn", "governor_mailbox")
)
"""Four in five by telephone, some from places that send one in five hundred; none from `gov_cn`."""
MARKS: Final = tuple(
    ("urgent" if n % 50 == 0 else "general", "confidential" if n % 40 == 7 else "anonymous" if n % 400 == 9 else "open")
    for n in range(400)
)
LINES: Final = tuple((line, f"市{unit}局") for unit, line in enumerate(("12333", "12345", "12319", "12369", "12320")))
"""Lines that were merged into the hotline, with the unit each is tagged with."""
OPEN: Final = (
    "to_sign",
    "handling",
    "handling",
    "handling",
    "handling",
    "reply_to_review",
    "replied",
    "extension_asked",
)
ARCHIVED: Final = "archived by a unit"
ANSWERED: Final = "archived after an answer"
_TO_A_UNIT: Final = (
    ("registered", "register", 0.0),
    ("to_dispatch", "accept", 0.05),
    ("to_sign", "dispatch", 2.0),
    ("handling", "sign_for", 20.0),
)
_TO_A_REPLY: Final = (*_TO_A_UNIT, ("reply_to_review", "reply", 70.0), ("replied", "approve_reply", 74.0))
COURSES_OF: Final[dict[str, tuple[tuple[str, str, float], ...]]] = {
    "registered": _TO_A_UNIT[:1],
    "to_dispatch": _TO_A_UNIT[:2],
    "to_sign": _TO_A_UNIT[:3],
    "handling": _TO_A_UNIT,
    "extension_asked": (*_TO_A_UNIT, ("extension_asked", "extend", 60.0)),
    "reply_to_review": _TO_A_REPLY[:-1],
    "replied": _TO_A_REPLY,
    ARCHIVED: (
        *_TO_A_REPLY,
        ("visited", "visit", 96.0),
        ("closed", "close", 97.0),
        ("archived", "archive", 98.0),
    ),
    ANSWERED: (
        ("registered", "register", 0.0),
        ("answered", "answer", 0.1),
        ("closed", "close", 0.1),
        ("archived", "archive", 0.5),
    ),
}
"""The ways tickets have gone: to which state, by which action, how many hours after the registration."""
NOTES: Final = {
    "accept": "属于受理范围，已告知市民办理流程",
    "dispatch": "请按职责核实办理，并在规定期限内答复市民",
    "answer": "已按知识库条目向市民说明办理条件、所需材料和地点，市民表示清楚",
    "reply": "经现场核实，情况属实。已安排人员处理完毕，并与市民电话联系说明结果，市民表示认可",
    "approve_reply": "答复内容完整，同意上报",
    "extend": "需要更换的部件正在采购，申请延长办理期限",
    "visit": "已回访，市民对办理结果表示满意",
}
"""What is written beside an action."""
