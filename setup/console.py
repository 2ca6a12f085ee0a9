"""What set-up shows, and the commands it runs: output goes to a log, a person sees steps and times."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_SHOWN_OF_A_FAILURE = 15


class SetupError(Exception):
    """Set-up cannot go on. `problem` names what is missing, `remedy` is what to type next."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy


class CommandFailed(Exception):
    """A command ended with an error; `output` holds its last lines."""

    def __init__(self, command: Sequence[str], status: int, output: str) -> None:
        super().__init__(f"{shlex.join(command)} ended with status {status}")
        self.output = output


class Console:
    """Shows steps as they run and keeps every command's output in `log`."""

    def __init__(self, log: Path) -> None:
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        self._live = sys.stderr.isatty()

    def say(self, line: str) -> None:
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()

    @contextmanager
    def step(self, place: str, title: str) -> Iterator[None]:
        """Show that a step runs, and how long it took; at a terminal the seconds count up."""
        started = time.monotonic()
        over = threading.Event()

        def count() -> None:
            while not over.wait(0.5):
                sys.stderr.write(f"\r  {place} {title} ... {time.monotonic() - started:3.0f} s ")
                sys.stderr.flush()

        counter = threading.Thread(target=count, daemon=True)
        if self._live:
            counter.start()
        else:
            self.say(f"  {place} {title} ...")
        outcome = "failed"
        try:
            yield
            outcome = "done"
        finally:
            over.set()
            if self._live:
                counter.join()
            start_of_line = "\r" if self._live else ""
            self.say(f"{start_of_line}  {place} {title}: {outcome} in {time.monotonic() - started:.1f} s")

    def run(self, *command: str | Path, environment: Mapping[str, str] | None = None) -> None:
        """Run a command without input; raises CommandFailed."""
        words = [str(word) for word in command]
        with self.log.open("ab") as log:
            log.write(f"\n$ {shlex.join(words)}\n".encode())
            log.flush()
            start = log.tell()
            try:
                done = subprocess.run(
                    words,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=None if environment is None else {**os.environ, **environment},
                    check=False,
                )
            except OSError as error:
                raise CommandFailed(words, 127, str(error)) from error
        if done.returncode:
            with self.log.open("rb") as log:
                log.seek(start)
                lines = log.read().decode(errors="replace").splitlines()
            raise CommandFailed(words, done.returncode, "\n".join(lines[-_SHOWN_OF_A_FAILURE:]))


def answer_of(*command: str | Path) -> str:
    """What a command prints, or an empty string if it fails or does not exist."""
    try:
        done = subprocess.run(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
    except OSError:
        return ""
    return done.stdout if done.returncode == 0 else ""
