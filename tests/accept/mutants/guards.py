"""The guards that can be taken out of a process, each by its name. Runs inside the processes of a mutant line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import Insert

from acd import scripting
from acd.agents import Agents
from acd.model import CallRequest, Offer
from acd.queue import Queue
from acd.states import CallState
from calls import callbacks
from calls.journal import Journal
from calls.pops import Pops, Shown
from directory.snapshot import Line, ModeInForce

_RUNNING: set[asyncio.Task[Any]] = set()


def _pop_first() -> None:
    """The pop is sent when the phone rings already."""
    show = Pops.show

    async def late(self: Pops, *args: Any) -> Shown:
        async def send() -> None:
            await asyncio.sleep(0.5)
            await show(self, *args)

        task = asyncio.create_task(send())
        _RUNNING.add(task)
        task.add_done_callback(_RUNNING.discard)
        return Shown(None, "later")

    Pops.show = late  # type: ignore[method-assign]


def _script(name: str, old: str, new: str) -> None:
    """Change one place of a Redis script."""
    read = scripting.read_sources

    def changed() -> dict[str, str]:
        sources = read()
        if sources[name].count(old) != 1:
            raise LookupError(f"{old!r} is not once in {name}.lua")
        return {**sources, name: sources[name].replace(old, new)}

    changed()
    scripting.read_sources = changed  # type: ignore[assignment]


def _answered_is_final() -> None:
    """The ACD queues a call that was answered."""
    _script("enqueue", "if c and c.answered then return refuse('ANSWERED', c.state) end", "")


def _place_after_failure() -> None:
    """A failed offer puts the caller at the end of the queue."""
    _script("failed", "else\n  call_to(c, 'WAITING')\n", "else\n  call_to(c, 'WAITING')\n  c.place = now\n")


def _place_in_acd() -> None:
    """The ACD believes the place that a call which comes in again says it has."""
    _script("enqueue", "own(call, c, me)\nwait(", "own(call, c, me)\nc.place = request.place\nwait(")


def _resend_talk() -> None:
    """After a flush talks are not said again."""

    async def silent(self: Queue, request: CallRequest, offer: Offer, state: CallState = CallState.TALKING) -> Offer:
        return offer

    Queue.resend_talk = silent  # type: ignore[method-assign]


def _device_in_use() -> None:
    """A phone that talks looks free."""
    tell = Agents.device_state

    async def free(self: Agents, seat: str, reachable: bool, in_use: bool) -> None:
        await tell(self, seat, reachable, in_use=False)

    Agents.device_state = free  # type: ignore[method-assign]


def _unconfirmed() -> None:
    """What nobody confirmed is not written by the worker itself."""

    async def nothing(self: Journal, *, older_than: float = 0.0) -> None:
        return

    Journal.flush = nothing  # type: ignore[method-assign]


def _promise_once() -> None:
    """A promise to call back is inserted as often as its file is read."""

    class Plain(Insert):
        inherit_cache = False

        def on_conflict_do_nothing(self, *args: Any, **more: Any) -> Plain:
            return self

    if callbacks.insert is None:
        raise LookupError("calls.callbacks inserts in another way")
    callbacks.insert = Plain  # type: ignore[assignment]


def _mode(which: int) -> None:
    if not callable(Line.mode_at):
        raise LookupError("a line's mode is found in another way")

    def mode_at(self: Line, at: datetime) -> ModeInForce | None:
        return self.modes[which]

    Line.mode_at = mode_at  # type: ignore[method-assign]


_GUARDS: dict[str, Callable[[], None]] = {
    "pop-first": _pop_first,
    "answered-is-final": _answered_is_final,
    "place-after-failure": _place_after_failure,
    "place-in-acd": _place_in_acd,
    "resend-talk": _resend_talk,
    "device-in-use": _device_in_use,
    "unconfirmed": _unconfirmed,
    "promise-once": _promise_once,
    "mode-begins": lambda: _mode(0),
    "mode-not-before": lambda: _mode(-1),
}


def take_out(guard: str) -> None:
    """Take one guard out of this process; raises LookupError or AttributeError if it is not there."""
    _GUARDS[guard]()
