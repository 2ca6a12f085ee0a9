"""A draft rehearsed on its editor's own phone (彩排): the run that citizens' calls have, with real prompts and keys.

Nothing of the world is touched: no queue, no ticket, no promise, no recording, no message, no fact in the journal.
Where a citizen would leave the menu the rehearsal ends, and says where they would be. What a node asks of a unit's
system or of a citizen's ticket is not asked, and the flow goes on as if it had failed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from agi.errors import AgiError
from agi.session import AgiSession
from agi.variables import AT, VOICE
from calls.agent_leg import agent_leg
from calls.callback_legs import Leg, Legs
from calls.live import LiveCall, Scribe
from calls.menu.rehearsal_board import Rehearsal, RehearsalState, Visit
from calls.menu.running import Left, MenuEnd, OnLine, Stage, run_menu
from calls.menu.works import Elsewhere, Finished, NobodyAnswers, NotDone, Outcome, Talked, destination
from calls.menu_answers import AskedOf, MenuWorkFailed
from calls.switchboard import Switchboard
from directory.targets import emergency
from hotline.errors import HotlineError
from hotline.tasks import end
from ivr import drafts
from ivr.events import (
    AskSatisfaction,
    CallFacts,
    CallWeb,
    DialEmergency,
    DialTarget,
    LookUpProgress,
    PromiseCallback,
    TakeMessage,
    Visited,
    Work,
)
from ivr.flow import Flow
from ivr.published import Pinned, called_by

_log = structlog.get_logger(__name__)

_LOOK_SECONDS: Final = 0.5
_RENEW_SECONDS: Final = 1.0
_SLACK_SECONDS: Final = 10.0
"""For a phone whose end nobody told."""
_LEFT_OUT: Final = "rehearsal"
"""Why a node's work failed: it is not done in a rehearsal."""
_TO_HUMAN: Final = "visit.to_agent"
"""The prompt that is said where a citizen would be queued."""


