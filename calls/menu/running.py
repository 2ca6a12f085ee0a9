"""A menu on a channel: keys, prompts, timers and work become events of a run, and its actions are carried out.

Whatever fails here leads to a human: AMI gone (no keys then), a menu that takes too long, an error nobody foresaw. A
prompt that is not there is skipped. Nothing is logged of what was keyed in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, Protocol

import structlog

from agi.errors import AgiCommandFailed, AgiConnectionLost, AgiError, AgiHangup
from agi.session import AgiSession
from calls.keys import Pressed
from calls.live import LiveCall
from calls.menu.days import Days
from calls.menu.speaking import composed
from calls.menu.story import Story
from calls.menu.works import ON_CHANNEL, ChannelWorks, Elsewhere, Finished, Gone, NotDone, Outcome, Talked
from calls.menu_answers import AskedOf, MenuWorkFailed
from calls.playback import Playback
from calls.switchboard import Switchboard
from hotline.tasks import end
from ivr import events
from ivr.branches import END
from ivr.events import Action, CallFacts, Done, Elapsed, Event, Failed, Played, Visited, Work
from ivr.flow import SkillNeed
from ivr.interpreter import Run
from ivr.published import Pinned

_log = structlog.get_logger(__name__)

_LOOK_SECONDS: Final = 0.5
"""How often it is looked whether AMI is still there, and the time not up."""
_HUSH_SECONDS: Final = 1.0
_MUSIC_AFTER_SECONDS: Final = 1.5
"""Work that takes longer is waited for with music."""


class MenuEnd(StrEnum):
    """How a menu ended for its caller."""

    HUMAN = "human"
    TALKED = "talked"
    """With somebody elsewhere. What follows is what follows every talk."""
    OVER = "over"
    """Nothing is left but to say goodbye, if there is one, and hang up."""
    BACK = "back"
    """To who sent the caller here."""
    GONE = "gone"
    """The caller hung up, and that is on record."""


@dataclass(frozen=True, slots=True)
class Left:
    """What came of a menu. `queue` is where the flow leads to, none: the line's own. `told`: the call's story has its
    end. `values` are what was found out, and are personal data."""

    end: MenuEnd
    why: str = ""
    queue: str | None = None
    skills: tuple[SkillNeed, ...] = ()
    goodbye: str = ""
    told: bool = False
    outcome: str = ""
    values: dict[str, str] = field(default_factory=dict, repr=False)
    chosen: tuple[str, ...] = ()


class _GivenUp(Exception):
    """A human instead, because of `why`."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class OnLine:
    """Somebody on a channel of this process, and the keys they press."""

    board: Switchboard
    live: LiveCall
    session: AgiSession
    pressed: Pressed


class Told(Protocol):
    """Who is told of a run."""

    chosen: list[str]
    """Labels of the keys that were pressed, in their order."""

    def begun(self) -> None: ...

    def at(self, flow: str, node: str) -> None:
        """This node is the caller's now; said after every step."""

    def visited(self, left: Visited) -> None: ...

    def cut_off(self, flow: str, node: str, why: str) -> None: ...

    def left(self, end: str, why: str, *, queue: str = "", outcome: str = "") -> None: ...


class Works(Protocol):
    """What the nodes of a run ask for."""

    async def look_up(self, work: AskedOf) -> Mapping[str, str]:
        """Beside the channel. Raises MenuWorkFailed."""

    async def do(self, work: Work) -> Outcome:
        """On the channel. Raises AgiHangup, AgiConnectionLost, AgiError."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What a run has in the place of the journal and of the world (彩排)."""

    told: Told
    works: Works


