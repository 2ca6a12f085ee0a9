"""What the doctor says of trunks, keys and data that could not be delivered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from calls import handover_store
from calls.handover_keys import FILE, PartnerKeys
from directory import contacts, lines, partners
from directory.contacts import ContactEntry
from directory.lines import NewTarget
from directory.models import PartnerKind, UnitLevel
from directory.partners import PartnerEntry
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.settings import Settings
from server.doctor_findings import Finding, Verdict
from server.doctor_platforms import platforms
from ticketing.exchange import receivers
from ticketing.exchange.receivers import Receiver
from ticketing.exchange.tables import ExchangeDeliveryRow, ExchangeReceiverRow
from ticketing.exchange.words import Personal, Scope

NOW = SystemClock().now()


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    server, name = database_url.rsplit("@", 1)[1].split("/")
    host, port = server.split(":")
    postgres = {"host": host, "port": int(port), "database": name, "password": ""}
    trunks = [{"name": "province", "contact": "127.0.0.1:1"}]
    return Settings(var_dir=tmp_path, postgres=postgres, asterisk={"trunks": trunks})


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


async def looked_at(settings: Settings) -> dict[str, Finding]:
    return {finding.part: finding async for finding in platforms(settings)}


async def test_a_line_that_exchanges_nothing_is_well(settings: Settings, database: Database) -> None:
    assert {finding.verdict for finding in (await looked_at(settings)).values()} == {Verdict.OK}
    assert set(await looked_at(settings)) == {"transfers", "partners", "handovers", "exchange"}


async def test_targets_without_a_trunk_are_named(settings: Settings, database: Database) -> None:
    own = tuple(NewTarget(trunk, "99012345", 20) for trunk in ("province", "old-province"))
    async with database.transaction() as session:
        await partners.save(session, "province", PartnerEntry("省", PartnerKind.PROVINCE, numbers=own), now=NOW)
        unit = await lines.ensure_unit(session, "市税务局", UnitLevel.CITY, None, now=NOW)
        await contacts.save(session, None, ContactEntry(unit.id, "王五", "03982800001"), "0398", now=NOW)
    finding = (await looked_at(settings))["transfers"]
    assert (finding.verdict, finding.seen) == (
        Verdict.WARN,
        "targets name trunks that are not there: carrier, old-province",
    )


async def test_a_platform_without_a_key_is_named_and_a_damaged_file_fails(
    settings: Settings, database: Database
) -> None:
    entry = PartnerEntry("省", PartnerKind.PROVINCE, webhook="https://province.example/")
    async with database.transaction() as session:
        await partners.save(session, "province", entry, now=NOW)
    finding = (await looked_at(settings))["partners"]
    assert (finding.verdict, finding.remedy) == (Verdict.WARN, "hotline partners key province on each host")
    PartnerKeys(settings.var_dir / FILE).change("province")
    assert (await looked_at(settings))["partners"].verdict is Verdict.OK
    (settings.var_dir / FILE).write_text("{")
    assert (await looked_at(settings))["partners"].verdict is Verdict.FAIL


async def test_what_waits_for_more_than_a_minute_is_told(settings: Settings, database: Database) -> None:
    async def order(identity: str, age: float) -> None:
        at = SystemClock().now() - timedelta(seconds=age)
        row = handover_store.order_row(identity, call="ast1-1.1", agent=None, at=at, told={"partner": "province"})
        assert row is not None
        async with database.transaction() as session:
            await handover_store.keep(session, [row])

    await order("a" * 32, 5)
    assert (await looked_at(settings))["handovers"].verdict is Verdict.OK
    await order("b" * 32, 61)
    finding = (await looked_at(settings))["handovers"]
    assert (finding.verdict, finding.seen) == (Verdict.WARN, "not delivered: 1 for province (not tried)")


async def test_without_postgresql_its_own_finding_is_enough(settings: Settings) -> None:
    away = settings.model_copy(update={"postgres": settings.postgres.model_copy(update={"port": 1})})
    assert await looked_at(away) == {}


async def test_receivers_that_do_not_take_what_they_are_told_are_named(settings: Settings, database: Database) -> None:
    entry = Receiver("市数据局", Scope.ALL, Personal.NONE, webhook="https://example.gov.cn/hook")
    async with database.transaction() as session:
        await receivers.save(session, "all", entry, named_hosts=[], since=NOW)
    finding = (await looked_at(settings))["exchange"]
    assert (finding.verdict, finding.remedy) == (Verdict.WARN, "hotline exchange key all on each host")
    PartnerKeys(settings.var_dir / FILE).change("exchange:all")
    assert (await looked_at(settings))["exchange"].verdict is Verdict.OK
    async with database.transaction() as session:
        await session.execute(
            insert(ExchangeDeliveryRow).values(receiver="all", position=1, ticket_id=1, state="parked", next_at=NOW)
        )
    finding = (await looked_at(settings))["exchange"]
    assert (finding.verdict, finding.seen) == (Verdict.WARN, "refuse events: all")
    async with database.transaction() as session:
        await session.execute(update(ExchangeReceiverRow).values(alarmed_at=NOW))
    finding = (await looked_at(settings))["exchange"]
    assert (finding.verdict, finding.seen) == (Verdict.WARN, "do not answer: all")
