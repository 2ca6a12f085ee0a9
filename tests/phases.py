"""All tests of the project in phases, as `make test` runs them, and a second chance for what failed.

Whatever fails in a phase is run once more, alone in one process. What passes then is named as flaky, which is a defect
to be looked at (decision 0039); what fails twice fails the run. Every phase is run, whatever became of those before it,
so that one run tells of everything. The last line printed has the form of pytest's closing line, for all phases.

    python -m tests.phases
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

PYTEST: Final = (sys.executable, "-m", "pytest")

_PASSED, _FAILED = 0, 1
"""pytest's exit codes of a run that came to its end. Any other is of one that did not, and tells nothing of tests."""

_MOST_AGAIN: Final = 20
"""Where more has failed, something is broken, and a second run would only say so later."""


@dataclass(frozen=True)
class Phase:
    """One call of pytest."""

    name: str
    arguments: tuple[str, ...]
    """What is run."""
    beside: tuple[str, ...] = ()
    """How much of it at a time; what is run again is run alone."""


PHASES: Final = (
    Phase(
        "components",
        ("--ignore", "tests/accept"),
        ("--numprocesses", "3", "--dist", "loadfile", "--no-loadscope-reorder"),
    ),
    Phase("acceptance", ("tests/accept",), ("--numprocesses", "2", "--dist", "loadfile")),
)


@dataclass
class Outcome:
    """What became of the phases; `code` is for the shell."""

    code: int = 0
    flaky: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    passed: int = 0
    skipped: int = 0

    def closing(self, seconds: float) -> str:
        """pytest's closing line, of all phases together."""
        counted = ((len(self.failed), "failed"), (self.passed, "passed"), (self.skipped, "skipped"))
        told = [f"{number} {what}" for number, what in counted if number]
        told += [f"{len(self.flaky)} flaky"] if self.flaky else []
        told += [f"exit code {self.code}"] if self.code else []
        return f" {', '.join(told) or 'nothing run'} in {seconds:.2f}s ".center(80, "=")


Run = Callable[[Sequence[str]], int]
"""Runs a command to its end; its exit code."""


def run(command: Sequence[str]) -> int:
    """Run it, with our own output for its output."""
    sys.stdout.flush()
    return subprocess.run(command, check=False, stdin=subprocess.DEVNULL).returncode


def judged(phases: Iterable[Phase], folder: Path, run: Run = run) -> Outcome:
    """Run each phase, and again what failed in it. `folder` keeps what pytest knows of either run."""
    outcome = Outcome()
    for phase in phases:
        code = _carried_out(phase, folder / phase.name, run, outcome)
        # The gravest one: a run that came to nothing before one in which tests failed.
        outcome.code = max(outcome.code, code)
    return outcome


def _carried_out(phase: Phase, folder: Path, run: Run, outcome: Outcome) -> int:
    report = folder / "report.xml"
    # A cache of its own: names of an earlier run are no failures of this one.
    call = (*PYTEST, "-o", f"cache_dir={folder / 'cache'}", *phase.arguments)
    code = run((*call, *phase.beside, f"--junitxml={report}"))
    passed, skipped = _counted(report)
    outcome.passed += passed
    outcome.skipped += skipped
    if code != _FAILED:
        return code
    first = _last_failed(folder)
    # A name without a test is a file that could not be read.
    if not 0 < len(first) <= _MOST_AGAIN or any("::" not in name for name in first):
        outcome.failed += first
        return code
    print(f"\n{phase.name}: run once more, alone: {len(first)}")
    again = run((*call, "--last-failed", "--last-failed-no-failures", "none"))
    if again not in (_PASSED, _FAILED):
        outcome.failed += first
        return again
    second = _last_failed(folder)
    flaky = [name for name in first if name not in second]
    outcome.failed += second
    outcome.flaky += flaky
    outcome.passed += len(flaky)
    return again


def _last_failed(folder: Path) -> list[str]:
    """Names of what failed in the last run, as pytest's cache has them."""
    kept = folder / "cache" / "v" / "cache" / "lastfailed"
    return sorted(json.loads(kept.read_text())) if kept.exists() else []


def _counted(report: Path) -> tuple[int, int]:
    """How many passed, and were skipped."""
    if not report.exists():
        return 0, 0
    suites = list(ElementTree.parse(report).getroot().iter("testsuite"))  # noqa: S314 - written by pytest, here
    tests, *others = (
        sum(int(suite.get(what, 0)) for suite in suites) for what in ("tests", "errors", "failures", "skipped")
    )
    return tests - sum(others), others[-1]


def main() -> int:
    """All phases; the exit code."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="hotline-phases-") as folder:
        outcome = judged(PHASES, Path(folder))
    for name in outcome.flaky:
        print(f"flaky: {name}")
    for name in outcome.failed:
        print(f"failed twice: {name}")
    print(outcome.closing(time.monotonic() - begun), flush=True)
    return outcome.code


if __name__ == "__main__":
    sys.exit(main())
