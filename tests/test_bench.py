"""Every benchmark in its smallest form: it runs, ends by itself, and gives the figures it promises."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.bench import agi, match
from tests.bench.__main__ import BENCHES


def test_agi() -> None:
    figures = agi.run(calls=10, rounds=1)
    assert set(figures) == {"us_per_command", "bare_us_per_command", "ratio"}
    assert all(value > 0 for value in figures.values())


@pytest.mark.real
def test_match() -> None:
    figures = match.run(sizes=(100,), rounds=1, seconds=0.2)
    assert set(figures) == {"matches_per_s_100"}
    assert figures["matches_per_s_100"] > 0


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    ran = subprocess.run([sys.executable, "-m", "tests.bench", "nothing"], capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert ran.stdout == ""
    assert all(name in ran.stderr for name in ("'nothing'", *BENCHES))
