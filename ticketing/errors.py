"""What can go wrong with a ticket, by name."""

from __future__ import annotations

from hotline.errors import Conflict, InvalidInput, NotAllowed, NotFound, Stale


class TicketNotFound(NotFound):
    """No ticket has this number."""

    code = "ticket.not_found"


class UnitNotFound(NotFound):
    """No unit has this id."""

    code = "ticket.unit_not_found"


class ActionNotPossible(Conflict):
    """The lifecycle table has no such action in this state."""

    code = "ticket.action_not_possible"


class StaleTicket(Stale):
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


class ExtensionTooLate(Conflict):
    """An extension is asked for at least a day before the due day ends (TH 16)."""

    code = "ticket.extension_too_late"


class TooManyExtensions(Conflict):
    """No extension is left: the unit reports to the government leader in charge, who calls a meeting (TH 16)."""

    code = "ticket.too_many_extensions"


class ExtensionUnsigned(Conflict):
    """This extension is signed by the unit's leader in charge (分管领导) before it is granted (TH 16)."""

    code = "ticket.extension_unsigned"


class HandedOverWhen(InvalidInput):
    """A matter is handed over by telephone after it was registered, and before that is written down."""

    code = "ticket.handed_over_when"


class NobodyTookIt(DetailMissing):
    """An urgent matter is handed over by telephone, and who of the unit took it is on record (TH 16)."""

    code = "ticket.nobody_took_it"
