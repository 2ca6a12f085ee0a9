"""The words of a ticket (工单): each value is the word kept in the database, `term` the one people read."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Term(StrEnum):
    """A word with its Chinese term."""

    term: str

    def __new__(cls, word: str, term: str = "") -> Term:
        member = str.__new__(cls, word)
        member._value_ = word
        member.term = term
        return member


class TicketType(Term):
    """What the citizen wants (TH 9, SX 三(一))."""

    CONSULT = "consult", "咨询"
    HELP = "help", "求助"
    COMPLAINT = "complaint", "投诉"
    REPORT = "report", "举报"
    SUGGESTION = "suggestion", "建议"


class Stage(Term):
    """The eight stages of a demand (TH 13)."""

    INTAKE = "intake", "受理"
    DISPATCH = "dispatch", "派单"
    HANDLING = "handling", "办理"
    REPLY = "reply", "答复"
    SUPERVISION = "supervision", "督办"
    CLOSING = "closing", "办结"
    VISIT = "visit", "回访"
    EVALUATION = "evaluation", "评价"


class State(Term):
    """Where a ticket is. Supervision (督办) and evaluation (评价) happen beside these and are history only."""

    REGISTERED = "registered", "已登记"
    REFUSED = "refused", "不予受理"
    ANSWERED = "answered", "已直接答复"
    TO_DISPATCH = "to_dispatch", "待派单"
    MERGED = "merged", "已并单"
    """Handled with another ticket of the same matter (主单), which answers for it."""
    TO_SIGN = "to_sign", "待签收"
    HANDLING = "handling", "办理中"
    RETURN_ASKED = "return_asked", "退单待审"
    EXTENSION_ASKED = "extension_asked", "延期待审"
    REPLY_TO_REVIEW = "reply_to_review", "答复待审"
    REPLIED = "replied", "已答复"
    VISITED = "visited", "已回访"
    CLOSED = "closed", "已办结"
    ARCHIVED = "archived", "已归档"

    @property
    def stage(self) -> Stage:
        """The stage of TH 13 this state belongs to."""
        return _STAGES[self]

    @property
    def open(self) -> bool:
        """Whether the demand still waits for something: what a screen-pop lists as the caller's open tickets."""
        return self not in {State.REFUSED, State.CLOSED, State.ARCHIVED}

    @property
    def settled(self) -> bool:
        """Whether the demand was answered and is over: what a new ticket may repeat."""
        return self in {State.CLOSED, State.ARCHIVED}


OPEN_STATES: Final = tuple(state.value for state in State if state.open)
SETTLED_STATES: Final = tuple(state.value for state in State if state.settled)
"""For questions to the database."""

_STAGES = {
    State.REGISTERED: Stage.INTAKE,
    State.REFUSED: Stage.INTAKE,
    State.ANSWERED: Stage.REPLY,
    State.TO_DISPATCH: Stage.DISPATCH,
    State.MERGED: Stage.HANDLING,
    State.TO_SIGN: Stage.DISPATCH,
    State.HANDLING: Stage.HANDLING,
    State.RETURN_ASKED: Stage.DISPATCH,
    State.EXTENSION_ASKED: Stage.HANDLING,
    State.REPLY_TO_REVIEW: Stage.REPLY,
    State.REPLIED: Stage.REPLY,
    State.VISITED: Stage.VISIT,
    State.CLOSED: Stage.CLOSING,
    State.ARCHIVED: Stage.CLOSING,
}


class Action(Term):
    """What somebody does to a ticket."""

    REGISTER = "register", "登记"
    AMEND = "amend", "修改登记"
    ANSWER = "answer", "直接答复"
    ACCEPT = "accept", "受理"
    REFUSE = "refuse", "不予受理"
    SPLIT = "split", "拆单"
    MERGE = "merge", "并单"
    UNMERGE = "unmerge", "取消并单"
    TAKE_REPLY = "take_reply", "采用主单答复"
    DISPATCH = "dispatch", "派单"
    RECALL = "recall", "撤回派单"
    SIGN_FOR = "sign_for", "签收"
    RETURN = "return", "退单"
    AGREE_RETURN = "agree_return", "同意退单"
    REFUSE_RETURN = "refuse_return", "不同意退单"
    EXTEND = "extend", "申请延期"
    SIGN_EXTENSION = "sign_extension", "分管领导签批延期"
    GRANT_EXTENSION = "grant_extension", "同意延期"
    REFUSE_EXTENSION = "refuse_extension", "不同意延期"
    MEET = "meet", "专题协调会"
    REPLY = "reply", "答复"
    APPROVE_REPLY = "approve_reply", "审核通过答复"
    REJECT_REPLY = "reject_reply", "退回修改答复"
    SUPERVISE = "supervise", "督办"
    URGE = "urge", "催办"
    SUPPLEMENT = "supplement", "补充"
    VISIT = "visit", "回访"
    REHANDLE = "rehandle", "重办"
    CLOSE = "close", "办结"
    EVALUATE = "evaluate", "评价"
    ARCHIVE = "archive", "归档"


