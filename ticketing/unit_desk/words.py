"""The words of a unit's desk: its handlers, and the boxes of its inbox."""

from __future__ import annotations

from ticketing.vocabulary import Term


class HandlerState(Term):
    """Where a person's work on a unit's part is."""

    ACTIVE = "active", "经办中"
    HANDED_OVER = "handed_over", "已转交"
    RELEASED = "released", "已退出"


class HandlerAction(Term):
    """What somebody does about it."""

    HAND_OVER = "hand_over", "转交"
    RELEASE = "release", "退出"


class Box(Term):
    """Where a unit looks for what it has to do."""

    TO_SIGN = "to_sign", "待签收"
    WORKING = "working", "办理中"
    MINE = "mine", "我经办"
    DUE_SOON = "due_soon", "将超期"
    OVERDUE = "overdue", "已超期"
    SENT_BACK = "sent_back", "退回"
    REHANDLED = "rehandled", "重办"
    TO_REVIEW = "to_review", "待审"
    TO_SIGN_OFF = "to_sign_off", "延期待签批"
    WITH_CENTRE = "with_centre", "待中心审核"
    TO_TAKE = "to_take", "协办反馈待采纳"
    SUPERVISED = "supervised", "督办待回复"
    ASKED = "asked", "待诉求人补充"
