"""Kind: real. What Asterisk makes of phones that do not take a callback, of a process that dies in the talk, and of a
message."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from hotline import sealed
from server.demo.g711 import tone
from server.demo.phone import PhoneCall
from tests.accept.acd.callbacks import Carrier, open_carrier
from tests.accept.acd.floor import CITIZEN_TONE, no_channels
from tests.accept.first_call.basics import hears, next_call
from tests.accept.line import Line, database_rows, eventually, index_of, running_line
from tests.accept.people import Desk, citizen, citizen_number, desk
from tests.accept.sound import is_tone

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

QUICK = {"ring_seconds": 10, "missed_delay_seconds": 1, "quiet_from": "00:00:00", "quiet_to": "00:00:00"}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def site() -> AsyncIterator[Line]:
    changes: dict[str, dict[str, Any]] = {
        "callbacks": QUICK,
        "waiting": {"offer_message": True},
        "messages": {"silence_seconds": 2},
    }
    async with running_line(changes=changes) as line:
        yield line


@pytest_asyncio.fixture(loop_scope="module")
async def line(site: Line) -> AsyncIterator[Line]:
    """The line, with everybody gone home after the test and nothing owed to anybody."""
    yield site
    await site.go_home()
    await database_rows(
        site, "UPDATE callback SET state = 'cancelled', closed_at = now(), owner = NULL WHERE closed_at IS NULL"
    )
    await no_channels(site)


@pytest_asyncio.fixture(loop_scope="module")
async def carrier(line: Line) -> Carrier:
    return await open_carrier(line)


async def owed(line: Line, number: str) -> int:
    """A callback is owed to this number, now."""
    rows = await database_rows(
        line,
        """INSERT INTO callback (kind, caller, caller_index, line, dialled, queue, call_id, entered_ms, head_start_ms,
                                 requested_at, state, attempts, next_at, at_once)
           VALUES ('missed', $1, $2, '12345', '12345', '', 't-1.1', 1, 0, now(), 'open', 0, now(), true)
           RETURNING id""",
        sealed.keys().seal("callback.caller", f"+86{number}"),
        index_of(f"+86{number}"),
    )
    return int(rows[0]["id"])


async def until(line: Line, callback: int, state: str, *, seconds: float = 20) -> Any:
    async def look() -> Any:
        (row,) = await database_rows(line, "SELECT * FROM callback WHERE id = $1", callback)
        return row if row["state"] == state else None

    return await eventually(look, f"the callback is {state}", seconds=seconds)


async def seat(line: Line, agent: str, on_call: Any) -> Desk:
    taken = await desk(line, agent, f"8{agent[1:]}", on_call=on_call)
    line.cleanup.append(taken.leave)
    return taken


async def pick_up(call: PhoneCall) -> None:
    await call.ring()
    await call.answer(sound=False)


@pytest.mark.parametrize(
    ("status", "reason", "state"), [(486, "Busy Here", "UNREACHABLE"), (603, "Decline", "NOT_READY")]
)
async def test_an_agents_phone_that_refuses(line: Line, carrier: Carrier, status: int, reason: str, state: str) -> None:
    async def refuse(call: PhoneCall) -> None:
        await call.ring()
        await call.refuse(status, reason)

    number = citizen_number()
    first = await seat(line, "1001", refuse)
    callback = await owed(line, number)
    await first.until_state(state)
    assert carrier.rang == []
    await seat(line, "1002", pick_up)
    row = await until(line, callback, "answered")
    assert (row["agent"], row["attempts"]) == ("1002", 1)
    assert len(carrier.calls_to(number)) == 1


async def test_an_agents_phone_that_rings_out(line: Line, carrier: Carrier) -> None:
    async def ring(call: PhoneCall) -> None:
        await call.ring()

    number = citizen_number()
    first = await seat(line, "1003", ring)
    callback = await owed(line, number)
    await first.until_state("RINGING")
    await first.until_state("NOT_READY", seconds=line.settings.voice.ring_seconds + 5)
    await seat(line, "1004", pick_up)
    await until(line, callback, "answered")
    assert len(carrier.calls_to(number)) == 1


async def test_an_agent_who_says_not_ready_while_it_rings(line: Line, carrier: Carrier) -> None:
    async def ring(call: PhoneCall) -> None:
        await call.ring()

    callback = await owed(line, citizen_number())
    first = await seat(line, "1005", ring)
    await first.until_state("RINGING")
    # The state is told before the INVITE is on its way.
    rung = await asyncio.wait_for(first.phone.incoming.get(), 10)
    await first.not_ready()
    await asyncio.wait_for(rung.ended.wait(), 10)
    await first.until_state("NOT_READY")
    assert carrier.rang == []
    await seat(line, "1006", pick_up)
    await until(line, callback, "answered")


@pytest.mark.parametrize(
    ("status", "reason", "outcome"),
    [
        (486, "Busy Here", "busy"),
        (404, "Not Found", "unreachable"),
        (0, "", "no_answer"),
    ],
)
async def test_a_citizen_who_is_not_reached(
    line: Line, carrier: Carrier, status: int, reason: str, outcome: str
) -> None:
    async def refuse(call: PhoneCall) -> None:
        await call.ring()
        if status:
            await call.refuse(status, reason)

    number = citizen_number()
    carrier.plans[number] = refuse
    first = await seat(line, "1007", pick_up)
    callback = await owed(line, number)
    await eventually(lambda: _rang(carrier, number), "the citizen's phone is called", seconds=15)
    row = await until(line, callback, "open", seconds=25)
    assert (row["outcome"], row["attempts"]) == (outcome, 1)
    # The agent hears why, and is free: nothing is to be wrapped up.
    await asyncio.wait_for(first.phone.calls[-1].ended.wait(), 15)
    await first.until_state("READY", seconds=3)


async def _rang(carrier: Carrier, number: str) -> bool:
    return bool(carrier.calls_to(number))


async def test_a_process_dies_in_the_talk_and_nobody_is_dropped_or_called_again(line: Line, carrier: Carrier) -> None:
    number = citizen_number()
    over = asyncio.Event()

    async def talk(call: PhoneCall) -> None:
        await call.ring()
        call.audio.play(tone(CITIZEN_TONE, 1.0))
        await call.answer()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), 60)
        await call.hang_up()

    carrier.plans[number] = talk
    first = await seat(line, "1008", _pick_up_loud)
    callback = await owed(line, number)
    at_seat = await next_call(first)
    await hears(at_seat, CITIZEN_TONE)
    row = await until(line, callback, "talking")
    holder = str(row["owner"]).partition("/")[2]
    pid = await line.in_thread(line.stack.pid, holder)
    os.kill(pid, signal.SIGKILL)
    # Longer than every lease there is.
    await asyncio.sleep(12)
    assert is_tone(await at_seat.audio.hear(0.5), CITIZEN_TONE), "the talk was cut"
    assert len(carrier.calls_to(number)) == 1, "called again in the middle of the talk"
    over.set()
    row = await until(line, callback, "answered", seconds=30)
    assert row["attempts"] == 1
    await asyncio.wait_for(at_seat.ended.wait(), 10)
    await asyncio.sleep(3)
    assert len(carrier.calls_to(number)) == 1, "called again after the talk"


async def _pick_up_loud(call: PhoneCall) -> None:
    await call.ring()
    await call.answer()


async def test_a_message_is_kept_as_spoken(line: Line) -> None:
    who = await citizen(line)
    call = await who.dial("12345", sound=tone(CITIZEN_TONE, 1.0))
    call_id = await line.call_id_of(who.e164)
    await line.story_of(call_id, until="queued")

    async def recording() -> bool:
        await call.audio.press("3")
        rows = await line.in_thread(_recorded, line, call_id)
        return bool(rows)

    await eventually(recording, "Asterisk records", seconds=30, every=1.0)
    await asyncio.sleep(3.0)
    await call.hang_up()

    async def kept() -> Any:
        rows = await database_rows(line, "SELECT * FROM voice_message WHERE call_id = $1", call_id)
        return rows[0] if rows else None

    row = await eventually(kept, "the message is taken in", seconds=15)
    assert 2_000 <= row["duration_ms"] <= 8_000
    sound = (line.settings.var_dir / "messages" / f"{call_id}.alaw").read_bytes()
    assert is_tone(sound[8_000:16_000], CITIZEN_TONE)
    assert (await line.story_of(call_id, until="ended")).summary.outcome == "message"
    # Whoever left a message did not give up: nobody calls back for it.
    await asyncio.sleep(3.0)
    assert await database_rows(line, "SELECT 1 FROM callback WHERE caller_index = $1", index_of(who.e164)) == []


def _recorded(line: Line, call_id: str) -> bool:
    from server.asterisk.layout import find

    return (find(line.settings).messages / f"{call_id}.alaw").exists()
