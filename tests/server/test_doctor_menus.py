"""What the doctor says of menus that lines use."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from directory.importer import SANMENXIA, import_hotlines
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.settings import Settings
from ivr import assignments
from ivr.flow import Flow
from ivr.tables import EVERY_LINE
from server.doctor_findings import Verdict
from server.doctor_menus import menus
from tests.ivr.menus import published

NOW = SystemClock().now()


def _flow(queue: str) -> Flow:
    nodes = {"start": {"type": "entry", "next": "human"}, "human": {"type": "queue", "queue": queue}}
    return Flow.model_validate({"flow": "main", "name": "主", "entry": "start", "nodes": nodes})


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    server, name = database_url.rsplit("@", 1)[1].split("/")
    host, port = server.split(":")
    return Settings(var_dir=tmp_path, postgres={"host": host, "port": int(port), "database": name, "password": ""})


@pytest.fixture
async def database(database_url: str, settings: Settings) -> AsyncIterator[Database]:
    database = Database(database_url)
    async with database.transaction() as session:
        await import_hotlines(session, SANMENXIA.read_bytes(), settings.site, now=NOW)
    yield database
    await database.close()


async def _use(database: Database, flow: Flow) -> None:
    await published(database, flow, NOW)
    async with database.transaction() as session:
        await assignments.assign(session, "12345", "main", effective_at=None, by="li", now=NOW)


async def test_without_menus_and_with_a_good_one_all_is_well(settings: Settings, database: Database) -> None:
    assert (await menus(settings)).seen == "no line uses one"
    await _use(database, _flow("general"))
    finding = await menus(settings)
    assert (finding.verdict, finding.seen) == (Verdict.OK, "1 lines use one")


async def test_a_menu_that_no_longer_fits_is_named(settings: Settings, database: Database) -> None:
    await _use(database, _flow("moon"))
    finding = await menus(settings)
    assert finding.verdict is Verdict.WARN
    assert "hotline ivr check main --version 1" in finding.remedy


async def test_a_menu_that_cannot_be_read_is_a_fault(settings: Settings, database: Database) -> None:
    await _use(database, _flow("general"))
    async with database.transaction() as session:
        await session.execute(text("ALTER TABLE menu_versions DISABLE TRIGGER immutable"))
        await session.execute(text("""UPDATE menu_versions SET document = '{"flow": "main"}'"""))
    finding = await menus(settings)
    assert finding.verdict is Verdict.FAIL
    assert finding.seen.startswith("12345 ")


async def test_menus_that_are_off_are_not_forgotten(settings: Settings, database: Database) -> None:
    await _use(database, _flow("general"))
    async with database.transaction() as session:
        await assignments.switch_off(session, EVERY_LINE, by="li", reason="演练", now=NOW)
    finding = await menus(settings)
    assert (finding.verdict, finding.seen) == (Verdict.WARN, "switched off for every line")


async def test_without_postgresql_nothing_is_seen(settings: Settings) -> None:
    away = settings.model_copy(update={"postgres": settings.postgres.model_copy(update={"port": 1})})
    assert (await menus(away)).verdict is Verdict.WARN
