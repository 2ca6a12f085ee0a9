"""Which processes are ours: told by a mark in their environment, read from /proc.

A pid file alone may point to a stranger after a crash. The mark is set only by the configuration we render for the
supervisor, names the line's own `var_dir`, and is inherited by everything that runs under it, so the processes of a
line are found even when the supervisor was killed, and those of another line beside it are never touched.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path

MARK = "HOTLINE_LINE"
"""Environment variable that carries the line's `var_dir` into every process of the line."""

_PROC = Path("/proc")


def of_line(var_dir: Path) -> list[int]:
    """Ids of all live processes of the line whose folder is `var_dir`, without our own."""
    wanted = f"{MARK}={var_dir.resolve()}".encode()
    found = []
    for entry in _PROC.iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        try:
            if wanted in (entry / "environ").read_bytes().split(b"\0") and is_alive(int(entry.name)):
                found.append(int(entry.name))
        except OSError:
            continue  # It ended meanwhile, or is another user's: then it is not ours either.
    return found


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that ended and waits to be reaped does not."""
    try:
        fields = (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return False
    return fields[0] not in {b"Z", b"X"}


def parent(pid: int) -> int:
    """The process' parent; 0 if it is gone."""
    try:
        return int((_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()[1])
    except OSError:
        return 0


def words(pid: int) -> list[str]:
    """The process' argv; empty if it is gone."""
    try:
        return (_PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
    except OSError:
        return []


def end(pids: Iterable[int], *, number: signal.Signals, seconds: float) -> list[int]:
    """Send a signal to processes and wait until they are gone; returns the ones still there after `seconds`."""
    left = list(pids)
    for pid in left:
        _signal(pid, number)
    wait_until(lambda: not any(map(is_alive, left)), seconds)
    return [pid for pid in left if is_alive(pid)]


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def wait_until(true: Callable[[], bool], seconds: float, *, every: float = 0.05) -> bool:
    """Look again and again until `true` says so or the time is over; returns whether it did."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True


def listener(port: int, *, protocol: str = "tcp") -> int | None:
    """The process that listens on a port of this machine, 0 if it cannot be named, None if the port is free."""
    inodes = set()
    for table in (protocol, f"{protocol}6"):
        try:
            rows = (_PROC / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split()
            is_listening = protocol == "udp" or fields[3] == "0A"
            if is_listening and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
    if not inodes:
        return None
    for handle in _PROC.glob("[0-9]*/fd/*"):
        try:
            if os.readlink(handle) in inodes:
                return int(handle.parts[2])
        except OSError:
            continue
    return 0
