"""How a transfer target stands now: from the journal, and from distribution."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from acd.queue_store import default_rules
from acd.states import AgentState
from calls.facts import Entry, Kind
from calls.ingest import insert_entries
from calls.target_states import Failure, Floor, Standing, TargetState, floor, states
from directory.snapshot import DialTarget
from directory.targets import Destination, TargetKind
from hotline.clock import to_ms
from hotline.database import Database
from tests.calls.line import CallLine

NOW = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
TAX = Destination("line:12366", TargetKind.BRANCH, "12366", (DialTarget("branch-12366", "99012366", 15),))
PROVINCE = Destination("partner:province", TargetKind.PROVINCE, "省", (DialTarget("province", "99012345", 15),))
EXPERTS = Destination("queue:expert-12333", TargetKind.QUEUE, "专家", queue="expert-12333")
SECOND = Destination("agent:1002", TargetKind.AGENT, "1002", agent="1002")
RULES = {rule.queue: rule for rule in default_rules([("12333", 15_000)])}
NOBODY = Floor({}, {}, RULES)


class Told:
    """Facts of calls, as processes told them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._numbers = count(1)

    async def talk(self, state: str, third: str = "", why: str = "", *, ago: float = 60, call: int = 1) -> None:
        told = {"state": state} | ({"third": third} if third else {}) | ({"why": why} if why else {})
        await self.fact(Kind.TALK, f"{next(self._numbers)}", ago=ago, call=call, **told)

    async def routed(self, outcome: str = "", *, ago: float = 60, call: int = 1) -> None:
        """A call for 12366 is sent there; `outcome`: it is not taken."""
        about = str(next(self._numbers))
        await self.fact(Kind.ROUTED, about, ago=ago + 1, call=call, trunk="branch-12366", number="12366")
        if outcome:
            await self.fact(Kind.ROUTE_FAILED, about, ago=ago, call=call, trunk="branch-12366", outcome=outcome)

    async def fact(self, kind: Kind, about: str, *, ago: float, call: int, **told: Any) -> None:
        at_ms = to_ms(NOW - timedelta(seconds=ago))
        name = f"{kind.value}:{about}"
        entry = Entry(
            f"ast1-1763761000.{call}", at_ms * 1000 + next(self._numbers), name, kind.value, at_ms, "p", None, told
        )
        async with self._database.transaction() as session:
            await insert_entries(session, [entry])

    async def state(self, one: Destination, on_floor: Floor | None = NOBODY) -> TargetState:
        async with self._database.transaction() as session:
            return (await states(session, [one], on_floor, now=NOW))[one.key]


@pytest.fixture
async def told(database_url: str) -> AsyncIterator[Told]:
    database = Database(database_url)
    yield Told(database)
    await database.close()


async def test_of_whom_nothing_is_known_is_free(told: Told) -> None:
    assert await told.state(TAX) == TargetState(Standing.FREE)


async def test_who_is_closed(told: Told) -> None:
    closed = Destination("line:12366", TargetKind.BRANCH, "12366", open_now=False)
    assert (await told.state(closed)).standing is Standing.CLOSED


@pytest.mark.parametrize(("ago", "standing"), [(10, Standing.BUSY), (61, Standing.FREE)])
async def test_who_was_busy_is_busy_for_a_minute(told: Told, ago: float, standing: Standing) -> None:
    await told.talk("join_calling", TAX.key, ago=ago + 2)
    await told.talk("talking", why="BUSY", ago=ago)
    state = await told.state(TAX)
    assert (state.standing, state.failures) == (standing, (Failure(NOW - timedelta(seconds=ago), "BUSY"),))
    assert await told.state(PROVINCE) == TargetState(Standing.FREE)


async def test_two_failures_in_a_row_are_shown_as_such_until_a_talk(told: Told) -> None:
    for number, ago in enumerate((300, 200, 100), start=1):
        await told.talk("consult_calling", TAX.key, ago=ago + 5, call=number)
        await told.talk("talking", why="CHANUNAVAIL", ago=ago, call=number)
    failing = await told.state(TAX)
    assert (failing.standing, [one.why for one in failing.failures]) == (Standing.FAILING, ["CHANUNAVAIL"] * 3)
    assert failing.failures[0].at > failing.failures[-1].at
    await told.talk("join_calling", TAX.key, ago=50, call=9)
    await told.talk("conference", TAX.key, ago=40, call=9)
    assert await told.state(TAX) == TargetState(Standing.FREE, talking=1)


