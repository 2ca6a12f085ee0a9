"""The words of statutory procedures, of questions to citizens and of force majeure."""

from __future__ import annotations

from ticketing.vocabulary import Term


class StatutoryKind(Term):
    """Why a matter has a time limit of its own (TH 16)."""

    LIMIT = "limit", "法律法规规章规范性文件另有办理时限"
    FILING = "filing", "须履行立案程序"


class StatutoryState(Term):
    """Where a statutory procedure is."""

    REPORTED = "reported", "已反馈待审核"
    RUNNING = "running", "程序办理中"
    REFUSED = "refused", "未予认可"
    CONCLUDED = "concluded", "已续报结果"
    ENDED = "ended", "已终止"


class StatutoryAction(Term):
    """What somebody does to it."""

    ACCEPT = "accept", "认可"
    REFUSE = "refuse", "不予认可"
    PROLONG = "prolong", "依法延长"
    CONCLUDE = "conclude", "续报结果"
    END = "end", "终止"


class QuestionState(Term):
    """Where a question to the citizen is."""

    ASKED = "asked", "待补充"
    ANSWERED = "answered", "已补充"
    LAPSED = "lapsed", "逾期未补充"
    WITHDRAWN = "withdrawn", "已撤回"


class QuestionAction(Term):
    """What becomes of it."""

    ANSWER = "answer", "补充"
    LAPSE = "lapse", "逾期"
    WITHDRAW = "withdraw", "撤回"


class MajeureState(Term):
    """Where the claim is that force majeure keeps a unit from the hours of an urgent matter."""

    CLAIMED = "claimed", "待认定"
    ACKNOWLEDGED = "acknowledged", "已认定"
    REFUSED = "refused", "未予认定"


class MajeureAction(Term):
    """What somebody does to it."""

    ACKNOWLEDGE = "acknowledge", "认定"
    REFUSE = "refuse", "不予认定"
