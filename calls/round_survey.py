"""自动回访: a round's citizens are called by machine, hear a question about their ticket, and answer by key.

Nothing personal is said, for nobody knows who takes the call. A call that nobody, or a machine, answered gives no key
and was an attempt in vain. `0` makes it a call of the citizen's to us like every other, from its entry on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import structlog
from sqlalchemy import bindparam, exists, select
from sqlalchemy.exc import SQLAlchemyError

from agi.errors import AgiConnectionLost, AgiHangup
from agi.session import AgiSession
from agi.variables import AT, DID, VOICE
from ami.errors import AmiError
from calls import call_out_store as store
from calls import calls_out, round_items, rounds
from calls.call_out_models import CallOutRow
from calls.call_out_policy import CallNotAllowed
from calls.call_out_record import CallOutRecord
from calls.call_out_states import CallOutState, NotPlaced, PartyOutcome, Purpose, Whom, party_outcome
from calls.callback_ids import call_out_id, survey_leg_id
from calls.callback_legs import Leg, Legs
from calls.calls_in_hand import CallsInHand
from calls.facts import Kind
from calls.live import LiveCall, Scribe
from calls.round_models import VisitItemRow, VisitRoundRow
from calls.round_question import RoundQuestion
from calls.round_states import ItemState, Mode, Result, RoundState
from calls.switchboard import Switchboard
from directory.numbers import subscriber_digits
from hotline.clock import to_ms
from hotline.database import UtcDateTime
from hotline.errors import HotlineError, PartUnavailable
from hotline.locks import Lock, one_at_a_time
from ticketing import repository

_log = structlog.get_logger(__name__)

_LOOK_SECONDS: Final = 2.0
_SLACK_SECONDS: Final = 10

_ENTRY: Final = ("hl-entry", "s", "1")
"""Where in the dialplan citizens' calls begin."""


class RoundSurveys:
    """The automated calls of one voice process."""

    def __init__(self, board: Switchboard, legs: Legs, record: CallOutRecord, *, address: Callable[[], str]) -> None:
        self._board = board
        self._legs = legs
        self._record = record
        self._address = address
        self.in_hand = CallsInHand()

    async def run(self) -> None:
        """Begin what is due until cancelled."""
        try:
            while True:
                await asyncio.sleep(_LOOK_SECONDS)
                try:
                    await self.step()
                except (HotlineError, SQLAlchemyError, OSError, TimeoutError) as error:
                    _log.info("surveys.wait", reason=type(error).__name__)
        finally:
            self.in_hand.stop()

    async def step(self) -> int:
        """Begin as many as may be; returns how many. None while AMI is away: without it there are no keys."""
        board = self._board
        if board.leaving or not board.ami.connected or board.settings.rounds.ivr_at_once == 0:
            return 0
        ((due,),) = await board.database.ask(_ANY_DUE, {"now": board.clock.now()})
        begun = await self._claim() if due else []
        for row in begun:
            call = _Survey(board, self._legs, self._record, row, address=self._address())
            self.in_hand.begin(row.id, call)
        return len(begun)

    async def _claim(self) -> list[CallOutRow]:
        board, now = self._board, self._board.clock.now()
        begun = []
        async with self._record.transaction() as session:
            await one_at_a_time(session, Lock.SURVEY_PACE)
            policy = await rounds.policy_of(session, board.settings)
            under_way, lately = await store.surveys_under_way(session, now)
            for _ in range(min(policy.at_once - under_way, policy.per_minute - lately)):
                item = await round_items.due_survey(session, policy, now)
                if item is None or item.number is None:
                    break
                ticket = await repository.row(session, item.ticket)
                begun.append(
                    await store.add(
                        session,
                        purpose=Purpose.SURVEY,
                        whom=Whom.CITIZEN,
                        number=item.number,
                        shown=calls_out.shown_number(
                            board.settings.calls_out, ticket.hotline, board.directory.snapshot
                        ),
                        ticket=item.ticket,
                        item_id=item.id,
                        agent=None,
                        state=CallOutState.REQUESTED,
                        requested_at=now,
                        owner=board.process,
                        lease_until=now + store.LEASE,
                    )
                )
        return begun


