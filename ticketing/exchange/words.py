"""The words of the exchange (数据交换)."""

from __future__ import annotations

from ticketing.vocabulary import Action, Term


class EventKind(Term):
    """What an event tells of (受理信息、工单记录、回访评价: SMX 二(三)4, BJN)."""

    INTAKE = "intake", "受理信息"
    RECORD = "record", "工单记录"
    VISIT = "visit", "回访评价"
    TRANSFER = "transfer", "移交"


class Told(Term):
    """Where the words of an event stand."""

    TICKET = "ticket", "工单"
    """In the ticket's history."""
    PART = "part", "承办单位"
    """In the steps of a unit's part."""
    CONTACT = "contact", "联系诉求人"
    TRANSFER = "transfer", "移交"


class Scope(Term):
    """Whose tickets a receiver is told of."""

    UNIT = "unit", "本单位承办的工单"
    PARTNER = "partner", "与该平台往来的工单"
    ALL = "all", "全部工单"


class Personal(Term):
    """What a receiver is told of the citizen. Who asked for confidence is hidden from each of them (TH 4, 17, 23)."""

    NONE = "none", "不提供"
    MASKED = "masked", "脱敏"
    FULL = "full", "完整"


class DeliveryState(Term):
    """Where an event is on its way to a receiver. What has arrived is no delivery any more."""

    PENDING = "pending", "待推送"
    HELD = "held", "等待前序"
    """An earlier one of the same ticket is parked."""
    PARKED = "parked", "已搁置"
    """Tried in vain so often that somebody has to look."""


class Message(Term):
    """What a platform sends us of a ticket of theirs."""

    TICKET = "ticket", "工单"
    """The ticket as it stands with them, under their number and version."""
    URGE = "urge", "催办"
    SUPPLEMENT = "supplement", "补充"


class Outcome(Term):
    """What became of a message."""

    CREATED = "created", "已生成工单"
    UPDATED = "updated", "已更新工单"
    NOTED = "noted", "已记入工单"
    OUTDATED = "outdated", "已有更新版本"
    """A newer version was here before: kept, and nothing of the ticket changed."""
    AFTER_CLOSE = "after_close", "工单已办结"
    """Kept; a closed ticket is not opened again."""


class TransferState(Term):
    """Where a ticket that we handed over to another platform (移交) is."""

    SENT = "sent", "待对方确认"
    ACCEPTED = "accepted", "已接收"
    REFUSED = "refused", "已退回"
    DONE = "done", "已反馈结果"


class TransferAction(Term):
    """What the platform says of a ticket that we handed over to it."""

    ACCEPT = "accept", "接收"
    REFUSE = "refuse", "退回"
    FINISH = "finish", "反馈结果"


_INTAKE = frozenset({Action.REGISTER, Action.AMEND, Action.ANSWER, Action.ACCEPT, Action.REFUSE, Action.SPLIT})
_VISIT = frozenset({Action.VISIT, Action.EVALUATE, Action.REHANDLE})


def kind_of(action: Action) -> EventKind:
    """Which of the three kinds of data an action of a ticket belongs to."""
    if action in _INTAKE:
        return EventKind.INTAKE
    return EventKind.VISIT if action in _VISIT else EventKind.RECORD
