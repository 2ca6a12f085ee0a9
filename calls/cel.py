"""Asterisk's channel events (CEL) as it writes them to a file: read on from where the last reader stopped.

Columns as in `asterisk-config/cel_custom.conf.j2`. Every field is quoted and quotes in it are doubled, so a caller
whose number holds line ends or quotes makes a record of several lines, and can never begin one.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson

_COLUMNS: Final = 11
_CHUNK: Final = 2**20
_LONGEST: Final = 2**16
"""No record is longer; what is, is none."""
_NAMED_BY: Final = 48
"""Bytes at the beginning of a file that tell it from every other: event, time in microseconds, unique id."""

_RECORD: Final = re.compile(b",".join([rb'"((?:[^"]|"")*+)"'] * _COLUMNS) + rb"\n")
_BEGINNING: Final = re.compile(rb'^"[A-Z_]{2,24}","[0-9]{1,11}\.[0-9]{6}","', re.MULTILINE)
_TIME: Final = re.compile(r"([0-9]{1,11})\.([0-9]{6})")


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the events: in which file, by its beginning (it may be renamed), and how many bytes in."""

    file: str
    offset: int


@dataclass(frozen=True, slots=True, repr=False)
class Record:
    """One event of one channel. Has no repr: `caller` and `dialled` are personal."""

    at: Position
    event: str
    at_ms: int
    uniqueid: str
    linkedid: str
    channel: str
    dialled: str
    context: str
    application: str
    caller: str
    extra: dict[str, Any]


@dataclass(frozen=True, slots=True, repr=False)
class Batch:
    """What was read: the records, where to go on, in how many places lines were none, and whether there may be more
    now."""

    records: list[Record] = field(default_factory=list)
    position: Position | None = None
    malformed: int = 0
    more: bool = False


class ChannelEvents:
    """The file, and those put aside before it (`.0` the newest). Everything here blocks on the disk."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, position: Position | None) -> Batch:
        """About a megabyte from `position` on. Without one, or if its file is gone, from the oldest there is: what was
        told before may be told again. Raises OSError."""
        files = self._open()
        try:
            named = [(_name(file), file) for file in files]
            named = [(name, file) for name, file in named if name]
            if not named:
                return Batch(position=position)
            index = next((n for n, (name, _) in enumerate(named) if position and name == position.file), None)
            name, file = named[index or 0]
            offset = position.offset if position is not None and index is not None else 0
            return _batch(file, Position(name, offset), [name for name, _ in named[(index or 0) + 1 :]])
        finally:
            for file in files:
                file.close()

    def _open(self) -> list[BinaryIO]:
        """All files, oldest first; none if they are being renamed at this moment."""
        before = self._listed()
        files: list[BinaryIO] = []
        for path, _ in before:
            try:
                files.append(path.open("rb"))
            except FileNotFoundError:
                break
        if self._listed() == before and len(files) == len(before):
            return files
        for file in files:
            file.close()
        return []

    def _listed(self) -> list[tuple[Path, int]]:
        numbered = []
        for path in self._path.parent.glob(f"{self._path.name}*"):
            number = path.name.removeprefix(self._path.name).removeprefix(".")
            if path == self._path or number.isdecimal():
                try:
                    numbered.append((int(number or -1), path, path.stat().st_ino))
                except FileNotFoundError:
                    continue
        return [(path, inode) for _, path, inode in sorted(numbered, reverse=True)]


def _name(file: BinaryIO) -> str:
    """A digest, because in a damaged file these bytes may be personal; empty while the file is too short to have
    one."""
    beginning = file.read(_NAMED_BY)
    return hashlib.sha256(beginning).hexdigest()[:32] if len(beginning) == _NAMED_BY else ""


def _batch(file: BinaryIO, start: Position, newer: list[str]) -> Batch:
    file.seek(start.offset)
    content = file.read(_CHUNK)
    records, used, malformed = _parse(content, start)
    if len(content) == _CHUNK:
        if not used:
            used, malformed = _CHUNK, malformed + 1
        return Batch(records, Position(start.file, start.offset + used), malformed, more=True)
    if newer:
        # Written to its end: a newer file has its first record. What is left here was cut off.
        return Batch(records, Position(newer[0], 0), malformed + (used < len(content)), more=True)
    return Batch(records, Position(start.file, start.offset + used), malformed)


def _parse(content: bytes, start: Position) -> tuple[list[Record], int, int]:
    """The records in `content`, the bytes done with, and how many stretches of it were no record."""
    records: list[Record] = []
    at = malformed = 0
    while at < len(content):
        found = _RECORD.match(content, at)
        record = _record(found, Position(start.file, start.offset + at)) if found else None
        if found and record:
            records.append(record)
            at = found.end()
            continue
        next_one = _BEGINNING.search(content, at + 1)
        if next_one is None and len(content) - at < _LONGEST:
            # Perhaps the rest of it is being written.
            break
        malformed += 1
        at = next_one.start() if next_one else len(content)
    return records, at, malformed


def _record(found: re.Match[bytes], at: Position) -> Record | None:
    event, time, uniqueid, linkedid, channel, dialled, context, application, caller, _, extra = (
        value.replace(b'""', b'"').decode("utf-8", "replace") for value in found.groups()
    )
    when = _TIME.fullmatch(time)
    if when is None:
        return None
    try:
        told = orjson.loads(extra) if extra else {}
    except orjson.JSONDecodeError:
        return None
    return Record(
        at=at,
        event=event,
        at_ms=int(when[1]) * 1000 + int(when[2]) // 1000,
        uniqueid=uniqueid,
        linkedid=linkedid,
        channel=channel,
        dialled=dialled,
        context=context,
        application=application,
        caller=caller,
        extra=told if isinstance(told, dict) else {},
    )
