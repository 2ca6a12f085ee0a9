"""The words of guests' sittings."""

from __future__ import annotations

from ticketing.vocabulary import Term


class Standing(Term):
    """Whom a guest speaks for (SMX 四(四))."""

    DEPUTY = "deputy", "人大代表"
    MEMBER = "member", "政协委员"
    ENTREPRENEUR = "entrepreneur", "企业家"
    CITIZEN = "citizen", "群众代表"
    OTHER = "other", "其他各界人士"


class SittingState(Term):
    """Where a sitting is."""

    PLANNED = "planned", "待接听"
    SITTING = "sitting", "接听中"
    ENDED = "ended", "已结束"
    CANCELLED = "cancelled", "已取消"


class SittingAction(Term):
    """What becomes of it."""

    BEGIN = "begin", "开始接听"
    END = "end", "结束接听"
    CANCEL = "cancel", "取消"
