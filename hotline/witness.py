"""A witness (存证) outside the database: a file to which lines are only ever added, each bound to all before it.

What is written down here of a record in PostgreSQL (its number and hash) shows later that the record is gone or another
one, even to somebody whose chain in the database was cut or hashed anew as a whole. Every line ends with the SHA-256 of
the line before and itself, so that no line can be changed or left out. Several processes of a host write to one file. A
file system's append-only attribute (`chattr +a`) or another disk keep it out of a database administrator's reach.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from hotline.errors import HotlineError
from hotline.settings import Settings

_START: Final = "0" * 64
_LONGEST_LINE: Final = 256
_LINE: Final = re.compile(r"(?P<told>[a-z]{1,16} [0-9]{1,19} [0-9a-f]{64} [0-9T:.+-]{20,40}) (?P<bound>[0-9a-f]{64})\n")


class WitnessBroken(HotlineError):
    """The witness's own file was changed."""

    code = "witness.broken"


@dataclass(frozen=True, slots=True)
class Seen:
    """A record that was there: what kind, its number there, its hash (hexadecimal), and when it was written down."""

    kind: str
    number: int
    hash: str
    at: str


def witness_file(settings: Settings) -> Path:
    """Where it is, as `hotline.toml` has it."""
    named = settings.privacy.witness_file
    return Path(named) if named else settings.var_dir / "audit" / "witness"


class Witness:
    """One file, as this process sees it. It is made, for its owner alone, with the first line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None
        self._written = self._synced = 0
        self._flushing = asyncio.Lock()

    def note(self, kind: str, number: int, hash_: str) -> None:
        """Write a line down; `flush` brings it to the disk. Takes no time worth naming. Raises OSError."""
        file = self._open()
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            whole, last = self._end(file)
            told = f"{kind} {number} {hash_} {datetime.now(UTC).isoformat(timespec='milliseconds')}"
            line = f"{told} {_bound(last, told)}\n"
            # A line that a power cut left half-written is ended, and counts for nothing.
            os.write(file, (line if whole else f"\n{line}").encode())
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)
        self._written += 1

    async def flush(self) -> None:
        """Wait until what this process has written is on the disk; many that wait share one write. Raises OSError."""
        mine = self._written
        while self._synced < mine:
            async with self._flushing:
                if self._synced >= mine or self._file is None:
                    return
                reached = self._written
                await asyncio.to_thread(os.fsync, self._file)
                self._synced = reached

    def lines(self) -> Iterator[Seen]:
        """What was written down, oldest first. Raises WitnessBroken, naming the line; OSError, if there is none."""
        last = _START
        with self.path.open(encoding="ascii", errors="replace") as file:
            for number, line in enumerate(file, 1):
                if (whole := _LINE.fullmatch(line)) is None:
                    # Half-written. After one that somebody spoilt, the next would not be bound to the one before.
                    continue
                if whole["bound"] != _bound(last, whole["told"]):
                    raise WitnessBroken(
                        f"line {number} of {self.path} is not what was written", remedy="compare with a copy of it"
                    )
                last = whole["bound"]
                kind, of, hash_, at = whole["told"].split(" ")
                yield Seen(kind, int(of), hash_, at)

    def close(self) -> None:
        """Close the file; a line after that opens it again."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self) -> int:
        if self._file is not None and os.fstat(self._file).st_nlink == 0:
            # Somebody took the file away: what is written goes where it is looked for.
            self.close()
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return self._file

    @staticmethod
    def _end(file: int) -> tuple[bool, str]:
        """Whether the file ends with a whole line, and what the last whole one is bound by."""
        size = os.fstat(file).st_size
        tail = os.pread(file, 8 * _LONGEST_LINE, max(0, size - 8 * _LONGEST_LINE)).decode("ascii", "replace")
        if not tail:
            return True, _START
        whole = [found for line in tail.splitlines(keepends=True) if (found := _LINE.fullmatch(line))]
        return tail.endswith("\n"), whole[-1]["bound"] if whole else _START


def _bound(last: str, told: str) -> str:
    return hashlib.sha256(f"{last} {told}".encode()).hexdigest()
