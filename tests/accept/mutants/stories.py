"""What must fail on a line without a guard: the items' own stories where they are short, else their core."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import time
from datetime import timedelta

import redis.asyncio as aioredis

from directory import lines as directory_lines
from directory import repository
from directory.demo import TRUNKS
from directory.modes import Mode, Platform
from hotline.clock import SystemClock
from server.asterisk.layout import find
from server.demo.g711 import tone
from server.demo.phone import PhoneCall
from tests.accept.first_call import basics, failing_agents, lines, outages, processes, processes_dead
from tests.accept.first_call.basics import CITIZEN_TONE, answered, ended, next_call
from tests.accept.first_call.processes import Caller, Scene
from tests.accept.line import Line, database_rows, eventually
from tests.accept.people import branch, citizen, desk
from tests.accept.scenario import Scale

_LINE = "12366"


async def whole_call(line: Line) -> None:
    """Item 1 itself."""
    await basics.whole_call(line, Scale(full=False))


async def _dial(line: Line) -> Caller:
    who = await citizen(line)
    caller = Caller(who, await who.dial("12345", sound=tone(CITIZEN_TONE, 1.0)))
    caller.call_id = await line.call_id_of(caller.e164)
    await line.story_of(caller.call_id, until="queued")
    return caller


async def _holder(line: Line, call_id: str) -> str:
    """The voice process in which this call was queued first."""
    query = "select process from call_journal where call_id = $1 and kind = 'queued' order by seq limit 1"
    (row,) = await database_rows(line, query, call_id)
    return str(row["process"]).rpartition("/")[2]


async def answered_then_killed(line: Line) -> None:
    """Item 4: a voice process is killed while a citizen talks; the agent hangs up, and the citizen's call is over."""
    seat = await desk(line, "1001", "8001")
    line.cleanup.append(seat.leave)
    caller = await _dial(line)
    at_seat = await next_call(seat)
    await answered(at_seat)
    await line.story_of(caller.call_id, until="answered")
    os.kill(line.stack.pid(await _holder(line, caller.call_id)), signal.SIGKILL)
    await line.story_of(caller.call_id, until="adopted")
    # Nobody is to take a call after this one: a citizen who is queued again is seen waiting.
    await seat.not_ready()
    await at_seat.hang_up()
    with contextlib.suppress(TimeoutError):
        await ended(caller.call, seconds=8)
    await processes._one_story_each(line, Scene([], [], []), caller)


async def place_after_refusal(line: Line) -> None:
    """Item 7: an agent refuses when somebody else waits already."""
    no_more = asyncio.Event()

    async def refuse(call: PhoneCall) -> None:
        await call.ring()
        await no_more.wait()
        await call.refuse(603, "Decline")

    early = await _dial(line)
    await _dial(line)
    first = await desk(line, "1001", "8001", on_call=refuse)
    line.cleanup.append(first.leave)
    await next_call(first)
    # The next offer is not to be theirs again.
    await first.not_ready()
    no_more.set()
    await failing_agents._fails(line, early.e164, "REJECTED", "rejects")
    second = await desk(line, "1002", "8002")
    line.cleanup.append(second.leave)
    pop = await second.frame("pop")
    assert pop.body["caller"] == early.e164, "after an agent that rejects the place is lost"


async def order_after_kill(line: Line) -> None:
    """Item 4: some wait in the process that is killed, some in the other; they are served in the order they came."""
    waiting = [await _dial(line)]
    victim = await _holder(line, waiting[0].call_id)
    while await _holder(line, waiting[-1].call_id) == victim:
        waiting.append(await _dial(line))
    os.kill(line.stack.pid(victim), signal.SIGKILL)
    struck = time.monotonic()

    async def back() -> bool:
        told = await line.story_of(waiting[0].call_id)
        return [event.kind for event in told.events].count("queued") == 2

    await eventually(back, "the first one waits again")
    await processes._serve_everybody(line, Scene([], [], waiting), struck, 15.0)
    await processes.order_kept(line, [caller.call_id for caller in waiting])


async def offered_when_hung(line: Line) -> None:
    """Item 4: the voice process of a waiting citizen hangs."""
    caller = await _dial(line)
    pid = line.stack.pid(await _holder(line, caller.call_id))
    os.kill(pid, signal.SIGSTOP)
    try:
        await processes._serve_everybody(line, Scene([], [], [caller]), time.monotonic(), 10.0)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


async def _flush(line: Line) -> None:
    client = aioredis.from_url(line.settings.redis.url)
    await client.flushall()
    await client.aclose()


