"""Makes calls out: in every voice process, each call in the hands of one of them.

A call out is claimed in PostgreSQL under a lease; its agent is reserved in the ACD for it alone, called first, and the
party is dialled from the agent's channel. What a process that died held is looked into by another: nobody is dialled
twice for one click.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from acd.errors import EpochChanged
from acd.model import Offer
from acd.states import CallState
from agi.session import AgiSession
from calls import call_out_store as store
from calls.call_out_models import CallOutRow
from calls.call_out_record import CallOutRecord
from calls.call_out_states import CallOutMoved, CallOutState, NotPlaced, PartyOutcome, Purpose, party_outcome
from calls.callback_ids import call_out_id, leg_id
from calls.callback_legs import Legs
from calls.dialling import Dialled
from calls.facts import Kind
from calls.live import LiveCall, Scribe
from calls.masked_call_legs import MaskedCalls
from calls.placing import Cut, Party, Placed, PlacedKind, PlacedOffer
from calls.queueing import request
from calls.round_survey import RoundSurveys
from calls.switchboard import Switchboard
from directory.modes import GENERAL_GROUP
from directory.numbers import subscriber_digits
from hotline.clock import to_ms
from hotline.errors import Conflict, HotlineError, PartUnavailable

_log = structlog.get_logger(__name__)

_CLAIM_SECONDS: Final = 1.0
"""The longest an agent's click waits for a process."""
_RENEW_SECONDS: Final = store.LEASE.total_seconds() / 5
_UNDER_WAY = frozenset({CallState.RESERVED, CallState.RINGING, CallState.TALKING})


class CallOutRunner:
    """The calls out of one voice process. `legs` calls phones; `address` says where their route is (host:port)."""

    def __init__(self, board: Switchboard, legs: Legs, *, address: Callable[[], str]) -> None:
        self._board = board
        self._legs = legs
        self._address = address
        self.record = CallOutRecord(board)
        self.surveys = RoundSurveys(board, legs, self.record, address=address)
        self.masked = MaskedCalls(board, legs, self.record, address=address)
        self._held: set[int] = set()
        self._serving: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Claim, renew and serve until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._often(self.claim, _CLAIM_SECONDS))
                group.create_task(self._often(self.renew, _RENEW_SECONDS))
                group.create_task(self.surveys.run())
        finally:
            self.masked.in_hand.stop()
            for task in self._serving:
                task.cancel()

    async def _often(self, work: Callable[[], Any], seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await work()
            except (HotlineError, SQLAlchemyError, OSError, TimeoutError) as error:
                _log.info("calls_out.waits", reason=type(error).__name__)

    async def claim(self) -> None:
        """Take what agents asked for, and look into what others left."""
        board = self._board
        now = board.clock.now()
        if board.leaving or not await store.anything_to_claim(board.database, now):
            return
        async with self.record.transaction() as session:
            claims = await store.claim(session, board.process, now)
        for claim in claims:
            if claim.row.id in self._all_held():
                continue
            fresh = claim.found is CallOutState.REQUESTED and now - claim.row.requested_at < store.TAKE_UP
            if fresh and claim.row.purpose == Purpose.UNIT:
                self.masked.begin(claim.row)
            elif fresh and claim.row.agent is not None:
                self._begin(claim.row)
            elif not await self._under_way(claim.row):
                await self.record.recover(claim.row, claim.found)

    async def renew(self) -> None:
        """Keep what is held. A call that another process took over meanwhile goes on as it is: it says so itself when
        it writes its next step."""
        held = self._all_held()
        if held:
            async with self.record.transaction() as session:
                await store.renew(session, self._board.process, held, self._board.clock.now())

    def _all_held(self) -> set[int]:
        return self._held | self.surveys.in_hand.held | self.masked.in_hand.held

    async def _under_way(self, row: CallOutRow) -> bool:
        """Whether it rings or is a talk as far as the ACD knows: its owner is alive after all, or somebody has adopted
        it. Looked at again when the lease is over."""
        view = await self._board.acd.call(call_out_id(row.id))
        return view is not None and view.state in _UNDER_WAY

    def _begin(self, row: CallOutRow) -> None:
        self._held.add(row.id)
        task = asyncio.create_task(self._serve(row))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, row: CallOutRow) -> None:
        board = self._board
        live = _live(board, row)
        board.live[live.call] = live
        history = asyncio.create_task(board.pops.history(live))
        call = _AgentsCall(board, self._legs, self.record, row, live, address=self._address())
        handed_on = False
        try:
            await call.make(history)
        except Cut:
            # Whoever adopts the call sees it through: the agent is still in it.
            handed_on = True
            _log.info("call_out.handed_on", call=live.call)
        except CallOutMoved:
            _log.info("call_out.held_by_another", call=live.call)
        except Exception:  # noqa: BLE001 - one call's fault must not keep the others
            _log.exception("call_out.failed", call=live.call)
            await call.give_up()
        finally:
            history.cancel()
            if not handed_on:
                await board.acd_step(board.acd.leave(live.call))
            if board.holds(live):
                del board.live[live.call]
            self._held.discard(row.id)


