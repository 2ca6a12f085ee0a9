"""What can go wrong with the exchange, by name."""

from __future__ import annotations

from hotline.errors import Conflict, InvalidInput, NotFound


class ReceiverNotFound(NotFound):
    """No receiver has this code, or it is out of use."""

    code = "exchange.receiver_not_found"


class ReceiverInvalid(InvalidInput):
    """A receiver cannot be as it was given."""

    code = "exchange.receiver_invalid"


class ReceiverTaken(Conflict):
    """The unit or the platform has a receiver already."""

    code = "exchange.receiver_taken"


class NothingParked(NotFound):
    """No delivery of this receiver is parked at this position."""

    code = "exchange.nothing_parked"


class PositionUnknown(InvalidInput):
    """The receiver's feed does not have this position."""

    code = "exchange.position_unknown"


class VersionChanged(Conflict):
    """Another content was sent under this version or id before; nothing was changed."""

    code = "exchange.version_changed"


class TicketUnknownYet(Conflict):
    """The message is about a ticket that has not been sent to us; send the ticket, then this again."""

    code = "exchange.ticket_unknown_yet"


class TransferNotFound(NotFound):
    """No ticket was handed over to this platform under this id."""

    code = "exchange.transfer_not_found"


class TransferStanding(Conflict):
    """The ticket is with this platform already."""

    code = "exchange.transfer_standing"


class ClientKeyTaken(Conflict):
    """An app's own key for a request stands for another one already."""

    code = "open311.key_taken"