class _Survey:
    """One automated call."""

    def __init__(self, board: Switchboard, legs: Legs, record: CallOutRecord, row: CallOutRow, *, address: str) -> None:
        self._board = board
        self._legs = legs
        self._record = record
        self._row = row
        self._address = address
        self._leg_id = survey_leg_id(row.id)
        self._scribe = Scribe(board.journal, board.clock, call=call_out_id(row.id), process=board.process)
        self._dialled = False
        self._said: Result | None = None
        self._began_ms: int | None = None
        self._ended_ms: int | None = None

    async def make(self) -> None:
        """From the citizen's phone to the end. Raises CallOutMoved."""
        board, row = self._board, self._row
        keys = board.settings
        self._scribe.write(
            Kind.CALL_OUT,
            at_ms=to_ms(row.requested_at),
            called=row.number,
            line=board.directory.snapshot.main_plan(board.clock.now()).number,
            purpose=row.purpose,
            whom=row.whom,
            ticket=row.ticket,
            item=row.item_id,
        )
        try:
            await self._record.dialling(row)
        except CallNotAllowed:
            return await self._not_placed(NotPlaced.NOT_ALLOWED)
        except PartUnavailable:
            return await self._not_placed(NotPlaced.UNAVAILABLE)
        self._dialled = True
        self._scribe.write(Kind.CALL_OUT_DIALLED)
        ring_seconds = keys.rounds.ivr_ring_seconds
        try:
            async with self._legs.call(
                self._leg_id,
                f"PJSIP/{subscriber_digits(row.number)}@{keys.calls_out.trunk}",
                self._with_citizen,
                variables={AT: self._address, VOICE: board.process.rpartition("/")[2]},
                shown=row.shown,
                ring_seconds=ring_seconds,
            ) as leg:
                await self._until_over(leg, ring_seconds + _SLACK_SECONDS)
        except AmiError as error:
            _log.info("survey_call.leg_not_called", code=error.code)
            return await self._over(PartyOutcome.FAILED)
        if self._began_ms is not None:
            return await self._over(PartyOutcome.ANSWERED)
        # A phone that was let ring to the end has no DialEnd of its own.
        outcome = party_outcome(leg.status or "NOANSWER", leg.cause, called=True)
        return await self._over(outcome, cause=leg.cause)

    async def give_up(self) -> None:
        """Something went wrong that should not: the record has an end."""
        if self._dialled:
            await self._over(PartyOutcome.LOST)
        else:
            await self._not_placed(NotPlaced.UNAVAILABLE)

    async def _until_over(self, leg: Leg, longest: float) -> None:
        answered = asyncio.create_task(leg.answered.wait())
        over = asyncio.create_task(leg.over.wait())
        try:
            await asyncio.wait({answered, over}, timeout=longest, return_when=asyncio.FIRST_COMPLETED)
            if leg.answered.is_set():
                await leg.over.wait()
        finally:
            answered.cancel()
            over.cancel()

    async def _not_placed(self, why: NotPlaced) -> None:
        self._scribe.write(Kind.ENDED, outcome=why)
        await self._record.not_placed(self._row, why)

    async def _over(self, outcome: PartyOutcome, *, cause: int | None = None) -> None:
        talk_ms = None
        if self._began_ms is not None:
            talk_ms = (self._ended_ms or self._board.clock.now_ms()) - self._began_ms
        self._scribe.write(Kind.ENDED, at_ms=self._ended_ms, outcome=outcome, said=self._said)
        await self._record.over(self._row, outcome, talk_ms=talk_ms, cause=cause, said=self._said)

    async def _with_citizen(self, session: AgiSession) -> bool:
        """Somebody, or something, has answered. Whether the dialplan has the channel afterwards."""
        self._began_ms = self._board.clock.now_ms()
        self._scribe.write(Kind.ANSWERED, at_ms=self._began_ms)
        await self._record.talking(self._row)
        live = self._channel(session)
        with self._board.keys.of(self._leg_id) as pressed:
            asking = RoundQuestion(self._board, live, session, pressed)
            try:
                self._said = await asking.run()
            finally:
                await asking.close()
        try:
            goes_on = await self._afterwards(session)
        except (AgiHangup, AgiConnectionLost):
            goes_on = False
        self._ended_ms = self._board.clock.now_ms()
        return goes_on

    async def _afterwards(self, session: AgiSession) -> bool:
        if self._said is Result.TO_AGENT:
            await self._say(session, "visit.to_agent")
            main = self._board.directory.snapshot.main_plan(self._board.clock.now())
            await session.set_variable(DID, main.number)
            await session.set_variable("CALLERID(num)", subscriber_digits(self._row.number) or "")
            await session.exec("Goto", *_ENTRY)
            return True
        if self._said is not None:
            await self._say(session, "survey.thanks")
        return False

    async def _say(self, session: AgiSession, prompt: str) -> None:
        if self._board.has_prompt(prompt):
            await session.control_stream_file(self._board.prompts.path(prompt))

    def _channel(self, session: AgiSession) -> LiveCall:
        """The citizen's channel, for who speaks on it."""
        return LiveCall(
            call=call_out_id(self._row.id),
            channel=session.env.get("agi_channel", self._leg_id),
            uniqueid=self._leg_id,
            entered_ms=to_ms(self._row.requested_at),
            entry=0,
            caller=None,
            dialled="",
            plan=self._board.directory.snapshot.main_plan(self._board.clock.now()),
            scribe=self._scribe,
        )


_ANY_DUE: Final = select(
    exists()
    .where(VisitRoundRow.id == VisitItemRow.round_id)
    .where(
        VisitRoundRow.state == RoundState.RUNNING,
        VisitRoundRow.mode == Mode.IVR,
        VisitItemRow.state == ItemState.WAITING,
        VisitItemRow.next_at <= bindparam("now", type_=UtcDateTime),
    )
)
