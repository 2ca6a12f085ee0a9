"""Every benchmark in its smallest form: it runs, ends by itself, and gives the figures it promises."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.bench import agi, cost, dispatch, ivr, match, pages, simulate, tickets
from tests.bench.__main__ import BENCHES


def test_agi() -> None:
    figures = agi.run(calls=10, rounds=1)
    assert set(figures) == {"us_per_command", "bare_us_per_command", "ratio"}
    assert all(value > 0 for value in figures.values())


@pytest.mark.real
def test_ivr(capsys: pytest.CaptureFixture[str]) -> None:
    figures = ivr.run(flows=3, rounds=1, seconds=0.1, calls=1, keys=6)
    assert set(figures) == {"steps_per_s", "added_p95_ms"}
    assert figures["steps_per_s"] > 0
    told = capsys.readouterr().out
    assert told.count("of 6 keys") == 2, "both sides took every key"


@pytest.mark.real
def test_match() -> None:
    figures = match.run(sizes=(100,), rounds=1, seconds=0.2)
    assert set(figures) == {"matches_per_s_100"}
    assert figures["matches_per_s_100"] > 0


@pytest.mark.real
def test_pages() -> None:
    figures = pages.run(loads=1, screens=4, calls=12)
    assert set(figures) == {"gzip_kb", "interactive_ms", "pop_p50_ms", "pop_p99_ms"}
    assert all(value > 0 for value in figures.values())
    assert figures["gzip_kb"] <= 350, "the desk is heavier than its bar"


@pytest.mark.real
def test_simulate() -> None:
    figures = simulate.run(matches=3_000, clients=3, calls=500, sites=2, draws=50_000)
    assert set(figures) == {"matches", "double_assignments", "fcfs_error", "erlang_c_error"}
    assert figures["matches"] >= 3_000
    assert figures["double_assignments"] == 0
    assert figures["fcfs_error"] <= 0.001
    assert 0 < figures["erlang_c_error"] < 1


@pytest.mark.real
def test_dispatch(capsys: pytest.CaptureFixture[str]) -> None:
    figures = dispatch.run(loads=(1,), transitions=3, variants=({"strategy": "leastrecent"},))
    assert set(figures) == {"ours_p50_ms", "ours_p95_ms", "native_p50_ms", "native_p95_ms", "ratio_p95"}
    assert all(value > 0 for value in figures.values())
    told = capsys.readouterr().out
    assert "strategy=leastrecent" in told
    pops = re.search(r"(\d+) of (\d+) pops written before Dial", told)
    assert pops is not None
    assert pops[1] == pops[2]


@pytest.mark.real
def test_cost() -> None:
    figures = cost.run(seats=3, waiting=1, talk_seconds=1.0, window_seconds=4.0, first_rate=1.0, steps=1)
    assert {"cpu_ratio", "calls_per_s_ratio"} <= set(figures)
    assert all(value > 0 for value in figures.values())


@pytest.mark.real
def test_tickets(capsys: pytest.CaptureFixture[str]) -> None:
    figures = tickets.run(count=3_000, asks=2, seconds=0.5)
    assert figures.pop("tickets") == 3_000
    assert set(figures) == {
        *("list_p95_ms", "filter_p95_ms", "search_p95_ms", "detail_p95_ms", "create_p95_ms", "sweep_p95_ms"),
        "creates_per_s",
    }
    assert all(value > 0 for value in figures.values())
    assert "loaded    3,000 tickets" in capsys.readouterr().out


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    ran = subprocess.run([sys.executable, "-m", "tests.bench", "nothing"], capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert ran.stdout == ""
    assert all(name in ran.stderr for name in ("'nothing'", *BENCHES))
