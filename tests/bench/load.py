"""Callers and agents' phones in numbers: SIPp on the carrier's trunk and at the seats."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import shutil
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from server.asterisk.layout import find
from tests.accept.console import console
from tests.accept.line import CARRIER, Line
from tests.accept.people import citizen_number
from tests.ports import free_port

SEATS = "127.0.0.3"
"""Where the agents' phones are: all of them on one socket of one SIPp."""

_SCENARIOS = Path(__file__).with_name("sipp")
_NUMBERS = 5_000
_ENDING_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Counted:
    """What a SIPp has seen since its start."""

    created: int
    done: int
    failed: int
    current: int


class Sipp:
    """A running SIPp in a folder of its own."""

    def __init__(self, folder: Path, process: asyncio.subprocess.Process, control: int) -> None:
        self._folder = folder
        self._process = process
        self._control = ("127.0.0.1", control)

    @property
    def pid(self) -> int:
        return self._process.pid

    def set_rate(self, calls_per_second: float) -> None:
        """So many calls begin in a second from now on."""
        self._tell(f"cset rate {calls_per_second:.2f}")

    def _tell(self, command: str) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(command.encode(), self._control)

    def counted(self) -> Counted:
        """The newest line of its statistics, at most a second old."""
        with (self._folder / "counts.csv").open(newline="") as file:
            rows = list(csv.DictReader(file, delimiter=";"))
        last = rows[-1]
        names = ("TotalCallCreated", "SuccessfulCall(C)", "FailedCall(C)", "CurrentCall")
        return Counted(*(int(last[name]) for name in names))

    def said(self) -> str:
        """The end of its errors."""
        with contextlib.suppress(FileNotFoundError):
            return (self._folder / "errors.log").read_text(errors="replace")[-600:].strip()
        return ""

    async def over(self) -> int:
        """Its exit status, when it ends by itself."""
        return await self._process.wait()

    async def stop(self) -> None:
        """No more calls. SIPp forgets those that are left; the line must hang them up."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._process.returncode is not None:
                return
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), _ENDING_SECONDS)


@asynccontextmanager
async def sipp(
    line: Line,
    scenario: str,
    *words: str,
    address: str,
    port: int = 0,
    fields: str = "",
    texts: Sequence[tuple[str, str]] = (),
) -> AsyncIterator[Sipp]:
    """Run `sipp/<scenario>.xml` from `address`. `texts` are put in the place of marks in it; `fields` is its file of
    lines."""
    folder = Path(tempfile.mkdtemp(prefix=f"{scenario}-", dir=line.settings.var_dir))
    text = (_SCENARIOS / f"{scenario}.xml").read_text(encoding="utf-8")
    for mark, value in texts:
        text = text.replace(mark, value)
    (folder / "scenario.xml").write_text(text, encoding="utf-8")
    control = free_port(socket.SOCK_DGRAM)
    if fields:
        (folder / "fields.csv").write_text(f"SEQUENTIAL\n{fields}")
        words = (*words, "-inf", "fields.csv")
    own = port or free_port(socket.SOCK_DGRAM, address)
    process = await asyncio.create_subprocess_exec(
        *("sipp", f"{line.sip[0]}:{line.sip[1]}", "-sf", "scenario.xml", "-i", address, "-mi", address),
        *(
            "-p",
            str(own),
            "-cp",
            str(control),
            "-nostdin",
            "-default_behaviors",
            "all",
        ),
        *("-trace_stat", "-stf", "counts.csv", "-fd", "1", "-trace_err", "-error_file", "errors.log"),
        *words,
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    running = Sipp(folder, process, control)
    try:
        yield running
    finally:
        await running.stop()
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def callers(
    line: Line, *, number: str, at_once: int, rate: float = 20.0, sound: bool = False
) -> AsyncIterator[Sipp]:
    """Callers of `number` who stay until the line hangs up, at most `at_once` of them on the line: who is released is
    followed by another. With `sound`, A-law both ways as long as a call lasts. Those left at the end are hung up."""
    numbers = "".join(f"{citizen_number()};\n" for _ in range(_NUMBERS))
    try:
        async with sipp(
            line,
            "caller",
            *("-s", number, "-r", f"{rate:g}", "-l", str(at_once)),
            address=CARRIER,
            fields=numbers,
            texts=[("<!-- sound -->", _play(line) if sound else "")],
        ) as running:
            yield running
    finally:
        await console(line, "channel request hangup all")


@asynccontextmanager
async def agents(line: Line, extensions: Sequence[str], *, talk_seconds: float) -> AsyncIterator[Sipp]:
    """Phones of these extensions, registered: they answer at once and hang up after the talk."""
    port = free_port(socket.SOCK_DGRAM, SEATS)
    seats = "".join(
        f"{extension};[authentication username={extension} password={line.phone_password(extension)}];\n"
        for extension in extensions
    )
    count = str(len(extensions))
    async with sipp(
        line, "register", "-r", "100", "-m", count, "-timeout", "30", address=SEATS, port=port, fields=seats
    ) as registering:
        if await registering.over():
            raise RuntimeError(f"not all phones were registered: {registering.said()}")
    texts = [("<!-- sound -->", _play(line)), ("@TALK_MS@", f"{talk_seconds * 1000:.0f}")]
    async with sipp(line, "agent", address=SEATS, port=port, texts=texts) as running:
        yield running


def _play(line: Line) -> str:
    """Sound for a scenario, over and over."""
    (sound,) = find(line.settings).music.glob("*.alaw")
    return f'<nop><action><exec rtp_stream="{sound},-1,8" /></action></nop>'
