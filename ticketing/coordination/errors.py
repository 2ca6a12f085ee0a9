"""What can go wrong with meetings, by name."""

from __future__ import annotations

from hotline.errors import Conflict


class NoMeetingReported(Conflict):
    """The unit reports to the government leader in charge before a special meeting is written down (TH 16)."""

    code = "ticket.no_meeting_reported"


class ExtensionsLeft(Conflict):
    """A special meeting is for a matter that is not settled after its last extension (TH 16)."""

    code = "ticket.extensions_left"


class MeetingOpen(Conflict):
    """A meeting of this kind about the ticket was reported and is not concluded."""

    code = "ticket.meeting_open"
