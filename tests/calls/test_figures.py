"""What the half-hour intervals say is what happened: hundreds of made-up calls, written through the real ingest, and
every figure beside a count made in another way. Real Redis and PostgreSQL."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select, text

from calls.figure_tables import CallIntervalRow, CountDueRow
from calls.figures import AgentCounts, CallCounts, Scope, agent_figures, call_figures
from calls.history import Period, PeriodTooLong, Step, agent_history, call_history, total_agents, total_calls
from calls.interval_counts import take_turn
from calls.intervals import Intervals, count_calls
from hotline.errors import InvalidInput
from tests.calls import figure_truth
from tests.calls.figure_line import HORIZON, ZONE, FigureLine, period
from tests.calls.figure_stories import MORNING, Day, moment


def states_of(day: Day) -> list[tuple[str, str, str, int]]:
    told = [(shift.agent, *state) for shift in day.shifts.values() for state in shift.states]
    return sorted(told, key=lambda one: one[3])


def counts_of(truth: figure_truth.Counted, kind: type[CallCounts | AgentCounts]) -> dict[tuple[str, datetime], object]:
    return {where: kind(**counted) for where, counted in truth.items()}


async def live_through(figures: FigureLine, day: Day, seed: int) -> None:
    """Facts and states come in pieces: some calls' late, out of order, twice, and agents' before or after them."""
    draw = random.Random(seed)
    entries = [entry for story in day.stories for entry in story.facts]
    late = [entry for entry in entries if draw.random() < 0.15]
    in_time = [entry for entry in entries if entry not in late]
    states = states_of(day)
    draw.shuffle(late)
    await figures.logged(await figures.tell_states(states[: len(states) // 3]))
    for at in range(0, len(in_time), 400):
        await figures.journal(in_time[at : at + 400])
        await figures.count()
    await figures.journal(late[: len(late) // 2])
    await figures.logged(await figures.tell_states(states[len(states) // 3 :]))
    await figures.count()
    await figures.journal(late[len(late) // 2 :] + draw.sample(entries, 200))
    await figures.count()


@pytest.mark.parametrize("seed", [1, 2])
async def test_history_is_an_independent_count(figures: FigureLine, seed: int) -> None:
    day = Day(seed, calls=400)
    await live_through(figures, day, seed)
    _is_varied(day)
    assert await figures.by_call(Scope.HOTLINE) == counts_of(figure_truth.hotlines(day), CallCounts)
    assert await figures.by_call(Scope.QUEUE) == counts_of(figure_truth.queues(day), CallCounts)
    async with figures.database.transaction() as session:
        reports = await agent_history(session, period(), now=moment(HORIZON))
        assert await session.scalar(select(func.count()).select_from(CountDueRow)) == 0
    counted = {(r.subject, r.starts_at): r.counts for r in reports if r.counts != AgentCounts()}
    assert counted == counts_of(figure_truth.agents(day), AgentCounts)
    truth: figure_truth.Counted = {}
    for shift in day.shifts.values():
        truth |= figure_truth.times(shift, HORIZON)
    for report in reports:
        spent = truth.pop((report.subject, report.starts_at))
        assert report.times == _by_state(spent)
        assert report.not_ready == {
            name.partition("|")[2]: ms for name, ms in spent.items() if name.startswith("NOT_READY|")
        }
        busy = sum(report.times.get(state, 0) for state in ("RESERVED", "RINGING", "TALKING", "HOLD", "WRAP_UP"))
        there = busy + report.times.get("READY", 0)
        assert report.figures.occupancy == (busy / there if there else None)
    assert not any(truth.values()), "an agent's time is missing"


def _is_varied(day: Day) -> None:
    """The made-up day holds every kind of call, or the comparison says little."""
    stories = day.stories
    assert sum(len(story.queues) > 1 for story in stories) > 20, "moved"
    assert sum(story.asked is None for story in stories) > 5, "early"
    assert sum(story.elsewhere for story in stories) > 5, "answered at a branch"
    assert sum(story.routed and bool(story.queues) for story in stories) > 3, "came back from a branch"
    gave_up = [story.over - story.asked for story in stories if story.asked is not None and story.end == "gave_up"]
    assert sum(waited < 5_000 for waited in gave_up) > 5, "short abandons"
    assert sum(waited >= 5_000 for waited in gave_up) > 20, "abandons"
    half_hour = figure_truth.HALF_HOUR
    crossing = [s for s in stories if s.answered and s.asked and s.asked // half_hour != s.answered // half_hour]
    assert len(crossing) > 2, "answered in another half hour than asked"


def _by_state(spent: Counter[str]) -> dict[str, int]:
    states: dict[str, int] = defaultdict(int)
    for name, ms in spent.items():
        states[name.partition("|")[0]] += ms
    return dict(states)


async def test_counting_again_changes_nothing(figures: FigureLine) -> None:
    day = Day(3, calls=150)
    await live_through(figures, day, 3)
    before, open_states = await figures.dump(), await figures.open_states()
    assert len(before) > 500
    async with figures.database.transaction() as session:
        await take_turn(session)
        await count_calls(session, [story.call for story in day.stories])
    assert await figures.dump() == before
    await figures.journal([entry for story in day.stories for entry in story.facts])
    assert await figures.intervals.step() == 0, "facts told twice make nothing due"
    told = [event async for event in figures.every_event()]
    assert len(told) == sum(len(shift.states) for shift in day.shifts.values())
    for again in (told, told[: len(told) // 2]):
        await figures.agent_log().keep(again)
    assert await figures.dump() == before
    assert await figures.open_states() == open_states, "a reader that lags behind another turns nothing back"


async def test_two_who_count_at_once_count_once(figures: FigureLine) -> None:
    day = Day(4, calls=80)
    await figures.journal([entry for story in day.stories for entry in story.facts])
    await asyncio.gather(*(Intervals(figures.database).step() for _ in range(4)))
    await figures.count()
    assert await figures.by_call(Scope.QUEUE) == {
        where: CallCounts(**{**asdict(counts), "wrap_up_ms": 0})  # type: ignore[call-overload]
        for where, counts in counts_of(figure_truth.queues(day), CallCounts).items()
    }


async def test_longer_steps_are_sums_of_half_hours(figures: FigureLine) -> None:
    day = Day(5, calls=120)
    await live_through(figures, day, 5)
    halves = await figures.by_call(Scope.QUEUE)
    for step, length in ((Step.HOUR, timedelta(hours=1)), (Step.DAY, None), (Step.WHOLE, None)):
        summed: dict[tuple[str, datetime], CallCounts] = {}
        for (queue, at), counts in halves.items():
            if step is Step.HOUR and length is not None:
                row = MORNING + (at - MORNING) // length * length
            elif step is Step.DAY:
                row = at.astimezone(ZONE).replace(hour=0, minute=0)
            else:
                row = MORNING
            summed[queue, row] = summed.get((queue, row), CallCounts()) + counts
        assert await figures.by_call(Scope.QUEUE, step) == summed, step
    async with figures.database.transaction() as session:
        reports = await call_history(session, Scope.QUEUE, period(Step.WHOLE))
        some = await call_history(session, Scope.QUEUE, period(), ["general"])
        hours = await agent_history(session, period(Step.HOUR), now=moment(HORIZON))
        parts = await agent_history(session, period(), now=moment(HORIZON))
    assert total_calls(reports) == sum(halves.values(), CallCounts())
    assert {report.subject for report in some} == {"general"}
    assert total_agents(hours) == total_agents(parts)


async def test_a_threshold_changed_later_does_not_rewrite_the_past(figures: FigureLine) -> None:
    day = Day(6, calls=60)
    await figures.journal([entry for story in day.stories for entry in story.facts])
    await figures.count()
    before = await figures.by_call(Scope.QUEUE)
    async with figures.database.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO queues (queue, name, tie_break, wrap_up_ms, wrap_up_max_ms, affinity_ms, when_full,"
                " when_late, service_level_ms, version) SELECT q, q, 'longest_idle', 0, 0, 0, 'wait_on', 'wait_on',"
                " 60000, 1 FROM unnest(ARRAY['general', 'enterprise']) AS q"
            )
        )
        await take_turn(session)
        await count_calls(session, [story.call for story in day.stories])
    assert await figures.by_call(Scope.QUEUE) == before
    async with figures.database.transaction() as session:
        await session.execute(text("DELETE FROM call_interval"))
        await count_calls(session, [story.call for story in day.stories])
        levels = dict((await session.execute(select(CallIntervalRow.subject, CallIntervalRow.service_level_ms))).all())
    assert levels["general"] == 60_000
    assert levels["expert-12333"] == 20_000
    after = await figures.by_call(Scope.QUEUE)
    assert total(after, "answered_in_level") > total(before, "answered_in_level")


def total(rows: Mapping[tuple[str, datetime], CallCounts], name: str) -> int:
    return sum(getattr(counts, name) for counts in rows.values())


def test_nothing_there_is_no_rate_at_all() -> None:
    assert set(asdict(call_figures(CallCounts())).values()) == {None}
    assert set(asdict(agent_figures(AgentCounts(), {})).values()) == {None}
    only_short = call_figures(CallCounts(offered=2, short_abandoned=2))
    assert (only_short.connection_rate, only_short.service_level, only_short.short_abandonment) == (0, None, 1)
    assert agent_figures(AgentCounts(offers=1, withdrawn=1), {"NOT_READY": 5}).answer_rate is None
    assert agent_figures(AgentCounts(), {"READY": 5}).occupancy == 0


def test_figures_by_hand() -> None:
    figures = call_figures(
        CallCounts(
            offered=10,
            answered=6,
            answered_promptly=3,
            answered_in_level=4,
            abandoned=2,
            short_abandoned=1,
            otherwise=1,
            wait_ms=60_000,
            handled=5,
            talk_ms=400_000,
            wrap_up_ms=100_000,
        )
    )
    assert asdict(figures) == {
        "connection_rate": 0.6,
        "promptness": 0.5,
        "service_level": 0.5,
        "abandonment": 0.2,
        "short_abandonment": 0.1,
        "average_answer_ms": 10_000,
        "average_handling_ms": 100_000,
    }


def test_a_period_says_what_is_wrong_with_it() -> None:
    with pytest.raises(InvalidInput):
        Period(MORNING, MORNING, Step.DAY, ZONE)
    with pytest.raises(InvalidInput):
        Period(MORNING.replace(tzinfo=None), MORNING, Step.DAY, ZONE)
    with pytest.raises(PeriodTooLong):
        Period(MORNING, MORNING + timedelta(days=32), Step.HALF_HOUR, ZONE)
