"""What can go wrong with a ticket, by name."""

from __future__ import annotations

from hotline.errors import Conflict, InvalidInput, NotAllowed, NotFound


class TicketNotFound(NotFound):
    """No ticket has this number."""

    code = "ticket.not_found"


class UnitNotFound(NotFound):
    """No unit has this id."""

    code = "ticket.unit_not_found"


class ActionNotPossible(Conflict):
    """The lifecycle table has no such action in this state."""

    code = "ticket.action_not_possible"


class StaleTicket(Conflict):
    """Somebody changed the ticket after it was read. Nothing was changed; read it again."""

    code = "ticket.stale"


class ActionNotAllowed(NotAllowed):
    """The action exists in this state, but not for this person's roles."""

    code = "ticket.action_not_allowed"


class NotYourUnitsTicket(NotAllowed):
    """The ticket is not assigned to this person's unit."""

    code = "ticket.other_unit"


class DetailMissing(InvalidInput):
    """The action needs a detail that was not given, for instance a reason."""

    code = "ticket.detail_missing"


class DetailUnexpected(InvalidInput):
    """A detail was given that the action has no use for."""

    code = "ticket.detail_unexpected"


class CallAlreadyLinked(Conflict):
    """The ticket is linked to this call already."""

    code = "ticket.call_already_linked"
