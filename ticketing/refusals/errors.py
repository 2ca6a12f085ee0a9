"""What can go wrong with a refusal, by name."""

from __future__ import annotations

from hotline.errors import Conflict, InvalidInput, NotFound


class UnknownGround(InvalidInput):
    """The policy that the ticket runs under has no such ground of its own, or it comes under another of the seven."""

    code = "ticket.unknown_ground"


class NotToldYet(Conflict):
    """A refused demand is archived when the citizen has been told why, and where to go instead (TH 10)."""

    code = "ticket.citizen_not_told"


class NoticeNotFound(NotFound):
    """No such notice."""

    code = "ticket.notice_not_found"


class ToldAlready(Conflict):
    """The citizen has been told of this."""

    code = "ticket.told_already"
