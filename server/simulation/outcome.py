"""What a simulated day was like, for people and beside Erlang C and A."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from acd.erlang import Load, Service, service
from server.simulation.day import Day


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of callers who came in a span, and of agents' time in it. Shares are 0 to 1; None where there was nobody."""

    offered: int
    answered: int
    gave_up: int
    service_level: float | None
    """Answered in time, of all who came."""
    asa_s: float | None
    mean_wait_s: float | None
    """Of all callers whose fate is decided."""
    longest_wait_s: float | None
    agents: float
    """Signed in, on average."""
    occupancy: float | None

    @property
    def abandoned(self) -> float | None:
        """Share of callers who gave up."""
        return self.gave_up / self.offered if self.offered else None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What happened, and what the formulas say of demand that goes on like this; Erlang A of callers who give up."""

    outcome: Outcome
    patient: Service
    impatient: Service | None


def measure(day: Day, within_s: float, begin_ms: int = 0, end_ms: int | None = None) -> Outcome:
    """A span of the day, all of it if not told otherwise."""
    end = day.until_ms if end_ms is None else end_ms
    came = [fate for fate in day.fates if begin_ms <= fate.call.at_ms and (end_ms is None or fate.call.at_ms < end_ms)]
    waits = [fate.waited_ms for fate in came if fate.waited_ms is not None]
    answers = [fate.waited_ms for fate in came if fate.answered and fate.waited_ms is not None]
    in_time = sum(wait <= 1000 * within_s for wait in answers)
    busy = sum(
        _overlap(begun, begun + fate.call.talk_ms + day.wrap_up_ms, begin_ms, end)
        for fate in day.fates
        if fate.answered and fate.waited_ms is not None
        for begun in (fate.call.at_ms + fate.waited_ms,)
    )
    there = sum(
        _overlap(seat.from_ms, end if seat.until_ms is None else seat.until_ms, begin_ms, end) for seat in day.seats
    )
    return Outcome(
        offered=len(came),
        answered=len(answers),
        gave_up=len(waits) - len(answers),
        service_level=in_time / len(came) if came else None,
        asa_s=_mean_s(answers),
        mean_wait_s=_mean_s(waits),
        longest_wait_s=max(waits) / 1000 if waits else None,
        agents=there / (end - begin_ms) if end > begin_ms else 0.0,
        occupancy=busy / there if there else None,
    )


def compare(day: Day, load: Load, within_s: float, begin_ms: int, end_ms: int) -> Comparison:
    """A span beside the formulas, for the agents who were there as one group of whole agents."""
    outcome = measure(day, within_s, begin_ms, end_ms)
    agents = round(outcome.agents)
    return Comparison(
        outcome,
        service(agents, replace(load, patience_s=None), within_s),
        None if load.patience_s is None else service(agents, load, within_s),
    )


def _overlap(begin: int, end: int, low: int, high: int) -> int:
    return max(min(end, high) - max(begin, low), 0)


def _mean_s(waits_ms: Sequence[int]) -> float | None:
    return sum(waits_ms) / len(waits_ms) / 1000 if waits_ms else None
