"""What the watchdog tells: a heartbeat file for `hotline doctor`, and metrics."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, write_to_textfile

from hotline.clock import Clock

HEARTBEAT: Final = "watchdog.json"
METRICS: Final = "watchdog.prom"


class Metrics:
    """Counters and gauges, in a registry of their own."""

    def __init__(self) -> None:
        own = self.registry = CollectorRegistry()
        each = ["process"]
        self.up = Gauge("hotline_voice_on_list", "1 while new calls go to this process", each, registry=own)
        self.calls = Gauge("hotline_voice_sessions", "Calls the process says it holds", each, registry=own)
        self.taken_off = Counter(
            "hotline_voice_taken_off", "Times taken off the list", ["process", "reason"], registry=own
        )
        self.killed = Counter("hotline_voice_killed", "Times killed because it hung", each, registry=own)
        self.redirected = Counter("hotline_voice_redirected", "Callers led to another process", each, registry=own)
        self.rounds = Counter("hotline_watchdog_rounds", "Rounds of pings", registry=own)
        self.stalled = Counter("hotline_watchdog_stalled", "Rounds void: held up ourselves", registry=own)


class Reporter:
    """Writes heartbeat and metrics into `folder`, each whole or not at all."""

    def __init__(self, folder: Path, clock: Clock, metrics: Metrics) -> None:
        self._folder = folder
        self._clock = clock
        self._metrics = metrics

    def write(self, voices: Mapping[str, Mapping[str, Any]], *, ami: bool, interval_ms: int) -> None:
        """One heartbeat: `at_ms` says when, `voices` how each process is."""
        beat = {
            "schema": 1,
            "at_ms": self._clock.now_ms(),
            "pid": os.getpid(),
            "interval_ms": interval_ms,
            "ami": ami,
            "voices": voices,
        }
        draft = self._folder / f".{HEARTBEAT}"
        draft.write_text(json.dumps(beat))
        draft.replace(self._folder / HEARTBEAT)
        write_to_textfile(str(self._folder / METRICS), self._metrics.registry)


def age_seconds(folder: Path, clock: Clock) -> float | None:
    """Seconds since the last heartbeat, or None if there is none that can be read."""
    try:
        at_ms = int(json.loads((folder / HEARTBEAT).read_text())["at_ms"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return (clock.now_ms() - at_ms) / 1000
