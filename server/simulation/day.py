"""One simulated day: callers come, wait, talk or give up; agents sign in and out; the matcher does the rest."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from acd.model import Offer
from acd.queues import QueueRule
from server.simulation.demand import Call, Seat
from server.simulation.line import HEARTBEAT_MS, SOONEST_OWN_TIMER_MS, VirtualLine, number_of


class _Kind(IntEnum):
    """What happens; of two in the same millisecond the smaller goes first."""

    HEARTBEAT = 0
    END = 1
    SIGN_OUT = 2
    SIGN_IN = 3
    ARRIVAL = 4
    PATIENCE_ENDS = 5


@dataclass(slots=True)
class Fate:
    """What became of a caller. `waited_ms` is until the answer or until they gave up; None: waits at the end."""

    call: Call
    answered: bool = False
    waited_ms: int | None = None
    agent: str = ""


@dataclass(frozen=True, slots=True)
class Day:
    """All that happened. `until_ms` is when the last of it did."""

    fates: list[Fate]
    seats: list[Seat]
    wrap_up_ms: int
    until_ms: int


class Simulation:
    """`calls` in order of their coming, `seats`, and what is told how many callers' fate is decided."""

    def __init__(
        self,
        line: VirtualLine,
        rules: Sequence[QueueRule],
        calls: Sequence[Call],
        seats: Iterable[Seat],
        *,
        progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._line = line
        self._seats = list(seats)
        self._fates = {call.number: Fate(call) for call in calls}
        self._progress = progress
        self._waiting: set[int] = set()
        self._decided = 0
        self._wrap_up_ms = max((rule.wrap_up_ms for rule in rules), default=0)
        self._events: list[tuple[int, _Kind, int, Any]] = []
        """A heap: when, what, in which order, of whom."""
        self._ordered = 0
        delays = [step.after_ms for rule in rules for step in rule.steps]
        delays += [rule.max_wait_ms or 0 for rule in rules] + [rule.wrap_up_ms for rule in rules]
        self._longest = max(delays, default=0)
        self._soonest = min([delay for delay in delays if delay] + [SOONEST_OWN_TIMER_MS])
        """No timer that is set now is due before so many milliseconds have passed."""
        self._no_timer_before: float = 0

    async def run(self) -> Day:
        """Until every caller's fate is decided, or nothing can happen any more."""
        for seat in self._seats:
            self._plan(seat.from_ms, _Kind.SIGN_IN, seat)
            if seat.until_ms is not None:
                self._plan(seat.until_ms, _Kind.SIGN_OUT, seat)
        for fate in self._fates.values():
            self._plan(fate.call.at_ms, _Kind.ARRIVAL, fate)
        self._plan(HEARTBEAT_MS, _Kind.HEARTBEAT, None)
        last = 0
        while self._decided < len(self._fates):
            at, kind, _, what = self._events[0]
            if len(self._events) == 1 and at > last + self._longest + HEARTBEAT_MS:
                break  # only the heartbeat is left, and every step of a queue has opened
            if at >= self._no_timer_before:
                self._no_timer_before = await self._line.next_timer_ms()
                if self._no_timer_before <= at:
                    self._line.move_to(int(self._no_timer_before))
                    await self._line.run_timers()
                    await self._take_offers()
                    continue
            heapq.heappop(self._events)
            self._line.move_to(at)
            await self._happen(kind, what)
            self._no_timer_before = min(self._no_timer_before, at + self._soonest)
            if kind is not _Kind.HEARTBEAT:
                last = at
        return Day(list(self._fates.values()), self._seats, self._wrap_up_ms, self._line.now_ms)

    def _plan(self, at_ms: int, kind: _Kind, what: Any) -> None:
        self._ordered += 1
        heapq.heappush(self._events, (at_ms, kind, self._ordered, what))

    async def _happen(self, kind: _Kind, what: Any) -> None:
        match kind:
            case _Kind.ARRIVAL:
                await self._arrive(what)
            case _Kind.END:
                await self._line.finished(what)
                self._decide()
                await self._take_offers()
            case _Kind.PATIENCE_ENDS:
                await self._give_up(what)
            case _Kind.SIGN_IN:
                await self._line.sign_in(what)
                await self._take_offers()
            case _Kind.SIGN_OUT:
                await self._line.sign_out(what)
            case _Kind.HEARTBEAT:
                await self._line.heartbeat()
                self._plan(self._line.now_ms + HEARTBEAT_MS, _Kind.HEARTBEAT, None)

    async def _arrive(self, fate: Fate) -> None:
        call = fate.call
        self._waiting.add(call.number)
        if await self._line.enqueue(call.number, call.queue):
            await self._take_offers()
        elif call.patience_ms is not None:
            self._plan(call.at_ms + call.patience_ms, _Kind.PATIENCE_ENDS, fate)

    async def _give_up(self, fate: Fate) -> None:
        number = fate.call.number
        if number in self._waiting:
            self._waiting.remove(number)
            await self._line.leave(number)
            fate.waited_ms = self._line.now_ms - fate.call.at_ms
            self._decide()

    async def _take_offers(self) -> None:
        """Every offer is answered at once: there are only offers to look for while somebody waits."""
        if not self._waiting:
            return
        for offer in await self._line.offers():
            await self._answer(offer)

    async def _answer(self, offer: Offer) -> None:
        fate = self._fates[number_of(offer.call)]
        if fate.answered or fate.call.number not in self._waiting:
            raise RuntimeError(f"{offer.call} is offered although it does not wait")
        self._waiting.remove(fate.call.number)
        now = self._line.now_ms
        fate.answered, fate.waited_ms, fate.agent = True, now - fate.call.at_ms, offer.agent
        self._plan(now + fate.call.talk_ms, _Kind.END, await self._line.answered(offer))

    def _decide(self) -> None:
        self._decided += 1
        self._progress(self._decided)
