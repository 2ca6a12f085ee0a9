"""Simulated days: the real matcher in a real Redis, beside an exact recursion and the formulas."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import redis.asyncio as aioredis
import typer
from typer.testing import CliRunner, Result

from acd.erlang import Load, service
from acd.queue_store import default_rules
from acd.queues import QueueRule
from hotline.errors import InvalidInput
from hotline.redis import Redis
from server.commands.simulate import simulate
from server.simulation.day import Day, Simulation
from server.simulation.demand import Call, Seat, Spread, Stretch, draw_calls, team
from server.simulation.line import HOUR_MS, VirtualLine
from server.simulation.outcome import measure
from tests.bench.first_come import waits_ms

pytestmark = pytest.mark.real

GENERAL = {"general": 5}


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Redis]:
    client = aioredis.from_url(redis_url, decode_responses=True)
    yield client
    await client.aclose()


def _rules(wrap_up_ms: int = 0) -> list[QueueRule]:
    return list(default_rules([("12333", 15_000)], wrap_up_ms=wrap_up_ms))


async def _day(client: Redis, calls: Sequence[Call], seats: Sequence[Seat], wrap_up_ms: int = 0) -> Day:
    rules = _rules(wrap_up_ms)
    return await Simulation(await VirtualLine.open(client, rules), rules, calls, seats).run()


async def test_waits_are_those_of_exact_first_come_first_served(client: Redis) -> None:
    calls = draw_calls([Stretch(0, 10 * HOUR_MS, 8 / 240, 240)], seed=7, mix={"general": 1})
    day = await _day(client, calls, team([(10, GENERAL)]))
    waited = [fate.waited_ms for fate in day.fates]
    assert waited == waits_ms([(call.at_ms, call.talk_ms) for call in calls], 10)
    assert sum(map(bool, waited)) > 50
    assert all(fate.answered for fate in day.fates)


async def test_wrap_up_is_agents_time_and_not_the_callers(client: Redis) -> None:
    calls = draw_calls([Stretch(0, 10 * HOUR_MS, 8 / 240, 210)], seed=7, mix={"general": 1})
    day = await _day(client, calls, team([(10, GENERAL)]), wrap_up_ms=30_000)
    held = [(call.at_ms, call.talk_ms + 30_000) for call in calls]
    assert [fate.waited_ms for fate in day.fates] == waits_ms(held, 10)
    whole = measure(day, 20)
    busy_s = sum(ms for _, ms in held) / 1000
    assert whole.occupancy == pytest.approx(busy_s / (10 * day.until_ms / 1000), rel=1e-2)


async def test_callers_who_give_up_do_so_when_their_patience_ends(client: Redis) -> None:
    load = Load(11 / 240, 240, 120)
    calls = draw_calls([Stretch(0, 30 * HOUR_MS, load.calls_per_s, 240)], seed=3, mix={"general": 1}, patience_s=120)
    day = await _day(client, calls, team([(10, GENERAL)]))
    for fate in day.fates:
        assert fate.waited_ms is not None
        assert fate.call.patience_ms is not None
        assert fate.waited_ms <= fate.call.patience_ms
        assert fate.answered or fate.waited_ms == fate.call.patience_ms
    got, said = measure(day, 20), service(10, load, 20)
    assert got.abandoned == pytest.approx(said.abandoned, abs=0.04)
    assert got.service_level == pytest.approx(said.service_level, abs=0.08)
    assert got.occupancy == pytest.approx(said.occupancy, abs=0.04)


async def test_skills_and_steps_count_and_agents_come_and_go(client: Redis) -> None:
    calls = [
        Call(1, 1_000, "expert-12333", 60_000),
        Call(2, 2_000, "general", 60_000),
        Call(3, HOUR_MS, "general", 1_000),
    ]
    seats = [Seat("a1", GENERAL, 0, 3_000), Seat("e1", {"expert-12333": 3}, 20 * 60_000, 21 * 60_000)]
    day = await _day(client, calls, seats)
    assert [(fate.answered, fate.agent, fate.waited_ms) for fate in day.fates] == [
        (True, "e1", 20 * 60_000 - 1_000),  # the general agent took the other call, and was gone when the step opened
        (True, "a1", 0),
        (False, "", None),
    ]
    assert measure(day, 20).longest_wait_s == pytest.approx(1_199)


async def test_a_step_that_opens_brings_the_general_agent(client: Redis) -> None:
    day = await _day(client, [Call(1, 1_000, "expert-12333", 60_000)], team([(1, GENERAL)]))
    assert (day.fates[0].agent, day.fates[0].waited_ms) == ("a1", 15_000)


async def test_a_shift_after_a_shift_of_the_same_agent(client: Redis) -> None:
    seats = [Seat("a1", GENERAL, 0, 60_000), Seat("a1", GENERAL, 60_000, 120_000)]
    calls = [Call(1, 50_000, "general", 20_000), Call(2, 100_000, "general", 1_000)]
    day = await _day(client, calls, seats)
    assert [fate.waited_ms for fate in day.fates] == [0, 0]


def test_draws_are_what_was_asked_for() -> None:
    stretches = [Stretch(0, 10 * HOUR_MS, 0.1, 200), Stretch(10 * HOUR_MS, 20 * HOUR_MS, 0.2, 100)]
    mix = {"general": 3, "expert-12333": 1}
    calls = draw_calls(stretches, seed=1, mix=mix, spread=Spread.LOGNORMAL, variation=0.5, patience_s=90)
    assert calls == draw_calls(stretches, seed=1, mix=mix, spread=Spread.LOGNORMAL, variation=0.5, patience_s=90)
    assert calls != draw_calls(stretches, seed=2, mix=mix, spread=Spread.LOGNORMAL, variation=0.5, patience_s=90)
    early = [call for call in calls if call.at_ms < 10 * HOUR_MS]
    assert len(early) == pytest.approx(3_600, rel=0.1)
    assert len(calls) - len(early) == pytest.approx(7_200, rel=0.1)
    talks = [call.talk_ms / 1000 for call in early]
    mean = sum(talks) / len(talks)
    assert mean == pytest.approx(200, rel=0.05)
    variance = sum((talk - mean) ** 2 for talk in talks) / len(talks)
    assert variance**0.5 / mean == pytest.approx(0.5, rel=0.1)
    assert Counter(call.queue for call in calls)["general"] / len(calls) == pytest.approx(0.75, abs=0.03)
    assert sum(call.patience_ms or 0 for call in calls) / len(calls) == pytest.approx(90_000, rel=0.05)
    assert [call.at_ms for call in calls] == sorted(call.at_ms for call in calls)
    with pytest.raises(InvalidInput):
        draw_calls(stretches, seed=1, mix={"general": 0})


def _command(*words: str) -> Result:
    app = typer.Typer()
    app.command()(simulate)
    return CliRunner().invoke(app, words)


def test_the_command_prints_what_happened_beside_the_formulas(tmp_path: Path) -> None:
    forecast = tmp_path / "forecast.csv"
    forecast.write_text("start,calls,handling_s\n2026-11-23T09:00,40,240\n2026-11-23T09:30,60,240\n")
    shown = _command(str(forecast), "--agents", "8", "--seed", "5")
    assert shown.exit_code == 0, shown.output
    assert all(text in shown.output for text in ("11-23 09:00", "Erlang C", "Erlang A", "seed 5"))
    told = _command(str(forecast), "--agents", "8", "--seed", "5", "--json")
    result = json.loads(told.stdout.splitlines()[-1])
    assert result["whole"]["offered"] == sum(one["outcome"]["offered"] for one in result["stretches"])
    assert result["whole"]["answered"] + result["whole"]["gave_up"] == result["whole"]["offered"]
    assert result["stretches"][1]["patient"]["agents"] == 8


@pytest.mark.parametrize(
    "words",
    [("--agents", "many"), ("--mix", "general"), ("--mix", "nowhere=1"), ("--roster",), ("--wrap-up", "240")],
)
def test_the_command_refuses_what_cannot_be_meant(words: tuple[str, ...]) -> None:
    assert isinstance(_command(*words).exception, InvalidInput)
