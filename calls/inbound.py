"""Where a call enters: the FastAGI route `inbound`. One coroutine here is one citizen on the line."""

from __future__ import annotations

import asyncio

import structlog

from acd.errors import AnsweredCall
from agi.errors import AgiCommandFailed, AgiConnectionLost, AgiError, AgiHangup
from agi.session import AgiSession
from agi.variables import DEGRADE, PHASE, Phase
from calls.facts import Kind
from calls.live import LiveCall, Scribe
from calls.offering import OfferResult
from calls.routing import RouteResult, connect_outside
from calls.switchboard import Switchboard
from calls.waiting import Degraded, Leaving, wait_for_agent
from directory.forwarding import diverted_from
from directory.modes import Fallback, PathKind
from directory.numbers import caller
from directory.snapshot import LinePlan, UnknownLine
from hotline.clock import from_ms
from hotline.ids import call_id
from ivr.direct import opening
from media.digits import phone

_log = structlog.get_logger(__name__)

_FRESH = frozenset({Phase.ENTERED, Phase.GREETING})


class Inbound:
    """The handler of every citizen's call, bound to its voice process."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board

    async def __call__(self, session: AgiSession) -> None:
        """Serve one call. Returning without phase `done` gives it back to the dialplan, which knows what to do."""
        entry = _Entry.of(session)
        live = await self._admit(session, entry)
        self._board.live[live.call] = live
        try:
            await self._serve(session, live, entry)
        except Degraded:
            await session.set_variable(DEGRADE, "yes")
            _log.warning("call.handed_to_native_queue", call=live.call)
        except Leaving:
            _log.info("call.handed_on", call=live.call)
        except AnsweredCall:
            # Answered once, and its phase says otherwise: never queue it again.
            await self._farewell(session, ["bye.thanks"])
        except (AgiHangup, AgiConnectionLost):
            await self._gone(live)
        except AgiError as error:
            # The channel is alive and we cannot speak with it: the dialplan tries the next process.
            _log.warning("call.agi_failed", call=live.call, code=error.code)
        finally:
            if self._board.holds(live):
                del self._board.live[live.call]

    async def _admit(self, session: AgiSession, entry: _Entry) -> LiveCall:
        board = self._board
        plan = await self._plan(session, entry)
        number = caller(session.env.get("agi_callerid"), board.settings.site.area_code).number
        live = LiveCall(
            call=entry.call,
            channel=session.env["agi_channel"],
            uniqueid=session.env["agi_uniqueid"],
            entered_ms=entry.entered_ms,
            entry=entry.number,
            caller=number,
            dialled=entry.dialled,
            plan=plan,
            scribe=Scribe(board.journal, board.clock, call=entry.call, process=board.process),
        )
        live.scribe.write(
            Kind.ENTERED,
            at_ms=entry.entered_ms,
            caller=number,
            dialled=entry.dialled,
            line=plan.number,
            unit=plan.unit,
            mode=plan.mode.value,
            platform=plan.platform.value,
            path=plan.path.value,
            known_by=plan.known_by.value,
        )
        return live

    async def _plan(self, session: AgiSession, entry: _Entry) -> LinePlan:
        """What the directory says for the line the citizen really dialled, at the moment of entry."""
        try:
            diverted = diverted_from(
                await session.get_full_variable("${PJSIP_HEADER(read,Diversion)}"),
                await session.get_full_variable("${PJSIP_HEADER(read,History-Info)}"),
            )
        except AgiError:
            # Even of a citizen who hung up this soon it is written that they called.
            diverted = []
        if session.env.get("agi_rdnis", "unknown") != "unknown":
            diverted.append(session.env["agi_rdnis"])
        directory, at = self._board.directory.snapshot, from_ms(entry.entered_ms)
        try:
            return directory.plan_for(entry.dialled, diverted, at)
        except UnknownLine:
            # No caller is turned away because nobody has entered the number yet.
            return directory.main_plan(at)

    async def _serve(self, session: AgiSession, live: LiveCall, entry: _Entry) -> None:
        history = asyncio.create_task(self._board.pops.history(live))
        try:
            await self._follow_path(session, live, entry, history)
        finally:
            history.cancel()

    async def _follow_path(
        self, session: AgiSession, live: LiveCall, entry: _Entry, history: asyncio.Task[dict[str, object]]
    ) -> None:
        plan = live.plan
        if plan.greet_first and entry.phase in _FRESH:
            await self._greet(session, live)
        # A transfer cut short by a crash is not tried again, except towards an emergency desk.
        if plan.path is PathKind.TRANSFER and (entry.phase in _FRESH or plan.fallback is Fallback.REDIAL):
            result = await connect_outside(self._board, live, session)
            if result is RouteResult.TALKED:
                return await self._farewell(session, ["bye.thanks"])
            if result is RouteResult.CALLER_GONE:
                return None
            await self._play(session, [_why_here(plan)])
        if await wait_for_agent(self._board, live, session, history) is OfferResult.TALKED:
            await self._farewell(session, ["bye.thanks"])
        return None

    async def _greet(self, session: AgiSession, live: LiveCall) -> None:
        await session.set_variable(PHASE, Phase.GREETING)
        await session.answer()
        await self._play(session, opening(live.plan, self._board.has_prompt, phone))
        live.scribe.write(Kind.GREETED, greeting=live.plan.greeting)

    async def _play(self, session: AgiSession, prompts: list[str]) -> None:
        await session.answer()
        for prompt in prompts:
            if not self._board.has_prompt(prompt):
                _log.error("call.prompt_not_rendered", prompt=prompt)
                continue
            try:
                await session.control_stream_file(self._board.prompts.path(prompt))
            except AgiCommandFailed:
                # A sentence that cannot be played must not keep a citizen from a human.
                _log.error("call.prompt_not_played", prompt=prompt)

    async def _farewell(self, session: AgiSession, prompts: list[str]) -> None:
        if session.hung_up.is_set():
            return
        await self._play(session, prompts)
        await session.set_variable(PHASE, Phase.DONE)
        await session.hangup()

    async def _gone(self, live: LiveCall) -> None:
        """The channel went away between two steps: before the queue, or on the way out."""
        if live.answered or not self._board.holds(live):
            return
        live.scribe.write(Kind.ABANDONED, waited_ms=self._board.clock.now_ms() - live.entered_ms)
        await self._board.acd_step(self._board.acd.leave(live.call))


def _why_here(plan: LinePlan) -> str:
    """What a citizen hears whose line did not take the call, before an agent here does."""
    if plan.fallback is Fallback.REDIAL:
        return "emergency.dial_directly"
    return "transfer.busy_back" if plan.open_now else "transfer.closed_back"


class _Entry:
    """The arguments the dialplan's supervisor gives: its own values only, nothing a caller sent but digits it
    filtered."""

    def __init__(self, call: str, entered_ms: int, number: int, phase: Phase, dialled: str) -> None:
        self.call = call
        self.entered_ms = entered_ms
        self.number = number
        self.phase = phase
        self.dialled = dialled

    @classmethod
    def of(cls, session: AgiSession) -> _Entry:
        call, entered_ms, number, phase, dialled = session.args[:5]
        return cls(call_id(call), int(entered_ms), int(number), Phase(phase), dialled)
