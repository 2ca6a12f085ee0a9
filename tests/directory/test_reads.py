"""Readings of personal data: one row each, and whatever is done to one is found by what was witnessed."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

import orjson
import pytest
from sqlalchemy import select, text

from directory import audit, reads, witnessed
from directory.audit import AuditBroken
from directory.models.audit import AuditRow
from directory.reads import ReadKeeper
from directory.witnessed import NotWitnessed, ReadingBroken, Verdict
from hotline.clock import ManualClock
from hotline.database import Database
from hotline.witness import Witness, WitnessBroken


@dataclass
class Log:
    """The log, who writes to it and who keeps it."""

    database: Database
    clock: ManualClock
    witness: Witness

    async def change(self, after: object = None) -> None:
        async with self.database.transaction() as session:
            await audit.record(
                session, at=self.clock.now(), actor="admin", action="queue.changed", subject="queue:1", after=after
            )

    async def read(self, ticket: str = "SMX1", *, actor: str = "1001", why: object = "来电核实") -> None:
        async with self.database.transaction() as session:
            await reads.note(
                session, at=self.clock.now(), actor=actor, action="ticket.unmasked", subject=f"ticket:{ticket}", why=why
            )

    async def chain(self) -> int:
        return await ReadKeeper(self.database).step()

    async def verify(self) -> Verdict:
        async with self.database.transaction() as session:
            return await witnessed.verify(session, self.witness)

    async def sql(self, statement: str, **values: object) -> None:
        async with self.database.transaction() as session:
            await session.execute(text("ALTER TABLE audit_log DISABLE TRIGGER append_only"))
            await session.execute(text(statement), values)

    async def hash_anew(self) -> None:
        """As somebody would who knows how: the whole chain, by its own means."""
        async with self.database.transaction() as session:
            last = b"\x00" * 32
            for seq, row in enumerate(await session.scalars(select(AuditRow).order_by(AuditRow.seq)), 1):
                told = [seq, row.at.astimezone(UTC).isoformat(), row.actor, row.action, row.subject]
                told += [row.before, row.after] + ([] if row.read_id is None else [row.read_id])
                last = hashlib.sha256(last + orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).digest()
                values = {"new": seq, "hash": last, "old": row.seq}
                await session.execute(text("UPDATE audit_log SET seq = :new, hash = :hash WHERE seq = :old"), values)


@pytest.fixture
async def log(database_url: str, clock: ManualClock, tmp_path: Path):  # type: ignore[no-untyped-def]
    witness = Witness(tmp_path / "witness")
    database = Database(database_url, pool_size=10, witness=witness)
    yield Log(database, clock, witness)
    await database.close()


async def test_readings_come_into_the_chain_in_order_once_whoever_keeps_it(log: Log) -> None:
    await asyncio.gather(*(log.read(f"SMX{number}") for number in range(20)))
    assert (await log.verify()).pending == 20
    assert sum(await asyncio.gather(log.chain(), log.chain(), log.chain())) == 20
    assert await log.chain() == 0
    await log.change({"name": "夜间"})
    verdict = await log.verify()
    assert (verdict.head.seq, verdict.witnessed, verdict.pending) == (21, 21, 0)
    async with log.database.transaction() as session:
        rows = await audit.entries(session, subject="ticket", limit=100)
    assert [row.read_id for row in rows] == sorted((row.read_id for row in rows), reverse=True)  # type: ignore[type-var]
    assert {row.subject for row in rows} == {f"ticket:SMX{number}" for number in range(20)}
    assert {(row.actor, row.action, row.after) for row in rows} == {("1001", "ticket.unmasked", "来电核实")}


async def test_a_reading_that_was_rolled_back_is_neither_kept_nor_missed(log: Log) -> None:
    async def broken_off() -> None:
        async with log.database.transaction() as session:
            await reads.note(session, at=log.clock.now(), actor="1001", action="a", subject="b")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await broken_off()
    await log.read()
    assert (await log.verify()).pending == 1


async def test_a_log_without_witness_is_told_and_an_empty_one_is_whole(log: Log) -> None:
    assert (await log.verify()).head.seq == 0
    await log.change()
    log.witness.path.unlink()
    with pytest.raises(NotWitnessed):
        await log.verify()


async def _story(log: Log) -> None:
    """Rows 1 to 6: change, readings 1 to 4, change; reading 5 pending."""
    await log.change({"v": 1})
    for number in range(1, 5):
        await log.read(f"SMX{number}")
    await log.chain()
    await log.change({"v": 2})
    await log.read("SMX5")
    await log.verify()


@pytest.mark.parametrize("anew", [False, True], ids=["plain", "hashed anew"])
@pytest.mark.parametrize("seq", range(1, 7))
async def test_a_row_of_the_chain_that_was_edited_or_deleted_is_found(log: Log, seq: int, anew: bool) -> None:
    await _story(log)
    await log.sql("UPDATE audit_log SET actor = 'nobody' WHERE seq = :seq", seq=seq)
    if anew:
        await log.hash_anew()
    with pytest.raises(AuditBroken):
        await log.verify()


@pytest.mark.parametrize("anew", [False, True], ids=["plain", "hashed anew"])
@pytest.mark.parametrize("first", range(1, 7))
@pytest.mark.parametrize("rest", [False, True], ids=["one", "and all after it"])
async def test_rows_that_were_cut_out_or_off_are_found(log: Log, first: int, rest: bool, anew: bool) -> None:
    await _story(log)
    await log.sql("DELETE FROM audit_log WHERE seq = :first OR :rest AND seq > :first", first=first, rest=rest)
    if anew:
        await log.hash_anew()
    with pytest.raises(AuditBroken):
        await log.verify()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audit_pending_read",
        "UPDATE audit_pending_read SET actor = 'nobody'",
        "UPDATE audit_pending_read SET why = NULL",
        "UPDATE audit_pending_read SET at = at - interval '1 day'",
    ],
)
@pytest.mark.parametrize("chained", [False, True])
async def test_a_reading_that_was_changed_before_it_was_chained_is_found(
    log: Log, statement: str, chained: bool
) -> None:
    await _story(log)
    await log.sql(statement)
    if chained:
        await log.chain()
    with pytest.raises(ReadingBroken) as raised:
        await log.verify()
    assert raised.value.seq == 5


async def test_the_witness_itself_is_looked_at(log: Log) -> None:
    await _story(log)
    lines = log.witness.path.read_text().splitlines(keepends=True)
    log.witness.path.write_text("".join(lines[:2] + lines[3:]))
    with pytest.raises(WitnessBroken):
        await log.verify()


async def test_mutant_without_the_witness_cutting_and_hashing_anew_goes_unseen(log: Log) -> None:
    await _story(log)
    await log.sql("DELETE FROM audit_log WHERE seq > 3")
    await log.hash_anew()
    async with log.database.transaction() as session:
        assert (await audit.verify(session)).seq == 3
