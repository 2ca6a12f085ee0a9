"""Rows written in clear are sealed by migrations: they read as before, and a run broken off is gone on with."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import select
from sqlalchemy.exc import StatementError

from calls import nuisance, story, vulnerable
from calls.call_out_models import CallOutRow, DoNotCallRow
from calls.call_out_store import barred
from calls.callback_models import CallbackAttemptRow, CallbackRow, VoiceMessageRow
from calls.callback_store import open_of
from calls.handover_models import HandoverRow, ReceivedHandoverRow
from calls.models import CallbackRequestRow
from calls.round_models import VisitItemRow
from hotline import sealed
from hotline.database import Database
from hotline.settings import project_root
from ticketing.handling import archive
from ticketing.handling.tables import TicketArchiveRow
from ticketing.models import TicketRow
from ticketing.repository import open_tickets_of

NUMBER = "+8613812345678"
OTHER = "+8613987654321"
AT = datetime(2026, 11, 1, 2, tzinfo=UTC)


class Old:
    """A database as a former revision left it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._config = Config()
        self._config.set_main_option("script_location", str(project_root() / "server" / "migrations"))
        self._config.set_main_option("path_separator", "os")
        self._config.attributes["url"] = url
        self.sql("DROP SCHEMA public CASCADE")
        self.sql("CREATE SCHEMA public")

    def to(self, revision: str, move: Callable[[Config, str], object] = command.upgrade) -> None:
        with ThreadPoolExecutor(1) as thread:
            thread.submit(move, self._config, revision).result()

    def before(self, revision: str) -> str:
        """The one that this one follows."""
        return str(ScriptDirectory.from_config(self._config).get_revision(revision).down_revision)

    def sql(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        async def ask() -> list[dict[str, Any]]:
            connection = await asyncpg.connect(self.url.replace("+asyncpg", ""))
            try:
                return [dict(row) for row in await connection.fetch(statement, *values)]
            finally:
                await connection.close()

        return asyncio.run(ask())

    def nowhere(self, *words: str) -> None:
        """None of these stands in any table in clear."""
        for table in self.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
            for word in words:
                named = f'SELECT count(*) AS found FROM "{table["tablename"]}" AS t WHERE t::text LIKE $1'  # noqa: S608
                assert self.sql(named, f"%{word}%") == [{"found": 0}], f"{word} in {table['tablename']}"


@pytest.fixture
def old(database_url: str) -> Old:
    return Old(database_url)


def _broken_after(monkeypatch: pytest.MonkeyPatch, values: int) -> None:
    """The process dies when so many values are sealed."""
    left = values
    seal = sealed.FieldKeys.seal

    def until(self: sealed.FieldKeys, place: str, value: str) -> bytes:
        nonlocal left
        left -= 1
        if left < 0:
            raise ConnectionAbortedError("died")
        return seal(self, place, value)

    monkeypatch.setattr(sealed.FieldKeys, "seal", until)


def _fill_calls(old: Old) -> None:
    """A row of each kind, and more calls than a batch has."""
    old.sql(
        "INSERT INTO call (call_id, entered_at, caller, dialled) "
        "SELECT 'ast1-1761962400.' || n, $1, $2, '12345' FROM generate_series(1, 1200) AS n",
        AT,
        OTHER,
    )
    known, unknown = "('ast1-1.1', $1, $2)", "('ast1-1.2', $1, NULL)"
    old.sql(f"INSERT INTO call (call_id, entered_at, caller) VALUES {known}, {unknown}", AT, NUMBER)  # noqa: S608
    old.sql("INSERT INTO call (call_id, entered_at, dialled) VALUES ('call-out-1.1', $1, $2)", AT, NUMBER)
    fact = (
        "INSERT INTO call_journal (call_id, seq, fact, kind, at, process, attributes) "
        "VALUES ($1, 1, $2, $2, $3, 'ast1/voice-1', $4::jsonb)"
    )
    entered = {"caller": NUMBER, "dialled": "12345", "line": "12345"}
    old.sql(fact, "ast1-1.1", "entered", AT, json.dumps(entered))
    old.sql(fact, "ast1-1.2", "entered", AT, json.dumps(entered | {"caller": None}))
    old.sql(fact, "call-out-1.1", "call_out", AT, json.dumps({"called": NUMBER, "purpose": "visit"}))
    old.sql(
        "INSERT INTO callback_request (call_id, caller, reason, entered_at, requested_at, state) "
        "VALUES ('ast1-1.1', $2, 'spool', $1, $1, 'taken')",
        AT,
        NUMBER,
    )
    old.sql(
        "INSERT INTO callback (kind, caller, line, queue, call_id, entered_ms, head_start_ms, requested_at, state, "
        "attempts, next_at, at_once) VALUES ('missed', $2, '12345', '', 'ast1-1.1', 1, 0, $1, 'open', 1, $1, false)",
        AT,
        NUMBER,
    )
    old.sql(
        "INSERT INTO callback_attempt (callback_id, number, call_id, caller, agent, dialled_at) "
        "VALUES (1, 1, 'call-back-1.1', $2, '1001', $1)",
        AT,
        NUMBER,
    )
    old.sql(
        "INSERT INTO voice_message (call_id, caller, line, left_at, duration_ms, host, sha256, transcription, "
        "transcript) VALUES ('ast1-1.1', $2, '12345', $1, 9000, 'ast1', 'x', 'done', '我家住文明路')",
        AT,
        NUMBER,
    )
    old.sql(
        "INSERT INTO call_out (purpose, whom, number, shown, agent, state, requested_at, dialled_at) "
        "VALUES ('visit', 'citizen', $2, '12345', '1001', 'dialled', $1, $1)",
        AT,
        NUMBER,
    )
    old.sql(
        "INSERT INTO do_not_call VALUES ($2, '本人要求', 'cli', $1), ($3, '本人要求', 'cli', $1)", AT, NUMBER, OTHER
    )
    old.sql(
        "INSERT INTO nuisance_flag (caller, measure, reason, flagged_by, flagged_at, expires_at) "
        "VALUES ($3, 'flag', '反复辱骂', '1001', $1, $2)",
        AT,
        AT.replace(month=12),
        NUMBER,
    )
    old.sql("INSERT INTO vulnerable_caller VALUES ($2, '独居老人', 'leader', $1)", AT, NUMBER)
    told = json.dumps({"caller": NUMBER, "summary": "文明路漏水", "partner": "police-110"})
    old.sql(
        "INSERT INTO handover (id, partner, call_id, target, ordered_at, told, payload, state, attempts, next_at, why) "
        "VALUES ('h1', 'police-110', 'ast1-1.1', 'line:110', $1, $2::jsonb, NULL, 'pending', 0, $1, ''), "
        "('h2', 'police-110', 'ast1-1.1', 'line:110', $1, $2::jsonb, $2::jsonb, 'pending', 0, $1, '')",
        AT,
        told,
    )
    old.sql(
        "INSERT INTO handover_received "
        "(partner, partner_id, digest, received_at, caller, case_number, summary, ticket) "
        "VALUES ('police-110', 'p1', sha256('x'), $1, $2, 'C1', '文明路漏水', 'T1'), "
        "('police-110', 'p2', sha256('x'), $1, '', 'C2', '无号码', 'T2')",
        AT,
        NUMBER,
    )
    old.sql("INSERT INTO visit_round (name, mode, state, made_by, made_at) VALUES ('r', 'agent', 'draft', 'x', $1)", AT)
    old.sql(
        "INSERT INTO visit_item "
        "(round_id, position, ticket, number, state, attempts, failures, put_off, next_at, note) "
        "VALUES (1, 0, 'T1', $2, 'waiting', 0, 0, 0, $1, ''), (1, 1, 'T2', NULL, 'waiting', 0, 0, 0, $1, '')",
        AT,
        NUMBER,
    )


def _fill_tickets(old: Old) -> None:
    """Two tickets that name their citizen, one of them archived; and more than a batch without a number."""
    ticket = (
        "INSERT INTO ticket (number, type, title, content, source, caller_number, caller_name, address, area_code, "
        "urgency, confidentiality, hotline, unit_tag, state, version, registered_by, registered_at, updated_at) "
        "SELECT {number}, 'help', $2, $3, 'phone', $4, $5, $6, '', 'general', 'open', '12345', '', {state}, 1, '1001', "
        "$1, $1"
    )
    citizen = ("张三丰家路灯不亮", f"请回电{NUMBER[3:]}", NUMBER, "张三丰", "文明路1号")
    old.sql(ticket.format(number="'T1'", state="'handling'"), AT, *citizen)
    old.sql(ticket.format(number="'T2'", state="'archived'"), AT, *citizen)
    many = ticket.format(number="'N' || n", state="'archived'") + " FROM generate_series(1, 1100) AS n"
    old.sql(many, AT, "路灯不亮", "无", "", "", "")
    words = (
        "INSERT INTO ticket_text (ticket_id, registered_at, compared, search) "
        "SELECT id, registered_at, title || ' ' || content, to_tsvector('simple', title || ' ' || content) FROM ticket"
    )
    old.sql(words)
    file = {"ticket": {"number": "T2", "caller_number": NUMBER, "caller_name": "张三丰", "address": "文明路1号"}}
    file["ticket"] |= {"title": citizen[0], "content": citizen[1]}
    kept = (
        "INSERT INTO ticket_archive (ticket_id, number, archived_at, file, sha256) "
        "SELECT id, number, $1, $2, sha256(convert_to($2, 'UTF8')) FROM ticket WHERE number = 'T2'"
    )
    old.sql(kept, AT, json.dumps(file, ensure_ascii=False))


async def _read_tickets(url: str) -> None:
    database = Database(url)
    try:
        async with database.transaction() as session:
            (ticket,) = await open_tickets_of(session, NUMBER)
            assert (ticket.number, ticket.caller_name, ticket.address) == ("T1", "张三丰", "文明路1号")
            numbers = select(TicketRow.number).where(TicketRow.caller_index == NUMBER).order_by(TicketRow.id)
            assert (await session.scalars(numbers)).all() == ["T1", "T2"]
            unknown = select(TicketRow).where(TicketRow.number == "N1100")
            nobody = (await session.scalars(unknown)).one()
            assert (nobody.caller_number, nobody.caller_index, nobody.caller_name) == ("", None, "")
            whole = await archive.of(session, "T2")
            assert whole.complete
            assert json.loads(whole.file)["ticket"]["caller_number"] == NUMBER
            without = await session.scalar(select(TicketArchiveRow.file))
            assert without is not None
            assert NUMBER[3:] not in without
    finally:
        await database.close()


def test_tickets_read_as_before(old: Old, monkeypatch: pytest.MonkeyPatch) -> None:
    """Revision 0021 is one transaction: broken off, it has changed nothing, and the next run does all."""
    old.to("0020")
    _fill_tickets(old)
    with monkeypatch.context() as patched:
        _broken_after(patched, 3_050)
        with pytest.raises(StatementError, match="died"):
            old.to("0021")
    assert old.sql("SELECT count(*) AS clear FROM ticket WHERE caller_number = $1", NUMBER) == [{"clear": 2}]
    old.to("head")
    asyncio.run(_read_tickets(old.url))
    (words,) = old.sql("SELECT compared FROM ticket_text ORDER BY ticket_id LIMIT 1")
    assert NUMBER[3:] not in words["compared"]
    assert "张三丰" not in words["compared"]
    (sealed_now,) = old.sql("SELECT caller_number FROM ticket WHERE number = 'T1'")
    assert NUMBER.encode() not in sealed_now["caller_number"]


async def _read_calls(url: str) -> None:
    """What was written is found by number, and reads as it was."""
    database = Database(url)
    try:
        async with database.transaction() as session:
            found = await story.recent_calls(session, caller=NUMBER)
            assert [(call.call_id, call.caller, call.dialled) for call in found] == [("ast1-1.1", NUMBER, None)]
            assert len(await story.recent_calls(session, caller=OTHER, limit=500)) == 500
            told = await story.story(session, "ast1-1.1")
            assert told.events[0].attributes == {"caller": NUMBER, "dialled": "12345", "line": "12345"}
            assert (await story.story(session, "ast1-1.2")).events[0].attributes == {
                "dialled": "12345",
                "line": "12345",
            }
            out = await story.story(session, "call-out-1.1")
            assert (out.summary.dialled, out.summary.caller) == (NUMBER, None)
            assert out.events[0].attributes == {"called": NUMBER, "purpose": "visit"}

            promise = await open_of(session, NUMBER)
            assert isinstance(promise, CallbackRow)
            assert promise.caller == NUMBER
            dialled = select(CallbackAttemptRow.call_id).where(CallbackAttemptRow.caller_index == NUMBER)
            assert await session.scalar(dialled) == "call-back-1.1"
            assert await session.scalar(select(CallbackRequestRow.caller)) == NUMBER
            message = await session.scalar(select(VoiceMessageRow).where(VoiceMessageRow.caller_index == NUMBER))
            assert message is not None
            assert (message.caller, message.transcript) == (NUMBER, "我家住文明路")
            assert await session.scalar(select(CallOutRow.number).where(CallOutRow.number_index == NUMBER)) == NUMBER
            assert set(await session.scalars(select(DoNotCallRow.number))) == {NUMBER, OTHER}
            assert await barred(session, OTHER) == {OTHER}
            (flag,) = await nuisance.flags(session, now=AT, caller=NUMBER)
            assert (flag.caller, flag.reason) == (NUMBER, "反复辱骂")
            (marked,) = await vulnerable.marked(session)
            assert (marked.caller, marked.reason) == (NUMBER, "独居老人")
            assert await session.scalar(select(vulnerable.is_marked(NUMBER)))
            sent = (await session.scalars(select(HandoverRow).order_by(HandoverRow.id))).all()
            words = {"caller": NUMBER, "summary": "文明路漏水", "partner": "police-110"}
            assert [(row.told, row.payload) for row in sent] == [(words, None), (words, words)]
            of_number = select(ReceivedHandoverRow).where(ReceivedHandoverRow.caller_index == NUMBER)
            (received,) = (await session.scalars(of_number)).all()
            assert (received.caller, received.summary) == (NUMBER, "文明路漏水")
            items = await session.scalars(select(VisitItemRow.number).order_by(VisitItemRow.position))
            assert items.all() == [NUMBER, None]
    finally:
        await database.close()


def test_numbers_of_calls_read_as_before(old: Old, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run is broken off in the second batch of calls; the next one goes on from there."""
    old.to(old.before("0027"))
    _fill_calls(old)
    with monkeypatch.context() as patched:
        _broken_after(patched, 1_100)
        with pytest.raises(ConnectionAbortedError):
            old.to("0027")
    assert old.sql("SELECT count(*) AS moved FROM call WHERE clear_caller IS NULL AND caller IS NOT NULL") == [
        {"moved": 1_000}
    ]
    old.to("head")
    asyncio.run(_read_calls(old.url))
    old.nowhere(NUMBER, NUMBER[3:], "文明路", "独居老人")

    old.to(old.before("0027"), command.downgrade)
    assert old.sql("SELECT count(*) AS calls FROM call WHERE caller = $1", OTHER) == [{"calls": 1_200}]
    (fact,) = old.sql("SELECT attributes FROM call_journal WHERE call_id = 'call-out-1.1'")
    assert json.loads(fact["attributes"]) == {"called": NUMBER, "purpose": "visit"}
    old.to("head")
    asyncio.run(_read_calls(old.url))
