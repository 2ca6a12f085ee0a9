"""Item 5: not one of our processes lives. Asterisk alone serves citizens or promises to call back; we learn of both."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from pathlib import Path

from hotline import sealed
from media.store import PromptStore
from server.asterisk.layout import find
from server.demo.g711 import tone
from server.demo.phone import PhoneCall
from tests.accept.console import console
from tests.accept.first_call.basics import AGENT_TONE, CITIZEN_TONE, answered, ended, hears, next_call
from tests.accept.line import Line, database_rows, eventually
from tests.accept.people import Citizen, Desk, citizen, desk
from tests.accept.scenario import Scale
from tests.accept.sound import likeness

_HEARD = 0.8
_READ_BACK_SECONDS = 40.0
"""From our return: until who was there has had the first word."""
_NATIVE_SECONDS = 30.0
"""A second of music for each of six tries, the attempts themselves, and a phone that rings."""


Told = tuple[Citizen, str]
"""A citizen and the id of the call."""


def _ours(line: Line) -> list[str]:
    voices = [f"voice-{number}" for number in range(1, line.settings.voice.processes + 1)]
    return [*voices, "web", "jobs", "watchdog"]


async def all_dead(line: Line, scale: Scale) -> str:
    """Item 5."""
    seat = await desk(line, "1001", "8001", screen=False)
    line.cleanup.append(seat.leave)
    await _member_is(line, "Not in use")
    await _kill_all(line)
    served: list[Told] = []
    try:
        waited = await _in_order(line, seat, served)
        requests = [await _promised_when_nobody_answers(line, seat)] if scale.full else []
        requests.append(await _promised_when_nobody_is_there(line, seat))
        talk = await _talking(line, seat)
    finally:
        await line.in_thread(line.stack.start, _ours(line))
    served.append(await _ends_with_us_back(line, seat, *talk))
    for told in served:
        await _one_story(line, seat, told)
    for who, call, kept in requests:
        await _taken_in_once(line, call, kept)
        await _promise_is_one_story(line, who, call)
    return (
        f"native queue served after {waited:.0f} s and in order, {len(requests)} promises taken in once, "
        f"{len(served)} talks without us have one story each"
    )


async def _kill_all(line: Line) -> None:
    """kill -9 for each, at once; then they are kept from being started again."""
    for pid in [line.stack.pid(name) for name in _ours(line)]:
        os.kill(pid, signal.SIGKILL)
    await line.in_thread(line.stack.stop, _ours(line))


async def _member_is(line: Line, state: str) -> None:
    """Wait until the only member of the native queue is in this state (of Asterisk's), and no agent's reserve."""

    async def look() -> bool:
        shown = await console(line, "queue show hl-native")
        return shown.count("PJSIP/") == 1 and f"({state})" in shown and "paused" not in shown

    await eventually(look, f"the native queue's member is {state}")


async def _dial(line: Line) -> tuple[Citizen, PhoneCall, str]:
    """A citizen calls; also returns the id of the call, from Asterisk: nobody else knows it now."""
    who = await citizen(line)
    call = await who.dial("12345", sound=tone(CITIZEN_TONE, 1.0))

    async def look() -> str:
        rows = [row.split("!") for row in (await console(line, "core show channels concise")).splitlines()]
        return next((row[-1] for row in rows if who.number in row[:-1]), "")

    return who, call, await eventually(look, "the citizen's channel", every=0.2)


async def _talk(call: PhoneCall, at_seat: PhoneCall) -> None:
    at_seat.audio.play(tone(AGENT_TONE, 1.0))
    await answered(call)
    await hears(at_seat, CITIZEN_TONE)
    await hears(call, AGENT_TONE)


async def _in_order(line: Line, seat: Desk, served: list[Told]) -> float:
    """Three citizens, one agent: each is served by the native queue, in the order in which they came."""
    started = time.monotonic()
    calls = [await _dial(line) for _ in range(3)]
    waited = 0.0
    for who, call, call_id in calls:
        served.append((who, call_id))
        at_seat = await next_call(seat, seconds=_NATIVE_SECONDS)
        waited = waited or time.monotonic() - started
        shown = at_seat.invite.get("from")
        assert who.number in shown, f"out of order: not the next citizen but another rings ({call_id} was due)"
        await _talk(call, at_seat)
        await at_seat.hang_up()
        await ended(call)
        assert likeness(bytes(call.audio.heard), PromptStore().sound("bye.thanks")) > _HEARD, "no thanks at the end"
    return waited


async def _promised_when_nobody_answers(line: Line, seat: Desk) -> tuple[Citizen, str, Path]:
    """The phone rings and rings; its agent is passed over then, and nobody is left."""
    takes, seat.phone.on_call = seat.phone.on_call, _let_ring
    kept = await _promised(line)
    await next_call(seat)
    seat.phone.on_call = takes
    await console(line, f"queue unpause member PJSIP/{seat.extension} queue hl-native")
    return kept


async def _promised_when_nobody_is_there(line: Line, seat: Desk) -> tuple[Citizen, str, Path]:
    await seat.phone.register(expires=0)
    await _member_is(line, "Unavailable")
    kept = await _promised(line)
    await seat.phone.register()
    await _member_is(line, "Not in use")
    return kept


async def _promised(line: Line) -> tuple[Citizen, str, Path]:
    """The citizen hears the promise, which is on the disk by then. Returns who, the call and a copy of its file."""
    who, call, call_id = await _dial(line)
    file = find(line.settings).callbacks / f"{call_id}.json"
    await ended(call, seconds=2 * _NATIVE_SECONDS)
    assert file.exists(), "promised, and not written down"
    promise = PromptStore().sound("bye.callback_promised")
    assert likeness(bytes(call.audio.heard), promise) > _HEARD, "the promise was not heard"
    copy = line.settings.var_dir / file.name
    shutil.copy2(file, copy)
    return who, call_id, copy


async def _let_ring(call: PhoneCall) -> None:
    await call.ring()


async def _talking(line: Line, seat: Desk) -> tuple[PhoneCall, PhoneCall, Told]:
    """A talk that began without us and goes on until we are back."""
    who, call, call_id = await _dial(line)
    at_seat = await next_call(seat, seconds=_NATIVE_SECONDS)
    await _talk(call, at_seat)
    return call, at_seat, (who, call_id)


async def _ends_with_us_back(line: Line, seat: Desk, call: PhoneCall, at_seat: PhoneCall, told_of: Told) -> Told:
    """Our return disturbs no talk, and its end is in the journal."""
    _, call_id = told_of
    await _talk(call, at_seat)
    await asyncio.sleep(1.0)
    assert not call.ended.is_set(), "our return ended a talk"
    await at_seat.hang_up()
    await ended(call)
    told = await line.story_of(call_id, until="ended")
    kinds = [event.kind for event in told.events]
    assert kinds.count("ended") == 1, kinds
    assert "queued" not in kinds, f"an answered citizen was queued again: {kinds}"
    await seat.until_state("READY", seconds=15)
    return told_of


async def _one_story(line: Line, seat: Desk, told_of: Told) -> None:
    """Who was served without us came once, was answered once, by whom we know, and went once."""
    who, call_id = told_of
    for kind in ("entered", "answered", "ended"):
        told = await line.story_of(call_id, until=kind, seconds=_READ_BACK_SECONDS)
    kinds = [event.kind for event in told.events]
    assert [kinds.count(kind) for kind in ("entered", "answered", "ended", "abandoned")] == [1, 1, 1, 0], kinds
    seen = [kind for kind in kinds if kind in ("entered", "answered", "ended")]
    assert seen == ["entered", "answered", "ended"], f"not in the order in which it happened: {kinds}"
    summary = told.summary
    assert (summary.caller, summary.dialled, summary.line) == (f"+86{who.number}", "12345", "12345"), summary
    assert summary.outcome == "answered", f"{call_id} was served and is recorded as {summary.outcome}"
    assert summary.agent == seat.agent, f"{call_id} was served by {seat.agent} and is recorded with {summary.agent}"


async def _promise_is_one_story(line: Line, who: Citizen, call_id: str) -> None:
    told = await line.story_of(call_id, until="ended")
    assert [event.kind for event in told.events] == ["entered", "callback_requested", "ended"], told.events
    summary = told.summary
    assert (summary.caller, summary.dialled) == (f"+86{who.number}", "12345"), summary
    assert summary.outcome == "callback_promised", summary.outcome


async def _taken_in_once(line: Line, call_id: str, copy: Path) -> None:
    """One request and one fact: at once, after the file lies there again, and after `jobs` began anew with it."""
    file = find(line.settings).callbacks / copy.name
    await _is_taken_in(line, call_id, file)
    shutil.copy2(copy, file)
    await _is_taken_in(line, call_id, file)
    await line.in_thread(line.stack.stop, ["jobs"])
    shutil.copy2(copy, file)
    await line.in_thread(line.stack.start, ["jobs"])
    await _is_taken_in(line, call_id, file)


async def _is_taken_in(line: Line, call_id: str, file: Path) -> None:
    async def gone() -> bool:
        return not file.exists()

    await eventually(gone, "the request's file is taken in")
    rows = await database_rows(line, "select caller, dialled from callback_request where call_id = $1", call_id)
    assert [row["dialled"] for row in rows] == ["12345"], rows
    caller = sealed.keys().open("callback_request.caller", rows[0]["caller"])
    assert caller.startswith("+86"), "whom to call back is not known"
    query = "select count(*) as facts from call_journal where call_id = $1 and kind = 'callback_requested'"
    (counted,) = await database_rows(line, query, call_id)
    assert counted["facts"] == 1, f"{counted['facts']} facts of one promise"
