"""Kind: unit. The watchdog against voice processes and an AMI that play their parts."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ami.errors import AmiDisconnected, AmiRefused
from ami.replies import ChannelInfo
from hotline.clock import ManualClock
from hotline.settings import Watchdog as Limits
from server.watchdog import Watchdog
from server.watchdog_ping import Answer, Ping, ping
from server.watchdog_report import age_seconds
from server.watchdog_voice import GOOD_PINGS, Reason, Voice

LIMITS = Limits(interval_ms=10, timeout_ms=50, misses=2)
BOTH = "voice-1@127.0.0.1:1,voice-2@127.0.0.1:2"
ONLY_SECOND = "voice-2@127.0.0.1:2"


class FakeAmi:
    """Asterisk at the other end of an AmiClient: globals, channels, and what happened to them in order."""

    def __init__(self) -> None:
        self.connected = True
        self.variables = {"HL_VOICES": BOTH, "HL_READY": ""}
        self.live: dict[str, ChannelInfo] = {}
        self.entries: dict[str, str] = {}
        self.done: list[str] = []

    def called(self, channel: str, caller: str) -> None:
        """The leg of a caller's Dial."""
        self.live[channel] = ChannelInfo(
            channel=channel, uniqueid=channel, linkedid=caller, state="Ringing", context="hl-seat", exten="",
            application="AppDial", bridge_id="", duration=1, variables={},
        )  # fmt: skip

    def caller(self, channel: str, voice: str, application: str = "AGI", bridge: str = "", entry: str = "1") -> None:
        self.live[channel] = ChannelInfo(
            channel=channel, uniqueid=channel, linkedid=channel, state="Up", context="hl-supervise", exten="s",
            application=application, bridge_id=bridge, duration=1, variables={"HL_VOICE": voice},
        )  # fmt: skip
        self.entries[channel] = entry

    async def getvar(self, variable: str, channel: str | None = None) -> str:
        self._alive()
        if channel is None:
            return self.variables[variable]
        if channel not in self.live:
            raise AmiRefused("no such channel")
        return self.entries[channel]

    async def setvar(self, variable: str, value: str, channel: str | None = None) -> None:
        self._alive()
        self.variables[variable] = value
        if variable == "HL_VOICES":
            self.done.append(f"list {value}")

    async def channels(self) -> list[ChannelInfo]:
        self._alive()
        return list(self.live.values())

    async def redirect(self, channel: str, context: str) -> None:
        self._alive()
        if channel not in self.live:
            raise AmiRefused("no such channel")
        self.done.append(f"redirect {channel} {context}")
        self.live[channel] = replace(self.live[channel], variables={"HL_VOICE": "voice-2"})

    def _alive(self) -> None:
        if not self.connected:
            raise AmiDisconnected("not connected")


class FakeVoice:
    """A voice process at its socket: `speaks` False is a stopped one, which takes connections and says nothing."""

    def __init__(self, path: Path, pid: int) -> None:
        self.path = path
        self.pid = pid
        self.speaks = True
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, self.path)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None
            self.path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.readline() == b"ping\n" and self.speaks:
            writer.write(f"pong {self.pid} 3\n".encode())
            await writer.drain()
        elif not self.speaks:
            await reader.read()
        writer.close()


