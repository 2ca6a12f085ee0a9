"""Erlang C and A against published values, against a sum over states, and by what must hold for any load."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acd.erlang import CannotBeReached, Load, Service, agents_needed, erlang_b, erlang_c, service
from hotline.errors import InvalidInput

CLOSE = 1e-7


@pytest.mark.parametrize(
    ("agents", "erlangs", "blocked"), [(1, 1, 0.5), (2, 1, 0.2), (10, 5, 0.018385), (5, 10, 0.5640)]
)
def test_erlang_b_as_in_the_tables(agents: int, erlangs: float, blocked: float) -> None:
    assert erlang_b(agents, erlangs) == pytest.approx(blocked, abs=5e-5)


@pytest.mark.parametrize(
    ("agents", "erlangs", "waits"),
    [(1, 0.7, 0.7), (2, 1, 1 / 3), (10, 8, 0.4092), (11, 10, 0.6821), (12, 10, 0.4494), (14, 10, 0.1741)],
)
def test_erlang_c_as_in_the_tables(agents: int, erlangs: float, waits: float) -> None:
    assert erlang_c(agents, erlangs) == pytest.approx(waits, abs=5e-5)


def test_a_worked_example_of_erlang_c() -> None:
    """200 calls an hour of 180 s: with 14 agents 88.8 % within 20 s, 7.8 s on average, occupancy 71.4 %."""
    load = Load(200 / 3600, 180)
    found = agents_needed(load, 20, 0.8)
    assert found.agents == 14
    assert found.service_level == pytest.approx(0.888, abs=5e-4)
    assert found.asa_s == pytest.approx(7.8, abs=0.05)
    assert found.occupancy == pytest.approx(0.714, abs=5e-4)
    assert service(13, load, 20).service_level < 0.8


def test_erlang_a_beside_erlang_c_as_garnett_mandelbaum_and_reiman_give_them() -> None:
    """50 agents, 48 calls a minute of one minute, patience two minutes (Designing a call center, 2002, table 1)."""
    patient, impatient = (service(50, Load(48 / 60, 60, patience), 20) for patience in (None, 120.0))
    assert patient.asa_s == pytest.approx(20.8, abs=0.05)
    assert patient.occupancy == pytest.approx(0.96)
    assert impatient.abandoned == pytest.approx(0.031, abs=5e-4)
    assert impatient.mean_wait_s == pytest.approx(3.7, abs=0.05)
    assert impatient.occupancy == pytest.approx(0.93, abs=5e-3)


def _by_states(agents: int, load: Load, patience_s: float, within_s: float) -> Service:
    """Erlang A without its formulas: the birth and death chain, and for each number ahead the race that follows."""
    out, leave = 1 / load.handling_s, 1 / patience_s
    weights = [1.0]
    while weights[-1] > 1e-18 * max(weights) or len(weights) < 2 * agents + 10:
        n = len(weights)
        weights.append(weights[-1] * load.calls_per_s / (min(n, agents) * out + max(n - agents, 0) * leave))
    total = sum(weights)
    share = [weight / total for weight in weights]
    queue = sum((n - agents) * p for n, p in enumerate(share) if n > agents)
    busy = sum(min(n, agents) * p for n, p in enumerate(share))
    # A caller with k ahead: the race's density by small steps of a uniformised chain, places 0..k, -1 is answered.
    rate = agents * out + len(share) * leave
    level = sum(share[:agents])
    waiting = share[agents:]
    in_time = 0.0
    poisson = math.exp(-rate * within_s)
    m = 0
    left = list(waiting)
    answered = 0.0
    while m < rate * within_s + 12 * math.sqrt(rate * within_s) + 30:
        in_time += poisson * answered
        after = [0.0] * len(left)
        for k, p in enumerate(left):
            stay = p * (rate - agents * out - (k + 1) * leave) / rate
            after[k] += stay
            forward = p * (agents * out + k * leave) / rate  # somebody ahead is answered or gives up
            if k == 0:
                answered += p * agents * out / rate
            else:
                after[k - 1] += forward
        left = after
        m += 1
        poisson *= rate * within_s / m
    abandoned = queue * leave / load.calls_per_s
    return Service(
        agents,
        1 - level,
        level + in_time,
        math.nan,
        queue / load.calls_per_s,
        abandoned,
        busy / agents,
    )


@pytest.mark.parametrize(
    ("agents", "erlangs", "patience"), [(1, 0.8, 60.0), (5, 4, 30.0), (10, 14, 200.0), (20, 18, 600.0), (8, 3, 120.0)]
)
def test_erlang_a_is_the_chain_of_its_states(agents: int, erlangs: float, patience: float) -> None:
    load = Load(erlangs / 180, 180, patience)
    got, wanted = service(agents, load, 20), _by_states(agents, load, patience, 20)
    for name in ("wait_share", "service_level", "mean_wait_s", "abandoned", "occupancy"):
        assert getattr(got, name) == pytest.approx(getattr(wanted, name), rel=1e-6, abs=1e-9), name


LOADS = st.builds(
    Load,
    calls_per_s=st.floats(1e-4, 30),
    handling_s=st.floats(5, 1_200),
    patience_s=st.one_of(st.none(), st.floats(1, 3_600)),
)
"""Up to 36,000 Erlang."""


@settings(deadline=None, max_examples=200)
@given(LOADS, st.floats(0, 300), st.floats(0.2, 3))
def test_what_holds_for_every_load(load: Load, within_s: float, share: float) -> None:
    agents = math.ceil(load.erlangs * share)
    got, more = service(agents, load, within_s), service(agents + 1, load, within_s)
    for name in ("wait_share", "service_level", "abandoned", "occupancy"):
        assert -CLOSE <= getattr(got, name) <= 1 + CLOSE, name
    assert more.service_level >= got.service_level - CLOSE
    assert more.abandoned <= got.abandoned + CLOSE
    assert more.wait_share <= got.wait_share + CLOSE
    assert more.mean_wait_s <= got.mean_wait_s * (1 + CLOSE) + CLOSE
    assert got.occupancy * agents == pytest.approx(load.erlangs * (1 - got.abandoned), rel=1e-6) or math.isinf(
        got.asa_s
    )
    assert got.service_level >= 1 - got.wait_share - CLOSE


@settings(deadline=None, max_examples=100)
@given(LOADS, st.floats(0, 120), st.floats(0.01, 0.99))
def test_the_agents_needed_are_the_fewest(load: Load, within_s: float, level: float) -> None:
    found = agents_needed(load, within_s, level)
    assert found.service_level >= level
    fewer = service(found.agents - 1, load, within_s)
    assert fewer.service_level < level or not math.isfinite(fewer.asa_s)


@settings(deadline=None, max_examples=100)
@given(st.floats(0.001, 2), st.floats(30, 600), st.floats(1.02, 2))
def test_endless_patience_is_erlang_c_and_none_is_erlang_b(calls_per_s: float, handling_s: float, spare: float) -> None:
    erlangs = calls_per_s * handling_s
    agents = math.ceil(erlangs * spare) + 1
    patient, nearly = (service(agents, Load(calls_per_s, handling_s, patience), 20) for patience in (None, 1e9))
    assert nearly.wait_share == pytest.approx(patient.wait_share, rel=1e-3, abs=1e-9)
    assert nearly.service_level == pytest.approx(patient.service_level, abs=1e-3)
    assert nearly.mean_wait_s == pytest.approx(patient.mean_wait_s, rel=1e-2, abs=1e-6)
    gone = service(agents, Load(calls_per_s, handling_s, 1e-6), 20)
    assert gone.abandoned == pytest.approx(erlang_b(agents, erlangs), rel=1e-3, abs=1e-9)


def test_large_traffic_is_no_harder() -> None:
    found = agents_needed(Load(10_000 / 240, 240), 20, 0.8)
    assert 10_000 < found.agents < 10_050
    assert service(40_000, Load(10_000 / 240, 240, 60), 20).service_level == pytest.approx(1)
    crowded = service(1_000, Load(10_000 / 240, 240, 60), 20)
    assert crowded.abandoned == pytest.approx(0.9)
    assert crowded.service_level == pytest.approx(0, abs=1e-9)


def test_limits_of_staffing() -> None:
    load = Load(200 / 3600, 180)
    assert agents_needed(load, 20, 0.8, max_occupancy=0.6).agents == 17
    assert agents_needed(Load(200 / 3600, 180, 120), 20, 0.8).agents < 14
    assert agents_needed(Load(200 / 3600, 180, 120), 20, 0.0, max_abandoned=0.02).abandoned <= 0.02
    assert agents_needed(Load(0, 180), 20, 0.8).agents == 0
    assert service(0, load, 20).service_level == 0
    assert math.isinf(service(10, load, 20).asa_s)
    with pytest.raises(CannotBeReached):
        agents_needed(load, 20, 0.8, max_occupancy=0.0)
    for values in ((-1, 180, None), (1, 0, None), (1, 180, 0), (math.nan, 180, None), (1, math.inf, None)):
        with pytest.raises(InvalidInput):
            Load(*values)
    with pytest.raises(InvalidInput):
        agents_needed(load, 20, 1.2)
    with pytest.raises(InvalidInput):
        service(-1, load, 20)
