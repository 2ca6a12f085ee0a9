"""Asterisk's own queue, app_queue, on the Asterisk of a line: what our distribution is measured beside.

Its callers dial a number of their own on the same trunk. What they hear is the same as with us: the greeting, music,
the thanks. Its members are the same phones.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from server.asterisk.layout import find
from tests.accept.console import console
from tests.accept.line import Line

GREETING = "hotline/greeting.12345"
THANKS = "hotline/bye.thanks"

BEST: Mapping[str, str] = {
    "strategy": "leastrecent",
    "musicclass": "hl",
    "timeout": "20",
    "retry": "1",
    "ringinuse": "no",
    "wrapuptime": "0",
    "memberdelay": "0",
    "joinempty": "yes",
    "leavewhenempty": "no",
    "autopause": "no",
    "announce-frequency": "0",
    "announce-holdtime": "no",
    "announce-position": "no",
    "periodic-announce-frequency": "0",
    "reportholdtime": "no",
    "maxlen": "0",
}
"""What every variant has; the shortest `retry` that app_queue takes is 1 s. autofill and shared_lastcall are on."""


@dataclass(frozen=True, slots=True)
class NativeQueue:
    """One queue: the number that reaches it, who serves it, and what differs from `BEST`."""

    number: str
    members: Sequence[str]
    differs: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"bench-{self.number}"

    @property
    def options(self) -> dict[str, str]:
        """Every option as Asterisk is given it."""
        return {**BEST, **self.differs}

    def told(self) -> str:
        """The configuration, for the report."""
        return " ".join(f"{key}={value}" for key, value in self.options.items())

    def stanza(self) -> str:
        """For queues.conf."""
        lines = [f"[{self.name}]", *(f"{key} = {value}" for key, value in self.options.items())]
        return "\n".join([*lines, *(f"member => PJSIP/{seat}" for seat in self.members), ""])

    def extension(self) -> str:
        """For extensions.conf: the whole story of a call that none of our processes sees."""
        steps = ("Answer()", f"Playback({GREETING})", f"Queue({self.name},c)", f"Playback({THANKS})", "Hangup()")
        first, *following = steps
        return "\n".join([f"exten => {self.number},1,{first}", *(f" same => n,{step}" for step in following), ""])


async def add(line: Line, queues: Sequence[NativeQueue]) -> None:
    """Give the running Asterisk these queues beside what it has."""
    etc = find(line.settings).etc
    _append(etc / "queues.conf", "".join(queue.stanza() for queue in queues))
    _append(etc / "extensions.conf", "[hl-inbound]\n" + "".join(queue.extension() for queue in queues))
    await console(line, "dialplan reload")
    await console(line, "queue reload all")
    for queue in queues:
        told = await console(line, f"queue show {queue.name}")
        if any(f"PJSIP/{seat}" not in told for seat in queue.members):
            raise RuntimeError(f"Asterisk did not take the queue: {told}")


def _append(file: Path, text: str) -> None:
    with file.open("a", encoding="utf-8") as stream:
        stream.write(f"\n{text}")


async def waiting(line: Line, queue: NativeQueue) -> int:
    """How many callers wait in it."""
    told = await console(line, f"queue show {queue.name}")
    found = re.search(r"has (\d+) calls", told)
    if found is None:
        raise RuntimeError(f"no queue {queue.name}: {told}")
    return int(found[1])


async def stop_ours(line: Line) -> None:
    """Asterisk alone from now on: no event of the native queue's calls costs anything then."""
    engines = {"asterisk", "postgres", "redis"}
    await line.in_thread(line.stack.stop, [name for name in line.stack.names if name not in engines])
