"""Item 1: nobody is offered two calls. Fifty calls for one agent in one breath, and a full floor for ten minutes."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import AsyncExitStack
from datetime import UTC, datetime

from directory import account_repository, repository, users
from directory import lines as directory_lines
from directory.modes import GENERAL_GROUP, Mode, Platform, expert_group
from hotline.clock import SystemClock
from server.demo.phone import PhoneCall
from tests.accept.acd.floor import TALK_SECONDS, Floor, no_channels, open_floor
from tests.accept.acd.witness import doubles_in_journal, most_at_once, watching
from tests.accept.line import Line, database_rows, eventually, index_of
from tests.accept.people import Desk
from tests.accept.scenario import Scale
from tests.accept.sipp import SippCallers, sipp_callers

_BURST = 50
_BURST_MS = 10
_MOST_BURSTS = 15
_LONGEST_REST_SECONDS = 75.0
"""A phone that failed several times in a row rests for a minute."""
_EXPERTS = ("12333", "12320", "12329", "12348")
"""Lines that have experts from the beginning."""
_MORE_EXPERTS = ("12301", "12312", "12318", "12322", "12336")
"""Lines that are given experts here: with the general queue that makes ten."""


async def _facts(line: Line, callers: SippCallers) -> Counter[str]:
    """Kind -> how many facts of these callers' calls there are."""
    rows = await database_rows(
        line,
        "select kind, count(*) as facts from call_journal where call_id in (select call_id from call where "
        "caller_index = any($1)) group by kind",
        [index_of(callers.e164(index)) for index in range(len(callers.numbers))],
    )
    return Counter({row["kind"]: row["facts"] for row in rows})


async def _one_burst(line: Line, floor: Floor) -> float:
    """Fifty calls, one agent who is ready; then the same agent, ready again, with the rest of them waiting. Returns
    milliseconds from the first call to the last: a busy machine may hold SIPp up between two of them."""
    may_answer, rung = asyncio.Event(), len(floor.invites())
    seat = floor.seats[0]

    async def hold(_seat: Desk, call: PhoneCall) -> None:
        await call.ring()
        await may_answer.wait()
        may_answer.clear()
        await call.answer(sound=False)
        await asyncio.sleep(TALK_SECONDS)
        await call.hang_up()

    floor.usual = hold
    await seat.ready()
    await seat.until_state("READY")
    async with sipp_callers(line, number="12345", calls=_BURST, rate=_BURST * 1000, hold_seconds=60) as callers:
        await callers.until("dialled", _BURST)
        took = (max(callers.dialled_at()) - min(callers.dialled_at())) * 1000

        async def all_queued() -> bool:
            return (await _facts(line, callers))["queued"] == _BURST

        await eventually(all_queued, f"{_BURST} calls are queued", seconds=30, every=0.3)
        assert len(floor.invites()) == rung + 1, f"{len(floor.invites()) - rung} INVITEs while one rings"
        may_answer.set()
        await seat.until_state("WRAP_UP", seconds=line.settings.voice.ring_seconds + 5)
        assert len(floor.invites()) == rung + 1, f"{len(floor.invites()) - rung} INVITEs after one talk"

        async def rung_again() -> bool:
            return len(floor.invites()) > rung + 1

        await eventually(rung_again, "the next of them is offered", seconds=line.settings.acd.wrap_up_seconds + 3)
        # As long as another one would have needed.
        await asyncio.sleep(1.0)
        assert len(floor.invites()) == rung + 2, f"{len(floor.invites()) - rung} INVITEs for two talks"
        assert (await _facts(line, callers))["reserved"] == 2, "an offer that no phone heard of"
        await seat.not_ready()
    await seat.until_state("NOT_READY")
    await no_channels(line, seconds=20)
    return took


async def _give_experts(line: Line) -> None:
    """Ten lines with queues of their own, until the end of the item."""
    now = SystemClock().now()
    async with line.database.transaction() as session:
        for number in _MORE_EXPERTS:
            row = await directory_lines.get(session, number, line.settings.site.area_code)
            await directory_lines.change_mode(
                session, row, Mode.DUAL, Platform.OURS, expert_seats=True, effective_from=now, actor="test", now=now
            )

    async def take_back() -> None:
        await database_rows(
            line,
            "delete from hotline_modes where mode = 'dual' and effective_from = $1 and hotline_id in "
            "(select id from hotlines where number = any($2))",
            now,
            list(_MORE_EXPERTS),
        )
        async with line.database.transaction() as session:
            await repository.changed(session, SystemClock().now())

    line.cleanup.append(take_back)


