"""Item 5: a callback keeps the place and is served third; calling again cancels it; who gave up is called back once."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from server.demo.phone import Phone, PhoneCall
from tests.accept.acd.floor import open_floor
from tests.accept.line import CARRIER, Line, database_rows, eventually, index_of
from tests.accept.people import Citizen, Desk, citizen
from tests.accept.scenario import Scale
from tests.accept.sipp import sipp_callers

_WAITING = 5
_ACCEPTED = 3
_GIVES_UP_SECONDS = 6.5
"""Longer than `callbacks.missed_after_seconds`: not a wrong number."""

_TALK_SECONDS = 0.8
_DELAY = "missed_delay_seconds"


class Carrier:
    """The far side of the carrier's trunk: citizens' phones, by number. `rang` are the calls to them, in order."""

    def __init__(self) -> None:
        self.rang: list[tuple[str, PhoneCall]] = []
        self.plans: dict[str, Callable[[PhoneCall], Awaitable[None]]] = {}

    async def on_call(self, call: PhoneCall) -> None:
        number = call.invite.uri.partition(":")[2].partition("@")[0]
        self.rang.append((number, call))
        await self.plans.get(number, talk_a_moment)(call)

    def calls_to(self, number: str) -> list[PhoneCall]:
        return [call for who, call in self.rang if who == number]


async def talk_a_moment(call: PhoneCall) -> None:
    """A citizen who is called back answers and hangs up after a few words."""
    await call.ring()
    await call.answer(sound=False)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(call.ended.wait(), _TALK_SECONDS)
    await call.hang_up()


async def open_carrier(line: Line) -> Carrier:
    """The carrier takes calls to its subscribers."""
    carrier = Carrier()
    phone = Phone("carrier", server=line.sip, host=CARRIER, port=line.trunk_ports["carrier"], on_call=carrier.on_call)
    await phone.start()
    line.cleanup.append(phone.close)
    return carrier


async def callbacks(line: Line, scale: Scale) -> str:
    """Item 5, in its three parts."""
    carrier = await open_carrier(line)
    third = await _accepted_at_three_is_served_third(line, carrier)
    again = await _redial_cancels(line, carrier)
    burst = await _everyone_who_gave_up_once(line, carrier, scale(200, 20), seats=scale(10, 6))
    return f"{third}; {again}; {burst}"


async def _waits(line: Line, who: Citizen) -> PhoneCall:
    """A citizen's call once it is in the queue."""
    call = await who.dial("12345")
    await line.story_of(await line.call_id_of(who.e164), until="queued")
    return call


async def _asks_for_a_callback(line: Line, who: Citizen, call: PhoneCall) -> int:
    """Press 2 and hear goodbye; the promise's number."""

    async def promised() -> int | None:
        rows = await database_rows(
            line, "SELECT id FROM callback WHERE caller_index = $1 AND closed_at IS NULL", index_of(who.e164)
        )
        return rows[0]["id"] if rows else None

    async def pressed() -> int | None:
        await call.audio.press("2")
        return await promised()

    # Keys count once they have been offered.
    found = await eventually(pressed, "key 2 is taken", seconds=20, every=1.0)
    await asyncio.wait_for(call.ended.wait(), 20)
    return int(found)


async def _accepted_at_three_is_served_third(line: Line, carrier: Carrier) -> str:
    people = [await citizen(line) for _ in range(_WAITING)]
    calls = [await _waits(line, who) for who in people]
    asked = people[_ACCEPTED - 1]
    callback = await _asks_for_a_callback(line, asked, calls[_ACCEPTED - 1])
    floor = await open_floor(line, 1)
    seat = floor.seats[0]
    numbers = {who.number: place for place, who in enumerate(people, start=1)}

    async def all_served() -> bool:
        return len(floor.invites()) >= _WAITING

    await eventually(all_served, "all five are served", seconds=60)
    order = [numbers[_shown(call)] for _, call in floor.invites()]
    assert order == [1, 2, 3, 4, 5], f"served in the order {order}"
    (at_citizen,) = carrier.calls_to(asked.number)
    at_seat = floor.invites()[_ACCEPTED - 1][1]
    assert at_seat.log["answered"] < at_citizen.log["invite"], "the citizen was called before the agent was there"
    assert "12345" in at_citizen.invite.get("from"), "not our number on the citizen's phone"
    await _closed(line, callback, "answered")
    pop = next(frame for frame in seat.frames if frame.kind == "pop" and frame.body["caller"] == asked.e164)
    assert pop.body["callback"]["kind"] == "queued"
    assert pop.at < at_seat.log["invite"] + 0.05, "the phone rang before the pop was on the screen"
    told = await line.story_of(pop.body["call"], until="wrap_up")
    kinds = [event.kind for event in told.events]
    assert kinds.index("popped") < kinds.index("ringing") < kinds.index("callback_dialled") < kinds.index("answered")
    for call in calls:
        await asyncio.wait_for(call.ended.wait(), 20)
    await line.go_home(but=1)
    return "accepted at position 3, served third, agent first"


