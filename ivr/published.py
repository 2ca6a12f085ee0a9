"""The menus in force, as a process that answers calls has them at hand: asked for each call, without a database.

What callers hear changes by the clock (a version or an assignment whose time has come) and by somebody's hand. The
first needs no news: everything that is still to come is in the snapshot. Of the second PostgreSQL tells by NOTIFY, and
twice a second the version is looked at besides, so that the next call knows within a second whichever way fails.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson
import structlog
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from hotline.clock import Clock
from hotline.database import Database
from hotline.tasks import end, never_ending
from ivr.flow import Flow, SubFlow
from ivr.published_rows import CHANNEL, Rows, load, rows_from_json, rows_to_json
from ivr.tables import EVERY_LINE, MenuStateRow

_log = structlog.get_logger(__name__)

_LOOK_SECONDS = 1.0
_VERSION: Final = select(MenuStateRow.version)
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Pinned:
    """A flow with every flow it leads into, each in one version: what a live call stays on until it ends."""

    flow: str
    versions: Mapping[str, int]
    flows: Mapping[str, Flow]

    @property
    def version(self) -> int:
        """Of the flow itself."""
        return self.versions[self.flow]


@dataclass(slots=True)
class Snapshot:
    """The menus as one transaction saw them. Pure: what holds is a question of the moment that is asked about."""

    rows: Rows
    _flows: dict[tuple[str, int], Flow | None] = field(default_factory=dict)
    _pinned: dict[str, tuple[datetime, datetime, Pinned | None]] = field(default_factory=dict)
    """By flow: the newest answer and the span (from, until before) in which it holds."""

    def for_line(self, line: str, at: datetime) -> Pinned | None:
        """What the callers of a line hear from the aware moment `at` on; None: they go to a human directly."""
        if EVERY_LINE in self.rows.off or line in self.rows.off:
            return None
        flow = self.assigned(line, at)
        return None if flow is None else self.of(flow, at)

    def assigned(self, line: str, at: datetime) -> str | None:
        """The flow that is assigned to a line, whether menus are switched off or not."""
        return next((one.flow for one in reversed(self.rows.assigned.get(line, ())) if one.effective_at <= at), None)

    def of(self, flow: str, at: datetime) -> Pinned | None:
        """A flow and those it leads into, as they are in force at `at`; None if it, or one of them, is not."""
        if flow not in self.rows.versions:
            return None
        if (known := self._pinned.get(flow)) and known[0] <= at < known[1]:
            return known[2]
        since, until = self._span(at)
        pinned = self._pin(flow, at)
        self._pinned[flow] = (since, until, pinned)
        return pinned

    def version(self, flow: str, at: datetime) -> int | None:
        """The version of a flow that is in force at `at`: the one whose time came last."""
        return next((one.version for one in reversed(self.rows.versions.get(flow, ())) if one.effective_at <= at), None)

    def in_force(self, at: datetime) -> dict[str, Flow]:
        """Every flow in force at `at`, by its key; one that cannot be read is not in it."""
        found = {key: self.version(key, at) for key in self.rows.versions}
        parsed = {key: self._parsed(key, version) for key, version in found.items() if version is not None}
        return {key: flow for key, flow in parsed.items() if flow is not None}

    def _span(self, at: datetime) -> tuple[datetime, datetime]:
        """From the last change of any flow up to `at` until the next after it."""
        moments = [one.effective_at for versions in self.rows.versions.values() for one in versions]
        return (
            max((moment for moment in moments if moment <= at), default=datetime.min.replace(tzinfo=UTC)),
            min((moment for moment in moments if moment > at), default=_NEVER),
        )

    def _pin(self, root: str, at: datetime) -> Pinned | None:
        versions: dict[str, int] = {}
        flows: dict[str, Flow] = {}
        open_ends = [root]
        while open_ends:
            key = open_ends.pop()
            if key in flows:
                continue
            version = self.version(key, at)
            flow = self._parsed(key, version) if version is not None else None
            if version is None or flow is None:
                _log.error("menus.not_whole", flow=root, missing=key)
                return None
            versions[key], flows[key] = version, flow
            open_ends += called_by(flow)
        return Pinned(root, versions, flows)

    def _parsed(self, key: str, version: int) -> Flow | None:
        """A version as a flow; one that this programme cannot read (any more) is logged once and is no menu."""
        if (key, version) not in self._flows:
            document = next(one.document for one in self.rows.versions[key] if one.version == version)
            try:
                self._flows[key, version] = Flow.model_validate(document)
            except ValidationError as error:
                _log.error("menus.unreadable", flow=key, version=version, errors=error.error_count())
                self._flows[key, version] = None
        return self._flows[key, version]


def called_by(flow: Flow) -> Iterable[str]:
    """The flows that a flow's nodes lead into."""
    return (node.flow for node in flow.nodes.values() if isinstance(node, SubFlow))


