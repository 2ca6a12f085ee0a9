"""What can go wrong between tickets, by name."""

from __future__ import annotations

from hotline.errors import Conflict, InvalidInput


class MergeWithItself(InvalidInput):
    """A ticket is merged with another one."""

    code = "ticket.merge_with_itself"


class MergeOfMerged(Conflict):
    """One of the two is merged already: into another ticket, or others into it. Name the main ticket (主单)."""

    code = "ticket.merge_of_merged"


class ParentNotOpen(Conflict):
    """The main ticket is not being handled: not accepted yet, refused, or closed."""

    code = "ticket.parent_not_open"


class HasMergedTickets(Conflict):
    """Tickets that were merged into this one wait for its reply; take them out first."""

    code = "ticket.has_merged_tickets"


class NoReplyOffered(Conflict):
    """The main ticket has no approved reply that could be taken."""

    code = "ticket.no_reply_offered"


class StillOpen(Conflict):
    """A repeat refers to a ticket that was closed; one that is open is merged with."""

    code = "ticket.repeats_open_ticket"


class NotEarlier(InvalidInput):
    """A repeat comes after what it repeats."""

    code = "ticket.repeats_later_ticket"


class AlreadyLinked(Conflict):
    """The two are linked in this way."""

    code = "ticket.already_linked"
