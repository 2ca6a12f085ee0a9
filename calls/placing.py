"""An offer whose agent is called first: pop, the agent's phone, then the party's, dialled from the agent's channel.

So are promises to call back kept and calls out made. Until the two are bridged the offer rings, whosever phone it is: a
party who cannot be reached was not answered. The party is dialled at most once, which is written down before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final, Protocol

import structlog

from acd.model import Offer
from acd.states import Outcome
from agi.errors import AgiCommandFailed, AgiConnectionLost, AgiError, AgiHangup
from agi.session import AgiSession
from agi.variables import AT, VOICE
from ami.errors import AmiError, AmiRefused
from calls.agent_leg import agent_leg
from calls.callback_legs import Leg, Legs
from calls.dialling import Dialled, dial
from calls.dialwatch import DialWatch
from calls.facts import Kind
from calls.live import LiveCall
from calls.offering import attend, note_answer, pop, talk_over, withdraw
from calls.recording.starting import called_options
from calls.switchboard import Switchboard
from hotline.errors import Conflict, PartUnavailable

_log = structlog.get_logger(__name__)

_SLACK_SECONDS: Final = 10
"""For what lies between the phones: the leg's way into our route, the record, the citizen's own call that ends."""

_OPTIONS: Final = "g"
"""The session goes on after the party hangs up. The agent hears the ringing, and what the network says."""


class PlacedKind(StrEnum):
    """How far such an offer came."""

    TALKED = "talked"
    AGENT_FAILED = "agent_failed"
    """The agent did not take it."""
    NOT_REACHED = "not_reached"
    """The party was dialled in vain."""
    NOT_DIALLED = "not_dialled"
    """It could not be written down that the party is dialled: somebody else holds it, or PostgreSQL is away."""


class Cut(Exception):
    """This process stops with an agent on the line: whoever adopts the call sees it through. Not an error."""


@dataclass(frozen=True, slots=True)
class Placed:
    """The end of an offer. `end` is that of the Dial of the party, if there was one and the agent stayed for it."""

    kind: PlacedKind
    outcome: str = ""
    """The errand's word for it, once the party was dialled."""
    end: Dialled | None = None


@dataclass(frozen=True, slots=True)
class Party:
    """Who is to be called, and how. `digits` are a subscriber's; `shown` is the number they see."""

    digits: str
    trunk: str
    shown: str
    ring_seconds: int
    leg_variables: Mapping[str, str] = field(default_factory=dict)
    """More for the agent's leg."""


class Errand(Protocol):
    """What the call is about, as far as its placing has to know."""

    dialled_kind: Kind
    """Of the fact that the party is dialled."""
    not_reached_prompt: str
    """What the agent hears when it was in vain."""

    @property
    def live(self) -> LiveCall:
        """The call."""
        ...

    async def ready(self, session: AgiSession) -> None:
        """Returns once the party may be dialled. Raises AgiHangup when the agent does not wait for that."""
        ...

    async def dialling(self, agent: str) -> None:
        """Writes down that the party is dialled. Raises Conflict, PartUnavailable: then nobody is."""
        ...

    async def talking(self) -> None:
        """The two talk. Raises nothing."""
        ...

    def judged(self, end: Dialled | None, *, called: bool) -> str:
        """The outcome of a Dial that did not become a talk; None: the agent hung up. `called`: there was a leg."""
        ...


