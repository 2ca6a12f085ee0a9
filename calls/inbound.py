"""Where a call enters: the FastAGI route `inbound`. One coroutine here is one citizen on the line."""

from __future__ import annotations

import asyncio
from functools import partial

import structlog

from acd.errors import AnsweredCall
from agi.errors import AgiCommandFailed, AgiConnectionLost, AgiError, AgiHangup
from agi.session import AgiSession
from agi.variables import DEGRADE, PHASE, Phase
from calls import limiting, survey, web_calls
from calls.facts import Kind
from calls.handover_arrivals import trunk_of
from calls.joining import Degraded
from calls.live import LiveCall, Scribe
from calls.menu.entering import SERVED, menu_of, through_menu
from calls.menu.running import Left, MenuEnd
from calls.queueing import queue_of
from calls.recording.starting import announcement
from calls.routing import RouteResult, connect_outside
from calls.switchboard import Switchboard
from calls.waiting import Leaving, WaitEnd, wait_for_agent
from directory.forwarding import diverted_from
from directory.modes import Fallback, PathKind
from directory.numbers import caller
from directory.snapshot import LinePlan
from hotline.clock import from_ms
from hotline.errors import HotlineError
from hotline.ids import call_id
from ivr.direct import opening
from media.digits import phone

_log = structlog.get_logger(__name__)

_GOODBYES = {
    WaitEnd.CALLBACK: "wait.callback.accepted",
    WaitEnd.MESSAGE: "wait.message.thanks",
}

_FRESH = frozenset({Phase.ENTERED, Phase.GREETING})
_TALKED = frozenset({Phase.TALKED, Phase.AWAY, Phase.SURVEY})


