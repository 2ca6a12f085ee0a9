"""What can go wrong with a demand from a channel, by name."""

from __future__ import annotations

from hotline.errors import Conflict, InvalidInput, NotAllowed, NotFound


class ChannelNotFound(NotFound):
    """No channel has this code."""

    code = "channel.not_found"


class ChannelSuspended(NotAllowed):
    """The channel takes nothing now (渠道停用). The citizen can call 12345 at any hour."""

    code = "channel.suspended"


class SourceNotAllowed(NotAllowed):
    """The channel may not say that its demands come from there."""

    code = "channel.source_not_allowed"


class SourceMissing(InvalidInput):
    """A channel of several sources says which one a demand comes from."""

    code = "channel.source_missing"


class DemandInvalid(InvalidInput):
    """What was sent does not have the form of a demand."""

    code = "channel.demand_invalid"


class KeyTaken(Conflict):
    """Another demand was sent under this key before. Nothing was changed."""

    code = "channel.key_taken"


class RequestNotFound(NotFound):
    """The channel has sent no demand under this key."""

    code = "channel.request_not_found"
