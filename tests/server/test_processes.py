"""A line's servers start, survive, and end without a trace."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from hotline.errors import PartUnavailable, SettingsError
from server.processes import Stack
from server.provision import proc, supervisor
from tests.server.lines import Line, make_line

pytestmark = pytest.mark.real

_SERVERS = ("postgres", "redis")


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    """A line in a folder with a short path that only root may walk through, as a checkout in /root is."""
    with tempfile.TemporaryDirectory(prefix="hl-", dir="/tmp") as folder:
        made = make_line(Path(folder), monkeypatch)
        yield made
        Stack(made.settings, config=made.config).stop()


@pytest.fixture
def stack(line: Line) -> Stack:
    return Stack(line.settings, config=line.config)


def _set(line: Line, value: str) -> None:
    with redis.Redis.from_url(line.settings.redis.url) as client:
        client.set("kept", value)


def _get(line: Line) -> bytes | None:
    with redis.Redis.from_url(line.settings.redis.url) as client:
        answer: bytes | None = client.get("kept")
        return answer


def _traces(line: Line) -> list[object]:
    """Processes and sockets of the line."""
    run = line.settings.var_dir / "run"
    return [*proc.of_line(line.settings.var_dir), *(file for file in run.iterdir() if file.is_socket())]


def test_servers_start_together_and_stop_without_a_trace(stack: Stack, line: Line) -> None:
    heard: list[str] = []
    stack.start(_SERVERS, progress=heard.append)
    assert {state.program for state in stack.status() if state.pid} == set(_SERVERS)
    assert any("schema" in told for told in heard)
    assert len(_traces(line)) >= 4  # supervisord, postgres, redis, the supervisor's socket

    stack.stop()

    assert _traces(line) == []
    assert {state.name for state in stack.status()} == {"STOPPED"}


def test_what_was_written_is_there_after_a_stop_and_a_start(stack: Stack, line: Line) -> None:
    stack.start(["redis"])
    _set(line, "1")
    stack.stop()
    stack.start(["redis"])
    assert _get(line) == b"1"


def test_a_killed_server_is_started_again(stack: Stack, line: Line) -> None:
    stack.start(["redis"])
    first = stack.pid("redis")
    os.kill(first, signal.SIGKILL)
    assert proc.wait_until(lambda: _running_again(stack, first), 15)
    stack.wait_ready("redis", 10)


def _running_again(stack: Stack, first: int) -> bool:
    try:
        return stack.pid("redis") != first
    except PartUnavailable:
        return False


def test_one_program_stops_while_the_others_stay(stack: Stack, line: Line) -> None:
    stack.start(_SERVERS)
    postgres = stack.pid("postgres")
    stack.stop(["redis"])
    assert stack.pid("postgres") == postgres
    with pytest.raises(PartUnavailable, match="redis does not run"):
        stack.pid("redis")
    stack.start(["redis"])
    assert stack.pid("postgres") == postgres


def test_nothing_is_left_even_when_the_supervisor_was_killed(stack: Stack, line: Line) -> None:
    stack.start(_SERVERS)
    left = [stack.pid(name) for name in _SERVERS]
    os.kill(int(supervisor.pid_file(line.settings.var_dir).read_text()), signal.SIGKILL)
    assert all(map(proc.is_alive, left)), "the servers outlive their supervisor: the stop has something to find"

    stack.stop()

    assert not any(map(proc.is_alive, left))
    assert _traces(line) == []


def test_a_start_after_a_killed_supervisor_takes_over(stack: Stack, line: Line) -> None:
    stack.start(["redis"])
    _set(line, "1")
    os.kill(int(supervisor.pid_file(line.settings.var_dir).read_text()), signal.SIGKILL)
    stack.start(["redis"])
    assert _get(line) == b"1"


def test_another_line_beside_it_is_not_touched(stack: Stack, line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix="hl-", dir="/tmp") as folder:
        other = make_line(Path(folder), monkeypatch)
        neighbour = Stack(other.settings, config=other.config)
        stack.start(["redis"])
        neighbour.start(["redis"])
        try:
            stack.stop()
            assert _traces(line) == []
            neighbour.wait_ready("redis", 5)
            assert len(_traces(other)) == 3
        finally:
            neighbour.stop()


def test_a_port_held_by_a_stranger_is_named_with_its_holder(stack: Stack, line: Line) -> None:
    taken = socket.create_server(("127.0.0.1", line.settings.redis.port))
    with taken, pytest.raises(PartUnavailable, match=rf"process {os.getpid()} .* holds port") as raised:
        stack.start(["redis"])
    assert "redis.port" in raised.value.remedy


def test_a_folder_too_deep_for_sockets_is_refused_by_name(line: Line) -> None:
    deep = line.settings.model_copy(update={"var_dir": line.settings.var_dir / ("x" * 90)})
    with pytest.raises(SettingsError, match="var_dir"):
        Stack(deep)
