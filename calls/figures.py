"""The figures of the line, each defined here and nowhere else, whether it is live, of the past or exported.

Every one is a pure function of counts and durations; a zero denominator gives None, never 0. Sources: the targets of
GB/T 33358-2016 (answered within 15 s, 95 % connected over any rolling 24 h) and the definitions of common practice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Final, Self

from acd.states import OCCUPIED, AgentState

PROMPT_MS: Final = 15_000
"""A call answered in at most so long was answered promptly (15秒及时)."""
SERVICE_LEVEL_MS: Final = 20_000
"""The service level's threshold where a queue has none of its own."""
SHORT_ABANDON_MS: Final = 5_000
"""Who gives up sooner is counted apart: a wrong number, a change of mind."""


class Scope(StrEnum):
    """What a call is counted for."""

    HOTLINE = "hotline"
    """The line the citizen dialled; every call counts once."""
    QUEUE = "queue"
    """A queue it waited in; a call that was moved counts in each."""


class Disposition(StrEnum):
    """What became of a call that was offered to humans. Waiting counts from when a human was first asked for, in
    whatever queue, ringing included: that is how long the citizen waited."""

    WAITING = "waiting"
    """Not decided yet."""
    ANSWERED = "answered"
    ABANDONED = "abandoned"
    """放弃: hung up before an answer."""
    MOVED = "moved"
    """Into another queue, where it is offered anew."""
    OTHERWISE = "otherwise"
    """Ended with neither an answer nor a hang-up of the citizen's: a promise to call back, a message left."""
    EARLY = "early"
    """Over before a human was asked for: not offered, so not part of any rate."""


class Handling(StrEnum):
    """What became of a call offered to one agent."""

    PENDING = "pending"
    ANSWERED = "answered"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    FAILED = "failed"
    """The phone was busy, unregistered or failing."""
    WITHDRAWN = "withdrawn"
    """Taken back before the agent could answer: the caller hung up, the offer ran out, the agent left."""


