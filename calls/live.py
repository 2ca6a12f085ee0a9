"""A call that is on the line now, as the voice process that owns it sees it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import orjson

from acd.model import Offer
from acd.states import Outcome
from calls.facts import Entry, Kind, seq_at
from calls.journal import Journal
from directory.snapshot import LinePlan
from hotline.clock import Clock


class Scribe:
    """Writes the facts of one call under one ownership.

    An ownership begins with an entry into AGI or an adoption, and no two of one call begin in the same millisecond
    (the lease lies between them); so `seq`, counted from the beginning of the ownership, is never used twice.
    Who writes without owning the call, at the same moment as others do, takes a `lane` (1 to 999) of its own.
    """

    def __init__(self, journal: Journal, clock: Clock, *, call: str, process: str, lane: int = 0) -> None:
        self._journal = journal
        self._clock = clock
        self._call = call
        self._process = process
        self._next = seq_at(clock.now_ms(), lane)

    def write(
        self, kind: Kind, about: str = "", *, agent: str | None = None, at_ms: int | None = None, **attributes: Any
    ) -> None:
        """Keep a fact. `about` tells facts of one kind apart (a reservation, an entry); without it the kind can
        happen only once in the life of the call. A call ends once, whichever way."""
        subject = "ended" if kind in (Kind.ENDED, Kind.ABANDONED) else kind.value
        self._journal.write(
            Entry(
                call_id=self._call,
                seq=self._next,
                fact=f"{subject}:{about}" if about else subject,
                kind=kind.value,
                at_ms=self._clock.now_ms() if at_ms is None else at_ms,
                process=self._process,
                agent=agent,
                attributes=attributes,
            )
        )
        self._next += 1


@dataclass(slots=True)
class LiveCall:
    """One citizen's call. `mailbox` brings what the ACD and other processes have to say about it."""

    call: str
    channel: str
    uniqueid: str
    entered_ms: int
    entry: int
    caller: str | None
    dialled: str
    plan: LinePlan
    scribe: Scribe
    mailbox: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    offer: Offer | None = None
    """The offer this call is ringing or talking under."""
    queued_ms: int | None = None
    answered: bool = False
    answer_heard: bool = False
    """Whether the ACD knows of the answer; until it does, every heartbeat says it again."""
    withdrawn_for: Outcome | None = None
    """Why we ourselves took the ringing phone back; recorded before it is done."""

    def label(self) -> str:
        """What an adopter needs to drive the call by AMI alone, kept with the call in the ACD."""
        told = {
            "channel": self.channel,
            "uniqueid": self.uniqueid,
            "entry": self.entry,
            "caller": self.caller,
            "dialled": self.dialled,
        }
        return orjson.dumps(told).decode()
