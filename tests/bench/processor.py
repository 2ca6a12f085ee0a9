"""Processor time of programs of a line, read from /proc: of the very processes and of their children."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from pathlib import Path

from tests.accept.line import Line
from tests.bench.report import TICK

_PARENT, _FIRST, _LAST = 1, 11, 15
"""Fields of /proc/<pid>/stat after the name: parent; user and system time, own and of children waited for (proc(5))."""


def by_program(line: Line) -> dict[str, float]:
    """Processor seconds so far of every program of the line that runs, its living and its ended children included."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    own: dict[int, float] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            fields = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            children[int(fields[_PARENT])].append(int(folder.name))
            own[int(folder.name)] = sum(map(int, fields[_FIRST:_LAST])) / TICK

    def tree(pid: int) -> float:
        return own.get(pid, 0.0) + sum(tree(child) for child in children[pid])

    return {state.program: tree(state.pid) for state in line.stack.status() if state.pid}


def idle_seconds() -> float:
    """Seconds the machine's cores have rested since it is up."""
    words = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()
    return (int(words[4]) + int(words[5])) / TICK