async def run_menu(
    line: OnLine,
    menu: Pinned,
    facts: CallFacts,
    *,
    longest_seconds: float,
    in_talk: bool = False,
    stage: Stage | None = None,
) -> Left:
    """Take a caller through a menu to its end. Keys that wait already are the first ones. Without a `stage` it is a
    citizen's call: its story goes into the journal, and what its nodes ask for is done.

    Raises AgiHangup and AgiConnectionLost when the caller is gone, and other AgiErrors when the channel cannot be
    spoken with: the dialplan takes the caller on then. Nothing else.
    """
    stage = stage or Stage(
        Story(line.board, line.live, menu), ChannelWorks(line.board, line.live, line.session, in_talk=in_talk)
    )
    running = _Running(line, menu, facts, longest_seconds, stage)
    try:
        return await running.run()
    except (AgiHangup, AgiConnectionLost):
        running.cut_off("hung_up")
        raise
    except AgiCommandFailed:
        return running.given_up("failure")
    except AgiError:
        running.cut_off("failure")
        raise
    except _GivenUp as gave_up:
        return running.given_up(gave_up.why)
    except Exception as error:  # noqa: BLE001 - no fault of a menu may keep a citizen from a human
        _log.error("menu.failed", call=line.live.call, flow=menu.flow, error=type(error).__name__, exc_info=True)
        return running.given_up("failure")
    finally:
        await running.close()