async def _redial_cancels(line: Line, carrier: Carrier) -> str:
    carrier.rang.clear()
    who = await citizen(line)
    callback = await _asks_for_a_callback(line, who, await _waits(line, who))
    again = await who.dial("12345")

    async def waits_again() -> bool:
        rows = await database_rows(
            line,
            "SELECT 1 FROM call WHERE caller_index = $1 AND queued_at IS NOT NULL AND ended_at IS NULL",
            index_of(who.e164),
        )
        return len(rows) > 0

    await eventually(waits_again, "the citizen waits again")
    await open_floor(line, 1)
    await _closed(line, callback, "cancelled", "got_through")
    await asyncio.wait_for(again.ended.wait(), 20)
    # Longer than it would take to be called.
    await asyncio.sleep(3.0)
    assert not carrier.rang, "called back although the citizen got through"
    await line.go_home(but=1)
    return "calling again cancelled it"


async def _everyone_who_gave_up_once(line: Line, carrier: Carrier, count: int, *, seats: int) -> str:
    carrier.rang.clear()
    async with _called_back_after(line, 2):
        async with sipp_callers(line, number="12345", calls=count, rate=50, hold_seconds=_GIVES_UP_SECONDS) as callers:
            await callers.until("left", count, seconds=count / 50 + 60)
            await callers.over(seconds=60)
        numbers = set(callers.numbers)
        began = time.monotonic()
        floor = await open_floor(line, seats, ready=False)
        floor.usual = _at_seat
        for seat in floor.seats:
            await seat.ready()

        async def all_kept() -> bool:
            rows = await database_rows(
                line,
                "SELECT 1 FROM callback WHERE state = 'answered' AND caller_index = ANY($1)",
                [index_of(f"+86{number}") for number in numbers],
            )
            return len(rows) == count

        try:
            await eventually(all_kept, f"all {count} are called back", seconds=60 + count * 1.5, every=0.5)
        except AssertionError as error:
            raise AssertionError(f"{error}; there are {await _tally(line)}") from None
        took = time.monotonic() - began
        times = Counter(number for number, _ in carrier.rang)
        assert times == dict.fromkeys(numbers, 1), f"called more than once or not at all: {_odd(times, numbers)}"
        # Longer than a claim and an offer take: nobody is called a second time.
        await asyncio.sleep(3.0)
        assert len(carrier.rang) == count
    await line.go_home(but=1)
    return f"{count} gave up in a burst, each called back once within {took:.0f} s by {seats} agents"


async def _at_seat(seat: Desk, call: PhoneCall) -> None:
    """The citizen hangs up first."""
    await call.ring()
    await call.answer(sound=False)
    await asyncio.wait_for(call.ended.wait(), 30)
    await seat.until_state("WRAP_UP", "READY", "RESERVED", "RINGING")
    if await seat.state() == "WRAP_UP":
        await seat.post("/api/agents/me/end-wrap-up")


async def _tally(line: Line) -> dict[str, int]:
    """How many callbacks are in each state, with each outcome."""
    rows = await database_rows(line, "SELECT state, outcome, count(*) AS n FROM callback GROUP BY state, outcome")
    return {f"{row['state']} {row['outcome'] or ''}".strip(): row["n"] for row in rows}


def _odd(times: Counter[str], numbers: set[str]) -> dict[str, int]:
    return {number: times[number] for number in numbers | set(times) if times[number] != 1}


def _shown(call: PhoneCall) -> str:
    """The citizen's number on an agent's phone."""
    found = re.search(r"1[3-9][0-9]{9}", call.invite.get("from"))
    return found.group() if found else ""


async def _closed(line: Line, callback: int, state: str, outcome: str = "") -> None:
    async def look() -> Any:
        rows = await database_rows(line, "SELECT state, outcome FROM callback WHERE id = $1", callback)
        return rows[0]["state"] == state and (not outcome or rows[0]["outcome"] == outcome)

    await eventually(look, f"the callback is {state}", seconds=30)


@asynccontextmanager
async def _called_back_after(line: Line, seconds: int) -> AsyncIterator[None]:
    """Everyone who gives up from now on is called back so soon, instead of after a day."""
    before = line.config.read_text(encoding="utf-8")
    changed = re.sub(rf"^{_DELAY} = .*$", f"{_DELAY} = {seconds}", before, flags=re.MULTILINE)
    assert changed != before
    line.config.write_text(changed, encoding="utf-8")
    await line.in_thread(line.stack.restart, "jobs")
    try:
        yield
    finally:
        line.config.write_text(before, encoding="utf-8")
        await line.in_thread(line.stack.restart, "jobs")