class Rehearsals:
    """The rehearsals of one voice process. `legs` calls phones; `address` says where their route is (host:port)."""

    def __init__(self, board: Switchboard, legs: Legs, *, address: Callable[[], str]) -> None:
        self._board = board
        self._legs = legs
        self._address = address
        self._under_way: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Take up what editors ask for, until cancelled."""
        try:
            while True:
                await asyncio.sleep(_LOOK_SECONDS)
                try:
                    await self.step()
                except (RedisError, OSError, TimeoutError) as error:
                    _log.info("rehearsals.wait", reason=type(error).__name__)
        finally:
            await end(list(self._under_way))

    async def step(self) -> None:
        """Begin those that wait beside this Asterisk. Without AMI no phone rings, and no key is heard."""
        board = self._board
        if board.leaving or not board.ami.connected:
            return
        for asked in await board.rehearsals.asked(board.settings.asterisk.systemname):
            taken = await board.rehearsals.take_up(asked)
            if taken is not None:
                task = asyncio.create_task(_Rehearsed(board, self._legs, taken, address=self._address()).make())
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)


class _Rehearsed:
    """One of them: told of its run, and in the place of what its nodes ask for."""

    def __init__(self, board: Switchboard, legs: Legs, rehearsal: Rehearsal, *, address: str) -> None:
        self._board = board
        self._legs = legs
        self._address = address
        self._now = rehearsal
        self._changed = asyncio.Event()
        self._ended_elsewhere = asyncio.Event()
        """By the editor, from the page; or Redis has forgotten it."""
        self._dialled = ""
        self.chosen: list[str] = []

    async def make(self) -> None:
        """From the ring of the editor's phone to the end."""
        keeping = asyncio.create_task(self._keep())
        try:
            said = await self._call()
        except HotlineError as error:
            _log.info("rehearsal.not_called", code=error.code)
            said = "没有接通话机：电话系统没有应答。"
        except (SQLAlchemyError, OSError) as error:
            _log.info("rehearsal.not_called", reason=type(error).__name__)
            said = "没有接通话机：数据库没有应答。"
        finally:
            await end([keeping])
        self._now = self._now.ended(said)
        try:
            await self._board.rehearsals.put(self._now)
        except RedisError:
            _log.info("rehearsal.end_not_told")

    async def _call(self) -> str:
        """Where a citizen would be at the end, or why nobody was called. Raises AmiError, PartUnavailable, and what
        the database raises."""
        board, rehearsal = self._board, self._now
        async with board.database.transaction() as session:
            draft = await drafts.draft(session, rehearsal.flow, rehearsal.revision)
        menu = self._pinned(draft.flow, draft.revision)
        if menu is None:
            return "没有呼叫话机：草稿引用的子菜单尚未发布。"
        phone = agent_leg(board.settings.asterisk, rehearsal.extension, rehearsal.host, rehearsal.id)
        if phone is None:
            return "没有呼叫话机：话机不在本机的电话系统上。"
        said = ""

        async def play(session: AgiSession) -> None:
            nonlocal said
            said = await self._play(session, menu)

        ring_seconds = board.settings.voice.ring_seconds
        async with self._legs.call(
            rehearsal.id,
            phone.destination,
            play,
            variables={AT: self._address, VOICE: board.process.rpartition("/")[2]},
            shown=board.settings.callbacks.caller_id,
            ring_seconds=ring_seconds,
        ) as leg:
            await self._until_over(leg, ring_seconds + _SLACK_SECONDS)
        if self._ended_elsewhere.is_set():
            return "已由您在页面上结束。"
        if leg.answered.is_set():
            return said or "通话已断开。"
        return "话机忙，没有接通。" if leg.status == "BUSY" else "话机没有接听。"

    def _pinned(self, flow: Flow, revision: int) -> Pinned | None:
        """The draft, with what it leads into as that is in force; None: one of those is not."""
        flows, versions = {flow.flow: flow}, {flow.flow: revision}
        for key in called_by(flow):
            below = self._board.menus.of(key) if self._board.menus is not None else None
            if below is None:
                return None
            flows = {**below.flows, **flows}
            versions = {**below.versions, **versions}
        return Pinned(flow.flow, versions, flows)

    async def _until_over(self, leg: Leg, longest: float) -> None:
        ended = asyncio.create_task(self._ended_elsewhere.wait())
        over = asyncio.create_task(leg.over.wait())
        answered = asyncio.create_task(leg.answered.wait())
        try:
            await asyncio.wait({ended, over, answered}, timeout=longest, return_when=asyncio.FIRST_COMPLETED)
            if leg.answered.is_set() and not leg.over.is_set():
                await asyncio.wait({ended, over}, return_when=asyncio.FIRST_COMPLETED)
                if not leg.over.is_set():
                    await self._board.ami_step(self._board.ami.hangup(leg.id))
                    await asyncio.wait({over}, timeout=_SLACK_SECONDS)
        finally:
            await end([ended, over, answered])

    async def _play(self, session: AgiSession, menu: Pinned) -> str:
        """The phone was answered: the run, and where it ended, in words."""
        board, rehearsal = self._board, self._now
        live = self._channel(session)
        line = board.directory.snapshot.line(rehearsal.line)
        name = line.name_spoken if line is not None else rehearsal.line
        facts = CallFacts(rehearsal.line, name, frozenset(), menu.flows[menu.flow].language)
        try:
            with board.keys.of(rehearsal.id) as pressed:
                left = await run_menu(
                    OnLine(board, live, session, pressed),
                    menu,
                    facts,
                    longest_seconds=board.settings.menus.longest_seconds,
                    stage=Stage(self, self),
                )
        except AgiError:
            return "话机已挂断。"
        await self._say(session, _TO_HUMAN if left.end is MenuEnd.HUMAN else left.goodbye)
        return self._in_words(left)

    async def _say(self, session: AgiSession, prompt: str) -> None:
        if not prompt or not self._board.has_prompt(prompt):
            return
        try:
            await session.control_stream_file(self._board.prompts.path(prompt))
        except AgiError as error:
            # Hung up by now, or not heard: where the run ended is known all the same.
            _log.info("rehearsal.not_said", code=error.code)

    def _in_words(self, left: Left) -> str:
        match left.end:
            case MenuEnd.HUMAN:
                skills = "，要求技能 " + "、".join(one.skill for one in left.skills) if left.skills else ""
                return f"此处转人工：{self._queue_name(left.queue)}{skills}。"
            case MenuEnd.TALKED:
                return f"此处转接：{self._dialled}。"
            case MenuEnd.BACK:
                return "此处返回上级菜单。"
            case _:
                return "菜单播完，此处挂机。"

    def _queue_name(self, queue: str | None) -> str:
        if queue is None:
            return "所拨线路的人工队列"
        rule = self._board.queues.rules.get(queue)
        return f"{rule.name}（{queue}）" if rule is not None else f"队列 {queue}（目前不存在，将进所拨线路的人工队列）"

    def _channel(self, session: AgiSession) -> LiveCall:
        """The phone's channel, for who speaks on it. It is no call of this process: its scribe is never asked."""
        board, rehearsal = self._board, self._now
        return LiveCall(
            call=rehearsal.id,
            channel=session.env.get("agi_channel", rehearsal.id),
            uniqueid=rehearsal.id,
            entered_ms=rehearsal.asked_ms,
            entry=0,
            caller=None,
            dialled="",
            plan=board.directory.snapshot.main_plan(board.clock.now()),
            scribe=Scribe(board.journal, board.clock, call=rehearsal.id, process=board.process),
        )

    async def _keep(self) -> None:
        """The record says what is known, and that this goes on."""
        while True:
            self._changed.clear()
            try:
                if not await self._board.rehearsals.put(self._now):
                    self._ended_elsewhere.set()
                    return
            except RedisError as error:
                _log.info("rehearsal.not_told", reason=type(error).__name__)
                await asyncio.sleep(_RENEW_SECONDS)
            try:
                async with asyncio.timeout(_RENEW_SECONDS):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _tell(self, rehearsal: Rehearsal) -> None:
        self._now = rehearsal
        self._changed.set()

    def _left_out(self, words: str) -> None:
        self._tell(replace(self._now, told=(*self._now.told, words)))

    # told of the run

    def begun(self) -> None:
        """See `calls.menu.running.Told`."""
        self._tell(self._now.moved(RehearsalState.RUNNING))

    def at(self, flow: str, node: str) -> None:
        """See `Told.at`."""
        self._tell(replace(self._now, at=(flow, node)))

    def visited(self, left: Visited) -> None:
        """See `Told`."""
        self._tell(replace(self._now, path=(*self._now.path, Visit(left.flow, left.node, left.branch))))

    def cut_off(self, flow: str, node: str, why: str) -> None:
        """See `Told`: the node is not left by a branch of its own."""
        self.visited(Visited(flow, node, why))

    def left(self, end: str, why: str, *, queue: str = "", outcome: str = "") -> None:
        """See `Told`: what came of it is told by the end of the rehearsal."""
        _log.info("rehearsal.left", end=end, why=why, queue=queue, outcome=outcome)

    # in the place of the world

    async def look_up(self, work: AskedOf) -> Mapping[str, str]:
        """See `calls.menu.running.Works`."""
        if isinstance(work, LookUpProgress):
            self._left_out("查询办理进度：彩排不查询工单，按未查到继续。")
            raise MenuWorkFailed(_LEFT_OUT)
        if isinstance(work, CallWeb):
            self._left_out("网络请求：彩排不发出请求，按失败继续。")
            raise MenuWorkFailed(_LEFT_OUT)
        if self._board.answers is None:
            raise NobodyAnswers("no answers for menus")
        return await self._board.answers.answer(work, call=None, caller="")

    async def do(self, work: Work) -> Outcome:
        """See `calls.menu.running.Works`."""
        match work:
            case DialTarget(key):
                return self._dial(key)
            case DialEmergency(number):
                return self._dial_emergency(number)
            case PromiseCallback():
                self._left_out("此处登记回拨，彩排不登记。")
                return Finished("wait.callback.accepted")
            case TakeMessage():
                self._left_out("此处录制留言，彩排不录制。")
                return Finished("wait.message.thanks")
            case AskSatisfaction():
                self._left_out("此处请市民评价，彩排不评价。")
                return {"answered": "no"}
            case _:
                return NotDone(_LEFT_OUT)

    def _dial(self, key: str) -> Outcome:
        try:
            party = destination(self._board, key)
        except HotlineError as error:
            return NotDone(error.code)
        if party.queue:
            return Elsewhere(party.queue)
        if not party.numbers:
            self._left_out(f"转接{party.name}：现在没有可拨的号码，按未接通继续。")
            return NotDone("nobody_there")
        self._dialled = party.name
        return Talked()

    def _dial_emergency(self, number: str) -> Outcome:
        board = self._board
        try:
            desk = emergency(board.directory.snapshot, number, board.clock.now())
        except HotlineError as error:
            return NotDone(error.code)
        self._dialled = f"{number} {desk.name}"
        return Talked()
