"""Kind: real. A stopped process's callers reach the other one within ten seconds, on a real Asterisk."""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from ami.client import AmiClient
from hotline.clock import SystemClock
from hotline.settings import Watchdog as Limits
from server.asterisk import secrets
from server.watchdog import Watchdog
from server.watchdog_kill import kill_voice
from server.watchdog_voice import Voice
from tests.asterisk_fixtures import LiveAsterisk, place_call, start_asterisk

pytestmark = pytest.mark.real


class Child:
    """A stand-in voice process; `told` collects the lines it prints."""

    def __init__(self, name: str, port: int, folder: Path) -> None:
        script = Path(__file__).with_name("voice_process.py")
        self.process = subprocess.Popen(
            [sys.executable, script, "run", "voice", "--name", name, "--port", str(port), "--folder", folder],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.told: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        assert self.told.get(timeout=15) == "ready"

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.told.put(line.strip())

    async def next_call(self) -> str:
        """The next line about a call: `call <HL_CALL> <HL_ENTRY> <HL_PHASE>`."""
        return await asyncio.to_thread(self.told.get, True, 12)

    def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def asterisk(tmp_path: Path) -> Iterator[LiveAsterisk]:
    yield from start_asterisk(tmp_path)


@pytest.fixture
async def ami(asterisk: LiveAsterisk) -> AsyncIterator[AmiClient]:
    settings = asterisk.settings.asterisk
    client = AmiClient(
        host="127.0.0.1", port=settings.ami_port, user=settings.ami_user, secret=secrets.load(asterisk.settings).ami
    )
    await client.start()
    await client.wait_connected(10)
    yield client
    await client.close()


def never_kill(_pid: int, _process: str) -> bool:
    """The kill fails, and no FIN ever comes: as if the process were cut off."""
    return False


@pytest.mark.parametrize("kill", [kill_voice, never_kill])
async def test_callers_of_a_stopped_process_are_with_the_other_one_in_ten_seconds(
    asterisk: LiveAsterisk, ami: AmiClient, tmp_path: Path, kill: Callable[[int, str], bool]
) -> None:
    port = asterisk.settings.voice.fastagi_port
    voices = [Voice("voice-1", "127.0.0.1", port), Voice("voice-2", "127.0.0.1", port + 1)]
    both = ",".join(voice.item for voice in voices)
    children = {voice.process: Child(voice.process, voice.port, tmp_path) for voice in voices}
    dog = Watchdog(voices, ami=ami, run_folder=tmp_path, limits=Limits(), clock=SystemClock(), kill=kill)
    callers = []
    try:
        await ami.setvar("HL_VOICES", voices[0].item)
        for n in range(4):
            callers.append(place_call(asterisk, tmp_path, "12345", seconds=60, name=f"caller-{n}"))
        waiting = {await children["voice-1"].next_call() for _ in range(4)}
        await ami.setvar("HL_VOICES", both)

        children["voice-1"].process.send_signal(signal.SIGSTOP)
        running = asyncio.create_task(dog.run())
        async with asyncio.timeout(10):
            moved = {await children["voice-2"].next_call() for _ in range(4)}

        assert {line.split()[1] for line in moved} == {line.split()[1] for line in waiting}
        assert {line.split()[3] for line in moved} == {"waiting"}
        assert await ami.getvar("HL_VOICES") == voices[1].item
        if kill is kill_voice:
            assert children["voice-1"].process.wait(5) == -signal.SIGKILL

        children["voice-1"].end()
        children["voice-1"] = Child("voice-1", port, tmp_path)
        async with asyncio.timeout(10):
            while await ami.getvar("HL_VOICES") != both:
                await asyncio.sleep(0.05)
        assert {c.variables["HL_VOICE"] for c in await ami.channels()} == {"voice-2"}
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
    finally:
        for child in children.values():
            child.end()
        for caller in callers:
            caller.kill()
            caller.wait()
