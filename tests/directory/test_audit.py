"""The audit log: one chain, whoever writes; tampering shows, even by who may switch PostgreSQL's guard off."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from directory import audit
from directory.audit import AuditBroken, Head, record, verify
from hotline.clock import ManualClock
from hotline.database import Database
from tests.explain import plan_of

_EDIT = "ALTER TABLE audit_log DISABLE TRIGGER append_only"


@dataclass
class Log:
    """The log and who writes to it."""

    database: Database
    clock: ManualClock

    async def write(self, after: Any = None, *, actor: str = "admin", subject: str = "queue:night") -> Head:
        async with self.database.transaction() as session:
            now = self.clock.now()
            changed = {"version": 1}
            return await record(
                session, at=now, actor=actor, action="queue.changed", subject=subject, before=changed, after=after
            )

    async def verify(self, noted: Head | None = None) -> Head:
        async with self.database.transaction() as session:
            return await verify(session, noted=noted)

    async def tamper(self, *statements: str) -> None:
        async with self.database.transaction() as session:
            for statement in (_EDIT, *statements):
                await session.execute(text(statement))


@pytest.fixture
def log(database: Database, clock: ManualClock) -> Log:
    return Log(database, clock)


async def test_what_was_and_what_is_comes_back_as_it_was_told(log: Log) -> None:
    nested = {"needs": ["expert-12333:4"], "空": None, "far": 1e16, "share": 0.1, "groups": frozenset({"b", "a"})}
    await log.write(nested, subject="queue:expert-12333")
    log.clock.advance(60)
    head = await log.write(None, actor="1001")
    async with log.database.transaction() as session:
        newest, first = await audit.entries(session)
        assert (newest.actor, newest.before, newest.after) == ("1001", {"version": 1}, None)
        assert newest.at - first.at == timedelta(seconds=60)
        assert first.after == {**nested, "groups": ["a", "b"]}
    assert await log.verify() == head == Head(2, newest.hash.hex())


async def test_an_empty_log_holds(log: Log) -> None:
    assert await log.verify() == Head(0, "")
    assert await log.verify(Head(0, "")) == Head(0, "")


async def test_it_is_read_by_subject_by_person_and_on_from_a_row(log: Log) -> None:
    for number in range(5):
        await log.write(number, subject=f"queue:q{number % 2}", actor=f"100{number % 2}")
    async with log.database.transaction() as session:
        found = {
            "queue:q0": await audit.entries(session, subject="queue:q0"),
            "queue": await audit.entries(session, subject="queue", limit=2),
            "rest": await audit.entries(session, subject="queue", before_seq=4),
            "person": await audit.entries(session, actor="1001"),
            "none": await audit.entries(session, subject="que"),
            "wildcard": await audit.entries(session, subject="queue:q_"),
        }
    assert {name: [row.seq for row in rows] for name, rows in found.items()} == {
        "queue:q0": [5, 3, 1],
        "queue": [5, 4],
        "rest": [3, 2, 1],
        "person": [4, 2],
        "none": [],
        "wildcard": [],
    }


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_log SET actor = 'x'", "DELETE FROM audit_log", "TRUNCATE audit_log"],
)
async def test_postgresql_refuses_to_change_it(log: Log, statement: str) -> None:
    head = await log.write()
    with pytest.raises(DBAPIError, match="append-only"):
        async with log.database.transaction() as session:
            await session.execute(text(statement))
    assert await log.verify() == head


@pytest.mark.parametrize(
    ("change", "seq"),
    [
        ("UPDATE audit_log SET actor = 'somebody' WHERE seq = 3", 3),
        ("UPDATE audit_log SET after = '2' WHERE seq = 1", 1),
        ("UPDATE audit_log SET before = NULL WHERE seq = 2", 2),
        ("UPDATE audit_log SET at = at + interval '1 microsecond' WHERE seq = 5", 5),
        ("UPDATE audit_log SET action = 'queue.seen' WHERE seq = 4", 4),
        ("UPDATE audit_log SET subject = 'queue:day' WHERE seq = 4", 4),
        ("UPDATE audit_log SET hash = decode(repeat('00', 32), 'hex') WHERE seq = 3", 3),
        ("DELETE FROM audit_log WHERE seq = 2", 2),
        ("DELETE FROM audit_log WHERE seq = 1", 1),
        ("UPDATE audit_log SET seq = 9 WHERE seq = 5", 5),
        # Two rows change places, each with its own hash.
        ("UPDATE audit_log SET seq = CASE seq WHEN 2 THEN -3 ELSE -2 END WHERE seq IN (2, 3)", 2),
    ],
)
async def test_tampering_shows_where_it_happened(log: Log, change: str, seq: int) -> None:
    for number in range(5):
        await log.write(number)
    await log.tamper(change, "UPDATE audit_log SET seq = -seq WHERE seq < 0")
    with pytest.raises(AuditBroken) as broken:
        await log.verify()
    assert broken.value.seq == seq


async def test_newest_rows_cut_off_show_against_a_noted_head(log: Log) -> None:
    for number in range(4):
        await log.write(number)
    with structlog.testing.capture_logs() as told:
        noted = await log.write("noted")
    # Every head is in the log of the process that wrote it.
    assert [(one["seq"], one["hash"]) for one in told if one["event"] == "audit.recorded"] == [(noted.seq, noted.hash)]
    newer = await log.write("newer")
    assert await log.verify(noted) == newer
    await log.tamper("DELETE FROM audit_log WHERE seq >= 5")
    await log.verify()
    with pytest.raises(AuditBroken, match="missing"):
        await log.verify(noted)
    # Rows written anew over the gap are no better.
    await log.write("forged")
    await log.write("forged")
    await log.verify()
    with pytest.raises(AuditBroken, match="another row"):
        await log.verify(noted)


async def test_writers_at_the_same_time_make_one_chain(log: Log) -> None:
    heads = await asyncio.gather(*(log.write(number, actor=f"10{number:02}") for number in range(20)))
    assert sorted(head.seq for head in heads) == list(range(1, 21))
    assert (await log.verify()).seq == 20


async def test_a_change_that_is_rolled_back_leaves_no_row_and_no_gap(log: Log) -> None:
    await log.write()

    async def fail_after_the_row() -> None:
        async with log.database.transaction() as session:
            await record(session, at=log.clock.now(), actor="admin", action="x.y", subject="x")
            raise RuntimeError

    with structlog.testing.capture_logs() as told, pytest.raises(RuntimeError):
        await fail_after_the_row()
    assert told == []
    assert (await log.write()).seq == 2
    assert (await log.verify()).seq == 2


async def test_a_long_chain_is_gone_through_piece_by_piece(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "_BATCH", 3)
    for number in range(7):
        await log.write(number)
    assert (await log.verify()).seq == 7
    await log.tamper("UPDATE audit_log SET actor = 'x' WHERE seq = 7")
    with pytest.raises(AuditBroken):
        await log.verify()


async def test_what_has_no_json_form_is_refused(log: Log) -> None:
    with pytest.raises(TypeError):
        await log.write(object())


_MANY = """
    INSERT INTO audit_log (seq, at, actor, action, subject, hash)
    SELECT n, CAST(:begun AS timestamptz) + n * interval '1 minute',
        CASE WHEN n % 2000 = 7 THEN 'auditor' ELSE 'agent' || n % 40 END, 'ticket.read', 'ticket:T' || n, '\\x00'
    FROM generate_series(1, 60000) n
