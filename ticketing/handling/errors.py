"""What can go wrong with the records beside a ticket, by name."""

from __future__ import annotations

from hotline.errors import Conflict, InvalidInput, NotAllowed, NotFound, Stale
from ticketing.errors import DetailMissing


class RecordNotFound(NotFound):
    """The ticket has no such record."""

    code = "ticket.record_not_found"


class StaleRecord(Stale):
    """Somebody changed the record after it was read. Nothing was changed; read it again."""

    code = "ticket.record_stale"


class NotYourSide(NotAllowed):
    """The role fits, but the step is for another unit or another person."""

    code = "ticket.other_side"


class LeadPartFollowsTicket(Conflict):
    """The lead unit's part is moved by the ticket's own actions."""

    code = "ticket.lead_part"


class UnitNotBelow(InvalidInput):
    """A part is handed down only to units directly below in the directory."""

    code = "ticket.unit_not_below"


class UnitHasPart(Conflict):
    """The unit has a part in the ticket already."""

    code = "ticket.unit_has_part"


class OverdueCauseMissing(DetailMissing):
    """A late reply names the cause (TH 34)."""

    code = "ticket.overdue_cause_missing"


class RulingPending(Conflict):
    """The ticket's return dispute is before those who rule whose duty it is; until then nobody else decides it."""

    code = "ticket.ruling_pending"


class RulingBinds(Conflict):
    """It was ruled whose duty the matter is: that unit leads, and does not return it."""

    code = "ticket.ruling_binds"


class SamePerson(NotAllowed):
    """What one person wrote another one reviews."""

    code = "ticket.same_person"


class CitizenNotAnswered(Conflict):
    """The citizen is answered first, and how is on record (双向答复, TH 17)."""

    code = "ticket.citizen_not_answered"


class CallerIsConfidential(NotAllowed):
    """A unit speaks with a confidential caller only by a masked call through 12345; else the centre answers (TH 17)."""

    code = "ticket.caller_confidential"


class CallNotOfTicket(Conflict):
    """The masked call named is not linked to the ticket."""

    code = "ticket.call_not_of_ticket"


class ContactWhen(InvalidInput):
    """A citizen is answered after the demand was registered, and before that is written down."""

    code = "ticket.contact_when"


class DeadlinePassed(InvalidInput):
    """A supervision is answered by a moment that is still to come."""

    code = "ticket.deadline_passed"


class NotARepeat(Conflict):
    """The earlier tickets named are not closed ones of the same caller."""

    code = "ticket.not_a_repeat"


class AlreadyDetermined(Conflict):
    """A determination on this ticket stands, or waits for approval."""

    code = "ticket.already_determined"
