"""What `make bench-simulate` rests on: doubles are found where there are some, and a lost protection is noticed."""

from __future__ import annotations

from pathlib import Path

import pytest
import uvloop

from tests.bench import doubles
from tests.bench.first_come import waits_ms
from tests.bench.redis_server import private_redis
from tests.bench.simulate_clients import Concurrent, concurrent


def _logs(folder: Path, *texts: str) -> list[Path]:
    logs = []
    for number, text in enumerate(texts):
        log = folder / f"{number}.log"
        log.write_text(text)
        logs.append(log)
    return logs


def test_spans_that_follow_each_other_are_no_doubles(tmp_path: Path) -> None:
    one = "O 100 1-1 a1 c1\nH 150 1-1\nH 200 1-1\nO 200 1-3 a1 c3\nH 300 1-3\n"
    other = "O 120 1-2 a2 c2\nH 400 1-2\nO 500 1-4 a2 c1\n"
    found = doubles.count(_logs(tmp_path, one, other))
    assert (found.matches, found.doubles) == (4, 0)
    assert found.held_s == pytest.approx(480e-9)


@pytest.mark.parametrize(
    ("second", "why"),
    [
        ("O 150 1-2 a1 c2\n", "an agent with two calls"),
        ("O 150 1-2 a2 c1\n", "a call with two agents"),
        ("O 150 1-1 a1 c1\n", "one offer to two processes"),
        ("O 50 1-2 a1 c2\nH 120 1-2\n", "whichever log tells it"),
        ("O 60 1-2 a1 c9\nH 70 1-2\nO 80 1-3 a1 c8\nH 500 1-3\n", "a long one that began before"),
    ],
)
def test_two_at_once_are_a_double(tmp_path: Path, second: str, why: str) -> None:
    assert doubles.count(_logs(tmp_path, "O 100 1-1 a1 c1\nH 200 1-1\n", second)).doubles == 1, why


def test_a_line_that_is_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="X 1"):
        doubles.count(_logs(tmp_path, "X 1 1-1\n"))


def test_the_recursion_by_hand() -> None:
    calls = [(0, 10), (1, 10), (2, 10), (3, 1), (30, 5), (30, 5), (30, 5)]
    assert waits_ms(calls, 2) == [0, 0, 8, 8, 0, 0, 5]
    assert waits_ms([(0, 5), (5, 5), (5, 5)], 1) == [0, 0, 5]


def _without(guard: str) -> Concurrent:
    async def measured() -> Concurrent:
        async with private_redis() as server:
            return await concurrent(server.port, 3_000, clients=3, without=guard, silence_s=2.0)

    return uvloop.run(measured())


@pytest.mark.real
def test_without_the_reservation_check_there_are_doubles() -> None:
    seen = _without("reservation")
    assert seen.found.doubles > 0
    assert any(what.startswith("ended reservation") for what in seen.told["accepted_what"])


@pytest.mark.real
@pytest.mark.parametrize(("guard", "writer"), [("epoch", "old epoch"), ("owner", "dead owner")])
def test_a_stale_write_that_is_let_through_is_counted(guard: str, writer: str) -> None:
    seen = _without(guard)
    assert any(what.startswith(writer) for what in seen.told["accepted_what"])
