"""What distribution is asked and what it answers. Moments are milliseconds since 1970-01-01 UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from acd.states import AgentState, CallState


@dataclass(frozen=True, slots=True)
class AcdPolicy:
    """The limits that distribution keeps, in milliseconds. Every waiting thing has one."""

    lease_ms: int = 3_000
    """A process that does not renew for so long is taken for dead. Renew every third of it."""
    reserve_ms: int = 5_000
    """From reservation to ringing."""
    ring_ms: int = 20_000
    """Ringing, for calls sent again after a flush; otherwise `ringing` says how long."""
    ring_grace_ms: int = 2_000
    """After the ringing time, until the offer expires by itself."""
    talk_ms: int = 30_000
    """Lease of a talk; the owner renews it."""
    host_lease_ms: int = 6_000
    """A host whose Asterisk nobody has seen for so long: its phones are not offerable."""
    wrap_up_ms: int = 30_000
    """After-call work (话后整理) where the call's queue is gone."""
    wrap_up_max_ms: int = 300_000
    """The same, extensions included."""
    no_answer_not_ready: bool = True
    """An agent that lets the phone ring out, or rejects, becomes not ready."""
    rest_ms: int = 5_000
    """No offers to a phone that was not registered when it was called, or whose agent rejected."""
    busy_rest_ms: int = 5_000
    """The same for a phone that was busy."""
    failed_rest_ms: int = 10_000
    """The same for a phone that failed."""
    rest_max_ms: int = 60_000
    """Failures in a row double the rest, up to this."""
    unreachable_ms: int = 600_000
    """An agent whose phone is away for so long becomes not ready."""
    absent_ms: int = 1_800_000
    """An agent that policy made not ready is signed out after so long."""
    orphan_ms: int = 30_000
    """A waiting call whose owner died must re-enter within this time."""
    rebuild_ms: int = 1_500
    """After a new epoch: time for processes to send their calls again before anything is matched."""
    forget_ms: int = 3_600_000
    """How long an ended call is known, so that an answered one is refused."""
    head_start_max_ms: int = 600_000
    """Bound of a call's head start (优先), so that nobody starves."""


@dataclass(frozen=True, slots=True)
class CallRequest:
    """A call that asks for an agent."""

    call: str
    entered_ms: int
    """Entry into the line (HL_ENTERED); never changes."""
    owner: str
    """Id of the process that holds the caller; must be the one that enqueues."""
    queue: str
    """By name, as in its `QueueRule`."""
    head_start_ms: int = 0
    """Moves the place forward as if the caller had come earlier; cut to 0..AcdPolicy.head_start_max_ms."""
    prefer: str = ""
    """Work number of the agent who is asked alone for the queue's `affinity_ms`, unless out of reach; empty: none."""
    even_if_full: bool = False
    """Whether to get in although the queue is full."""
    only: str = ""
    """Work number of the agent who calls out (外呼): the call is that agent's or nobody's; empty: it came in."""
    hotline: str = ""
    label: str = ""
    """Kept with the call for whoever adopts it; opaque."""
    queued_ms: int | None = None
    """First enqueue, when a call is sent again after a flush; None: now, or what is known."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One agent reserved for one call. Every later write carries it."""

    reservation: str
    epoch: int
    deadline_ms: int
    call: str
    agent: str
    extension: str
    host: str
    """Systemname of the Asterisk the phone is registered with."""
    queue: str
    group: str
    """The need the agent met, or `@<agent>`."""
    waited_ms: int
    """Since the first enqueue."""
    attempt: int
    """1 for the call's first offer."""

    @classmethod
    def from_message(cls, message: Mapping[str, Any]) -> Offer:
        """From an inbox message of type `offer`."""
        return cls(**{name: message[name] for name in cls.__slots__})

    def as_message(self) -> dict[str, Any]:
        """The offer as the inbox carries it, without its type."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class AgentView:
    """An agent as distribution sees it."""

    agent: str
    extension: str
    host: str
    """Where the phone was registered when the agent last became ready; empty: never yet."""
    groups: Mapping[str, int]
    state: AgentState
    reason: str
    since_ms: int
    idle_since_ms: int
    pending: AgentState | None
    """Asked for in a call; takes effect after it."""
    pending_reason: str
    deadline_ms: int | None
    call: str | None
    reservation: str | None
    queue: str
    """Of the present call or wrap-up; empty: none."""

    @classmethod
    def from_record(cls, agent: str, record: Mapping[str, Any]) -> AgentView:
        pending = record.get("pending")
        return cls(
            agent=agent,
            extension=record["extension"],
            host=record.get("host") or "",
            groups=orjson.loads(record["groups"]),
            state=AgentState(record["state"]),
            reason=record.get("reason", ""),
            since_ms=int(record["since"]),
            idle_since_ms=int(record["idle"]),
            pending=AgentState(pending) if pending else None,
            pending_reason=record.get("pending_reason") or "",
            deadline_ms=_whole(record.get("due")),
            call=record.get("call"),
            reservation=record.get("reservation"),
            queue=record.get("queue") or "",
        )


@dataclass(frozen=True, slots=True)
class CallView:
    """A call as distribution sees it. Of an ended one only identity, times and `answered` are left."""

    call: str
    state: CallState
    owner: str
    entered_ms: int
    place_ms: int
    queued_ms: int
    queue: str
    prefer: str
    """The agent who is asked alone now; empty: nobody is."""
    hotline: str
    label: str
    groups: tuple[str, ...]
    """The needs of which an agent must meet one now; `@<agent>`: that agent."""
    attempt: int
    answered: bool
    parked: bool
    """Waiting, but its owner is dead: keeps its place, is not matched."""
    deadline_ms: int | None
    offer: Offer | None = field(default=None)
    """The live reservation, if any: what an adopter carries on with."""

    @classmethod
    def from_record(cls, call: str, record: Mapping[str, Any]) -> CallView:
        reservation = record.get("reservation")
        offer = None
        if reservation:
            offer = Offer(
                reservation=reservation,
                epoch=int(reservation.split("-", 1)[0]),
                deadline_ms=int(record["due"]),
                call=call,
                agent=record["agent"],
                extension=record["extension"],
                host=record.get("host") or "",
                queue=record["queue"],
                group=record.get("pool", ""),
                waited_ms=int(record.get("waited", 0)),
                attempt=int(record["attempt"]),
            )
        return cls(
            call=call,
            state=CallState(record["state"]),
            owner=record["owner"],
            entered_ms=int(record["entered"]),
            place_ms=int(record["place"]),
            queued_ms=int(record["queued"]),
            queue=record["queue"],
            prefer=record.get("prefer") or "",
            hotline=record.get("hotline") or "",
            label=record.get("label") or "",
            groups=tuple((record.get("open") or "").split()),
            attempt=int(record["attempt"]),
            answered=bool(record.get("answered")),
            parked=bool(record.get("parked")),
            deadline_ms=_whole(record.get("due")),
            offer=offer,
        )


@dataclass(frozen=True, slots=True)
class Phone:
    """What a host said of an extension's phone last."""

    reachable: bool
    in_use: bool
    alone: bool
    """Whether no other host says anything of it."""


@dataclass(frozen=True, slots=True)
class AgentEvent:
    """A change of an agent, from the site's stream of events. `cursor` is where to go on reading."""

    cursor: str
    agent: str
    extension: str
    state: AgentState
    reason: str
    pending: AgentState | None
    since_ms: int


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Answer to a heartbeat."""

    epoch: int
    rebuilding: bool
    """Nothing is matched until processes have sent their calls again."""


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)
