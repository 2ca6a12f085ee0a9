"""Menus: how many steps the interpreter takes in a second of one core.

A step is an event in and its actions out: a key, a prompt that has ended, a timer, an answer of the world. The calls
are those that walk grown flows completely, every branch of them, so menus, digits, conditions and sub-flows are all in
it, and failures as often as successes. They are recorded first; only the interpreter's own time counts.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from ivr.coverage_walk import Way, walk
from ivr.events import Action, Calendar, CallFacts, Event
from ivr.flow import Flow
from ivr.interpreter import Run
from ivr.simulator import Player, seconds_by_length
from tests.bench.ivr_keys import added_p95_ms
from tests.bench.report import spread
from tests.ivr.generated import SUB_FLOWS, valid

_BEGIN = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Call:
    """What one caller did in one flow."""

    flows: Mapping[str, Flow]
    key: str
    facts: CallFacts
    calendar: Calendar
    events: tuple[tuple[Event, datetime], ...]

    def repeat(self) -> bool:
        """The same again. Whether the run is over by it."""
        run = Run(self.flows, self.key, self.facts, self.calendar)
        run.begin(_BEGIN)
        for event, now in self.events:
            run.on(event, now)
        return run.over


class _Recorded(Run):
    """A run that remembers what it was told."""

    def __init__(self, flows: Mapping[str, Flow], key: str, way: Way) -> None:
        super().__init__(flows, key, way.facts, way.calendar)
        self.told: list[tuple[Event, datetime]] = []

    def on(self, event: Event, now: datetime) -> list[Action]:
        self.told.append((event, now))
        return super().on(event, now)


def _recorded(flows: Mapping[str, Flow], key: str, way: Way) -> Call:
    run = _Recorded(flows, key, way)
    Player(run, _BEGIN, way.caller, way.world, seconds_by_length).play()
    return Call(flows, key, way.facts, way.calendar, tuple(run.told))


def calls_of(flows: int) -> list[Call]:
    """The calls that walk so many grown flows completely."""
    found: list[Call] = []
    for seed in range(flows):
        flow = valid(seed)
        closure = {**SUB_FLOWS, flow.flow: flow}
        found += [_recorded(closure, flow.flow, way) for way in walk(closure, flow.flow).ways.values()]
    return found


def interpreter(flows: int = 40, rounds: int = 7, seconds: float = 1.0) -> float:
    """Steps in a second of processor time, the median of the rounds."""
    calls = calls_of(flows)
    steps = sum(1 + len(call.events) for call in calls)
    assert all(call.repeat() for call in calls)  # and everything is warm
    rates = []
    for _ in range(rounds):
        done, began = 0, time.process_time()
        while (took := time.process_time() - began) < seconds:
            for call in calls:
                call.repeat()
            done += steps
        rates.append(done / took)
    print(f"steps     {spread(rates, 'steps/s')}, {steps} in {len(calls)} calls through {flows} flows", flush=True)
    return statistics.median(rates)


def run(flows: int = 40, rounds: int = 7, seconds: float = 1.0, *, calls: int = 4, keys: int = 30) -> dict[str, float]:
    """The figures of `make bench-ivr`: of the interpreter alone, and of a menu on a channel (`ivr_keys`)."""
    steps = interpreter(flows, rounds, seconds)
    return {"steps_per_s": round(steps), "added_p95_ms": round(added_p95_ms(calls, keys), 1)}
