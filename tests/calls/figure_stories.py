"""Made-up call stories with their truth: what was meant to happen, and the facts that processes write of it.

The truth is kept in plain values. Nothing here knows how figures are counted.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from calls.facts import Entry, Kind, seq_at
from hotline.clock import to_ms

MORNING = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
LINES = ("12345", "12333", "12315")
QUEUES = ("general", "expert-12333", "enterprise")
AGENTS = ("1001", "1002", "1003", "2001", "2002")
SPAN_SECONDS = 3 * 3600


@dataclass(slots=True)
class Offered:
    """One offer to one agent, in milliseconds since MORNING."""

    agent: str
    reserved: int
    rang: int
    outcome: str
    answered: int | None = None


@dataclass(slots=True)
class Story:
    """One call as it happened."""

    call: str
    line: str
    entered: int
    asked: int | None = None
    """When it was queued, or sent to a branch."""
    routed: bool = False
    queues: list[tuple[int, str]] = field(default_factory=list)
    """Each queue it waited in, from when."""
    offers: list[Offered] = field(default_factory=list)
    answered: int | None = None
    elsewhere: bool = False
    over: int = 0
    end: str = ""
    """talk, gave_up, promised."""
    wrap_up: int | None = None
    """How long the agent wrapped up, if at all."""
    facts: list[Entry] = field(default_factory=list)


@dataclass(slots=True)
class Shift:
    """What one agent did: (state, reason, from when), oldest first; the last one lasts."""

    agent: str
    states: list[tuple[str, str, int]] = field(default_factory=list)
    busy_until: int = 0


class Day:
    """A few hours of a line, drawn from a seed."""

    def __init__(self, seed: int, calls: int) -> None:
        self._draw = random.Random(seed)
        self.shifts = {agent: Shift(agent) for agent in AGENTS}
        for shift in self.shifts.values():
            signed_in = self._draw.randrange(0, 600_000)
            shift.states = [("NOT_READY", "signed_in", signed_in), ("READY", "", signed_in + 20_000)]
            shift.busy_until = signed_in + 20_000
        entries = sorted(self._draw.randrange(0, SPAN_SECONDS * 1000) for _ in range(calls))
        self.stories = [self._story(number, entered) for number, entered in enumerate(entries, start=1)]

    def _story(self, number: int, entered: int) -> Story:
        draw = self._draw
        story = Story(f"ast1-1795222800.{number}", draw.choice(LINES), entered)
        greeted = entered + draw.randrange(2_000, 9_000)
        fate = draw.random()
        if fate < 0.06:
            story.over, story.end = draw.randrange(entered, greeted), "gave_up"
        elif fate < 0.14:
            self._branch(story, greeted)
        else:
            story.asked = greeted
            self._queue(story, greeted)
        story.facts = _facts(story, greeted)
        return story

    def _branch(self, story: Story, at: int) -> None:
        """Sent to a branch centre, which answers, or does not and the call comes back to a queue."""
        story.asked, story.routed = at, True
        after = at + self._draw.randrange(3_000, 25_000)
        if self._draw.random() < 0.6:
            story.answered, story.elsewhere = after, True
            story.over, story.end = after + self._draw.randrange(10_000, 300_000), "talk"
        else:
            self._queue(story, after)

    def _queue(self, story: Story, at: int) -> None:
        draw = self._draw
        story.queues = [(at, draw.choice(QUEUES))]
        patience = at + draw.choice((draw.randrange(500, 5_000), draw.randrange(5_000, 240_000), 10**9, 10**9))
        clock = at
        while True:
            if draw.random() < 0.15:
                clock += draw.randrange(1_000, 60_000)
                if clock < patience:
                    others = [queue for queue in QUEUES if queue != story.queues[-1][1]]
                    story.queues.append((clock, draw.choice(others)))
            offered = clock + draw.choice((0, 0, draw.randrange(0, 45_000)))
            if offered >= patience:
                story.over, story.end = patience, "gave_up"
                return
            free = [shift for shift in self.shifts.values() if shift.busy_until <= offered]
            if free:
                clock = self._offer(story, draw.choice(free), offered, patience)
                if story.end:
                    return
            elif draw.random() < 0.1:
                story.over, story.end = offered + 5_000, "promised"
                return
            else:
                clock = offered + draw.randrange(5_000, 40_000)

    def _offer(self, story: Story, shift: Shift, at: int, patience: int) -> int:
        """One offer; returns when the caller is back in the queue, if it is."""
        draw = self._draw
        rang = at + draw.randrange(20, 300)
        shift.states += [("RESERVED", "", at), ("RINGING", "", rang)]
        lasts = rang + draw.randrange(500, 12_000)
        if patience <= lasts:
            gone = max(patience, rang + 1)
            story.offers.append(Offered(shift.agent, at, rang, "CALLER_GONE"))
            story.over, story.end = gone, "gave_up"
            self._free(shift, gone)
            return gone
        if draw.random() < 0.15:
            outcome = draw.choice(("NO_ANSWER", "REJECTED", "BUSY", "UNREGISTERED"))
            story.offers.append(Offered(shift.agent, at, rang, outcome))
            shift.states.append(("NOT_READY", outcome.lower(), lasts))
            self._free(shift, lasts + draw.randrange(1_000, 90_000))
            return lasts
        story.offers.append(Offered(shift.agent, at, rang, "ANSWERED", lasts))
        story.answered, story.over, story.end = lasts, lasts + draw.randrange(5_000, 900_000), "talk"
        shift.states.append(("TALKING", "", lasts))
        if draw.random() < 0.3:
            held = lasts + (story.over - lasts) // 3
            shift.states += [("HOLD", "", held), ("TALKING", "", held + (story.over - held) // 2)]
        if draw.random() < 0.8:
            story.wrap_up = draw.randrange(1_000, 60_000)
            shift.states.append(("WRAP_UP", "", story.over + 5))
            self._free(shift, story.over + 5 + story.wrap_up)
        else:
            self._free(shift, story.over + 5)
        return story.over

    def _free(self, shift: Shift, at: int) -> None:
        """Ready again, or a break first."""
        if self._draw.random() < 0.1:
            shift.states.append(("NOT_READY", self._draw.choice(("小休", "用餐")), at))
            at += self._draw.randrange(60_000, 1_200_000)
        shift.states.append(("READY", "", at))
        shift.busy_until = at + 1_000


def moment(at: int) -> datetime:
    """Milliseconds since MORNING as a moment."""
    return MORNING + timedelta(milliseconds=at)


_Told = tuple[Kind, str, int, str | None, dict[str, Any]]
"""Kind, what it is about, when, agent, attributes."""


def _facts(story: Story, greeted: int) -> list[Entry]:
    """What the processes write of a story, in its order."""
    told: list[_Told] = [
        (Kind.ENTERED, "", story.entered, None, {"line": story.line, "dialled": story.line, "mode": "main"})
    ]
    if story.asked is not None:
        told.append((Kind.GREETED, "", greeted, None, {}))
    if story.routed and story.asked is not None:
        told.append((Kind.ROUTED, "1.1", story.asked, None, {"trunk": "branch"}))
    told += [*_queued(story), *_offered(story), *_ended(story)]
    first = to_ms(moment(story.entered))
    return [
        Entry(
            call_id=story.call,
            seq=seq_at(first) + number,
            fact=_name(kind, about),
            kind=kind.value,
            at_ms=to_ms(moment(at)),
            process="ast1/voice-1",
            agent=agent,
            attributes=attributes,
        )
        for number, (kind, about, at, agent, attributes) in enumerate(told)
    ]


def _queued(story: Story) -> Iterator[_Told]:
    for nth, (at, queue) in enumerate(story.queues):
        if nth:
            yield Kind.MOVED, str(nth), at, None, {"queue": queue}
            continue
        # Older processes name groups only.
        number = int(story.call.rpartition(".")[2])
        named: dict[str, Any] = {"queue": queue} if number % 2 else {"groups": [queue, "general"]}
        yield Kind.QUEUED, "1", at, None, named
        # A second entry into the line, at another process: the same queue, and no second stay.
        yield Kind.QUEUED, "2", at + 100, None, named


def _about(story: Story, nth: int) -> str:
    return f"7-{story.call.rpartition('.')[2]}{nth}"


def _offered(story: Story) -> Iterator[_Told]:
    for nth, offer in enumerate(story.offers):
        about = _about(story, nth)
        yield Kind.RESERVED, about, offer.reserved, offer.agent, {"group": "general"}
        yield Kind.RINGING, about, offer.rang, offer.agent, {"extension": "8001"}
        if offer.answered is not None:
            yield Kind.ANSWERED, about, offer.answered, offer.agent, {}
        else:
            at = story.over if offer.outcome == "CALLER_GONE" else offer.rang + 1
            yield Kind.OFFER_FAILED, about, at, offer.agent, {"outcome": offer.outcome}


def _ended(story: Story) -> Iterator[_Told]:
    match story.end:
        case "gave_up":
            yield Kind.ABANDONED, "", story.over, None, {}
        case "promised":
            yield Kind.ENDED, "", story.over, None, {"outcome": "callback_promised"}
        case "talk" if story.elsewhere:
            yield Kind.ANSWERED, "1.1", story.answered or 0, None, {"trunk": "branch"}
            yield Kind.ENDED, "", story.over, None, {"outcome": "routed"}
        case "talk":
            agent, about = story.offers[-1].agent, _about(story, len(story.offers) - 1)
            yield Kind.ENDED, "", story.over, agent, {"outcome": "answered"}
            yield Kind.WRAP_UP, about, story.over, agent, {"wrap_up_ms": 30_000}


def _name(kind: Kind, about: str) -> str:
    subject = "ended" if kind in (Kind.ENDED, Kind.ABANDONED) else kind.value
    return f"{subject}:{about}" if about else subject