async def test_who_talks_with_it_now_is_counted(told: Told) -> None:
    for call in (1, 2, 3, 4):
        await told.talk("blind_calling", TAX.key, ago=100, call=call)
        await told.talk("passed", TAX.key, ago=90, call=call)
    await told.talk("ended", why="", ago=50, call=1)
    await told.talk("talking", why="third_gone", ago=50, call=2)
    state = await told.state(TAX)
    assert (state.talking, state.failures) == (2, ())


@pytest.mark.parametrize("why", ["dropped", "", "held_long_enough"])
async def test_what_the_agent_took_back_is_nobodys_failure(told: Told, why: str) -> None:
    await told.talk("consult_calling", TAX.key, ago=20)
    await told.talk("talking", why=why, ago=10)
    assert await told.state(TAX) == TargetState(Standing.FREE)


async def test_a_caller_who_hangs_up_while_it_rings_says_nothing_of_it(told: Told) -> None:
    await told.talk("blind_calling", TAX.key, ago=20)
    await told.talk("ended", why="", ago=10)
    assert await told.state(TAX) == TargetState(Standing.FREE)


async def test_a_blind_transfer_in_vain_counts(told: Told) -> None:
    await told.talk("blind_calling", TAX.key, ago=20)
    await told.talk("queued", why="NOANSWER", ago=10)
    assert [one.why for one in (await told.state(TAX)).failures] == ["NOANSWER"]


async def test_calls_that_went_there_by_themselves_tell_too(told: Told) -> None:
    await told.routed("BUSY", ago=30)
    assert (await told.state(TAX)).standing is Standing.BUSY
    await told.routed("NO_ANSWER", ago=29, call=2)
    assert (await told.state(TAX)).standing is Standing.FAILING


async def test_a_routed_call_that_went_well_wipes_out_the_failures_before(told: Told) -> None:
    await told.routed("FAILED", ago=500)
    await told.routed("FAILED", ago=400, call=2)
    await told.routed(ago=300, call=3)
    assert await told.state(TAX) == TargetState(Standing.FREE)
    await told.routed("FAILED", ago=200, call=4)
    assert [one.why for one in (await told.state(TAX)).failures] == ["FAILED"]


async def test_what_is_older_than_a_quarter_of_an_hour_is_forgotten(told: Told) -> None:
    await told.routed("BUSY", ago=16 * 60)
    assert await told.state(TAX) == TargetState(Standing.FREE)


async def test_without_distribution_ours_are_unknown_and_others_are_not(told: Told) -> None:
    assert await told.state(EXPERTS, None) == TargetState(Standing.UNKNOWN)
    assert await told.state(SECOND, None) == TargetState(Standing.UNKNOWN)
    assert await told.state(TAX, None) == TargetState(Standing.FREE)


async def test_a_group_and_its_people(line: CallLine, told: Told) -> None:
    await line.start()
    assert (await told.state(EXPERTS, await floor(line.acd, RULES))).standing is Standing.CLOSED, "nobody is here"
    await line.agent("2001", "expert-12333", ready=False)
    await line.agent("1002")
    on_floor = await floor(line.acd, RULES)
    assert await told.state(EXPERTS, on_floor) == TargetState(Standing.BUSY, ready=0, waiting=0)
    assert await told.state(SECOND, on_floor) == TargetState(Standing.FREE, agent=AgentState.READY)
    await line.acd.set_ready("2001")
    await line.acd.set_not_ready("1002", "小休")
    on_floor = await floor(line.acd, RULES)
    assert await told.state(EXPERTS, on_floor) == TargetState(Standing.FREE, ready=1, waiting=0)
    assert await told.state(SECOND, on_floor) == TargetState(Standing.BUSY, agent=AgentState.NOT_READY)
    gone = Destination("agent:1003", TargetKind.AGENT, "1003", agent="1003")
    assert await told.state(gone, on_floor) == TargetState(Standing.CLOSED, agent=AgentState.SIGNED_OUT)
    closed = await floor(line.acd, RULES, {"expert-12333"})
    assert (await told.state(EXPERTS, closed)).standing is Standing.CLOSED


async def test_a_group_in_which_others_wait_is_busy(told: Told, line: CallLine) -> None:
    await line.start()
    await line.agent("2001", "expert-12333")
    known = await floor(line.acd, RULES)
    queued = Floor(known.agents, {"expert-12333": 1}, RULES)
    assert await told.state(EXPERTS, queued) == TargetState(Standing.BUSY, ready=1, waiting=1)
