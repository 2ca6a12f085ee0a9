"""Item 6: whoever reads of a citizen leaves one row, and whatever is done to a row of the audit log is found.

The log is changed by SQL, as somebody who owns the database would: with the guard switched off, row by row and column
by column, cut off at the end, hashed anew as a whole by a chain of the test's own. `hotline audit verify` says so.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any, Final

import numpy as np
import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from calls.recording.files import Vault
from calls.recording.states import RecordingState
from calls.recording.tables import RecordingRow
from directory import witnessed
from directory.audit import AuditBroken
from directory.models import Role
from directory.reads import ReadKeeper
from hotline.clock import to_ms
from hotline.keys import own_keys
from hotline.witness import Witness, witness_file
from media.recording import seal
from tests.accept.line import Line
from tests.accept.scenario import Scale
from tests.accept.ticketing.desks import Desks
from tests.accept.ticketing.office import UNITS, Office, office

_NUMBER: Final = "13803980001"
_CITIZEN: Final[dict[str, Any]] = {"caller_number": _NUMBER, "caller_name": "李四平", "address": "黄河路1号2单元"}
_CALL: Final = "ast1-1763761000.12"
_EDITS: Final = (
    "UPDATE audit_log SET actor = 'nobody' WHERE seq = :seq",
    "UPDATE audit_log SET action = 'ticket.nothing' WHERE seq = :seq",
    "UPDATE audit_log SET subject = 'ticket:OTHER' WHERE seq = :seq",
    "UPDATE audit_log SET at = at + interval '1 second' WHERE seq = :seq",
    "UPDATE audit_log SET before = '[1]' WHERE seq = :seq",
    "UPDATE audit_log SET after = '[1]' WHERE seq = :seq",
    "UPDATE audit_log SET read_id = coalesce(read_id, 0) + 1000 WHERE seq = :seq",
    "DELETE FROM audit_log WHERE seq = :seq",
    "DELETE FROM audit_log WHERE seq >= :seq",
)
"""Each as it stands, and with every hash made anew."""
_HASH: Final = "UPDATE audit_log SET hash = decode(repeat('00', 32), 'hex') WHERE seq = :seq"
_SWAP: Final = (
    "UPDATE audit_log SET seq = -1 WHERE seq = :seq",
    "UPDATE audit_log SET seq = seq - 1 WHERE seq = :seq + 1",
    "UPDATE audit_log SET seq = :seq + 1 WHERE seq = -1",
)
_PENDING: Final = (
    "DELETE FROM audit_pending_read WHERE id = :seq",
    "UPDATE audit_pending_read SET actor = 'nobody' WHERE id = :seq",
    "DELETE FROM audit_pending_read WHERE id >= :seq",
)


async def audited(line: Line, scale: Scale) -> str:
    """Item 6."""
    async with office(line) as open_office:
        desks = Desks(open_office)
        left = await _one_row_each(open_office, desks)
        rows = await _log_grown(open_office, desks, scale(40, 12))
        found = await _tampered(open_office, scale)
        told = await _by_command(open_office, scale)
    return f"{left} kinds of reading left one row each; {found} ways to change {rows} rows found, {told} by the command"


# What leaves a row


async def _one_row_each(here: Office, desks: Desks) -> int:
    number = await desks.handling(**_CITIZEN)
    hidden = await desks.dispatched(confidentiality="confidential", **_CITIZEN)
    recording = await _recorded(here)
    auditor, path = here.someone(Role.AUDITOR), f"/api/tickets/{number}"
    before = len(await _readings(here))
    masked = await auditor.get(path)
    assert _NUMBER not in str(masked), "an auditor sees the number without a reason"
    assert _NUMBER not in str(await desks.handler().get(f"/api/tickets/{hidden}")), "a unit sees a confidential caller"
    assert _NUMBER not in str(await desks.agent.get("/api/tickets")), "a list shows numbers"
    assert len(await _readings(here)) == before, "what was masked is written down as read"
    await desks.closed(number)
    here.at("2025-12-01 23:45")
    await here.jobs()
    acts: tuple[tuple[str, Callable[[], Awaitable[Any]]], ...] = (
        ("ticket.read", lambda: desks.agent.get(path)),
        ("ticket.unmasked", lambda: auditor.post(f"{path}/unmask", reason="投诉核查")),
        ("tickets.searched", lambda: desks.agent.get("/api/tickets", caller_number=_NUMBER)),
        ("tickets.searched", lambda: desks.agent.get("/api/tickets", text="路灯")),
        ("ticket.archive_read", lambda: auditor.get(f"{path}/archive")),
        ("recording.heard", lambda: auditor.post(f"/api/recordings/{recording}/playbacks", reason="投诉核查")),
        (
            "figures.exported",
            lambda: desks.supervisor.raw("GET", "/api/figures/tickets.csv", params={"from": "2025-12"}),
        ),
    )
    await ReadKeeper(here.database).step()
    for action, act in acts:
        before = len(await _log(here))
        await act()
        await ReadKeeper(here.database).step()
        new = [dict(row) for row in (await _log(here))[before:]]
        assert [row["action"] for row in new] == [action], f"{action} left {[row['action'] for row in new]}"
        assert not {_NUMBER, "李四平"} & {one for one in (_NUMBER, "李四平") if one in str(new)}, f"{action} tells who"
    return len(acts)


async def _recorded(here: Office) -> int:
    """A second of noise, as a recording that is sealed and kept."""
    settings = here.services.settings
    vault, began = Vault.of(settings), to_ms(here.clock.now())
    subject = f"{_CALL}/{began}"
    raw = settings.var_dir / f"raw-{settings.postgres.database}"
    noise = np.random.default_rng(6).integers(-8_000, 8_000, (8_000, 2)).astype("<i2")
    await asyncio.to_thread(raw.write_bytes, noise.tobytes())
    path, keys = vault.sealed(_CALL, began), own_keys(vault.key_file)
    kept = await asyncio.to_thread(lambda: seal(raw, path, keys, subject=subject, sound="mp3"))
    row = RecordingRow(
        call_id=_CALL,
        segment=began,
        host=settings.asterisk.systemname,
        state=RecordingState.SEALED.value,
        started_ms=began,
        length_ms=kept.length_ms,
        sound="mp3",
        size=kept.size,
        sha256=kept.sha256,
        key_id=kept.key_id,
        sealed_at=here.clock.now(),
        retain_until=here.clock.now() + timedelta(days=365),
    )
    async with here.database.transaction() as session:
        session.add(row)
        await session.flush()
        return row.id


async def _log(here: Office) -> list[Any]:
    return await here.rows("SELECT * FROM audit_log ORDER BY seq")


async def _readings(here: Office) -> list[str]:
    await ReadKeeper(here.database).step()
    return [row["action"] for row in await _log(here) if row["read_id"] is not None]


async def _log_grown(here: Office, desks: Desks, rows: int) -> int:
    """Changes of the administration and readings by turns, the last three readings still pending."""
    number = await desks.registered(**_CITIZEN)
    for turn in range(rows):
        await desks.agent.get(f"/api/tickets/{number}")
        if turn % 3 == 0:
            await ReadKeeper(here.database).step()
            unit = here.units[UNITS[0]]
            await desks.admin.post("/api/contacts", unit_id=unit, name=f"联络员{turn}", number="03982800000")
    await ReadKeeper(here.database).step()
    for _ in range(3):
        await desks.agent.get(f"/api/tickets/{number}")
    return len(await _log(here))


# What is done to it


@dataclass(frozen=True)
class _Deed:
    """Something done to a row of the log, or to a pending one; `anew`: and every hash made again."""

    sql: tuple[str, ...]
    seq: int
    anew: bool = False


def _deeds(seqs: list[int], last: int, pending: list[int]) -> Iterator[_Deed]:
    for seq in seqs:
        for anew in (False, True):
            yield from (_Deed((edit,), seq, anew) for edit in _EDITS)
            if seq < last:
                yield _Deed(_SWAP, seq, anew)
        yield _Deed((_HASH,), seq)
    for number in pending:
        yield from (_Deed((edit,), number) for edit in _PENDING)


async def _tampered(here: Office, scale: Scale) -> int:
    """Each deed in a transaction that is looked at from within and then rolled back."""
    seqs = [row["seq"] for row in await _log(here)]
    last = seqs[-1]
    if not scale.full:
        seqs = [seqs[len(seqs) // 2], *seqs[-2:]]
    pending = [row["id"] for row in await here.rows("SELECT id FROM audit_pending_read ORDER BY id")]
    assert len(pending) == 3
    settings = here.services.settings
    witness = Witness(witness_file(settings))
    unseen, done = [], 0
    for deed in _deeds(seqs, last, pending):
        async with here.database.transaction() as session:
            await _done(session, deed)
            try:
                await witnessed.verify(session, witness)
            except AuditBroken:
                done += 1
            else:
                unseen.append(str(deed))
            await session.rollback()
    assert not unseen, f"not found: {'; '.join(unseen)}"
    async with here.database.transaction() as session:
        verdict = await witnessed.verify(session, witness)
    assert verdict.witnessed == verdict.head.seq, "the newest rows are not witnessed"
    return done


async def _done(session: AsyncSession, deed: _Deed) -> None:
    await session.execute(text("ALTER TABLE audit_log DISABLE TRIGGER append_only"))
    for statement in deed.sql:
        await session.execute(text(statement), {"seq": deed.seq})
    if deed.anew:
        await _hash_anew(session)


async def _hash_anew(session: AsyncSession) -> None:
    """A chain of the test's own, over the rows as they are now."""
    last = b"\0" * 32
    rows = (await session.execute(text("SELECT * FROM audit_log ORDER BY seq"))).mappings().all()
    for seq, row in enumerate(rows, 1):
        told = [seq, row["at"].astimezone(UTC).isoformat(), row["actor"], row["action"], row["subject"]]
        told += [row["before"], row["after"]]
        if row["read_id"] is not None:
            told.append(row["read_id"])
        last = hashlib.sha256(last + orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).digest()
        await session.execute(
            text("UPDATE audit_log SET seq = :new, hash = :hash WHERE seq = :old"),
            {"new": seq, "hash": last, "old": row["seq"]},
        )


