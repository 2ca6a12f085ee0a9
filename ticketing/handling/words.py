"""The words of the records that stand beside a ticket: states, actions, grounds."""

from __future__ import annotations

from ticketing.vocabulary import Term


class RecordKind(Term):
    """What kind of record a step belongs to."""

    PART = "part", "承办单位"
    RULING = "ruling", "职责裁定"
    SUPERVISION = "supervision", "督办"
    LEAD = "lead", "问责线索"
    REPEAT = "repeat", "无理重复诉求认定"
    VISIT = "visit", "回访"
    FINDING = "finding", "答复合规认定"
    STATUTORY = "statutory", "法定程序"
    QUESTION = "question", "补充询问"
    MAJEURE = "majeure", "不可抗力认定"
    MEETING = "meeting", "协调会议"
    FIRST = "first", "首接负责"
    HANDLER = "handler", "经办人"
    GUEST = "guest", "嘉宾接听"


class Side(Term):
    """Where a person stands to a record, beyond the role."""

    ANY = "any", "不限"
    OWN = "own", "本单位"
    """Of the unit the record is about."""
    SENDER = "sender", "交办方"
    """Who gave the unit its part: the centre, or the unit above that handed its own part down."""
    RECEIVER = "receiver", "主办方"
    """Who works with what the unit replies: the unit above, or else the lead unit."""
    ANOTHER = "another", "另一人"
    """Not the person who began the record."""


class PartState(Term):
    """Where a unit is with its part. The lead unit's follows the ticket."""

    DELIVERED = "delivered", "待签收"
    WORKING = "working", "办理中"
    RETURN_ASKED = "return_asked", "退单待审"
    REPLIED = "replied", "已反馈"
    TAKEN = "taken", "已采纳"
    WITHDRAWN = "withdrawn", "已撤销"


class PartAction(Term):
    """What somebody does to a unit's part."""

    SIGN_FOR = "sign_for", "签收"
    HAND_DOWN = "hand_down", "向下交办"
    RETURN = "return", "退单"
    AGREE_RETURN = "agree_return", "同意退单"
    REFUSE_RETURN = "refuse_return", "不同意退单"
    REPLY = "reply", "反馈"
    TAKE = "take", "采纳"
    SEND_BACK = "send_back", "退回重做"
    WITHDRAW = "withdraw", "撤销"


class OverdueCause(Term):
    """Why a unit was late (YZ 三(四), TH 34: 逾期未办结事项及原因)."""

    COMPLEX = "complex", "事项复杂"
    OTHER_UNIT = "other_unit", "等待其他单位配合"
    DUTIES_UNCLEAR = "duties_unclear", "职责不清"
    FUNDS = "funds", "资金或项目未落实"
    PROCEDURE = "procedure", "法定程序未完结"
    CITIZEN = "citizen", "等待诉求人配合"
    FORCE_MAJEURE = "force_majeure", "不可抗力"
    OWN_DELAY = "own_delay", "本单位办理迟缓"
    OTHER = "other", "其他"


class RulingState(Term):
    """Where the ruling of a second return dispute is."""

    ASKED = "asked", "待提请"
    SUBMITTED = "submitted", "已提请"
    RULED = "ruled", "已裁定"
    APPLIED = "applied", "已执行"


class RulingAction(Term):
    """What somebody does to a ruling."""

    SUBMIT = "submit", "提请裁定"
    RULE = "rule", "登记裁定"
    APPLY = "apply", "执行裁定"


class Authority(Term):
    """Who rules whose duty a matter is (TH 16: 编制、司法和其他有关部门, 同级政府)."""

    STAFFING = "staffing", "机构编制部门"
    JUSTICE = "justice", "司法行政部门"
    GOVERNMENT = "government", "同级政府"


class ContactWay(Term):
    """How the citizen was answered (TH 17)."""

    PHONE = "phone", "电话"
    MASKED_CALL = "masked_call", "经12345转接的隐号通话"
    ON_SITE = "on_site", "上门"
    SMS = "sms", "短信"
    LETTER = "letter", "书面"
    ONLINE = "online", "网上"


class ContactOutcome(Term):
    """What came of it."""

    ANSWERED = "answered", "已答复诉求人"
    UNREACHABLE = "unreachable", "联系不上"
    DECLINED = "declined", "诉求人拒绝沟通"


