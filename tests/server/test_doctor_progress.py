"""What the doctor says of the key of query codes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from directory.models import Role
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.keys import add_key
from hotline.settings import Settings
from server.doctor_findings import Verdict
from server.doctor_progress import query_codes
from ticketing.intake import IntakeDesk
from ticketing.progress_codes import QueryCodes
from ticketing.schemas import Actor, Intake

CLOCK = SystemClock()


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    server, name = database_url.rsplit("@", 1)[1].split("/")
    host, port = server.split(":")
    postgres = {"host": host, "port": int(port), "database": name, "password": ""}
    return Settings(var_dir=tmp_path, postgres=postgres)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


async def _ticket(database: Database, settings: Settings) -> None:
    desk = IntakeDesk(site="smx", zone="Asia/Shanghai", area_code="0398", clock=CLOCK)
    async with database.transaction() as session:
        ticket = await desk.register(session, Intake(title="路灯不亮"), Actor("1001", frozenset({Role.AGENT})))
        await QueryCodes.of(settings).first(session, ticket.number, by="1001", at=CLOCK.now())


async def test_the_key_that_codes_were_hashed_with_has_to_be_here(settings: Settings, database: Database) -> None:
    path = settings.var_dir / "keys" / "query-codes"
    assert (await query_codes(settings)).verdict is Verdict.OK
    assert not path.exists()
    await _ticket(database, settings)
    add_key(path)
    await _ticket(database, settings)
    good = await query_codes(settings)
    assert (good.verdict, good.seen[:1]) == (Verdict.OK, "2")
    path.chmod(0o644)
    assert (await query_codes(settings)).remedy == f"chmod 600 {path}"
    path.unlink()
    assert (await query_codes(settings)).verdict is Verdict.FAIL
    add_key(path)
    other = await query_codes(settings)
    assert (other.verdict, other.remedy) == (Verdict.FAIL, "copy it from another host")
    assert other.seen.startswith("2 were hashed")


async def test_a_host_that_joins_others_takes_their_key(settings: Settings, database: Database) -> None:
    asterisk = settings.asterisk.model_copy(update={"peers": ["ast2"]})
    assert (await query_codes(settings.model_copy(update={"asterisk": asterisk}))).verdict is Verdict.FAIL


async def test_without_postgresql_nothing_is_claimed(settings: Settings) -> None:
    away = settings.postgres.model_copy(update={"port": 1})
    assert (await query_codes(settings.model_copy(update={"postgres": away}))).verdict is Verdict.WARN
