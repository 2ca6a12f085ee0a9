"""The store of attachments: files by the SHA-256 of what they hold, each once.

A file is written beside its place, flushed to the disk and renamed, before anybody commits a row that speaks of it. So
a row never speaks of a file that is not there; a crash in between leaves a file that no row speaks of, which `Sweep`
takes away a day later. Everything here blocks for a moment; from a coroutine use `asyncio.to_thread`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from hotline.ids import token
from ticketing.attachments.errors import AttachmentDamaged

_HASH: Final = re.compile("[0-9a-f]{64}")
_DRAFTS: Final = "drafts"
YOUNG_SECONDS: Final = 24 * 3600.0
"""A file that was put here no longer ago may have a row that is not committed yet."""


class BlobStore:
    """A folder. Hosts that share attachments share it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, content: bytes) -> str:
        """Keep this, if it is not there yet; returns its hash. Raises OSError."""
        digest = hashlib.sha256(content).hexdigest()
        place = self._place(digest)
        drafts = self._folder / _DRAFTS
        drafts.mkdir(parents=True, exist_ok=True)
        with self._held(fcntl.LOCK_SH):
            try:
                # Young again: a sweep that has just found no row for it leaves it alone.
                os.utime(place)
                if place.stat().st_size == len(content):
                    return digest
            except FileNotFoundError:
                place.parent.mkdir(parents=True, exist_ok=True)
            draft = drafts / token()
            try:
                _write(draft, content)
                draft.replace(place)
            finally:
                draft.unlink(missing_ok=True)
            for folder in (place.parent, place.parent.parent, self._folder):
                _flush(folder)
        return digest

    def read(self, digest: str) -> bytes:
        """What lies under a hash. Raises AttachmentDamaged if it is gone, or is not that."""
        try:
            content = self._place(digest).read_bytes()
        except OSError:
            raise AttachmentDamaged(digest, remedy="bring the attachments' folder back from its copy") from None
        if hashlib.sha256(content).hexdigest() != digest:
            raise AttachmentDamaged(digest, remedy="bring this file back from a copy of the attachments' folder")
        return content

    def old(self, *, now: float) -> list[str]:
        """Hashes of all that was put here more than a day before `now` (seconds since 1970); drafts of processes that
        died are removed."""
        before = now - YOUNG_SECONDS
        for draft in (self._folder / _DRAFTS).glob("*"):
            if _touched(draft) < before:
                draft.unlink(missing_ok=True)
        return sorted(
            file.name
            for file in self._folder.glob("[0-9a-f][0-9a-f]/*")
            if _HASH.fullmatch(file.name) and _touched(file) < before
        )

    def remove(self, digest: str, *, now: float, unless: Callable[[], bool]) -> bool:
        """Take a file away that is still old, unless a last question says no. Nobody puts anything meanwhile."""
        place = self._place(digest)
        with self._held(fcntl.LOCK_EX):
            if _touched(place) >= now - YOUNG_SECONDS or unless():
                return False
            place.unlink(missing_ok=True)
            return True

    def _place(self, digest: str) -> Path:
        if not _HASH.fullmatch(digest):
            raise AttachmentDamaged("not a hash")
        return self._folder / digest[:2] / digest

    @contextmanager
    def _held(self, how: int) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, how)
            yield
        finally:
            os.close(lock)


def _touched(file: Path) -> float:
    """When it was last put; of one that is gone, just now."""
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        return time.time()


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