async def _share(line: Line, count: int) -> None:
    """Every agent is in the general queue and in three of the nine others, each of which has a third of all."""
    numbers = _EXPERTS + _MORE_EXPERTS

    async def set_groups(agent: int, groups: dict[str, int]) -> None:
        async with line.database.transaction() as session:
            user = await account_repository.user(session, str(1001 + agent))
            assert user is not None
            await users.set_groups(session, user, groups)

    for agent in range(count):
        own = {expert_group(numbers[(agent + 3 * i) % len(numbers)]): random.randint(1, 9) for i in range(3)}
        await set_groups(agent, {GENERAL_GROUP: random.randint(1, 9), **own})

    async def take_back() -> None:
        for agent in range(count):
            await set_groups(agent, {GENERAL_GROUP: 1})

    line.cleanup.append(take_back)


def _serving(floor: Floor, shortest: float, longest: float) -> None:
    """Most calls are taken and talked; some are refused, let ring, or dropped, and the agent is ready again soon."""

    async def serve(seat: Desk, call: PhoneCall) -> None:
        lot = random.random()
        await call.ring()
        await asyncio.sleep(random.uniform(0.1, 1.5))
        if lot < 0.03:
            await call.refuse(603, "Decline")
        elif lot < 0.06:
            await call.refuse(486, "Busy Here")
        elif lot < 0.08:
            await asyncio.wait_for(call.ended.wait(), 20)
        else:
            await call.answer(sound=False)
            if lot > 0.1:
                await asyncio.sleep(random.uniform(shortest, longest))
            await call.hang_up()
        if lot < 0.1:
            # Policy gives them a pause or a rest, and they come back from it by themselves.
            await seat.until_state("NOT_READY", "UNREACHABLE", "READY")
            await asyncio.sleep(1.0)
            await seat.ready()

    floor.usual = serve


async def _full_floor(line: Line, floor: Floor, per_second: float, seconds: int, talk: tuple[float, float]) -> str:
    _serving(floor, *talk)
    rung = len(floor.invites())
    for seat in floor.seats:
        await seat.ready()
    numbers = ("12345", *_EXPERTS, *_MORE_EXPERTS)
    calls = round(per_second * seconds / len(numbers))
    began = SystemClock().now_ms()
    async with watching(line) as witness, AsyncExitStack() as stack:
        lines = [
            await stack.enter_async_context(
                sipp_callers(
                    line, number=number, calls=calls, rate=per_second / len(numbers), hold_seconds=talk[1] + 10
                )
            )
            for number in numbers
        ]
        for callers in lines:
            assert await callers.over(seconds=seconds + talk[1] + 40) == 0, f"SIPp failed: {callers.said()}"
        for seat in floor.seats:
            await seat.until_state("READY", seconds=_LONGEST_REST_SECONDS)
    assert not witness.faults, f"{len(witness.faults)} faults, the first: {witness.faults[:3]}"
    most = max(most_at_once(seat) for seat in floor.seats)
    assert most == 1, f"a phone had {most} calls at once"
    rows = await database_rows(
        line,
        "select count(*) as reserved, count(distinct c.line) as lines from call_journal j join call c using (call_id) "
        "where j.kind = 'reserved' and j.at >= $1",
        datetime.fromtimestamp(began / 1000, UTC),
    )
    invites = len(floor.invites()) - rung
    assert rows[0]["lines"] == len(numbers), f"offers came from {rows[0]['lines']} lines"
    assert abs(rows[0]["reserved"] - invites) <= invites // 20, f"{rows[0]['reserved']} offers, {invites} INVITEs"
    assert not (doubles := await doubles_in_journal(line, began)), doubles[:3]
    assert invites > calls * len(numbers) * 0.8, f"only {invites} INVITEs for {calls * len(numbers)} calls"
    assert all(witness.states[state] for state in ("RINGING", "TALKING")), f"nothing was to be seen: {witness.states}"
    busiest = Counter(seat.agent for seat, _ in floor.invites()[rung:]).most_common(1)[0][1]
    return (
        f"{len(floor.seats)} agents, {calls * len(numbers)} calls on {len(numbers)} queues: {invites} INVITEs, "
        f"at most {busiest} at one phone and {most} at a time, {witness.looks} looks at all agents and calls"
    )


async def no_double_offer(line: Line, scale: Scale) -> str:
    """Item 1."""
    agents = scale(100, 20)
    await _give_experts(line)
    await _share(line, agents)
    floor = await open_floor(line, agents, ready=False, screen=False)
    took = [await _one_burst(line, floor)]
    while len(took) < scale(10, 1) or (min(took) > _BURST_MS and len(took) < _MOST_BURSTS):
        took.append(await _one_burst(line, floor))
    assert min(took) <= _BURST_MS, f"{_BURST} calls in {min(took):.0f} ms at best"
    talk = (8.0, 20.0) if scale.full else (TALK_SECONDS, 3.0)
    full = await _full_floor(line, floor, scale(5, 4), scale(600, 10), talk)
    return f"{_BURST} calls within {min(took):.0f} to {max(took):.0f} ms, {len(took)} times: one INVITE; {full}"
