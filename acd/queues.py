"""Queues (队列): whom their calls ask for, step by step, and the limits they keep. Durations are milliseconds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from acd.needs import Need
from hotline.errors import InvalidInput
from hotline.ids import group_id


class TieBreak(StrEnum):
    """Who of several ready agents gets the call."""

    LONGEST_IDLE = "longest_idle"
    LEAST_OCCUPIED = "least_occupied"
    """The smallest share of the signed-in time spent in calls and wrap-up."""
    MOST_PROFICIENT = "most_proficient"
    """The highest level, then the longest idle."""


class OverflowAction(StrEnum):
    """What happens to a call that finds its queue full, or has waited for too long."""

    WAIT_ON = "wait_on"
    """Say so, and go on waiting: the default, for a citizen is never turned away."""
    QUEUE = "queue"
    """Wait in another queue, at the same place."""
    CALLBACK = "callback"
    """Offer a callback that keeps the place, else wait on."""
    MESSAGE = "message"
    """Offer to leave a message, else wait on."""


@dataclass(frozen=True, slots=True)
class Overflow:
    """`queue` names the other queue of `OverflowAction.QUEUE`."""

    action: OverflowAction = OverflowAction.WAIT_ON
    queue: str = ""

    def __post_init__(self) -> None:
        if (self.action is OverflowAction.QUEUE) != bool(self.queue):
            raise InvalidInput("an overflow into a queue names it, any other names none")


@dataclass(frozen=True, slots=True)
class QueueStep:
    """From `after_ms` after the first enqueue on, agents who meet any of `needs` qualify: the whole list, not an
    addition."""

    after_ms: int
    needs: tuple[Need, ...]


@dataclass(frozen=True, slots=True)
class QueueRule:
    """One queue as its administrators laid it down."""

    queue: str
    name: str
    """As agents and supervisors read it."""
    steps: tuple[QueueStep, ...]
    tie_break: TieBreak = TieBreak.LONGEST_IDLE
    wrap_up_ms: int = 30_000
    wrap_up_max_ms: int = 300_000
    """Longest wrap-up, extensions included."""
    affinity_ms: int = 10_000
    """Longest wait for the last agent or the ticket's owner before anybody else is asked."""
    max_waiting: int | None = None
    when_full: Overflow = Overflow()
    max_wait_ms: int | None = None
    when_late: Overflow = Overflow()
    service_level_ms: int = 20_000

    def __post_init__(self) -> None:
        group_id(self.queue)
        if not self.steps or any(not step.needs for step in self.steps):
            raise InvalidInput("a queue needs at least one step, and each step a need")
        if self.steps[0].after_ms != 0:
            raise InvalidInput("the first step begins at 0")
        times = [step.after_ms for step in self.steps]
        if times != sorted(set(times)):
            raise InvalidInput("steps must be in the order of their times")
        if not 0 <= self.wrap_up_ms <= self.wrap_up_max_ms:
            raise InvalidInput("a wrap-up is at least 0 and at most its longest")
        for limit in (self.max_waiting, self.max_wait_ms, self.affinity_ms, self.service_level_ms):
            if limit is not None and limit < 0:
                raise InvalidInput("a limit is at least 0")
