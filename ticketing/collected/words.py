"""Words of what is collected from branches and departments (归集)."""

from __future__ import annotations

from ticketing.vocabulary import Term


class RecordKind(Term):
    """What is told of."""

    CALL = "call", "话务"
    TICKET = "ticket", "工单"


class CallEnd(Term):
    """How a call of theirs ended."""

    ANSWERED = "answered", "已接通"
    ABANDONED = "abandoned", "未接通即挂断"
    REFERRED = "referred", "已转接"


class TicketState(Term):
    """Where a ticket of theirs stands."""

    OPEN = "open", "办理中"
    CLOSED = "closed", "已办结"
    REFUSED = "refused", "不予受理"
    WITHDRAWN = "withdrawn", "已撤回"


class Taken(Term):
    """What became of a version that was sent."""

    KEPT = "kept", "已归集"
    REPLACED = "replaced", "已更新"
    REPEATED = "repeated", "重复报送"
    OLDER = "older", "旧版本，已忽略"
