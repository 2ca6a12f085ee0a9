"""Kind: unit, with real child processes. Only the voice process of that name is ever killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from server.watchdog_kill import kill_voice, pid_in_file


@pytest.fixture
def children() -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for child in started:
        child.kill()
        child.wait()


def _child(children: list[subprocess.Popen[bytes]], *arguments: str) -> subprocess.Popen[bytes]:
    child = subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); input()", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    children.append(child)
    assert child.stdout is not None
    child.stdout.readline()
    return child


@pytest.mark.parametrize("arguments", [("run", "voice", "--name", "voice-1"), ("run", "voice", "--name=voice-1")])
def test_the_process_meant_is_killed_even_when_stopped(
    children: list[subprocess.Popen[bytes]], arguments: tuple[str, ...]
) -> None:
    child = _child(children, *arguments)
    child.send_signal(signal.SIGSTOP)

    assert kill_voice(child.pid, "voice-1")

    assert child.wait(5) == -signal.SIGKILL


@pytest.mark.parametrize(
    "arguments", [("run", "voice", "--name", "voice-2"), ("run", "web"), ("--name", "voice-1"), ("voice-1",)]
)
def test_another_process_with_that_id_is_never_hit(
    children: list[subprocess.Popen[bytes]], arguments: tuple[str, ...]
) -> None:
    child = _child(children, *arguments)

    assert not kill_voice(child.pid, "voice-1")

    assert child.poll() is None


def test_nobody_is_no_error(children: list[subprocess.Popen[bytes]], tmp_path_factory: pytest.TempPathFactory) -> None:
    child = _child(children)
    child.kill()
    child.wait()

    assert not kill_voice(child.pid, "voice-1")
    assert pid_in_file(tmp_path_factory.mktemp("none") / "voice-1.pid") is None