class Inbound:
    """The handler of every citizen's call, bound to its voice process."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board

    async def __call__(self, session: AgiSession) -> None:
        """Serve one call. Returning without phase `done` gives it back to the dialplan, which knows what to do."""
        entry = _Entry.of(session)
        live = await self._admit(session, entry)
        before = self._board.live.get(live.call)
        if before is not None and entry.phase is Phase.TALKED:
            # In again out of a conference: who was talked with, and why that ended, is known here.
            live.agent, live.intent, live.surveyed = before.agent, before.intent, before.surveyed
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
            await self._farewell(session, [survey.THANKS])
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
        trunk = trunk_of(session.env["agi_channel"])
        plan = await self._plan(session, entry, trunk)
        number = caller(session.env.get("agi_callerid"), board.settings.site.area_code).number
        partner = board.directory.snapshot.partner_of_trunk(trunk)
        own_page = await web_calls.told(session, trunk, board.settings.site.area_code)
        live = LiveCall(
            call=entry.call,
            channel=session.env["agi_channel"],
            uniqueid=session.env["agi_uniqueid"],
            entered_ms=entry.entered_ms,
            entry=entry.number,
            caller=number,
            dialled=entry.dialled,
            plan=plan,
            queue=queue_of(plan, board.queues.rules),
            scribe=Scribe(board.journal, board.clock, call=entry.call, process=board.process),
            partner=partner.code if partner else "",
            told={"partner": partner.name} if partner else own_page,
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
            **({"partner": partner.code} if partner else {}),
            **web_calls.access(trunk),
        )
        return live

    async def _plan(self, session: AgiSession, entry: _Entry, trunk: str) -> LinePlan:
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
        return directory.plan_or_main(entry.dialled, diverted, at, trunk=trunk)

    async def _serve(self, session: AgiSession, live: LiveCall, entry: _Entry) -> None:
        if entry.phase in _TALKED:
            return await self._back_from_talk(session, live, entry)
        history = asyncio.create_task(self._board.pops.history(live))
        try:
            await self._follow_path(session, live, entry, history)
        finally:
            history.cancel()
        return None

    async def _back_from_talk(self, session: AgiSession, live: LiveCall, entry: _Entry) -> None:
        """Answered, and in again: out of a conference, or because whoever held the call is gone. Never queued again."""
        live.answered = live.returned = True
        if entry.phase is Phase.SURVEY:
            # Asked already, by somebody who is gone.
            return await self._farewell(session, [survey.THANKS])
        try:
            known = await self._board.acd.call(live.call)
        except HotlineError:
            known = None
        if known is not None:
            live.queue = known.queue
            live.agent = known.offer.agent if known.offer else live.agent
        routed = live.plan.path is PathKind.TRANSFER and (known is None or not known.answered)
        await self._farewell(session, [await survey.back_from_talk(self._board, live, session, routed=routed)])
        return None

    async def _follow_path(
        self, session: AgiSession, live: LiveCall, entry: _Entry, history: asyncio.Task[dict[str, object]]
    ) -> None:
        plan, fresh = live.plan, entry.phase in _FRESH
        menu = menu_of(self._board, live) if fresh else None
        # Listened to from the beginning: who knows the menu need not wait for it.
        with self._board.keys.of(live.uniqueid) as pressed:
            if plan.greet_first and fresh:
                await self._greet(session, live)
            if menu is not None:
                if await self._limited(session, live, history):
                    return await self._farewell(session, [])
                left = await through_menu(self._board, live, session, menu, pressed)
                if left.end is not MenuEnd.HUMAN:
                    return await self._menu_over(session, live, left)
        # A transfer cut short by a crash is not tried again, except towards an emergency desk. Nor does a call go
        # elsewhere that a menu has led to a queue here.
        here = menu is not None and left.queue is not None
        if plan.path is PathKind.TRANSFER and not here and (fresh or plan.fallback is Fallback.REDIAL):
            result = await connect_outside(self._board, live, session)
            if result is RouteResult.TALKED:
                return await self._farewell(session, [await survey.after_talk(self._board, live, session, routed=True)])
            if result is RouteResult.CALLER_GONE:
                return None
            await self._play(session, [_why_here(plan)])
        # Towards an emergency desk nobody is limited, and nobody twice.
        limitable = fresh and menu is None and plan.fallback is not Fallback.REDIAL
        if limitable and await self._limited(session, live, history):
            return await self._farewell(session, [])
        live.queue = limiting.queue_for(self._board, live, await limiting.known_treatment(live, history))
        end = await wait_for_agent(self._board, live, session, history)
        if end is WaitEnd.TALKED:
            await self._farewell(session, [await survey.after_talk(self._board, live, session)])
        elif goodbye := _GOODBYES.get(end):
            await self._farewell(session, [goodbye])
        return None

    async def _limited(self, session: AgiSession, live: LiveCall, history: asyncio.Task[dict[str, object]]) -> bool:
        """Whether a flagged caller was told of the limit; then nothing is left but to hang up."""
        treatment = await limiting.known_treatment(live, history)
        say = partial(self._play, session)
        return treatment is not None and await limiting.apply(self._board, live, session, treatment, say)

    async def _menu_over(self, session: AgiSession, live: LiveCall, left: Left) -> None:
        """The menu was all there was to the call, or somebody elsewhere talked with the caller."""
        if left.end is MenuEnd.TALKED:
            goodbye = await survey.after_talk(self._board, live, session, routed=True)
            return await self._farewell(session, [goodbye])
        if left.end is MenuEnd.OVER:
            if not left.told:
                live.scribe.write(Kind.ENDED, outcome=SERVED)
            await self._farewell(session, [left.goodbye] if left.goodbye else [])
        return None

    async def _greet(self, session: AgiSession, live: LiveCall) -> None:
        await session.set_variable(PHASE, Phase.GREETING)
        await session.answer()
        await self._play(session, [*opening(live.plan, self._board.has_prompt, phone), *self._recorded(live.plan)])
        live.scribe.write(Kind.GREETED, greeting=live.plan.greeting)

    def _recorded(self, plan: LinePlan) -> list[str]:
        """That the talk is recorded; where the call goes elsewhere, whoever takes it there says so."""
        return [] if plan.path is PathKind.TRANSFER else announcement(self._board.settings)

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