class SupervisionGround(Term):
    """Why a unit is supervised (TH 18)."""

    OVERDUE = "overdue", "超出办理时限"
    REPEATED = "repeated", "多次或集中反映"
    KNOWLEDGE = "knowledge", "知识库维护不及时或不符合要求"
    REFUSES = "refuses", "职责范围内拒不接受工单"
    OTHER = "other", "其他需要督办的情形"


class SupervisionForm(Term):
    """How (TH 18; SMX 二(三)6)."""

    PHONE = "phone", "电话督办"
    LETTER = "letter", "书面督办"
    MEETING = "meeting", "会议督办"
    ON_SITE = "on_site", "现场督办"
    MEDIA = "media", "媒体联动督办"
    INSPECTION = "inspection", "专项督查"
    LEADER = "leader", "领导批示督办"
    ORDER = "order", "督办单"
    COORDINATION = "coordination", "专题协调"
    INTERVIEW = "interview", "约谈提醒"


class SupervisionState(Term):
    """Where a supervision is."""

    ISSUED = "issued", "待回复"
    ANSWERED = "answered", "已回复"
    LIFTED = "lifted", "已解除"


class SupervisionAction(Term):
    """What somebody does to it."""

    ANSWER = "answer", "回复"
    REJECT_ANSWER = "reject_answer", "退回重新回复"
    LIFT = "lift", "解除"


class AccountabilityGround(Term):
    """Why a unit's handling is looked into (TH 29(一)-(九), 30(一)-(三))."""

    LATE_RECEIPT = "late_receipt", "分办事项接收不及时，导致延误办理"
    UNTRUE = "untrue", "办理、反馈不真实，敷衍应付、弄虚作假、答非所问"
    CARELESS_AGAIN = "careless_again", "被退回重办或督办后仍不认真办理"
    SHIRKING = "shirking", "推诿扯皮，导致办理事项久拖不结"
    ABUSE = "abuse", "吃拿卡要、不作为、乱作为"
    DISSATISFIED_TWICE = "dissatisfied_twice", "第二次满意度评价仍为不满意"
    REPEATED_MONTHS = "repeated_months", "同一事项连续3个月及以上被反复投诉举报"
    LEAK = "leak", "向被诉求人泄露诉求人信息或内容"
    OTHER = "other", "其他应予以责任追究的情形"
    OBSTRUCTION = "obstruction", "阻碍督查工作"
    CONCEALMENT = "concealment", "对督查隐瞒实情、弄虚作假"
    EVIDENCE = "evidence", "伪造、隐匿、毁灭证据"


class LeadState(Term):
    """Where an accountability lead (问责线索) is. It says nothing of guilt: people find that."""

    RAISED = "raised", "待核查"
    INVESTIGATING = "investigating", "核查中"
    ESTABLISHED = "established", "属实"
    DISMISSED = "dismissed", "不属实"
    CORRECTING = "correcting", "责令整改"
    HANDED_OVER = "handed_over", "已移送"
    SETTLED = "settled", "已处理"


class LeadAction(Term):
    """What somebody does to it."""

    INVESTIGATE = "investigate", "组织核查"
    ESTABLISH = "establish", "认定属实"
    DISMISS = "dismiss", "认定不属实"
    ORDER_CORRECTION = "order_correction", "责令整改"
    HAND_OVER = "hand_over", "移送"
    SETTLE = "settle", "办结线索"


class HandedTo(Term):
    """Who takes over what is more than a matter of service (TH 35)."""

    SUPERVISORY = "supervisory", "监察机关"
    JUDICIAL = "judicial", "司法机关"


class RepeatState(Term):
    """Where the determination of an unreasonable repeat is."""

    PROPOSED = "proposed", "待审批"
    APPROVED = "approved", "已批准待告知"
    REJECTED = "rejected", "未批准"
    NOTIFIED = "notified", "已告知"
    REVOKED = "revoked", "已撤销"


class RepeatAction(Term):
    """What somebody does to it."""

    APPROVE = "approve", "批准"
    REJECT = "reject", "不批准"
    NOTIFY = "notify", "告知诉求人"
    REVOKE = "revoke", "撤销"