@dataclass(frozen=True, slots=True)
class _Sums:
    """Counts that add up: of two intervals, or of two queues."""

    def __add__(self, other: Self) -> Self:
        return type(self)(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


@dataclass(frozen=True, slots=True)
class CallCounts(_Sums):
    """Calls of a hotline or queue. `offered` = waiting + answered + abandoned + short_abandoned + moved + otherwise."""

    offered: int = 0
    """Calls for which a human was asked."""
    answered: int = 0
    answered_promptly: int = 0
    """Of those answered: within PROMPT_MS."""
    answered_in_level: int = 0
    """Of those answered: within the queue's threshold."""
    answered_elsewhere: int = 0
    """Of those answered: at a branch centre, a line's own platform, an emergency desk."""
    abandoned: int = 0
    """Without the short ones."""
    short_abandoned: int = 0
    moved: int = 0
    otherwise: int = 0
    early: int = 0
    """Not part of `offered`."""
    wait_ms: int = 0
    """Sum over the answered calls."""
    handled: int = 0
    """Answered calls whose talk is over."""
    talk_ms: int = 0
    wrap_up_ms: int = 0
    """Sums over the handled calls."""

    @property
    def waiting(self) -> int:
        """Calls that are not decided yet."""
        decided = self.answered + self.abandoned + self.short_abandoned + self.moved + self.otherwise
        return self.offered - decided


@dataclass(frozen=True, slots=True)
class CallFigures:
    """Rates are 0 to 1, durations milliseconds; None where nothing was there to measure."""

    connection_rate: float | None
    promptness: float | None
    service_level: float | None
    abandonment: float | None
    short_abandonment: float | None
    average_answer_ms: float | None
    average_handling_ms: float | None


@dataclass(frozen=True, slots=True)
class AgentCounts(_Sums):
    """Calls offered to an agent, callbacks (回拨) included.

    `offers` = pending + answered + no_answer + rejected + failed + withdrawn.
    """

    offers: int = 0
    answered: int = 0
    no_answer: int = 0
    rejected: int = 0
    failed: int = 0
    withdrawn: int = 0
    ring_ms: int = 0
    """Sum of the ringing before an answer."""
    handled: int = 0
    talk_ms: int = 0
    wrap_up_ms: int = 0
    """As in CallCounts."""


@dataclass(frozen=True, slots=True)
class AgentFigures:
    """As CallFigures."""

    answer_rate: float | None
    occupancy: float | None
    average_ring_ms: float | None
    average_handling_ms: float | None


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def connection_rate(answered: int, offered: int) -> float | None:
    """接通率: of the calls for which a human was asked, those a human answered."""
    return _ratio(answered, offered)


def promptness(answered_promptly: int, answered: int) -> float | None:
    """15秒及时率: of the answered calls, those answered within 15 s."""
    return _ratio(answered_promptly, answered)


def service_level(answered_in_level: int, answered: int, abandoned: int) -> float | None:
    """服务水平: answered within the threshold, of those answered or abandoned. Short abandons are not in it."""
    return _ratio(answered_in_level, answered + abandoned)


def abandonment(abandoned: int, offered: int) -> float | None:
    """放弃率: abandoned before an answer, of those offered. With the short ones as `abandoned` it is their share, so
    that connection, abandonment and short abandonment are parts of one whole."""
    return _ratio(abandoned, offered)


def average_answer_ms(wait_ms: int, answered: int) -> float | None:
    """平均应答时长 (ASA): from asking for a human to the answer, over the answered calls."""
    return _ratio(wait_ms, answered)


def average_handling_ms(talk_ms: int, wrap_up_ms: int, handled: int) -> float | None:
    """平均处理时长 (AHT): talk, holding included, and wrap-up (话后整理) of each handled call."""
    return _ratio(talk_ms + wrap_up_ms, handled)


def call_figures(counts: CallCounts) -> CallFigures:
    """Every figure of a hotline or queue."""
    return CallFigures(
        connection_rate=connection_rate(counts.answered, counts.offered),
        promptness=promptness(counts.answered_promptly, counts.answered),
        service_level=service_level(counts.answered_in_level, counts.answered, counts.abandoned),
        abandonment=abandonment(counts.abandoned, counts.offered),
        short_abandonment=abandonment(counts.short_abandoned, counts.offered),
        average_answer_ms=average_answer_ms(counts.wait_ms, counts.answered),
        average_handling_ms=average_handling_ms(counts.talk_ms, counts.wrap_up_ms, counts.handled),
    )


UNKNOWN: Final = "UNKNOWN"
"""The state of an agent in a time nobody took down (see `calls.agent_log`)."""

AT_DISPOSAL: Final = OCCUPIED | {AgentState.READY}
"""States in which an agent is there for calls; not ready and unreachable are not."""


def occupancy(times: Mapping[str, int]) -> float | None:
    """占用率: of the time an agent was there for calls, that spent on them, from the offer to the end of the wrap-up.
    `times` are milliseconds by state."""
    return _ratio(
        sum(ms for state, ms in times.items() if state in OCCUPIED),
        sum(ms for state, ms in times.items() if state in AT_DISPOSAL),
    )


def agent_figures(counts: AgentCounts, times: Mapping[str, int]) -> AgentFigures:
    """Every figure of an agent; `times` as `occupancy` takes them."""
    missed = counts.no_answer + counts.rejected + counts.failed
    return AgentFigures(
        # An offer that was taken back was not the agent's to answer.
        answer_rate=_ratio(counts.answered, counts.answered + missed),
        occupancy=occupancy(times),
        average_ring_ms=_ratio(counts.ring_ms, counts.answered),
        average_handling_ms=average_handling_ms(counts.talk_ms, counts.wrap_up_ms, counts.handled),
    )