"""
"""Six weeks of readings, one a minute; of one person few."""


async def test_a_person_s_rows_and_a_day_s_are_found_by_index(log: Log) -> None:
    begun = log.clock.now()
    async with log.database.transaction() as session:
        await session.execute(text(_MANY), {"begun": begun})
        await session.execute(text("SELECT brin_summarize_new_values('ix_audit_log_at')"))
        await session.execute(text("ANALYZE audit_log"))
        of_one = await plan_of(session, audit.sought(actor="auditor").limit(101), small=False)
        day: audit.Sought = {"start": begun, "end": begun + timedelta(days=1)}
        of_a_day = await plan_of(session, audit.sought(**day).limit(101), small=False)
        of_long_since = await plan_of(session, audit.sought(start=begun).limit(101), small=False)
        both: audit.Sought = {**day, "actor": "auditor"}
        found = await audit.entries(session, **both)
        newest = await audit.entries(session, **day, limit=2)
    assert "ix_audit_log_actor_seq" in of_one, of_one
    assert "Bitmap Index Scan on ix_audit_log_at" in of_a_day, of_a_day
    # Here the newest rows are the answer.
    assert "Index Scan Backward using pk_audit_log" in of_long_since, of_long_since
    assert ([row.seq for row in found], [row.seq for row in newest]) == ([7], [1439, 1438])