class Source(Term):
    """The way a demand came in, told apart in every report (TH 3, 8; SX; YZ)."""

    PHONE = "phone", "电话"
    VOICE_MESSAGE = "voice_message", "语音留言"
    SMS = "sms", "短信"
    MAIL = "mail", "信箱"
    WEB = "web", "网站"
    WECHAT = "wechat", "微信"
    WEIBO = "weibo", "微博"
    APP = "app", "手机客户端"
    STATE_COUNCIL = "state_council", "国务院“互联网+督查”"
    GOV_CN = "gov_cn", "中国政府网"
    PEOPLE_CN = "people_cn", "人民网"
    GOVERNOR_MAILBOX = "governor_mailbox", "省长信箱"
    CITY_WEBSITE = "city_website", "市政府网站"
    PROVINCE = "province", "省级12345"
    POLICE_110 = "police_110", "110移交"
    BRANCH = "branch", "分中心转办"
    PLATFORM = "platform", "其他平台转办"


class Urgency(Term):
    """How fast the unit must act (TH 16)."""

    GENERAL = "general", "一般"
    URGENT = "urgent", "紧急"


class Confidentiality(Term):
    """Who may know the citizen (TH 4, 17, 23)."""

    OPEN = "open", "公开"
    CONFIDENTIAL = "confidential", "保密"
    ANONYMOUS = "anonymous", "匿名"


class Part(Term):
    """A unit's part in a ticket (TH 16)."""

    LEAD = "lead", "主办"
    ASSIST = "assist", "协办"


class RefusalGround(Term):
    """Why a demand is not accepted (TH 10 (一)-(七))."""

    SECRETS = "secrets", "涉及国家秘密、商业秘密、个人隐私或违反社会公序良俗"
    OTHER_POWERS = "other_powers", "涉及党委、人大、政协、军队等职能"
    OTHER_PROCEDURE = "other_procedure", "应当通过诉讼、仲裁、纪检监察、行政复议、信息公开等程序解决或已进入信访渠道"
    ALREADY_HANDLED = "already_handled", "有权处理的部门已经受理或正在办理"
    CLOSED_SAME_MATTER = "closed_same_matter", "已办结，同一诉求人以同一事实和理由再次提出"
    OUTSIDE_CITY = "outside_city", "非本市行政职权管辖范围"
    UNLAWFUL = "unlawful", "其他违反法律、法规、规章规定"


class LinkKind(Term):
    """What a ticket is to another one."""

    MERGED = "merged", "并单"
    """Handled with the other, the main ticket (主单)."""
    SPLIT = "split", "拆单"
    """A matter out of the other's demand."""
    REPEATS = "repeats", "重复诉求"
    """The other's matter again, after that was closed."""


class CitizenNoticeKind(Term):
    """What a citizen is to be told."""

    REFUSAL = "refusal", "不予受理告知"
    UNREACHABLE = "unreachable", "回访未接通告知"


class Told(Term):
    """How a citizen was told."""

    PHONE = "phone", "电话"
    SMS = "sms", "短信"
    LETTER = "letter", "书面"
    ONLINE = "online", "网上"
    NO_CONTACT = "no_contact", "无法联系"


class Satisfaction(Term):
    """What the citizen says of the handling, 好差评 in five levels."""

    VERY_SATISFIED = "very_satisfied", "非常满意"
    SATISFIED = "satisfied", "满意"
    FAIRLY_SATISFIED = "fairly_satisfied", "基本满意"
    DISSATISFIED = "dissatisfied", "不满意"
    VERY_DISSATISFIED = "very_dissatisfied", "非常不满意"


class ClockKind(Term):
    """What is to be done before the clock's end."""

    DISPATCH = "dispatch", "派单时限"
    PASS_ON = "pass_on", "即时转办时限"
    RETURN = "return", "退单时限"
    HANDLING = "handling", "办理时限"
    STATUTORY = "statutory", "法定程序时限"


class ClockEnd(Term):
    """How a clock came to its end."""

    MET = "met", "按时"
    LATE = "late", "超期"
    WITHDRAWN = "withdrawn", "撤销"
    """What was to be done is no longer this unit's."""


class MovedBy(Term):
    """Why the end of a clock that runs was moved."""

    EXTENSION = "extension", "延期"
    CALENDAR = "calendar", "工作日历调整"
    PAUSE = "pause", "等待诉求人补充"
    FORCE_MAJEURE = "force_majeure", "不可抗力"
    STATUTORY = "statutory", "法定程序"


class NoticeKind(Term):
    """What is told of a clock to those concerned."""

    WARNING = "warning", "即将超期"
    OVERDUE = "overdue", "已超期"
