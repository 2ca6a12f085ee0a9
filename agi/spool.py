"""Callback requests (回拨请求) left by the classic script `callback-request` while none of our processes was there.

The script writes, whoever ingests reads: `for path, request in spool.requests()`, commit, `spool.remove(path)`.
A file stays until its content is committed, so it may be read twice: ingest by call id, once.
Everything here blocks on the disk for a moment; from a coroutine use `asyncio.to_thread`.
"""

from __future__ import annotations

import json
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import structlog

from hotline.errors import InvalidInput
from hotline.ids import call_id

_log = structlog.get_logger(__name__)

_MAX_BYTES = 16_384
_NUMBER = re.compile(r"\+?[0-9]{0,32}")
_REASONS = frozenset({"no_agent"})
_EPOCH_MS = range(1_000_000_000_000, 10_000_000_000_000)
"""2001 to 2286: a time in seconds or microseconds is not one in milliseconds."""


class SpoolFileRefused(InvalidInput):
    """A file in the spool is no callback request. It is kept in `bad/` for a person to look at."""

    code: ClassVar[str] = "agi.spool_file_refused"


@dataclass(frozen=True, slots=True)
class CallbackRequest:
    """A citizen whom nobody could answer and who was told that they will be called back."""

    call: str
    entered_ms: int
    """Time of entry, ms since 1970-01-01 UTC: the caller's place."""
    dialled: str
    """Digits and a leading `+`; empty if unknown."""
    caller: str
    """The same; empty if withheld or not a number: then there is nobody to call, but the call did happen."""
    reason: str
    """`no_agent`."""
    requested_ms: int


class CallbackSpool:
    """The folder of callback requests; it need not exist yet."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def pending(self) -> list[Path]:
        """Files to be read, oldest first. Unfinished ones (`.tmp`) are none of them."""
        found = []
        try:
            with os.scandir(self._directory) as entries:
                for entry in entries:
                    if entry.name.endswith(".json") and not entry.name.startswith("."):
                        try:
                            found.append((entry.stat(follow_symlinks=False).st_mtime_ns, entry.name))
                        except FileNotFoundError:
                            continue  # removed meanwhile
        except FileNotFoundError:
            return []
        return [self._directory / name for _, name in sorted(found)]

    def read(self, path: Path) -> CallbackRequest:
        """One request. Raises SpoolFileRefused after moving the file to `bad/`, OSError if it cannot be read."""
        try:
            return _parse(path)
        except SpoolFileRefused as error:
            bad = self._directory / "bad"
            bad.mkdir(exist_ok=True)
            path.rename(bad / path.name)
            _log.error("agi.spool_file_refused", file=path.name, why=error.detail)
            raise

    def requests(self) -> list[tuple[Path, CallbackRequest]]:
        """What can be read now, oldest first. Bad files are moved to `bad/`, unreadable ones stay; both are logged."""
        good = []
        for path in self.pending():
            try:
                good.append((path, self.read(path)))
            except SpoolFileRefused:
                continue
            except OSError as error:
                # Gone meanwhile, or not ours to read: not the file's fault, so it stays and is tried again.
                _log.warning("agi.spool_file_unreadable", file=path.name, why=error.strerror)
        return good

    def remove(self, path: Path) -> None:
        """After the commit, for good; a file that is gone already is no error."""
        path.unlink(missing_ok=True)
        descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _content(path: Path) -> bytes:
    # The folder is written by another user's process (Asterisk's): follow no link, wait for no pipe.
    if not stat.S_ISREG(path.lstat().st_mode):
        raise SpoolFileRefused("not a plain file")
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        content = file.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise SpoolFileRefused("too large")
    return content


def _parse(path: Path) -> CallbackRequest:
    try:
        found = json.loads(_content(path))
    except (ValueError, RecursionError):
        raise SpoolFileRefused("not JSON") from None
    if not isinstance(found, dict) or found.get("schema") != 1:
        raise SpoolFileRefused("not of schema 1")
    try:
        call = call_id(_typed(found, "call", str))
    except InvalidInput:
        raise SpoolFileRefused("call") from None
    if path.name != f"{call}.json":
        raise SpoolFileRefused("named after another call")
    request = CallbackRequest(
        call=call,
        entered_ms=_typed(found, "entered_ms", int),
        dialled=_typed(found, "dialled", str),
        caller=_typed(found, "caller", str),
        reason=_typed(found, "reason", str),
        requested_ms=_typed(found, "requested_ms", int),
    )
    for field in ("dialled", "caller"):
        if not _NUMBER.fullmatch(getattr(request, field)):
            raise SpoolFileRefused(field)
    for field in ("entered_ms", "requested_ms"):
        if getattr(request, field) not in _EPOCH_MS:
            raise SpoolFileRefused(field)
    if request.reason not in _REASONS:
        raise SpoolFileRefused("reason")
    return request


def _typed(found: dict[str, Any], field: str, kind: type[Any]) -> Any:
    value = found.get(field)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise SpoolFileRefused(field)
    return value
