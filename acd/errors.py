"""What distribution refuses, by name. Nothing was changed when one of these is raised."""

from __future__ import annotations

from hotline.errors import Conflict, HotlineError


class StaleReservation(Conflict):
    """The reservation ended, passed its deadline, or belongs to another process by now."""

    code = "acd.stale_reservation"


class AnsweredCall(Conflict):
    """The call was answered once; it is never queued again."""

    code = "acd.answered_call"


class UnknownQueue(HotlineError):
    """No rule of such a queue has been configured yet: configure, and try again."""

    code = "acd.unknown_queue"


class QueueFull(Conflict):
    """As many calls wait in this queue as its rule allows."""

    code = "acd.queue_full"


class EpochChanged(HotlineError):
    """Redis was flushed or failed over, or another process opened a new epoch: open or join one, then re-send."""

    code = "acd.epoch_changed"
