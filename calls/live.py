"""A call that is on the line now, as the voice process that owns it sees it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import orjson

from acd.model import Offer
from acd.states import Outcome
from calls.caller_record import CallerRecord
from calls.facts import Entry, Kind, seq_at
from calls.journal import Journal
from calls.parting import Intent
from directory.modes import GENERAL_GROUP
from directory.snapshot import LinePlan
from hotline.clock import Clock
from ivr.published import Pinned


@dataclass(frozen=True, slots=True)
class Away:
    """A menu out of a talk: which one, and by which number it is told apart from others of the same talk."""

    number: int
    menu: Pinned


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
    queue: str = GENERAL_GROUP
    """The queue it waits in, or will."""
    prefer: str = ""
    """The agent who is asked alone for a while; empty: none."""
    only: str = ""
    """The agent whose call out this is; empty: somebody called us, or is called back."""
    head_start_ms: int = 0
    record: CallerRecord | None = None
    """What is known of the caller; None until it is looked up, and when it could not be."""
    queued_ms: int | None = None
    answered: bool = False
    answer_heard: bool = False
    """Whether the ACD knows of the answer; until it does, every heartbeat says it again."""
    renewed_until_ms: int = 0
    """Until when the ACD takes the talk for alive, as this process renewed it last."""
    revoked: str = ""
    """The reservation that the ACD took back last."""
    withdrawn_for: Outcome | None = None
    """Why we ourselves took the ringing phone back; recorded before it is done."""
    agent: str = ""
    """Who talked with the citizen last."""
    talk_leg: str = ""
    """Unique id of that agent's leg; empty: not seen."""
    intent: Intent | None = None
    """Why we ourselves hung that leg up; recorded before it is done."""
    surveyed: bool = False
    """Was asked how it was; nobody asks twice."""
    returned: bool = False
    """Came in again after its talk: goodbye is all that is left to say."""
    taken_over_by: str = ""
    """The supervisor who talks with the citizen in the agent's place (拦截); empty: nobody."""
    partner: str = ""
    """The platform whose trunk the call came in on; empty: the carrier's."""
    away: Away | None = None
    """The menu that the agent sends the citizen into out of the talk; None: none."""
    told: dict[str, Any] = field(default_factory=dict)
    """More for the screen-pop."""

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