async def no_second_offer(line: Line) -> None:
    """Item 8: Redis is flushed while an agent talks and a citizen waits."""
    talker = await desk(line, "1002", "8002")
    line.cleanup.append(talker.leave)
    talking = await _dial(line)
    await answered(await next_call(talker))
    await line.story_of(talking.call_id, until="answered")
    waiting = await _dial(line)
    await _flush(line)

    async def known_again() -> bool:
        answer = await talker.http.get("/api/agents/me")
        return bool(answer.status_code == 200 and answer.json()["state"] != "SIGNED_OUT")

    await eventually(known_again, "the agent is known again")
    # Nobody is matched for so long; what comes then comes at once.
    await asyncio.sleep(line.settings.acd.rebuild_ms / 1000 + 1.0)
    free = await desk(line, "1003", "8003")
    line.cleanup.append(free.leave)
    await line.story_of(waiting.call_id, until="reserved")
    await outages._no_double_offers(line)


async def flushed(line: Line) -> None:
    """Item 8's part about a flush."""
    await outages._after_redis_trouble(line, "flushed", 2)


async def facts_after_both_stores(line: Line) -> None:
    """Item 8: facts go to Redis while PostgreSQL is away, and Redis forgets them before it is back."""
    seat = await desk(line, "1001", "8001")
    line.cleanup.append(seat.leave)
    caller = await _dial(line)
    at_seat = await next_call(seat)
    await answered(at_seat)
    await line.story_of(caller.call_id, until="answered")
    await line.in_thread(line.stack.stop, ["postgres"])
    try:
        await at_seat.hang_up()
        await seat.frame("call_ended", call=caller.call_id)
        await _flush(line)
    finally:
        await line.in_thread(line.stack.start, ["postgres"])
    await line.story_of(caller.call_id, until="wrap_up", seconds=15)


async def promise_once(line: Line) -> None:
    """Item 5's part about a promise that is read twice, in a database that would take it twice."""
    (constraint,) = await database_rows(
        line, "select conname from pg_constraint where conrelid = 'callback_request'::regclass and contype = 'u'"
    )
    name = constraint["conname"]
    await database_rows(line, f"alter table callback_request drop constraint {name}")

    async def mend() -> None:
        await database_rows(line, "delete from callback_request")
        await database_rows(line, f"alter table callback_request add constraint {name} unique (call_id)")

    line.cleanup.append(mend)
    now_ms = SystemClock().now_ms()
    call_id = f"{line.settings.asterisk.systemname}-{now_ms / 1000:.3f}"
    request = {"schema": 1, "call": call_id, "entered_ms": now_ms, "dialled": "12345", "caller": "13800000000"}
    copy = line.settings.var_dir / f"{call_id}.json"
    copy.write_text(json.dumps({**request, "reason": "no_agent", "requested_ms": now_ms}))
    shutil.copy2(copy, find(line.settings).callbacks / copy.name)
    await processes_dead._taken_in_once(line, call_id, copy)


async def _floor(line: Line) -> lines.Floor:
    seat = await desk(line, "1001", "8001")
    line.cleanup += [seat.leave, lambda: _one_mode(line)]
    return lines.Floor([seat], {TRUNKS[_LINE]: await branch(line, TRUNKS[_LINE])})


async def _one_mode(line: Line) -> None:
    """The line as it was before its change of mode."""
    await database_rows(
        line,
        "delete from hotline_modes where mode = 'merged' and hotline_id = (select id from hotlines where number = $1)",
        _LINE,
    )
    async with line.database.transaction() as session:
        await repository.changed(session, SystemClock().now())


async def mode_begins(line: Line) -> None:
    """Item 2's part about a change of mode."""
    await lines._changes_mode(line, await _floor(line))


async def mode_not_before(line: Line) -> None:
    """Item 2: a change of mode that is entered already, and begins later."""
    floor = await _floor(line)
    now = SystemClock().now()
    async with line.database.transaction() as session:
        row = await directory_lines.get(session, _LINE, line.settings.site.area_code)
        await directory_lines.change_mode(
            session,
            row,
            Mode.MERGED,
            Platform.OURS,
            expert_seats=False,
            effective_from=now + timedelta(hours=1),
            actor="test",
            now=now,
        )
    # Every voice process knows of it then.
    await asyncio.sleep(1.5)
    who = await citizen(line)
    await who.dial(_LINE)
    taker = await floor.taker_of(who)
    assert taker == TRUNKS[_LINE], f"an hour before its change {_LINE} comes out at {taker}"


async def all_well(line: Line) -> None:
    """The stories above that no item tells in the same form: with every guard in place they go well."""
    for story in (place_after_refusal, facts_after_both_stores, mode_not_before, offered_when_hung):
        await story(line)
        await line.go_home()
