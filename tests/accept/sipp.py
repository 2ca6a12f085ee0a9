"""Citizens by the dozen: SIPp on the carrier's trunk, with numbers known in advance.

The scenario is `sipp/citizen.xml`. SIPp sends no sound; where sound matters a `people.Citizen` is the one to call.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tests.accept.console import console
from tests.accept.line import CARRIER, Line, eventually
from tests.accept.people import citizen_number

_SCENARIO = Path(__file__).with_name("sipp") / "citizen.xml"
_MOST_CALLS = 500
_MOST_SECONDS = 900
_ENDING_SECONDS = 5.0
_CALLER_COLUMN = 7
"""Of `core show channels concise`."""


class SippCallers:
    """Calls that SIPp makes. `numbers` are the callers' numbers in the order of their calls, as the carrier presents
    them."""

    def __init__(self, line: Line, numbers: Sequence[str], folder: Path, process: asyncio.subprocess.Process) -> None:
        self.numbers = tuple(numbers)
        self._line = line
        self._folder = folder
        self._process = process

    def e164(self, index: int) -> str:
        """The number of one caller as the journal has it."""
        return f"+86{self.numbers[index]}"

    def turns(self) -> list[tuple[str, str]]:
        """What happened so far, in order: (what, number). What: `dialled`, `answered` (by Asterisk, not yet by an
        agent), `released` (the line hung up), `left` (the caller did), `over`."""
        return [(words[1], words[2]) for words in self._words()]

    def _words(self) -> list[list[str]]:
        with contextlib.suppress(FileNotFoundError):
            text = (self._folder / "turns.log").read_text(errors="replace")
            # The last line may be under way.
            lines = text.splitlines()[: None if text.endswith("\n") else -1]
            return [words for line in lines if len(words := line.split()) >= 3]
        return []

    def dialled_at(self) -> list[float]:
        """When each was dialled, in seconds since 1970."""
        return [float(words[-1]) for words in self._words() if words[1] == "dialled"]

    def who(self, what: str) -> list[str]:
        """Numbers to which this happened, in order."""
        return [number for turn, number in self.turns() if turn == what]

    async def until(self, what: str, count: int, *, seconds: float = 20.0) -> list[str]:
        """Wait until this happened to so many callers; returns their numbers in order."""

        async def look() -> list[str] | None:
            found = self.who(what)
            return found if len(found) >= count else None

        found: list[str] = await eventually(look, f"{count} calls {what}; SIPp said: {self.said()}", seconds=seconds)
        return found

    async def over(self, *, seconds: float) -> int:
        """Wait for SIPp's end; 0 if every call went as the scenario says."""
        return await asyncio.wait_for(self._process.wait(), seconds)

    def said(self) -> str:
        """Errors SIPp wrote, for a failure's message."""
        with contextlib.suppress(FileNotFoundError):
            return (self._folder / "errors.log").read_text(errors="replace")[-600:].strip()
        return ""

    async def stop(self) -> None:
        """End what still runs: no new calls, then the line hangs up on those that are left."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGUSR1)
        for channel in await self._channels():
            await console(self._line, f"channel request hangup {channel}")
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), _ENDING_SECONDS)
                return
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def _channels(self) -> list[str]:
        rows = [row.split("!") for row in (await console(self._line, "core show channels concise")).splitlines()]
        return [row[0] for row in rows if len(row) > _CALLER_COLUMN and row[_CALLER_COLUMN] in self.numbers]


@asynccontextmanager
async def sipp_callers(
    line: Line,
    *,
    number: str,
    calls: int,
    rate: float,
    hold_seconds: float,
    address: str = CARRIER,
    sender: bytes = b"<sip:[field0]@[local_ip]:[local_port]>",
    numbers: Sequence[str] = (),
) -> AsyncIterator[SippCallers]:
    """So many citizens dial `number`, `rate` a second, and stay `hold_seconds` at most after being answered.

    `address` is where they call from: one that a trunk of the line identifies. `sender` is the From header as sent, any
    bytes (with SIPp's keywords); by default the caller's number alone, which is new unless `numbers` are given. What
    still runs at the end is hung up.
    """
    if not 1 <= calls <= _MOST_CALLS or not 0 < hold_seconds <= _MOST_SECONDS:
        raise ValueError(f"at most {_MOST_CALLS} calls of at most {_MOST_SECONDS} s")
    numbers = numbers or [citizen_number() for _ in range(calls)]
    folder = Path(tempfile.mkdtemp(prefix="sipp-", dir=line.settings.var_dir))
    scenario = _SCENARIO.read_bytes().replace(b"@FROM@", sender)
    (folder / "scenario.xml").write_bytes(scenario.replace(b"@HOLD_MS@", b"%d" % (hold_seconds * 1000)))
    (folder / "callers.csv").write_text("SEQUENTIAL\n" + "".join(f"{who};\n" for who in numbers))
    process = await asyncio.create_subprocess_exec(
        *("sipp", f"{line.sip[0]}:{line.sip[1]}", "-s", number, "-sf", "scenario.xml", "-inf", "callers.csv"),
        *(
            "-i",
            address,
            "-mi",
            address,
            "-p",
            str(_free_port(address)),
            "-nostdin",
            "-nd",
            "-default_behaviors",
            "bye",
        ),
        *("-m", str(calls), "-l", str(calls), *_rate(rate)),
        *("-timeout", str(int(calls / rate + hold_seconds + 120)), "-timeout_error"),
        *("-trace_logs", "-log_file", "turns.log", "-trace_err", "-error_file", "errors.log"),
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    callers = SippCallers(line, numbers, folder, process)
    try:
        yield callers
    finally:
        await callers.stop()
        if not os.environ.get("HOTLINE_KEEP"):
            shutil.rmtree(folder, ignore_errors=True)


def _rate(rate: float) -> list[str]:
    """SIPp counts whole calls per period of milliseconds."""
    if rate > 1000:
        return ["-r", str(round(rate / 1000)), "-rp", "1"]
    return ["-r", "1", "-rp", str(round(1000 / rate))]


def _free_port(address: str) -> int:
    """A UDP port that stays free until SIPp takes it: none of those that are given to whoever asks for any."""
    while True:
        port = random.randrange(10_000, 30_000)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
            probe.bind((address, port))
            return port