class House:
    """Two voice processes, a watchdog, and an Asterisk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ami = FakeAmi()
        self.clock = ManualClock(datetime(2026, 11, 21, tzinfo=UTC))
        self.voices = [FakeVoice(folder / f"voice-{n}.sock", 100 + n) for n in (1, 2)]
        self.killed: list[tuple[int, str]] = []
        self.unreachable: set[int] = set()
        self.dog = self.new_dog()

    def new_dog(self) -> Watchdog:
        def kill(pid: int, process: str) -> bool:
            self.killed.append((pid, process))
            self.ami.done.append(f"kill {process}")
            return True

        async def probe(_host: str, port: int, _timeout: float) -> bool:
            return port not in self.unreachable

        return Watchdog(
            [Voice("voice-1", "127.0.0.1", 1), Voice("voice-2", "127.0.0.1", 2)],
            ami=self.ami, run_folder=self.folder, limits=LIMITS, clock=self.clock, kill=kill, probe=probe,
        )  # fmt: skip

    async def rounds(self, count: int) -> None:
        for _ in range(count):
            await self.dog.round()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = House(tmp_path)
    for voice in house.voices:
        await voice.start()
    yield house
    for voice in house.voices:
        await voice.stop()


async def test_a_process_that_answers_is_left_alone(house: House) -> None:
    house.ami.caller("PJSIP/carrier-1", "voice-1")

    await house.rounds(6)

    assert house.ami.done == []
    assert house.killed == []


async def test_one_miss_is_no_hang(house: House) -> None:
    house.voices[0].speaks = False
    await house.rounds(1)
    house.voices[0].speaks = True
    await house.rounds(1)
    house.voices[0].speaks = False
    await house.rounds(1)

    assert house.ami.done == []


async def test_a_hung_process_is_taken_off_then_killed_then_its_waiting_callers_are_led_back(house: House) -> None:
    house.ami.caller("PJSIP/waiting-1", "voice-1")
    house.ami.caller("PJSIP/other-1", "voice-2")
    house.voices[0].speaks = False

    await house.rounds(2)

    assert house.ami.done == [f"list {ONLY_SECOND}", "kill voice-1", "redirect PJSIP/waiting-1 hl-resume"]
    assert house.killed == [(os.getpid(), "voice-1")]  # the kernel says who holds the socket


async def test_a_talking_or_ringing_caller_is_left_until_that_ends(house: House) -> None:
    house.ami.caller("PJSIP/talking-1", "voice-1", application="AGI", bridge="b1")
    house.ami.caller("PJSIP/ringing-1", "voice-1", application="Dial")
    house.ami.called("PJSIP/8001-1", "PJSIP/ringing-1")
    house.voices[0].speaks = False
    await house.rounds(3)
    assert not [deed for deed in house.ami.done if deed.startswith("redirect")]

    house.ami.caller("PJSIP/talking-1", "voice-1")
    await house.rounds(1)

    assert house.ami.done[-1] == "redirect PJSIP/talking-1 hl-resume"


async def test_a_caller_whose_dial_is_over_is_led_back_though_asterisk_still_names_it(house: House) -> None:
    house.ami.caller("PJSIP/talking-1", "voice-1", application="Dial", bridge="b1")
    house.ami.called("PJSIP/8001-1", "PJSIP/talking-1")
    house.ami.caller("PJSIP/ringing-1", "voice-1", application="Dial")
    house.ami.called("PJSIP/8002-1", "PJSIP/ringing-1")
    house.unreachable.add(1)
    await house.rounds(8)
    assert not [deed for deed in house.ami.done if deed.startswith("redirect")]

    house.ami.caller("PJSIP/talking-1", "voice-1", application="Dial")
    del house.ami.live["PJSIP/8001-1"], house.ami.live["PJSIP/8002-1"]
    await house.rounds(1)

    led = {deed for deed in house.ami.done if deed.startswith("redirect")}
    assert led == {f"redirect PJSIP/{name}-1 hl-resume" for name in ("talking", "ringing")}


async def test_a_bridge_that_ends_after_the_process_is_back_leaves_nobody_behind(house: House) -> None:
    house.ami.caller("PJSIP/talking-1", "voice-1", bridge="b1")
    house.voices[0].speaks = False
    await house.rounds(2)
    house.voices[0].speaks = True
    await house.rounds(GOOD_PINGS)
    assert house.ami.variables["HL_VOICES"] == BOTH

    house.ami.caller("PJSIP/talking-1", "voice-1")
    await house.rounds(1)

    assert house.ami.done[-1] == "redirect PJSIP/talking-1 hl-resume"


async def test_a_caller_that_came_back_alone_is_not_torn_from_the_new_process(house: House) -> None:
    house.ami.caller("PJSIP/talking-1", "voice-1", bridge="b1", entry="1")
    house.voices[0].speaks = False
    await house.rounds(2)
    house.voices[0].speaks = True
    await house.rounds(GOOD_PINGS)

    house.ami.caller("PJSIP/talking-1", "voice-1", entry="2")
    await house.rounds(2)

    assert not [deed for deed in house.ami.done if deed.startswith("redirect")]


async def test_a_process_is_back_after_good_rounds_only(house: House) -> None:
    house.voices[0].speaks = False
    await house.rounds(2)
    house.voices[0].speaks = True

    await house.rounds(GOOD_PINGS - 1)
    assert house.ami.variables["HL_VOICES"] == ONLY_SECOND
    await house.rounds(1)

    assert house.ami.variables["HL_VOICES"] == BOTH


async def test_a_process_that_hangs_again_is_killed_again_but_not_at_once(house: House) -> None:
    house.voices[0].speaks = False
    await house.rounds(4)
    assert len(house.killed) == 1

    house.clock.advance(11)
    await house.rounds(1)

    assert len(house.killed) == 2


async def test_a_process_that_is_gone_is_taken_off_but_not_killed(house: House) -> None:
    await house.voices[0].stop()

    await house.rounds(2)

    assert house.ami.done == [f"list {ONLY_SECOND}"]
    assert house.killed == []


async def test_the_last_process_stays_on_when_it_is_only_gone(house: House) -> None:
    for voice in house.voices:
        await voice.stop()

    await house.rounds(4)

    assert house.ami.variables["HL_VOICES"] == BOTH


async def test_the_host_is_ready_while_a_process_of_it_serves(house: House) -> None:
    await house.rounds(1)
    assert house.ami.variables["HL_READY"] == "yes"
    await house.voices[0].stop()
    await house.rounds(1)
    assert house.ami.variables["HL_READY"] == "yes"
    await house.voices[1].stop()
    await house.rounds(1)
    assert house.ami.variables["HL_READY"] == "no"
    await house.voices[1].start()
    await house.rounds(1)
    assert house.ami.variables["HL_READY"] == "yes"
    # Asterisk was started again and knows nothing.
    house.ami.variables["HL_READY"] = ""
    await house.rounds(1)
    assert house.ami.variables["HL_READY"] == "yes"


async def test_when_all_hang_all_are_taken_off(house: House) -> None:
    for voice in house.voices:
        voice.speaks = False

    await house.rounds(2)

    assert house.ami.variables["HL_VOICES"] == ""
    assert {process for _, process in house.killed} == {"voice-1", "voice-2"}


async def test_a_process_cut_off_from_asterisk_loses_its_callers_to_another(house: House) -> None:
    house.ami.caller("PJSIP/waiting-1", "voice-1")
    house.unreachable = {1}

    await house.rounds(4)

    assert house.ami.done == [f"list {ONLY_SECOND}", "kill voice-1", "redirect PJSIP/waiting-1 hl-resume"]
    assert house.dog.voices[0].reason is Reason.CUT_OFF
    await house.rounds(5)
    assert house.ami.variables["HL_VOICES"] == ONLY_SECOND
    assert len(house.killed) == 1


async def test_without_ami_a_hung_process_is_killed_and_the_list_mended_later(house: House) -> None:
    house.ami.caller("PJSIP/waiting-1", "voice-1")
    house.ami.connected = False
    house.voices[0].speaks = False
    await house.rounds(2)
    assert house.ami.done == ["kill voice-1"]

    house.ami.connected = True
    await house.rounds(1)

    assert house.ami.done == ["kill voice-1", f"list {ONLY_SECOND}", "redirect PJSIP/waiting-1 hl-resume"]


async def test_a_list_that_a_dialplan_reload_put_back_is_mended(house: House) -> None:
    house.voices[0].speaks = False
    await house.rounds(2)
    house.ami.variables["HL_VOICES"] = BOTH

    await house.rounds(1)

    assert house.ami.variables["HL_VOICES"] == ONLY_SECOND


async def test_a_new_watchdog_keeps_off_what_an_earlier_one_took_off(house: House) -> None:
    house.ami.variables["HL_VOICES"] = ONLY_SECOND
    house.voices[0].speaks = False
    house.dog = house.new_dog()

    await house.rounds(1)
    assert house.ami.done == []

    house.voices[0].speaks = True
    await house.rounds(GOOD_PINGS)
    assert house.ami.variables["HL_VOICES"] == BOTH


async def test_a_watchdog_that_was_held_up_itself_blames_nobody(house: House) -> None:
    class Stalling(ManualClock):
        def monotonic(self) -> float:
            self.advance(2)
            return super().monotonic()

    house.clock = Stalling(datetime(2026, 11, 21, tzinfo=UTC))
    house.dog = house.new_dog()
    house.voices[0].speaks = False

    await house.rounds(4)

    assert house.ami.done == []
    assert house.dog.metrics.stalled._value.get() == 4


async def test_mutant_a_watchdog_that_takes_no_ping_for_a_miss_leaves_callers_behind(house: House) -> None:
    """The guard switched off: without counting silence, the stopped process keeps its callers."""
    house.ami.caller("PJSIP/waiting-1", "voice-1")
    house.voices[0].speaks = False
    house.dog.voices[0].fault = lambda misses: None  # type: ignore[method-assign]

    await house.rounds(5)

    assert house.ami.done == []


async def test_the_heartbeat_says_when_and_how_each_process_is(house: House) -> None:
    house.voices[0].speaks = False
    await house.rounds(2)

    beat = json.loads((house.folder / "watchdog.json").read_text())

    assert beat["voices"]["voice-1"]["state"] == "off"
    assert beat["voices"]["voice-1"]["reason"] == "hung"
    assert beat["voices"]["voice-2"] == {"state": "on", "reason": None, "silent": 0, "pid": 102, "calls": 3}
    assert 'hotline_voice_on_list{process="voice-1"} 0.0' in (house.folder / "watchdog.prom").read_text()
    house.clock.advance(7)
    assert age_seconds(house.folder, house.clock) == pytest.approx(7)
    assert age_seconds(house.folder / "nowhere", house.clock) is None


async def test_nonsense_on_the_socket_is_silence(tmp_path: Path) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"pong 12 3" + b"x" * 5000)
        await writer.drain()
        writer.close()

    async with await asyncio.start_unix_server(babble, tmp_path / "voice-1.sock"):
        assert await ping(tmp_path / "voice-1.sock", 1.0) == Ping(Answer.SILENT, os.getpid())
