"""What agents did when, kept from distribution's stream: exact, gap-safe, and honest where it cannot know. The changes
are told by the real scripts."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise

from sqlalchemy import select

from acd.states import AgentState
from calls.facts import Entry, Kind, seq_at
from calls.figure_tables import AgentStateRow
from calls.figures import UNKNOWN, Scope
from calls.history import Period, Step, agent_history
from hotline.clock import to_ms
from tests.acd.line import START, Line
from tests.calls.figure_line import EVENTS, ZONE, FigureLine

Spans = list[tuple[str, str, int, int | None]]
"""State, reason, from and until in milliseconds since 1970."""


async def spans(figures: FigureLine, agent: str) -> Spans:
    """An agent's log; that its states join without a gap is shown on the way."""
    async with figures.database.transaction() as session:
        query = select(AgentStateRow).where(AgentStateRow.agent == agent)
        rows = (await session.scalars(query.order_by(AgentStateRow.since, AgentStateRow.id))).all()
    for former, following in pairwise(rows):
        assert former.until == following.since
    return [(r.state, r.reason, to_ms(r.since), None if r.until is None else to_ms(r.until)) for r in rows]


async def newest(figures: FigureLine) -> str:
    ((cursor, _),) = await figures.redis.xrevrange(EVENTS, count=1)  # type: ignore[misc]
    return str(cursor)


async def written(figures: FigureLine) -> None:
    await figures.logged(await newest(figures))


async def served_line(figures: FigureLine) -> Line:
    """Distribution on the same Redis; `pass_ms` moves its clock, and the figures' with it."""
    line = Line(figures.redis)
    figures.clock = line.clock
    return line


def _fact(call: str, kind: Kind, at_ms: int, *, agent: str | None = None, about: str = "", **told: object) -> Entry:
    name = f"{kind}:{about}" if about else kind.value
    return Entry(call, seq_at(at_ms), name, kind.value, at_ms, "ast1/voice-1", agent, told)


async def a_call(line: Line, agent: str, talk_ms: int, wrap_up_ms: int) -> list[Entry]:
    """One call through distribution, answered after 2 s of ringing; the facts its process would write."""
    acd = await line.process()
    call = await line.call(acd)
    (offer,) = await line.offers()
    assert offer.agent == agent
    about = offer.reservation
    told = [
        _fact(call, Kind.ENTERED, line.now - 4_000, line="12345"),
        _fact(call, Kind.QUEUED, line.now, about="1", queue="general"),
        _fact(call, Kind.RESERVED, line.now + 1, agent=agent, about=about),
    ]
    await acd.ringing(offer, 20_000)
    told.append(_fact(call, Kind.RINGING, line.now + 2, agent=agent, about=about))
    line.pass_ms(2_000)
    await acd.heartbeat()
    offer = await acd.answered(offer)
    told.append(_fact(call, Kind.ANSWERED, line.now, agent=agent, about=about))
    await acd.in_talk(offer, AgentState.HOLD)
    line.pass_ms(talk_ms)
    await acd.heartbeat()
    told.append(_fact(call, Kind.ENDED, line.now, agent=agent, outcome="answered"))
    await acd.finished(offer, wrap_up_ms)
    line.pass_ms(wrap_up_ms)
    await acd.heartbeat()
    await acd.set_ready(agent)
    return told


async def test_a_call_as_its_agent_lived_it(figures: FigureLine) -> None:
    line = await served_line(figures)
    acd = await line.process()
    begun = line.now
    await line.agent(acd, "1001")
    line.pass_ms(10_000)
    await acd.heartbeat()
    facts = await a_call(line, "1001", talk_ms=20_000, wrap_up_ms=12_000)
    line.pass_ms(5_000)
    await acd.heartbeat()
    await acd.set_not_ready("1001", "小休")
    await written(figures)
    # Between two changes of one moment there is no time to keep.
    assert await spans(figures, "1001") == [
        ("READY", "", begun, begun + 10_000),
        ("RINGING", "", begun + 10_000, begun + 12_000),
        ("HOLD", "", begun + 12_000, begun + 32_000),
        ("WRAP_UP", "", begun + 32_000, begun + 44_000),
        ("READY", "", begun + 44_000, begun + 49_000),
        ("NOT_READY", "小休", begun + 49_000, None),
    ]
    await figures.journal(facts)
    await figures.count()
    line.pass_ms(7_000)
    period = Period(START, START + timedelta(minutes=30), Step.WHOLE, ZONE)
    async with figures.database.transaction() as session:
        (report,) = await agent_history(session, period, now=line.clock.now())
    assert report.times == {"READY": 15_000, "RINGING": 2_000, "HOLD": 20_000, "WRAP_UP": 12_000, "NOT_READY": 7_000}
    assert report.not_ready == {"小休": 7_000}, "up to now"
    assert report.figures.occupancy == 34 / 49
    assert (report.counts.talk_ms, report.counts.wrap_up_ms) == (20_000, 12_000)
    ((_, counts),) = (await figures.by_call(Scope.QUEUE, Step.WHOLE, period)).items()
    assert (counts.answered, counts.talk_ms, counts.wrap_up_ms) == (1, 20_000, 12_000)


