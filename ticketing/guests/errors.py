"""What can go wrong with a guest's sitting, by name."""

from __future__ import annotations

from hotline.errors import Conflict, InvalidInput, NotAllowed


class NoSuchSeat(InvalidInput):
    """Guest and host each have a work number of people who take calls, and not the same."""

    code = "guest.no_such_seat"


class SeatTaken(Conflict):
    """A guest sits at this seat already."""

    code = "guest.seat_taken"


class GuestUnderSupervision(NotAllowed):
    """What a guest took down, somebody of ours answers, accepts or refuses (SMX 四(四))."""

    code = "ticket.guest_under_supervision"
