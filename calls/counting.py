"""How one call counts: from its facts, in whatever order they came, to its stays and the offers made of it.

Pure: the same facts give the same count. What the words mean is in `calls.figures`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from acd.states import Outcome
from calls.facts import CALLBACK_PROMISED, Kind
from calls.figures import Disposition, Handling, Scope
from directory.modes import GENERAL_GROUP

NATIVE_QUEUE: Final = "native"
"""Where a call is counted that Asterisk's native queue took before any of ours could name a queue."""

_OF_AN_OFFER: Final = frozenset(
    {
        *(Kind.RESERVED, Kind.RINGING, Kind.CALLBACK_DIALLED, Kind.CALL_OUT_DIALLED),
        *(Kind.ANSWERED, Kind.OFFER_FAILED),
    },
)

COUNTED: Final = _OF_AN_OFFER | {
    *(Kind.ENTERED, Kind.GREETED, Kind.QUEUED, Kind.MOVED, Kind.ROUTED),
    *(Kind.ABANDONED, Kind.ENDED, Kind.CALLBACK_REQUESTED, Kind.CALLBACK),
}
"""Facts that can change a count."""

_NOT_ANSWERED: Mapping[str, Handling] = {
    Outcome.NO_ANSWER: Handling.NO_ANSWER,
    Outcome.REJECTED: Handling.REJECTED,
    Outcome.BUSY: Handling.FAILED,
    Outcome.UNREGISTERED: Handling.FAILED,
    Outcome.FAILED: Handling.FAILED,
}
"""Every other outcome took the offer back."""

_TAKEN = (Kind.CALLBACK_DIALLED, Kind.CALL_OUT_DIALLED, Kind.ANSWERED)
"""The first of these that an offer has tells when the agent took it."""

_TALKED = frozenset({"answered", "routed"})


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact of the call that is counted. `about` tells facts of one kind apart: a reservation, an entry."""

    kind: str
    at: datetime
    seq: int
    about: str = ""
    agent: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stay:
    """A call on its hotline (`nth` 0), or in one of the queues it waited in (from 1). Durations are milliseconds."""

    nth: int
    scope: Scope
    subject: str
    """The line's number, or the queue's name."""
    offered_at: datetime
    """It counts in the interval of this moment, whenever it ends."""
    disposition: Disposition
    waited_ms: int | None = None
    """None as long as it waits, or when nobody knows."""
    answered_at: datetime | None = None
    talk_ms: int | None = None
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class AgentOffer:
    """A call offered to one agent; it counts in the interval of `offered_at`."""

    about: str
    agent: str
    offered_at: datetime
    handling: Handling
    answered_at: datetime | None = None
    ring_ms: int | None = None
    talk_ms: int | None = None


def count_call(facts: Iterable[Fact]) -> tuple[list[Stay], list[AgentOffer]]:
    """A call's part in every figure, as far as its facts are known now."""
    call = _Call(sorted(facts, key=lambda fact: (fact.at, fact.seq)))
    return call.stays(), call.offers()