class _Running:
    def __init__(self, line: OnLine, menu: Pinned, facts: CallFacts, longest_seconds: float, stage: Stage) -> None:
        board, live, session = line.board, line.live, line.session
        self._board = board
        self._live = live
        self._session = session
        self._pressed = line.pressed
        self._run = Run(menu.flows, menu.flow, facts, Days.of(board))
        self._story = stage.told
        self._playback = Playback(board, live, session)
        self._works = stage.works
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._until = board.clock.monotonic() + longest_seconds
        self._said: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._looking: set[asyncio.Task[None]] = set()
        self._left: Left | None = None
        self._finished = Left(MenuEnd.OVER)
        """What hanging up means: more than that, once the caller talked or the call's story was told."""

    async def run(self) -> Left:
        self._story.begun()
        gone = asyncio.create_task(self._session.hung_up.wait())
        keys = None
        try:
            await self._carry_out(self._begin())
            keys = asyncio.create_task(self._keys())
            while self._left is None:
                event = await self._next(gone)
                await self._carry_out(self._run.on(event, self._board.clock.now()))
        finally:
            await end([gone, *([keys] if keys else [])])
        return self._told(self._left)

    def _begin(self) -> list[Action]:
        """The first actions, together with what follows from the keys that wait: nothing is said that they answer."""
        actions = self._run.begin(self._board.clock.now())
        while not (self._pressed.empty() or self._run.over):
            actions += self._run.on(events.Pressed(self._pressed.get_nowait()), self._board.clock.now())
        return actions

    def given_up(self, why: str) -> Left:
        """A human, whatever the flow would have said."""
        if self._left is not None or self._finished.end is not MenuEnd.OVER or self._finished.told:
            # What is done is done: who talked or was promised a call is not queued.
            return self._told(self._left or self._finished)
        place = self._run.at
        self._story.cut_off(place.flow, place.node, "human")
        return self._told(Left(MenuEnd.HUMAN, why))

    def cut_off(self, why: str) -> None:
        """The caller is not in the menu any more."""
        place = self._run.at
        self._story.cut_off(place.flow, place.node, why)
        self._story.left(MenuEnd.GONE.value, why)

    async def close(self) -> None:
        """Nothing is said, waited for or looked up any more."""
        if self._timer is not None:
            self._timer.cancel()
        await end([*self._looking, *([self._said] if self._said else [])])
        await self._playback.close(_HUSH_SECONDS)

    def _told(self, left: Left) -> Left:
        self._story.left(left.end.value, left.why, queue=left.queue or "", outcome=left.outcome)
        return replace(left, chosen=tuple(self._story.chosen))

    async def _next(self, gone: asyncio.Task[bool]) -> Event:
        """What happens next."""
        event = asyncio.create_task(self._events.get())
        try:
            while True:
                if gone.done():
                    raise AgiHangup()
                if not self._board.ami.connected:
                    # No key can be heard, and no prompt stopped.
                    raise _GivenUp("ami")
                left = self._until - self._board.clock.monotonic()
                if left <= 0:
                    raise _GivenUp("too_long")
                if event.done():
                    return event.result()
                await asyncio.wait({event, gone}, timeout=min(left, _LOOK_SECONDS), return_when=asyncio.FIRST_COMPLETED)
        finally:
            event.cancel()

    async def _keys(self) -> None:
        while True:
            self._events.put_nowait(events.Pressed(await self._pressed.get()))

    async def _carry_out(self, actions: Sequence[Action]) -> None:
        for action in actions:
            match action:
                case events.Play(token, speech):
                    self._say(token, speech)
                case events.Silence():
                    self._hush()
                case events.Wait(token, ms):
                    self._wait(token, ms)
                case events.Do(token, work):
                    await self._do(token, work)
                case Visited():
                    self._story.visited(action)
                case events.ToHuman(why, queue, skills):
                    self._left = Left(MenuEnd.HUMAN, why, queue, skills)
                case events.HangUp():
                    self._left = self._finished
                case events.GoBack(outcome, values):
                    self._left = Left(MenuEnd.BACK, outcome=outcome, values=dict(values))
        place = self._run.at
        self._story.at(place.flow, place.node)

    def _say(self, token: int, speech: events.Speech) -> None:
        self._hush()
        self._playback.play(composed(speech), music=False)
        self._said = asyncio.create_task(self._say_when_over(token))

    async def _say_when_over(self, token: int) -> None:
        await self._playback.over()
        self._events.put_nowait(Played(token))

    def _hush(self) -> None:
        self._playback.stop()
        if self._said is not None:
            self._said.cancel()
            self._said = None

    def _wait(self, token: int, ms: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(ms / 1000, self._events.put_nowait, Elapsed(token))

    async def _do(self, token: int, work: Work) -> None:
        if isinstance(work, ON_CHANNEL):
            await self._on_channel(token, work)
            return
        task = asyncio.create_task(self._look(token, work))
        self._looking.add(task)
        task.add_done_callback(self._looking.discard)

    async def _look(self, token: int, work: AskedOf) -> None:
        """Ask the world beside everything else; the caller does not wait in silence."""
        found = asyncio.create_task(self._works.look_up(work))
        try:
            await asyncio.wait({found}, timeout=_MUSIC_AFTER_SECONDS)
            if not found.done():
                with_music = await self._music(on=True)
                await asyncio.wait({found})
                if with_music:
                    await self._music(on=False)
            self._events.put_nowait(Done(token, found.result()))
        except MenuWorkFailed as failed:
            self._events.put_nowait(Failed(token, failed.why))
        except Exception as error:  # noqa: BLE001 - the flow has a way on for what cannot be found out
            _log.error("menu.work_failed", call=self._live.call, work=type(work).__name__, error=type(error).__name__)
            self._events.put_nowait(Failed(token, "failure"))
        finally:
            found.cancel()

    async def _music(self, *, on: bool) -> bool:
        try:
            await self._session.set_music(on=on)
        except AgiError:
            # A caller who is gone, or hears nothing: whoever holds the call finds out by itself.
            return False
        return True

    async def _on_channel(self, token: int, work: Work) -> None:
        """Work in which nothing else happens to the caller; the menu's time stands still."""
        self._hush()
        await self._playback.over()
        began = self._board.clock.monotonic()
        outcome = await self._works.do(work)
        self._until += self._board.clock.monotonic() - began
        match outcome:
            case NotDone(why):
                self._events.put_nowait(Failed(token, why))
            case Elsewhere(queue):
                self._story.visited(Visited(*self._run.at, END))
                self._left = Left(MenuEnd.HUMAN, "queue", queue)
            case Gone():
                self._left = Left(MenuEnd.GONE, told=True)
            case Talked():
                self._finished = Left(MenuEnd.TALKED, told=True)
                self._events.put_nowait(Done(token))
            case Finished(goodbye):
                self._finished = Left(MenuEnd.OVER, goodbye=goodbye, told=True)
                self._events.put_nowait(Done(token))
            case values:
                self._events.put_nowait(Done(token, values))