class Published:
    """A process's copy of the menus in force. Until the first is got, and without any, every line is direct.

    Call `refresh` at the start and have `run` go on beside. `copy` is a file that the process alone writes: without
    PostgreSQL a process starts with the menus it had last.
    """

    def __init__(self, database: Database, clock: Clock, copy: Path | None = None) -> None:
        self._database = database
        self._clock = clock
        self._copy = copy
        self._snapshot: Snapshot | None = None
        self._wake = asyncio.Event()

    @property
    def version(self) -> int | None:
        """Of the menus in use, counted by every change of what callers hear; None before the first were got."""
        return self._snapshot.rows.version if self._snapshot else None

    def for_line(self, line: str, at: datetime | None = None) -> Pinned | None:
        """What a call to this line that begins at `at` (now) hears, for as long as it lasts; None: a human directly.

        Never raises: whatever is wrong with a menu, the line goes to a human.
        """
        return self._snapshot.for_line(line, at or self._clock.now()) if self._snapshot else None

    def of(self, flow: str, at: datetime | None = None) -> Pinned | None:
        """A flow in the version in force, as an agent sends a caller into one; None: there is none."""
        return self._snapshot.of(flow, at or self._clock.now()) if self._snapshot else None

    async def refresh(self) -> bool:
        """Take over what changed; True if anything did. While PostgreSQL is away the present menus stay, or at the
        start those of the copy on disk."""
        try:
            found: Any = await self._database.ask(_VERSION)
            newest = found[0][0] if found else 0
            if self.version == newest:
                return False
            async with self._database.transaction() as session:
                rows = await load(session, self._clock.now())
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            _log.warning("menus.database_away", error=type(error).__name__)
            if self._snapshot is None and self._copy is not None:
                await self._begin_with(self._copy)
            return False
        self._snapshot = Snapshot(rows)
        _log.info("menus.loaded", version=rows.version, flows=len(rows.versions))
        if self._copy is not None:
            await asyncio.to_thread(_write, self._copy, rows)
        return True

    async def run(self) -> None:
        """Follow every change until cancelled, through outages of PostgreSQL."""
        listening = asyncio.create_task(never_ending(self._listen))
        try:
            while True:
                self._wake.clear()
                await self.refresh()
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_SECONDS):
                        await self._wake.wait()
        finally:
            await end([listening])

    async def _listen(self) -> None:
        try:
            async with self._database.listening(CHANNEL, self._wake.set) as lost:
                self._wake.set()
                await lost.wait()
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            _log.warning("menus.not_listening", reason=type(error).__name__)

    async def _begin_with(self, copy: Path) -> None:
        try:
            self._snapshot = Snapshot(rows_from_json(await asyncio.to_thread(copy.read_bytes)))
        except (OSError, ValueError, KeyError, TypeError) as error:
            _log.warning("menus.no_copy", reason=type(error).__name__)


def _write(copy: Path, rows: Rows) -> None:
    """Atomic, so that a crash leaves the old copy; a full disk must not stop the line."""
    fresh = copy.with_name(f"{copy.name}.{os.getpid()}")
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("wb") as file:
            file.write(rows_to_json(rows))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(copy)
    except (OSError, orjson.JSONEncodeError) as error:
        _log.warning("menus.copy_not_written", reason=type(error).__name__)