async def test_a_wrap_up_is_its_calls_whether_facts_or_states_come_first(figures: FigureLine) -> None:
    line = await served_line(figures)
    acd = await line.process()
    await line.agent(acd, "1001")
    first = await a_call(line, "1001", talk_ms=20_000, wrap_up_ms=5_000)
    second = await a_call(line, "1001", talk_ms=20_000, wrap_up_ms=8_000)
    await figures.journal(first)
    await figures.count()
    await written(figures)
    # Nobody has told of the second call yet: both wrap-ups follow the only answer that is known.
    assert await _wrap_ups(figures) == {first[0].call_id: 13_000}
    await figures.journal(second)
    await figures.count()
    assert await _wrap_ups(figures) == {first[0].call_id: 5_000, second[0].call_id: 8_000}
    third = await a_call(line, "1001", talk_ms=20_000, wrap_up_ms=3_000)
    await figures.journal(third)
    await figures.count()
    assert (await _wrap_ups(figures))[third[0].call_id] == 0, "not over, as far as is known"
    await written(figures)
    assert (await _wrap_ups(figures))[third[0].call_id] == 3_000
    period = Period(START, START + timedelta(minutes=30), Step.WHOLE, ZONE)
    ((_, counts),) = (await figures.by_call(Scope.HOTLINE, Step.WHOLE, period)).items()
    assert counts.wrap_up_ms == 16_000


async def _wrap_ups(figures: FigureLine) -> dict[str, int]:
    rows = [row for row in await figures.dump() if row[0] == "agent_offer"]
    return {str(row[1]): int(str(row[-1])) for row in rows}


async def test_a_restart_loses_nothing_and_keeps_nothing_twice(figures: FigureLine) -> None:
    line = await served_line(figures)
    acd = await line.process()
    await line.agent(acd, "1001")
    await written(figures)
    for number in range(5):
        line.pass_ms(1_000)
        await acd.set_not_ready("1001", f"r{number}")
    # Nobody reads meanwhile; then two at once.
    await asyncio.gather(written(figures), written(figures))
    reasons = [reason for _, reason, _, _ in await spans(figures, "1001")]
    assert reasons == ["", "r0", "r1", "r2", "r3", "r4"]


async def test_changes_that_are_gone_for_good_leave_a_time_that_says_so(figures: FigureLine) -> None:
    line = await served_line(figures)
    acd = await line.process()
    begun = line.now
    for agent in ("1001", "1002", "1003"):
        await line.agent(acd, agent)
    line.pass_ms(5_000)
    await written(figures)
    lost = line.now
    line.pass_ms(60_000)
    await acd.set_not_ready("1001", "lost")
    line.pass_ms(60_000)
    await acd.set_ready("1001")
    await acd.sign_out("1003")
    await figures.redis.delete(EVENTS)
    line.pass_ms(1_000)
    await acd.set_not_ready("1002", "seen")
    await written(figures)
    assert await spans(figures, "1001") == [
        ("READY", "", begun, lost),
        (UNKNOWN, "", lost, lost + 120_000),
        ("READY", "", lost + 120_000, None),
    ]
    assert await spans(figures, "1002") == [
        ("READY", "", begun, lost),
        (UNKNOWN, "", lost, lost + 121_000),
        ("NOT_READY", "seen", lost + 121_000, None),
    ]
    assert [state for state, *_ in await spans(figures, "1003")] == ["READY", UNKNOWN, "SIGNED_OUT"]


async def test_whose_state_is_as_it_was_before_the_gap_is_not_made_unknown(figures: FigureLine) -> None:
    line = await served_line(figures)
    acd = await line.process()
    await line.agent(acd, "1001")
    await line.agent(acd, "1002")
    await written(figures)
    line.pass_ms(5_000)
    await figures.redis.delete(EVENTS)
    await acd.set_not_ready("1002", "小休")
    await written(figures)
    assert [state for state, *_ in await spans(figures, "1001")] == ["READY"]


async def test_an_agent_whom_distribution_no_longer_knows_is_signed_out(figures: FigureLine) -> None:
    line = await served_line(figures)
    acd = await line.process()
    await line.agent(acd, "1001")
    line.pass_ms(5_000)
    await written(figures)
    await figures.redis.flushall()
    fresh = await line.process("ast1/voice-2")
    await line.agent(fresh, "1002")
    await written(figures)
    assert [state for state, *_ in await spans(figures, "1001")] == ["READY", UNKNOWN, "SIGNED_OUT"]
    assert [state for state, *_ in await spans(figures, "1002")] == ["READY"]


async def test_the_first_start_begins_with_what_distribution_knows(figures: FigureLine) -> None:
    line = await served_line(figures)
    acd = await line.process()
    await line.agent(acd, "1001")
    line.pass_ms(3_000)
    await acd.set_not_ready("1001", "小休")
    # The stream keeps the newest changes only; an agent that has not changed since is in none of them.
    await line.agent(acd, "1002")
    await figures.redis.xtrim(EVENTS, maxlen=1, approximate=False)
    await written(figures)
    assert await spans(figures, "1001") == [("NOT_READY", "小休", line.now, None)]
    assert await spans(figures, "1002") == [("READY", "", line.now, None)]