class PlacedOffer:
    """One such offer, from reservation to its end. `address` is where our route of agents' legs is (host:port)."""

    def __init__(self, board: Switchboard, legs: Legs, errand: Errand, party: Party, *, address: str) -> None:
        self._board = board
        self._legs = legs
        self._errand = errand
        self._party = party
        self._live = errand.live
        self._address = address
        self._placed = Placed(PlacedKind.AGENT_FAILED)
        self._dialled = False
        self._watch: DialWatch | None = None

    async def carry_out(self, offer: Offer, history: asyncio.Task[dict[str, Any]]) -> Placed:
        """Raises Cut when this process stops meanwhile."""
        board, live, party = self._board, self._live, self._party
        ring_seconds = board.settings.voice.ring_seconds
        await pop(board, live, offer, history)
        longest = ring_seconds + _SLACK_SECONDS + party.ring_seconds
        if not await board.acd_step(board.acd.ringing(offer, longest * 1000)):
            await withdraw(board, live, offer, Outcome.AGENT_WITHDRAWN)
            return self._placed
        phone = agent_leg(board.settings.asterisk, offer.extension, offer.host, live.call)
        if phone is None:
            await withdraw(board, live, offer, Outcome.FAILED)
            return self._placed
        live.scribe.write(Kind.RINGING, offer.reservation, agent=offer.agent, extension=offer.extension)
        live.offer, live.withdrawn_for = offer, None

        async def work(session: AgiSession) -> None:
            await self._with_agent(session, offer)

        try:
            async with self._legs.call(
                live.uniqueid,
                phone.destination,
                work,
                variables={AT: self._address, VOICE: board.process.rpartition("/")[2], **party.leg_variables},
                shown=party.digits,
                ring_seconds=ring_seconds,
            ) as leg:
                await self._until_over(leg, offer, ring_seconds + _SLACK_SECONDS)
            if leg.cut:
                raise Cut
            if not leg.answered.is_set():
                await self._agent_failed(offer, live.withdrawn_for or phone.outcome(_status(leg), leg.cause))
        except AmiRefused:
            # Asterisk could not even make the leg: no phone is registered.
            await self._agent_failed(offer, Outcome.UNREGISTERED)
        except AmiError as error:
            _log.info("placing.leg_not_called", code=error.code)
            await self._agent_failed(offer, Outcome.FAILED)
        finally:
            live.offer = None
        return self._placed

    async def _until_over(self, leg: Leg, offer: Offer, longest: float) -> None:
        """While the agent's phone rings, obey; once it is answered, wait for the end of the work on it."""
        obeying = asyncio.create_task(self._obey(offer))
        answered = asyncio.create_task(leg.answered.wait())
        over = asyncio.create_task(leg.over.wait())
        try:
            await asyncio.wait({obeying, answered, over}, timeout=longest, return_when=asyncio.FIRST_COMPLETED)
            obeying.cancel()
            if leg.answered.is_set():
                await leg.over.wait()
        finally:
            for task in (obeying, answered, over):
                task.cancel()

    async def _obey(self, offer: Offer) -> None:
        """Returns when the ringing phone is to be taken back."""
        while True:
            message = await self._live.mailbox.get()
            match message["type"]:
                case "revoked" if message.get("reservation") == offer.reservation:
                    break
                case "hangup" if message.get("agent") == offer.agent:
                    break
                case "lost" | "leaving":
                    # For the time after this offer, which has no more of it.
                    self._live.mailbox.put_nowait(message)
                    break
        self._live.withdrawn_for = Outcome.AGENT_WITHDRAWN

    async def _agent_failed(self, offer: Offer, outcome: Outcome) -> None:
        # A rebuild of live state may have renewed the offer meanwhile.
        await withdraw(self._board, self._live, self._live.offer or offer, outcome)

    async def _with_agent(self, session: AgiSession, offer: Offer) -> None:
        """The agent is on the line."""
        try:
            await self._connect(session, offer)
        except AgiError as error:
            _log.info("placing.agent_lost", call=self._live.call, code=error.code)
            await self._agent_lost(self._live.offer or offer)

    async def _connect(self, session: AgiSession, offer: Offer) -> None:
        board, live, errand, party = self._board, self._live, self._errand, self._party
        await session.set_variable("CALLERID(num)", party.shown)
        await errand.ready(session)
        try:
            await errand.dialling(offer.agent)
        except (Conflict, PartUnavailable) as error:
            _log.warning("placing.not_dialled", call=live.call, code=error.code)
            self._placed = Placed(PlacedKind.NOT_DIALLED)
            await withdraw(board, live, live.offer or offer, Outcome.CALLER_GONE)
            await self._say_not_reached(session)
            return
        self._dialled = True
        live.scribe.write(errand.dialled_kind, offer.reservation, agent=offer.agent)

        async def attend_talk(watch: DialWatch) -> None:
            self._watch = watch
            async with asyncio.TaskGroup() as group:
                group.create_task(attend(board, live, offer, watch))
                await watch.until_settled()
                await errand.talking()

        end = await dial(
            board,
            live,
            session,
            f"PJSIP/{party.digits}@{party.trunk}",
            ring_seconds=party.ring_seconds,
            options=f"{_OPTIONS}{called_options(board.settings, live.call)}",
            attend=attend_talk,
        )
        await self._judge(session, live.offer or offer, end)

    async def _agent_lost(self, offer: Offer) -> None:
        """The agent hung up before there was anybody to talk with."""
        if self._placed.kind is not PlacedKind.AGENT_FAILED:
            return
        if self._dialled:
            await self._not_reached(offer, None)
        else:
            await withdraw(self._board, self._live, offer, Outcome.FAILED)

    async def _judge(self, session: AgiSession, offer: Offer, end: Dialled) -> None:
        board, live = self._board, self._live
        if end.talked:
            self._placed = Placed(PlacedKind.TALKED, "answered", end)
            await note_answer(board, live, end.bridged_ms)
            # The channel is the agent's: whoever is still on it did not hang up.
            await talk_over(board, live, offer, replace(end, caller_here=not end.caller_here))
            return
        await self._not_reached(offer, end if end.caller_here else None, dial_status=end.status, cause=end.cause)
        if end.caller_here:
            await self._say_not_reached(session)

    async def _not_reached(self, offer: Offer, end: Dialled | None, **seen: Any) -> None:
        called = self._watch is not None and self._watch.callee_channel is not None
        outcome = self._errand.judged(end, called=called)
        self._placed = Placed(PlacedKind.NOT_REACHED, outcome, end)
        self._live.scribe.write(Kind.ENDED, agent=offer.agent, outcome=outcome, **seen)
        # The agent is free at once: there is nothing to wrap up.
        await withdraw(self._board, self._live, offer, Outcome.CALLER_GONE)

    async def _say_not_reached(self, session: AgiSession) -> None:
        prompt = self._errand.not_reached_prompt
        if not self._board.has_prompt(prompt):
            return
        try:
            await session.control_stream_file(self._board.prompts.path(prompt))
        except (AgiCommandFailed, AgiHangup, AgiConnectionLost):
            return


def _status(leg: Leg) -> str:
    """A phone that was let ring to the end has no DialEnd of its own."""
    return leg.status or "NOANSWER"