class _Call:
    def __init__(self, facts: list[Fact]) -> None:
        self._facts = facts
        self._entered = self._first(Kind.ENTERED)
        self._answered = self._first(Kind.ANSWERED)
        self._over = self._first(Kind.ENDED, Kind.ABANDONED)
        self._routed = self._first(Kind.ROUTED)
        self._queued = self._first(Kind.QUEUED, Kind.MOVED)

    def _first(self, *kinds: Kind) -> Fact | None:
        return next((fact for fact in self._facts if fact.kind in kinds), None)

    @property
    def _elsewhere(self) -> bool:
        """Answered by somebody who is no agent of ours."""
        if self._answered is not None and self._answered.agent is not None:
            return False
        told = self._answered.attributes if self._answered else {}
        return bool(told.get("trunk")) or self._told_at_end == "routed"

    @property
    def _told_at_end(self) -> str:
        return str(self._over.attributes.get("outcome", "")) if self._over else ""

    @property
    def _asked_at(self) -> datetime | None:
        """When a human was first asked for: menu left or greeting ended, which is when the call is queued here or
        dialled elsewhere. A call that none of ours greeted asked with its entry."""
        asks = [fact.at for fact in (self._queued, self._routed) if fact is not None]
        if asks:
            return min(asks)
        return self._entered.at if self._entered is not None and self._unattended else None

    @property
    def _unattended(self) -> bool:
        """Whether the call, of which nobody told that it asked for a human, was in Asterisk's native queue."""
        if self._answered is not None or self._told_at_end == CALLBACK_PROMISED:
            return True
        if any(fact.kind == Kind.RINGING and fact.attributes.get("native_queue") for fact in self._facts):
            return True
        if self._over is None or self._first(Kind.GREETED):
            return False
        # Read back from entry to end: all of ours were dead, and then the dialplan asks the native queue.
        first, last = self._entered, self._over
        return first is not None and all(fact.attributes.get("read_back") for fact in (first, last))

    @property
    def _outcome(self) -> tuple[Disposition, datetime | None]:
        if self._answered is not None:
            return Disposition.ANSWERED, self._answered.at
        if self._over is None:
            return Disposition.WAITING, None
        if self._over.kind == Kind.ABANDONED:
            return Disposition.ABANDONED, self._over.at
        if self._told_at_end in _TALKED:
            # There was a talk, and of its beginning there is no word (yet).
            return Disposition.ANSWERED, None
        return Disposition.OTHERWISE, self._over.at

    def stays(self) -> list[Stay]:
        if self._first(Kind.CALLBACK):
            # Nobody came in: the citizen waited in the call this was promised in. What agents did of it counts.
            return []
        asked_at = self._asked_at
        line = self._entered.attributes.get("line") if self._entered else None
        if asked_at is None:
            if self._over is None or self._entered is None or not line:
                return []
            return [Stay(0, Scope.HOTLINE, line, self._entered.at, Disposition.EARLY)]
        stays = []
        if line:
            stays.append(self._stay(0, Scope.HOTLINE, line, asked_at, asked_at))
        queues = self._queues(asked_at)
        clock = self._queued.at if self._queued else asked_at
        for nth, (at, queue) in enumerate(queues, start=1):
            if nth < len(queues):
                waited_ms = _ms(clock, queues[nth][0])
                stays.append(Stay(nth, Scope.QUEUE, queue, at, Disposition.MOVED, waited_ms))
            else:
                stays.append(self._stay(nth, Scope.QUEUE, queue, at, clock))
        return stays

    def _stay(self, nth: int, scope: Scope, subject: str, at: datetime, clock: datetime) -> Stay:
        disposition, decided_at = self._outcome
        answered_at = self._answered.at if self._answered else None
        talk_ms = None
        if answered_at is not None and self._over is not None:
            talk_ms = _ms(answered_at, self._over.at)
        return Stay(
            nth=nth,
            scope=scope,
            subject=subject,
            offered_at=at,
            disposition=disposition,
            waited_ms=None if decided_at is None else _ms(clock, decided_at),
            answered_at=answered_at,
            talk_ms=talk_ms,
            elsewhere=disposition is Disposition.ANSWERED and self._elsewhere,
        )

    def _queues(self, asked_at: datetime) -> list[tuple[datetime, str]]:
        """The queues it waited in, each from when; entering the same one again is no new stay."""
        decided_at = self._outcome[1]
        told = [
            (fact.at, _queue(fact))
            for fact in self._facts
            if fact.kind in (Kind.QUEUED, Kind.MOVED) and (decided_at is None or fact.at <= decided_at)
        ]
        if not told and not self._elsewhere and self._unattended:
            told = [(asked_at, NATIVE_QUEUE)]
        return told[:1] + [later for earlier, later in pairwise(told) if later[1] != earlier[1]]

    def offers(self) -> list[AgentOffer]:
        """Offers to agents that are known by name."""
        about: dict[str, list[Fact]] = {}
        for fact in self._facts:
            if fact.kind in _OF_AN_OFFER and fact.agent:
                about.setdefault(fact.about, []).append(fact)
        return [self._offer(reservation, facts) for reservation, facts in about.items()]

    def _offer(self, about: str, facts: list[Fact]) -> AgentOffer:
        known = {fact.kind: fact for fact in reversed(facts)}
        agent = facts[0].agent
        assert agent is not None  # noqa: S101 - chosen so in `offers`
        # Of a callback or a call out the agent's phone is answered first, and the other one rings after it.
        ringing, answered = known.get(Kind.RINGING), next((known[kind] for kind in _TAKEN if kind in known), None)
        failed = known.get(Kind.OFFER_FAILED)
        if answered is not None:
            handling = Handling.ANSWERED
        elif failed is not None:
            handling = _NOT_ANSWERED.get(failed.attributes.get("outcome", ""), Handling.WITHDRAWN)
        else:
            handling = Handling.PENDING
        return AgentOffer(
            about=about,
            agent=agent,
            offered_at=facts[0].at,
            handling=handling,
            answered_at=answered.at if answered else None,
            ring_ms=_ms(ringing.at, answered.at) if ringing and answered else None,
            talk_ms=self._talk_ms(answered) if answered else None,
        )

    def _talk_ms(self, answered: Fact) -> int | None:
        """Until another agent answers, or the call is over."""
        others = (fact for fact in self._facts if fact.kind == Kind.ANSWERED and fact.about != answered.about)
        ends = [fact.at for fact in others if fact.at > answered.at]
        if self._over is not None:
            ends.append(self._over.at)
        return _ms(answered.at, min(ends)) if ends else None


def _queue(fact: Fact) -> str:
    told = fact.attributes
    return str(told.get("queue") or next(iter(told.get("groups") or ()), GENERAL_GROUP))


def _ms(start: datetime, end: datetime) -> int:
    """At least 0: two hosts' clocks may differ by a little."""
    return max(0, (end - start) // timedelta(milliseconds=1))
