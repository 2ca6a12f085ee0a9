"""Calls served while all of ours was dead, read back from Asterisk's own records.

Channel events say who called which line and when, when the talk began, and how the call ended; the native queue's log
says which agent it was. Facts are unique within a call, so it does no harm to read anything twice. But whoever tells
a fact first decides what it says, and those who were there know more: a call is looked at some seconds after its end,
and not as long as a worker's spool or a callback request still has something to say of it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

import structlog
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from acd.presence import AgentPresence
from calls.cel import ChannelEvents, Position
from calls.entry import entry_facts
from calls.facts import Entry, Kind, seq_at
from calls.ingest import insert_entries
from calls.models import JournalRow, ReadbackRow
from calls.native_agents import connected_agents
from calls.past_calls import PastCall, PastCalls
from directory.loader import CurrentDirectory
from hotline.clock import Clock, from_ms
from hotline.database import Database
from hotline.errors import PartUnavailable

_log = structlog.get_logger(__name__)

_GRACE_MS: Final = 10_000
"""After the end of a call whoever held it has told what they know. Sooner than `calls.hangups`, which knows less."""
_PATIENCE_MS: Final = 600_000
"""A spool that still holds a call by then belongs to a worker that does not come back."""
_FORGOTTEN_MS: Final = 24 * 3_600_000
"""A call of which nothing was recorded for so long no longer holds up the place where reading begins."""

_LANE: Final = 40
"""Numbers within a millisecond: above the few an owner takes, below the lanes of `calls.observed`."""

_AT_ONCE: Final = 200
_PAUSE_SECONDS: Final = 2.0
_BACKLOG: Final = 5_000


class Readback:
    """Follows the records of the Asterisk on this host and tells the journal what nobody else did."""

    def __init__(
        self,
        *,
        host: str,
        records: Path,
        queue_log: Path,
        promises: Path,
        spool: Path,
        database: Database,
        directory: CurrentDirectory,
        process: str,
        clock: Clock,
    ) -> None:
        self._host = host
        self._events = ChannelEvents(records)
        self._queue_log = queue_log
        self._promises = promises
        self._spool = spool
        self._database = database
        self._directory = directory
        self._process = process
        self._clock = clock
        self._past = PastCalls()
        self._position: Position | None = None
        self._kept: Position | None = None
        self._begun = False

    async def run(self) -> None:
        """Look once a second until cancelled, through outages of the database."""
        while True:
            try:
                while await self.step():
                    pass
            except (SQLAlchemyError, PartUnavailable, OSError, TimeoutError) as error:
                _log.warning("readback.waits", reason=type(error).__name__)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def step(self) -> bool:
        """Read on, and tell what is missing of the calls that are over; returns whether there is more to do now.

        Raises SQLAlchemyError, OSError, TimeoutError or PartUnavailable; then nothing is passed over.
        """
        if not self._begun:
            self._position = self._kept = await self._load()
            self._begun = True
        more = await self._read() if len(self._past.calls) < _BACKLOG else False
        self._forget()
        limit = self._clock.now_ms() - _GRACE_MS
        over = [call for call in self._past.calls.values() if call.over_ms is not None and call.over_ms <= limit]
        done = 0
        for start in range(0, len(over), _AT_ONCE):
            done += await self._look_at(over[start : start + _AT_ONCE])
        await self._keep()
        return more or (done > 0 and len(self._past.calls) >= _BACKLOG)

    async def _read(self) -> bool:
        batch = await asyncio.to_thread(self._events.read, self._position)
        for record in batch.records:
            self._past.note(record)
        self._position = batch.position
        if batch.malformed:
            _log.warning("readback.malformed", places=batch.malformed)
        return batch.more

    def _forget(self) -> None:
        limit = self._clock.now_ms() - _FORGOTTEN_MS
        for call in [c.call for c in self._past.calls.values() if c.over_ms is None and c.last_ms < limit]:
            del self._past.calls[call]

    async def _look_at(self, calls: list[PastCall]) -> int:
        """Complete these calls, but for those of whom others may still speak; returns how many are done with."""
        async with self._database.transaction() as session:
            told = await _told(session, calls)
        incomplete = [call for call in calls if not _complete(call, told[call.call])]
        spoken_of = await asyncio.to_thread(self._spoken_of, [call.call for call in incomplete])
        patience = self._clock.now_ms() - _PATIENCE_MS
        waiting = {call.call for call in incomplete if call.call in spoken_of and (call.over_ms or 0) > patience}
        await self._complete([call for call in incomplete if call.call not in waiting])
        for call in calls:
            if call.call not in waiting:
                del self._past.calls[call.call]
        return len(calls) - len(waiting)

    def _spoken_of(self, calls: Collection[str]) -> set[str]:
        """Of which of these calls a worker's spool or a callback request has something to say."""
        found = {call for call in calls if (self._promises / f"{call}.json").exists()}
        for spool in self._spool.glob("*.jsonl") if calls else ():
            for line in spool.read_bytes().splitlines():
                try:
                    found.add(Entry.load(line).call_id)
                except (ValueError, TypeError):
                    continue
        return found

    async def _complete(self, calls: list[PastCall]) -> None:
        if not calls:
            return
        await self._directory.refresh()
        async with self._database.transaction() as session:
            # Asked again: what a spool or a request had to say has been kept meanwhile.
            told = await _told(session, calls)
            agents = await self._agents(session, [call for call in calls if call.bridged_ms is not None])
            missing = [e for call in calls for e in self._missing(call, told[call.call], agents.get(call.call))]
            if missing:
                await insert_entries(session, missing)
        if missing:
            _log.info("readback.told", calls=len({entry.call_id for entry in missing}), facts=len(missing))

    async def _agents(self, session: AsyncSession, calls: list[PastCall]) -> dict[str, str]:
        """Who talked: by the queue's log, or as whoever has been at that seat since before the talk."""
        if not calls:
            return {}
        since_ms = min(call.bridged_ms or call.entered_ms for call in calls)
        names = {call.call for call in calls}
        connected = await asyncio.to_thread(connected_agents, self._queue_log, names, since_ms)
        present = {row.extension: row for row in await session.scalars(select(AgentPresence))}
        agents = {}
        for call in calls:
            if call.partner is None:
                continue
            seated = present.get(call.partner.extension or "")
            if named := connected.get((call.call, call.partner.uniqueid)):
                agents[call.call] = named
            elif seated and seated.updated_at <= from_ms(call.bridged_ms or 0):
                agents[call.call] = seated.agent
        return agents

    def _missing(self, call: PastCall, told: set[str], agent: str | None) -> list[Entry]:
        missing = []
        if Kind.ENTERED not in told:
            facts = entry_facts(
                self._directory.snapshot,
                presented=call.caller,
                dialled=call.dialled,
                entered_ms=call.entered_ms,
                channel=call.channel,
            )
            missing.append(self._entry(call, Kind.ENTERED, call.entered_ms, **facts))
        # Whether it was a talk has been judged already by those who wrote the end of a call of ours.
        ours_to_tell = call.talk_without_us or Kind.ENDED not in told
        if call.bridged_ms is not None and Kind.ANSWERED not in told and ours_to_tell:
            missing.append(self._entry(call, Kind.ANSWERED, call.bridged_ms, call.bridge, agent=agent, unattended=True))
        if Kind.ENDED not in told:
            missing.append(self._end(call, agent))
        return missing

    def _end(self, call: PastCall, agent: str | None) -> Entry:
        over_ms = call.over_ms or call.last_ms
        if call.bridged_ms is None:
            return self._entry(call, Kind.ABANDONED, over_ms, waited_ms=over_ms - call.entered_ms)
        elsewhere = call.directly or (call.partner is not None and call.partner.extension is None)
        told = {"outcome": "routed" if elsewhere else "answered"}
        if call.hung_up_by == call.channel:
            told["ended_by"] = "caller"
        elif call.partner is not None and call.hung_up_by == call.partner.channel:
            told["ended_by"] = "branch" if elsewhere else "agent"
        return self._entry(call, Kind.ENDED, call.parted_ms or over_ms, agent=agent, **told)

    def _entry(
        self, call: PastCall, kind: Kind, at_ms: int, about: str = "", *, agent: str | None = None, **attributes: Any
    ) -> Entry:
        subject = _subject(kind)
        return Entry(
            call_id=call.call,
            seq=seq_at(at_ms, _LANE + (Kind.ENTERED, Kind.ANSWERED, Kind.ENDED).index(subject)),
            fact=f"{subject}:{about}" if about else subject,
            kind=kind.value,
            at_ms=at_ms,
            process=self._process,
            agent=agent,
            attributes={**attributes, "read_back": True},
        )

    # where to go on

    async def _load(self) -> Position | None:
        async with self._database.transaction() as session:
            row = await session.get(ReadbackRow, self._host)
            return Position(row.file, row.position) if row else None

    async def _keep(self) -> None:
        """The next run begins with the oldest call that is not done with."""
        oldest = next(iter(self._past.calls.values()), None)
        position = oldest.begins if oldest else self._position
        if position is None or position == self._kept:
            return
        values = {"file": position.file, "position": position.offset}
        async with self._database.transaction() as session:
            await session.execute(
                insert(ReadbackRow)
                .values(host=self._host, **values)
                .on_conflict_do_update(index_elements=["host"], set_=values)
            )
        self._kept = position


def _subject(kind: Kind) -> Kind:
    """A call ends once, whichever way (see `calls.live.Scribe`)."""
    return Kind.ENDED if kind is Kind.ABANDONED else kind


async def _told(session: AsyncSession, calls: list[PastCall]) -> dict[str, set[str]]:
    """Kinds of facts the journal has of each call, of those that matter here."""
    told: dict[str, set[str]] = defaultdict(set)
    query = select(JournalRow.call_id, JournalRow.kind).where(
        JournalRow.call_id.in_([call.call for call in calls]),
        JournalRow.kind.in_([Kind.ENTERED, Kind.ANSWERED, Kind.ENDED, Kind.ABANDONED]),
    )
    for row in await session.execute(query):
        told[row.call_id].add(_subject(Kind(row.kind)))
    return told


def _complete(call: PastCall, told: set[str]) -> bool:
    return {Kind.ENTERED, Kind.ENDED} <= told and (Kind.ANSWERED in told or not call.talk_without_us)
