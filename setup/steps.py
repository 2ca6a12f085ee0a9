"""Steps that are done once: each has a stamp with the hash of what it was made from.

A stamp is written after the work and removed before it, so an interrupted run goes on where it stopped, and a step
whose content changed is done again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from setup.console import Console


@dataclass(frozen=True)
class Step:
    """One part of set-up. `content` is what it is made from, `present` a quick look whether its result is there."""

    name: str
    title: str
    content: Callable[[], str]
    present: Callable[[], bool]
    work: Callable[[Console], None]


class Stamps:
    """Which steps are done, as files in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def _file(self, step: Step) -> Path:
        return self._folder / f"{step.name}.stamp"

    def done(self, step: Step) -> bool:
        """Whether the step was finished with the content it would have now, and its result is still there."""
        try:
            stamp = self._file(step).read_text()
        except FileNotFoundError:
            return False
        return stamp == _digest(step) and step.present()

    def forget(self, step: Step) -> None:
        self._file(step).unlink(missing_ok=True)

    def remember(self, step: Step) -> None:
        fresh = self._file(step).with_suffix(".new")
        fresh.write_text(_digest(step))
        os.replace(fresh, self._file(step))


def _digest(step: Step) -> str:
    return hashlib.sha256(step.content().encode()).hexdigest()


def run(steps: Sequence[Step], stamps: Stamps, console: Console) -> int:
    """Do what is not done yet, in order; returns how many steps were worked on. Errors of a step pass through."""
    worked = 0
    for number, step in enumerate(steps, start=1):
        if stamps.done(step):
            continue
        stamps.forget(step)
        with console.step(f"[{number}/{len(steps)}]", step.title):
            step.work(console)
        stamps.remember(step)
        worked += 1
    return worked
