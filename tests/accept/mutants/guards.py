"""The guards that can be taken out of a process, each by its name. Runs inside the processes of a mutant line."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.ext.asyncio import AsyncSession

from acd import scripting
from acd.agents import Agents
from acd.model import CallRequest, Offer
from acd.queue import Queue
from acd.states import CallState
from ami.events import ContactStatus
from calls import callbacks, keys, web_address
from calls.devices import Devices
from calls.journal import Journal
from calls.pops import Pops, Shown
from directory.snapshot import Line, ModeInForce
from ivr import releases, store
from ivr.flow import Flow
from ivr.published import Pinned, Published
from ivr.validation import rules
from server import watchdog
from ticketing.progress_guard import GuessGuard, Question

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


def _wrap_up() -> None:
    """After-call work is over when the talk is."""
    _script("shared/reservations", "a.due = now + wrap_up_ms\n", "a.due = now\n")


def _steps_in_time() -> None:
    """Every step of a queue is open from the beginning."""
    _script("shared/calls", "if opens > now and i > 1 then", "if false then")


def _edit_relists() -> None:
    """Calls that wait keep the steps they came in under."""
    _script("configure", "if c.listed then wait(call, c) end", "")


def _registration() -> None:
    """Nobody listens to phones that unregister while they ring."""

    async def deaf(self: Devices, event: ContactStatus) -> None:
        return

    Devices._contact_changed = deaf  # type: ignore[method-assign]


def _dial_is_over() -> None:
    """The watchdog believes Asterisk's list, which says Dial when it is long over."""
    if watchdog.Counter is not Counter:
        raise LookupError("server.watchdog counts legs in another way")
    watchdog.Counter = lambda _legs: defaultdict(lambda: 2)  # type: ignore[misc,assignment]


def _resend_talk() -> None:
    """After a flush talks are not said again."""

    async def silent(self: Queue, request: CallRequest, offer: Offer, state: CallState = CallState.TALKING) -> Offer:
        return offer

    Queue.resend_talk = silent  # type: ignore[method-assign]


def _device_in_use() -> None:
    """A phone that talks looks free."""
    tell = Agents.device_state

    async def free(self: Agents, seat: str, reachable: bool, in_use: bool, *, standing: bool = False) -> str:
        return await tell(self, seat, reachable, in_use=False, standing=standing)

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


class _Newest(Mapping[str, Flow]):
    """The flows in force now, whatever was in force when a call began."""

    def __init__(self, published: Published, root: str) -> None:
        self._published = published
        self._root = root

    @property
    def _now(self) -> Mapping[str, Flow]:
        pinned = self._published.of(self._root)
        return pinned.flows if pinned else {}

    def __getitem__(self, key: str) -> Flow:
        return self._now[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._now)

    def __len__(self) -> int:
        return len(self._now)


def _menu_pinned() -> None:
    """A call's menu is always the newest version."""
    for_line = Published.for_line

    def newest(self: Published, line: str, at: datetime | None = None) -> Pinned | None:
        pinned = for_line(self, line, at)
        return pinned and replace(pinned, flows=_Newest(self, pinned.flow))

    Published.for_line = newest  # type: ignore[method-assign]


RULE_OFF = "unknown.queue"
"""The rule that one mutant does not know."""


def _menu_rule() -> None:
    """One rule of the validation is not asked."""
    if RULE_OFF not in rules.CODES:
        raise LookupError(f"there is no rule {RULE_OFF}")
    rules.RULES = tuple(rule for rule in rules.RULES if rule.code != RULE_OFF)  # type: ignore[misc]


def _key_once() -> None:
    """A key that comes up counts like one that goes down."""

    def ends(self: keys._Presses, key: str) -> bool:
        return True

    keys._Presses.ends = ends  # type: ignore[method-assign]


def _menu_atomic() -> None:
    """A version is there a while before processes are told of it."""
    changed = store.changed
    if getattr(releases, "changed", None) is not changed:
        raise LookupError("a publication is announced in another way")

    async def late(session: AsyncSession, now: datetime) -> None:
        await session.flush()
        await session.execute(text("COMMIT"))
        await asyncio.sleep(0.5)
        await changed(session, now)

    releases.changed = late  # type: ignore[attr-defined]


def _web_address() -> None:
    """No address is refused."""
    if not callable(web_address.permitted):
        raise LookupError("addresses are checked in another way")

    def permitted(address: web_address.Address, *, named: bool) -> bool:
        return True

    web_address.permitted = permitted


def _guess_limit() -> None:
    """Every question counts as the first."""

    async def count(self: GuessGuard, question: Question) -> bool:
        return True

    GuessGuard.count = count  # type: ignore[method-assign]


_GUARDS: dict[str, Callable[[], None]] = {
    "pop-first": _pop_first,
    "answered-is-final": _answered_is_final,
    "place-after-failure": _place_after_failure,
    "place-in-acd": _place_in_acd,
    "wrap-up": _wrap_up,
    "steps-in-time": _steps_in_time,
    "edit-relists": _edit_relists,
    "registration": _registration,
    "dial-is-over": _dial_is_over,
    "resend-talk": _resend_talk,
    "device-in-use": _device_in_use,
    "unconfirmed": _unconfirmed,
    "promise-once": _promise_once,
    "mode-begins": lambda: _mode(0),
    "mode-not-before": lambda: _mode(-1),
    "menu-pinned": _menu_pinned,
    "menu-rule": _menu_rule,
    "key-once": _key_once,
    "menu-atomic": _menu_atomic,
    "web-address": _web_address,
    "guess-limit": _guess_limit,
}


def take_out(guard: str) -> None:
    """Take one guard out of this process; raises LookupError or AttributeError if it is not there."""
    _GUARDS[guard]()
