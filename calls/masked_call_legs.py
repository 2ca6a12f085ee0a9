"""Makes units' masked calls (隐号通话) in a voice process: the handler's office phone first, the citizen from there.

No agent takes part, so distribution knows nothing of it. Each sees the hotline's number: the office phone by the
leg's caller id, the citizen by the Dial's; and what the citizen's network says of its number afterwards (connected
line) is kept from the handler by Dial's option I. The talk goes on whatever becomes of this process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from agi.errors import AgiCommandFailed, AgiConnectionLost, AgiHangup
from agi.session import AgiSession
from agi.variables import AT, VOICE
from ami.errors import AmiError
from calls.call_out_models import CallOutRow
from calls.call_out_record import CallOutRecord
from calls.call_out_states import NotPlaced, PartyOutcome, party_outcome
from calls.callback_ids import call_out_id, leg_id
from calls.callback_legs import Leg, Legs
from calls.calls_in_hand import CallsInHand
from calls.dialling import Dialled, dial
from calls.dialwatch import DialWatch
from calls.facts import Kind
from calls.live import LiveCall, Scribe
from calls.recording.starting import called_options
from calls.switchboard import Switchboard
from directory.numbers import subscriber_digits
from hotline.clock import to_ms
from hotline.errors import Conflict, PartUnavailable

_log = structlog.get_logger(__name__)

_SLACK_SECONDS: Final = 10
_OPTIONS: Final = "gI"
"""g: the session goes on after the citizen hangs up. I: no connected line updates, which name the citizen's number."""
_NOT_REACHED: Final = "callback.not_reached"


class MaskedCalls:
    """The masked calls of one voice process."""

    def __init__(self, board: Switchboard, legs: Legs, record: CallOutRecord, *, address: Callable[[], str]) -> None:
        self._board = board
        self._legs = legs
        self._record = record
        self._address = address
        self.in_hand = CallsInHand()

    def begin(self, row: CallOutRow) -> None:
        """Make a call that this process has claimed."""
        call = _MaskedCall(self._board, self._legs, self._record, row, address=self._address())
        self.in_hand.begin(row.id, call)


class _MaskedCall:
    """One of them."""

    def __init__(self, board: Switchboard, legs: Legs, record: CallOutRecord, row: CallOutRow, *, address: str) -> None:
        self._board = board
        self._legs = legs
        self._record = record
        self._row = row
        self._address = address
        call = call_out_id(row.id)
        self._live = LiveCall(
            call=call,
            channel=leg_id(call),
            uniqueid=leg_id(call),
            entered_ms=to_ms(row.requested_at),
            entry=0,
            caller=None,
            dialled="",
            plan=board.directory.snapshot.main_plan(board.clock.now()),
            scribe=Scribe(board.journal, board.clock, call=call, process=board.process),
        )
        self._dialled = False
        self._refused: NotPlaced | None = None
        self._watch: DialWatch | None = None
        self._end: Dialled | None = None

    async def make(self) -> None:
        """From the handler's phone to the end. Raises CallOutMoved."""
        board, row, live = self._board, self._row, self._live
        keys = board.settings.calls_out
        live.scribe.write(
            Kind.CALL_OUT,
            at_ms=live.entered_ms,
            called=row.number,
            line=live.plan.number,
            purpose=row.purpose,
            whom=row.whom,
            ticket=row.ticket,
            unit=row.unit_id,
        )
        try:
            await self._record.placing(row)
            async with self._legs.call(
                live.uniqueid,
                f"PJSIP/{subscriber_digits(row.phone or '') or ''}@{keys.trunk}",
                self._with_handler,
                variables={AT: self._address, VOICE: board.process.rpartition("/")[2]},
                shown=row.shown,
                ring_seconds=keys.ring_seconds,
            ) as leg:
                await self._until_over(leg, keys.ring_seconds + _SLACK_SECONDS)
        except (AmiError, PartUnavailable) as error:
            _log.info("masked_call.leg_not_called", code=error.code)
            return await self._not_placed(NotPlaced.UNAVAILABLE)
        if leg.cut:
            # Another process finds it when the lease is over, and asks the journal how it ended.
            _log.info("masked_call.handed_on", call=live.call)
            return None
        if not leg.answered.is_set():
            return await self._not_placed(NotPlaced.AGENT_NO_ANSWER)
        return await self._settle()

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

    async def _with_handler(self, session: AgiSession) -> None:
        """The handler is on the line."""
        board, row, live = self._board, self._row, self._live
        try:
            await session.set_variable("CALLERID(num)", row.shown)
            try:
                await self._record.dialling(row)
            except (Conflict, PartUnavailable) as error:
                _log.info("masked_call.not_dialled", call=live.call, code=error.code)
                self._refused = NotPlaced.UNAVAILABLE if isinstance(error, PartUnavailable) else NotPlaced.NOT_ALLOWED
                await self._say_not_reached(session)
                return
            self._dialled = True
            live.scribe.write(Kind.CALL_OUT_DIALLED)
            self._end = await dial(
                board,
                live,
                session,
                f"PJSIP/{subscriber_digits(row.number) or ''}@{board.settings.calls_out.trunk}",
                ring_seconds=board.settings.calls_out.ring_seconds,
                options=f"{_OPTIONS}{called_options(board.settings, live.call)}",
                attend=self._attend,
            )
            if not self._end.talked and self._end.caller_here:
                await self._say_not_reached(session)
        except (AgiHangup, AgiConnectionLost):
            _log.info("masked_call.handler_left", call=live.call)

    async def _attend(self, watch: DialWatch) -> None:
        self._watch = watch
        began_ms = await watch.until_settled()
        self._live.answered = True
        self._live.scribe.write(Kind.ANSWERED, at_ms=began_ms)
        await self._record.talking(self._row)

    async def _settle(self) -> None:
        end = self._end
        if self._refused is not None:
            return await self._not_placed(self._refused)
        if not self._dialled:
            return await self._not_placed(NotPlaced.AGENT_NO_ANSWER)
        if end is None:
            return await self._over(PartyOutcome.AGENT_LEFT)
        if end.talked:
            if not self._live.answered:
                self._live.scribe.write(Kind.ANSWERED, at_ms=end.bridged_ms)
            talk_ms = None
            if end.bridged_ms is not None:
                talk_ms = (end.parted_ms or self._board.clock.now_ms()) - end.bridged_ms
            return await self._over(PartyOutcome.ANSWERED, at_ms=end.parted_ms, talk_ms=talk_ms)
        if not end.caller_here:
            return await self._over(PartyOutcome.AGENT_LEFT)
        called = self._watch is not None and self._watch.callee_channel is not None
        return await self._over(party_outcome(end.status, end.cause, called=called), cause=end.cause)

    async def _not_placed(self, why: NotPlaced) -> None:
        self._live.scribe.write(Kind.ENDED, outcome=why)
        await self._record.not_placed(self._row, why)

    async def _over(
        self,
        outcome: PartyOutcome,
        *,
        at_ms: int | None = None,
        talk_ms: int | None = None,
        cause: int | None = None,
    ) -> None:
        self._live.scribe.write(Kind.ENDED, at_ms=at_ms, outcome=outcome)
        await self._record.over(self._row, outcome, talk_ms=talk_ms, cause=cause)

    async def _say_not_reached(self, session: AgiSession) -> None:
        if not self._board.has_prompt(_NOT_REACHED):
            return
        try:
            await session.control_stream_file(self._board.prompts.path(_NOT_REACHED))
        except AgiCommandFailed:
            return