# As an operator sees it


async def _by_command(here: Office, scale: Scale) -> int:
    """Committed, and put right again after each; the guard refuses all of it while it is on."""
    status, said = await _verify(here)
    assert status == 0, said
    (last,) = await here.rows("SELECT max(seq) AS seq FROM audit_log")
    refused = 0
    for statement in ("UPDATE audit_log SET actor = 'nobody'", "DELETE FROM audit_log", "TRUNCATE audit_log"):
        try:
            await here.rows(statement)
        except Exception as error:  # noqa: BLE001 - asyncpg has a class for each SQLSTATE
            refused += "append-only" in str(error)
    assert refused == 3, "PostgreSQL lets somebody change the log"
    await here.rows("CREATE TABLE copied AS SELECT * FROM audit_log")
    (change,) = await here.rows("SELECT max(seq) AS seq FROM audit_log WHERE read_id IS NULL")
    deeds = (
        (_Deed((_EDITS[0],), last["seq"]), f"at {last['seq']}"),
        (_Deed((_EDITS[-2],), last["seq"]), f"at {last['seq']}"),
        (_Deed((_EDITS[-1],), last["seq"] - 4, anew=True), "the newest rows are missing"),
        (_Deed((_EDITS[0],), change["seq"], anew=True), f"at {change['seq']}"),
    )
    for deed, why in deeds[:: scale(1, 2)]:
        async with here.database.transaction() as session:
            await _done(session, deed)
        status, said = await _verify(here)
        assert (status, why in said) == (1, True), f"{deed}: {status} {said}"
        async with here.database.transaction() as session:
            await session.execute(text("DELETE FROM audit_log"))
            await session.execute(text("INSERT INTO audit_log SELECT * FROM copied"))
            await session.execute(text("ALTER TABLE audit_log ENABLE TRIGGER append_only"))
    status, said = await _verify(here)
    assert status == 0, said
    return len(deeds[:: scale(1, 2)])


async def _verify(here: Office) -> tuple[int, str]:
    settings = here.services.settings
    environment = {
        **os.environ,
        "HOTLINE_POSTGRES__DATABASE": settings.postgres.database,
        "HOTLINE_PRIVACY__WITNESS_FILE": str(witness_file(settings)),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "server.cli",
        "audit",
        "verify",
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()
