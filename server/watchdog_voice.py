"""One voice process as the watchdog sees it: what it answered so far, and what follows from that."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from server.watchdog_ping import Answer, Ping

GOOD_PINGS: Final = 3
"""So many good rounds in a row bring a process back on the list."""


class VoiceState(StrEnum):
    """Whether new calls go to a process."""

    ON = "on"
    OFF = "off"


class Reason(StrEnum):
    """Why a process is off the list."""

    HUNG = "hung"
    CUT_OFF = "cut_off"
    GONE = "gone"


@dataclass
class Voice:
    """One voice process. New calls go to it while it is ON.

    `silent`, `gone` and `cut` count rounds in a row; `entries` are its stranded callers' HL_ENTRY by channel.
    """

    process: str
    host: str
    port: int
    state: VoiceState = VoiceState.ON
    reason: Reason | None = None
    silent: int = 0
    gone: int = 0
    cut: int = 0
    good: int = 0
    pid: int | None = None
    calls: int | None = None
    entries: dict[str, str] = field(default_factory=dict)

    @property
    def item(self) -> str:
        """How HL_VOICES names it."""
        return f"{self.process}@{self.host}:{self.port}"

    @property
    def on(self) -> bool:
        """Whether new calls go to it."""
        return self.state is VoiceState.ON

    def observe(self, ping: Ping, reachable: bool | None) -> None:
        """Take in a round. `reachable` is whether its FastAGI port could be reached, None if that was not tried."""
        well = ping.answer is Answer.WELL
        self.silent = self.silent + 1 if ping.answer is Answer.SILENT else 0
        self.gone = self.gone + 1 if ping.answer is Answer.GONE else 0
        if reachable is not None:
            # A process that does not answer at all is silent or gone, whatever its port does.
            self.cut = self.cut + 1 if well and not reachable else 0
        self.good = self.good + 1 if well and not self.cut else 0
        self.pid = ping.pid if ping.pid is not None else self.pid
        self.calls = ping.calls if well else self.calls

    def fault(self, misses: int) -> Reason | None:
        """Why it should not be ON: `misses` bad rounds in a row."""
        counts = {Reason.HUNG: self.silent, Reason.CUT_OFF: self.cut, Reason.GONE: self.gone}
        return next((reason for reason, count in counts.items() if count >= misses), None)

    def turn_off(self, reason: Reason | None) -> None:
        """No more calls for it; `reason` is None when an earlier watchdog decided so."""
        self.state, self.reason, self.good = VoiceState.OFF, reason, 0

    def turn_on_if_good(self) -> bool:
        """Back on the list after enough good rounds; whether it went back."""
        if self.on or self.good < GOOD_PINGS:
            return False
        self.state, self.reason = VoiceState.ON, None
        return True
