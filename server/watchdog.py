"""The watchdog (看门狗): notices a voice process of this host that hangs, and leads its callers to another one.

It asks each process over its own socket, never through Redis: a dead Redis is not a hung process.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import structlog

from agi import variables
from ami.client import AmiClient
from ami.errors import AmiError, AmiRefused
from ami.replies import ChannelInfo
from hotline.clock import Clock, SystemClock
from hotline.settings import Settings
from hotline.settings import Watchdog as Limits
from hotline.tasks import first_of
from server.asterisk import secrets
from server.asterisk.rotation import keep_rotating
from server.watchdog_kill import kill_voice, pid_in_file
from server.watchdog_ping import Ping, ping, reachable
from server.watchdog_report import Metrics, Reporter
from server.watchdog_voice import Reason, Voice

_log = structlog.get_logger(__name__)

RESUME: Final = "hl-resume"
"""Dialplan context in which a caller finds the next voice process."""

PROBE_EVERY: Final = 3
"""The FastAGI port is tried in every so-many-th round: each try is an empty connection there."""

_KILL_PAUSE: Final = 10.0
_STALL: Final = 1.0
# A killed process's sockets close at once, and its callers then come back by themselves.
_CLOSING: Final = 0.3


class AmiPort(Protocol):
    """What the watchdog needs of `ami.AmiClient`."""

    @property
    def connected(self) -> bool: ...

    async def getvar(self, variable: str, channel: str | None = None) -> str: ...
    async def setvar(self, variable: str, value: str, channel: str | None = None) -> None: ...
    async def channels(self) -> list[ChannelInfo]: ...
    async def redirect(self, channel: str, context: str) -> None: ...


class Watchdog:
    """Looks after the voice processes of one Asterisk host. `round` is one look; `run` looks for ever."""

    def __init__(
        self,
        voices: Sequence[Voice],
        *,
        ami: AmiPort,
        run_folder: Path,
        limits: Limits,
        clock: Clock,
        metrics: Metrics | None = None,
        kill: Callable[[int, str], bool] = kill_voice,
        probe: Callable[[str, int, float], Awaitable[bool]] = reachable,
    ) -> None:
        self.voices = list(voices)
        self._ami = ami
        self._folder = run_folder
        self._limits = limits
        self._clock = clock
        self.metrics = metrics if metrics is not None else Metrics()
        self._reporter = Reporter(run_folder, clock, self.metrics)
        self._kill = kill
        self._probe = probe
        self._rounds = 0
        self._adopted = False
        self._killed: dict[str, float] = {}

    async def run(self) -> None:
        """One round each interval, until cancelled."""
        interval = self._limits.interval_ms / 1000
        while True:
            began = self._clock.monotonic()
            await self.round()
            await asyncio.sleep(max(0.0, interval - (self._clock.monotonic() - began)))

    async def round(self) -> None:
        """Ask all, judge each, mend the list, lead stranded callers back, report."""
        await self._adopt_list()
        self._rounds += 1
        self.metrics.rounds.inc()
        began = self._clock.monotonic()
        pings, probes = await self._ask()
        if self._clock.monotonic() - began > self._limits.timeout_ms / 1000 + _STALL:
            # We were held up ourselves: silence then says nothing about them.
            self.metrics.stalled.inc()
            _log.warning("watchdog.stalled")
        else:
            for voice in self.voices:
                voice.observe(pings[voice.process], probes.get(voice.process))
            for voice in self.voices:
                await self._judge(voice)
        await self._mend()
        self._report()

    async def _ask(self) -> tuple[dict[str, Ping], dict[str, bool]]:
        timeout = self._limits.timeout_ms / 1000
        probed = [v for v in self.voices if not v.on or self._rounds % PROBE_EVERY == 0 or v.cut]
        pings = asyncio.gather(*(ping(self._folder / f"{v.process}.sock", timeout) for v in self.voices))
        probes = asyncio.gather(*(self._probe(v.host, v.port, timeout) for v in probed))
        answers = dict(zip((v.process for v in self.voices), await pings, strict=True))
        return answers, dict(zip((v.process for v in probed), await probes, strict=True))

    async def _judge(self, voice: Voice) -> None:
        fault = voice.fault(self._limits.misses)
        if voice.turn_on_if_good():
            _log.info("watchdog.back", voice=voice.process)
        elif voice.on and fault is not None:
            # The last one is left on when it is only gone: refusals are instant, and it is found the moment it is back.
            if fault is not Reason.GONE or any(v.on and not v.gone for v in self.voices):
                await self._take_off(voice, fault)
        elif fault is Reason.HUNG:
            # Started again, and hangs again.
            self._end(voice)

    async def _take_off(self, voice: Voice, reason: Reason) -> None:
        voice.turn_off(reason)
        self.metrics.taken_off.labels(voice.process, reason).inc()
        _log.error("watchdog.taken_off", voice=voice.process, reason=reason, pid=voice.pid)
        if self._ami.connected:
            try:
                # First of all: no more callers for it, and which ones it had.
                await self._write_list()
                await self._note_stranded(voice, await self._ami.channels())
            except AmiError as error:
                _log.warning("watchdog.ami", code=error.code)
        if reason is not Reason.GONE:
            self._end(voice)
            await asyncio.sleep(_CLOSING)

    def _end(self, voice: Voice) -> None:
        pid = voice.pid if voice.pid is not None else pid_in_file(self._folder / f"{voice.process}.pid")
        now = self._clock.monotonic()
        # Killed a moment ago: it is on its way out, or being started again.
        if pid is None or now - self._killed.get(voice.process, -_KILL_PAUSE) < _KILL_PAUSE:
            return
        self._killed[voice.process] = now
        voice.pid = None
        if self._kill(pid, voice.process):
            self.metrics.killed.labels(voice.process).inc()
            _log.error("watchdog.killed", voice=voice.process, pid=pid)
        else:
            _log.warning("watchdog.not_ours", voice=voice.process, pid=pid)

    async def _mend(self) -> None:
        """The list as it should be, and callers of lost processes on their way. Waits for AMI, never blocks on it."""
        if not self._ami.connected:
            return
        try:
            if await self._ami.getvar(variables.VOICES) != self._list():
                await self._write_list()
            await self._tell_if_ready()
            if any(not voice.on or voice.entries for voice in self.voices):
                channels = await self._ami.channels()
                for voice in self.voices:
                    await self._note_stranded(voice, channels)
                    await self._lead_back(voice, channels)
        except AmiError as error:
            _log.warning("watchdog.ami", code=error.code)

    async def _note_stranded(self, voice: Voice, channels: Sequence[ChannelInfo]) -> None:
        """Remember its callers, talking ones too: their bridge may end when the process has long been started again."""
        theirs = {c.channel for c in channels if c.variables.get(variables.VOICE) == voice.process}
        voice.entries = {name: entry for name, entry in voice.entries.items() if name in theirs}
        for name in theirs - voice.entries.keys() if not voice.on else ():
            try:
                voice.entries[name] = await self._ami.getvar(variables.ENTRY, name)
            except AmiRefused:
                continue  # hung up meanwhile

    async def _lead_back(self, voice: Voice, channels: Sequence[ChannelInfo]) -> None:
        """Redirect stranded callers that wait in AGI; talking ones and ringing ones are left until that ends.

        Asterisk's list goes on naming the application that AGI ran last, so a Dial that is over is known by its missing
        leg: without a FIN the channel would wait for the process's next command for ever.
        """
        legs = Counter(channel.linkedid for channel in channels)
        for channel in channels:
            entry = voice.entries.get(channel.channel)
            dials = channel.application != "AGI" and legs[channel.linkedid] > 1
            if entry is None or channel.bridge_id or dials:
                continue
            del voice.entries[channel.channel]
            try:
                # HL_ENTRY has moved on: the caller came back alone and may be with the new process of that name.
                if await self._ami.getvar(variables.ENTRY, channel.channel) != entry:
                    continue
                await self._ami.redirect(channel.channel, RESUME)
            except AmiRefused:
                continue  # hung up meanwhile
            self.metrics.redirected.labels(voice.process).inc()
            _log.warning("watchdog.redirected", voice=voice.process, channel=channel.channel)

    async def _tell_if_ready(self) -> None:
        """Whoever stands before several hosts asks each whether it can serve, and Asterisk answers with this."""
        ready = "yes" if any(voice.on and voice.good for voice in self.voices) else "no"
        if await self._ami.getvar(variables.READY) != ready:
            await self._ami.setvar(variables.READY, ready)
            _log.info("watchdog.ready", ready=ready)

    def _list(self) -> str:
        return ",".join(voice.item for voice in self.voices if voice.on)

    async def _write_list(self) -> None:
        wanted = self._list()
        await self._ami.setvar(variables.VOICES, wanted)
        _log.warning("watchdog.list", voices=wanted)

    async def _adopt_list(self) -> None:
        """After our own restart: what an earlier watchdog took off stays off until it answers well."""
        if self._adopted or not self._ami.connected:
            return
        try:
            listed = (await self._ami.getvar(variables.VOICES)).split(",")
        except AmiError:
            return
        self._adopted = True
        for voice in self.voices:
            if voice.item not in listed:
                voice.turn_off(None)

    def _report(self) -> None:
        told: Mapping[str, Mapping[str, Any]] = {
            v.process: {"state": v.state, "reason": v.reason, "silent": v.silent, "pid": v.pid, "calls": v.calls}
            for v in self.voices
        }
        for voice in self.voices:
            self.metrics.up.labels(voice.process).set(voice.on)
            self.metrics.calls.labels(voice.process).set(voice.calls or 0)
        self._reporter.write(told, ami=self._ami.connected, interval_ms=self._limits.interval_ms)


def voices_of(settings: Settings) -> list[Voice]:
    """The voice processes this host should have."""
    own = settings.voice
    return [Voice(f"voice-{n}", own.fastagi_bind, own.fastagi_port + n - 1) for n in range(1, own.processes + 1)]


async def run_watchdog(settings: Settings) -> None:
    """The process `hotline run watchdog`: until cancelled. It also keeps this host's Asterisk from filling the disk."""
    folder = settings.var_dir / "run"
    folder.mkdir(parents=True, exist_ok=True)
    asterisk = settings.asterisk
    ami = AmiClient(host="127.0.0.1", port=asterisk.ami_port, user=asterisk.ami_user, secret=secrets.load(settings).ami)
    await ami.start()
    try:
        dog = Watchdog(voices_of(settings), ami=ami, run_folder=folder, limits=settings.watchdog, clock=SystemClock())
        await first_of(dog.run(), keep_rotating(settings))
    finally:
        await ami.close()
