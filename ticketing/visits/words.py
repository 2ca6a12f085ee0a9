"""The words of visits (回访) and of findings that a reply complies with the law."""

from __future__ import annotations

from ticketing.vocabulary import Term


class VisitState(Term):
    """Where the visit of one handling of a ticket is."""

    DUE = "due", "待回访"
    LISTED = "listed", "已列入回访轮次"
    DONE = "done", "已回访"
    UNREACHABLE = "unreachable", "无法回访"


class VisitAction(Term):
    """What becomes of a visit."""

    LIST = "list", "列入回访轮次"
    UNLIST = "unlist", "移出回访轮次"
    RECORD = "record", "登记回访结果"
    GIVE_UP = "give_up", "登记无法回访"


class VisitOutcome(Term):
    """How far a visit came (requirements 3, 5). Only REACHED is a valid one (有效回访)."""

    REACHED = "reached", "已接通"
    DECLINED = "declined", "拒绝评价"
    WRONG_PERSON = "wrong_person", "非本人"
    UNREACHABLE = "unreachable", "未接通"
    INVALID = "invalid", "无有效联系方式"


class AttemptWay(Term):
    """How the citizen was tried to be reached."""

    PHONE = "phone", "人工回访"
    IVR = "ivr", "自动回访"


class FindingState(Term):
    """Where the finding is whether a reply complies with law and policy (TH 19)."""

    ASKED = "asked", "待认定"
    COMPLIANT = "compliant", "答复合法合规"
    NOT_COMPLIANT = "not_compliant", "答复不合法合规"
    WITHDRAWN = "withdrawn", "已撤回"


class FindingAction(Term):
    """What somebody does to a finding."""

    FIND_COMPLIANT = "find_compliant", "认定合法合规"
    FIND_NOT_COMPLIANT = "find_not_compliant", "认定不合法合规"
    WITHDRAW = "withdraw", "撤回"
