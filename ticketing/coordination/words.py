"""The words of meetings and of the unit that had a matter first."""

from __future__ import annotations

from ticketing.vocabulary import Term


class MeetingKind(Term):
    """Which meeting it is."""

    SPECIAL = "special", "专题协调会"
    """Called by the government leader in charge when a matter is not settled after its last extension (TH 16)."""
    JOINT = "joint", "联席会议"
    """Of the units that a complex matter concerns (SX 三(二), SMX 四(二))."""


class MeetingState(Term):
    """Where a meeting is."""

    REPORTED = "reported", "已提请"
    CONVENED = "convened", "已召集"
    CONCLUDED = "concluded", "已形成结论"
    CANCELLED = "cancelled", "已取消"


class MeetingAction(Term):
    """What becomes of it."""

    CONVENE = "convene", "召集"
    CONCLUDE = "conclude", "登记结论"
    CANCEL = "cancel", "取消"


class FirstState(Term):
    """Where the responsibility of the unit is that had the matter first (首接负责制, SX 三(二))."""

    HELD = "held", "首接负责中"
    HANDED_ON = "handed_on", "已移交"
    RELEASED = "released", "已解除"
    FULFILLED = "fulfilled", "已履行"


class FirstAction(Term):
    """What becomes of it."""

    FOLLOW_UP = "follow_up", "跟踪协调"
    HAND_ON = "hand_on", "移交"
    RELEASE = "release", "解除"
    FULFIL = "fulfil", "履行完毕"