class _AgentsCall:
    """One call out of an agent's, as an errand of `calls.placing`."""

    dialled_kind = Kind.CALL_OUT_DIALLED
    not_reached_prompt = "callback.not_reached"

    def __init__(
        self, board: Switchboard, legs: Legs, record: CallOutRecord, row: CallOutRow, live: LiveCall, *, address: str
    ) -> None:
        self._board = board
        self._legs = legs
        self._record = record
        self._row = row
        self._address = address
        self._dialled = False
        self.live = live

    async def make(self, history: asyncio.Task[dict[str, Any]]) -> None:
        """From the agent's reservation to the end. Raises CallOutMoved, Cut."""
        why, offer = await self._reserve()
        if offer is None:
            await self._record.not_placed(self._row, why)
            return
        await self._record.tell(self._row, CallOutState.PLACING)
        placed = PlacedOffer(self._board, self._legs, self, self._party(), address=self._address)
        await self._over(await placed.carry_out(offer, history))

    async def _reserve(self) -> tuple[NotPlaced, Offer | None]:
        """The agent's reservation, or why there is none. Raises CallOutMoved."""
        board = self._board
        try:
            await self._record.placing(self._row)
            await board.acd.call_out(request(self.live, board.process))
        except EpochChanged:
            board.epoch_lost.set()
        except PartUnavailable as error:
            _log.warning("call_out.not_placed", call=self.live.call, code=error.code)
        except CallOutMoved:
            raise
        except Conflict as error:
            _log.info("call_out.agent_not_free", call=self.live.call, reason=error.detail)
            return NotPlaced.AGENT_NOT_FREE, None
        else:
            return NotPlaced.UNAVAILABLE, await self._offer()
        return NotPlaced.UNAVAILABLE, None

    async def give_up(self) -> None:
        """Something went wrong that should not: the record has an end."""
        if self._dialled:
            await self._record.over(self._row, PartyOutcome.LOST)
        else:
            await self._record.not_placed(self._row, NotPlaced.UNAVAILABLE)

    async def _offer(self) -> Offer | None:
        """The reservation, which comes through the process' inbox."""
        reserve_ms = self._board.settings.acd.reserve_ms
        try:
            async with asyncio.timeout(reserve_ms / 1000):
                while (message := await self.live.mailbox.get())["type"] != "offer":
                    continue
        except TimeoutError:
            return None
        return Offer.from_message(message)

    def _party(self) -> Party:
        keys = self._board.settings.calls_out
        variables = {}
        if keys.auto_answer:
            header, _, value = keys.auto_answer.partition(": ")
            variables[f"PJSIP_HEADER(add,{header})"] = value
        return Party(
            digits=subscriber_digits(self._row.number) or "",
            trunk=keys.trunk,
            shown=self._row.shown,
            ring_seconds=keys.ring_seconds,
            leg_variables=variables,
        )

    async def _over(self, placed: Placed) -> None:
        end = placed.end
        match placed.kind:
            case PlacedKind.TALKED:
                talk_ms = None
                if end is not None and end.bridged_ms is not None:
                    talk_ms = (end.parted_ms or self._board.clock.now_ms()) - end.bridged_ms
                await self._record.over(self._row, PartyOutcome.ANSWERED, talk_ms=talk_ms)
            case PlacedKind.NOT_REACHED:
                cause = end.cause if end is not None else None
                await self._record.over(self._row, PartyOutcome(placed.outcome), cause=cause)
            case PlacedKind.NOT_DIALLED:
                await self._record.not_placed(self._row, NotPlaced.NOT_ALLOWED)
            case PlacedKind.AGENT_FAILED:
                await self._record.not_placed(self._row, NotPlaced.AGENT_NO_ANSWER)

    # The errand

    async def ready(self, session: AgiSession) -> None:
        """Nothing is in the way."""

    async def dialling(self, agent: str) -> None:  # noqa: ARG002 - the row has the agent
        """Raises CallNotAllowed, CallOutMoved, PartUnavailable: then the party is not dialled."""
        await self._record.dialling(self._row)
        self._dialled = True
        await self._record.tell(self._row, CallOutState.DIALLED)

    async def talking(self) -> None:
        """The two talk."""
        await self._record.talking(self._row)
        await self._record.tell(self._row, CallOutState.TALKING)

    def judged(self, end: Dialled | None, *, called: bool) -> PartyOutcome:
        """What became of a call that was no talk."""
        if end is None:
            return PartyOutcome.AGENT_LEFT
        return party_outcome(end.status, end.cause, called=called)


def _live(board: Switchboard, row: CallOutRow) -> LiveCall:
    """The call out as a call of this process; its story begins with this."""
    call, now = call_out_id(row.id), board.clock.now()
    plan = board.directory.snapshot.main_plan(now)
    live = LiveCall(
        call=call,
        channel=leg_id(call),
        uniqueid=leg_id(call),
        entered_ms=to_ms(row.requested_at),
        entry=0,
        caller=row.number,
        dialled="",
        plan=plan,
        scribe=Scribe(board.journal, board.clock, call=call, process=board.process),
        queue=GENERAL_GROUP,
        only=row.agent or "",
        told={"call_out": {"id": row.id, "purpose": row.purpose, "ticket": row.ticket, "item": row.item_id}},
    )
    live.scribe.write(
        Kind.CALL_OUT,
        agent=row.agent,
        at_ms=live.entered_ms,
        called=row.number,
        line=plan.number,
        purpose=row.purpose,
        whom=row.whom,
        ticket=row.ticket,
        item=row.item_id,
    )
    return live
