"""What every benchmark prints: the machine, the versions, the spread of its rounds, and the result as JSON."""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def machine() -> str:
    """Cores, processor and how busy the machine is with other work: figures of a loaded machine are low."""
    names = [line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    load = "/".join(f"{value:.1f}" for value in os.getloadavg())
    return f"machine   {os.cpu_count()} cores, {names[0] if names else platform.machine()}; load {load} before"


def versions(*packages: str) -> str:
    """Python, Redis and the packages in use."""
    found = [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in packages)]
    program = shutil.which("redis-server")
    if program:
        told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
        found += [f"Redis {word[2:]}" for word in told.split() if word.startswith("v=")]
    return f"versions  {', '.join(found)}"


def spread(values: Sequence[float], unit: str, digits: int = 0) -> str:
    """Median, and from the least to the most of the rounds."""
    low, mid, high = min(values), statistics.median(values), max(values)
    return f"{mid:,.{digits}f} {unit} ({low:,.{digits}f} to {high:,.{digits}f} in {len(values)} rounds)"


def cpu_seconds(pid: int) -> float:
    """Processor time a process has used so far, its threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").splitlines()
