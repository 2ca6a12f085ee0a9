"""`hotline exchange` as an operator types it, on a real database."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog
from sqlalchemy import make_url
from typer.testing import CliRunner, Result

from calls.handover_keys import FILE, PartnerKeys
from directory.models import Partner, PartnerKind, Role
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.errors import InvalidInput
from server.commands.exchange import app
from ticketing.exchange import deliveries, open311_keys, receivers, sharing
from ticketing.exchange.receivers import Receiver
from ticketing.exchange.tables import ExchangeDeliveryRow, ExchangeReceiverRow
from ticketing.exchange.words import Personal, Scope
from ticketing.intake import IntakeDesk
from ticketing.schemas import Actor, Intake

Hotline = Callable[..., Result]
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


async def _fill(database: Database) -> None:
    """Two receivers and three tickets; the first event is parked at one of them."""
    desk = IntakeDesk(site="smx", zone="Asia/Shanghai", area_code="0398", clock=SystemClock())
    now = SystemClock().now()
    async with database.transaction() as session:
        session.add(Partner(code="province", name="省12345", kind=PartnerKind.PROVINCE))
        await session.flush()
        for code, entry in (
            ("all", Receiver("市数据局", Scope.ALL, Personal.NONE, webhook="https://example.gov.cn/hook")),
            ("province", Receiver("省平台", Scope.PARTNER, Personal.MASKED, partner="province")),
        ):
            await receivers.save(session, code, entry, named_hosts=[], since=LONG_AGO)
        for step in range(3):
            await desk.register(session, Intake(title=f"第{step}件"), Actor("1001", frozenset({Role.AGENT})))
    async with database.transaction() as session:
        await sharing.share(session)
        assert await deliveries.claim(session, "all", now=now, until=now, site="smx") is not None
        row = await session.get_one(ExchangeDeliveryRow, ("all", 1))
        row.state, row.why = "parked", "http_422"


@pytest.fixture
def exchange(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Hotline:
    url = make_url(database_url)
    monkeypatch.setenv("HOTLINE_CONFIG", os.devnull)
    monkeypatch.setenv("HOTLINE_VAR_DIR", str(tmp_path))
    monkeypatch.setenv("HOTLINE_POSTGRES__PORT", str(url.port))
    monkeypatch.setenv("HOTLINE_POSTGRES__DATABASE", str(url.database))

    def run(*words: str, stdin: str = "") -> Result:
        kept = structlog.get_config()
        try:
            return CliRunner().invoke(app, list(words), input=stdin)
        finally:
            structlog.configure(**kept)

    _on(database_url, _fill)
    return run


def _on(database_url: str, work: Callable[[Database], object]) -> None:
    async def whole() -> None:
        database = Database(database_url)
        try:
            await work(database)  # type: ignore[misc]
        finally:
            await database.close()

    asyncio.run(whole())


def _last(result: Result) -> str:
    """What the command says at its end; the audit log's lines may stand before it."""
    return result.output.strip().splitlines()[-1]


def test_an_operator_sees_who_is_told_and_what_is_in_the_way(exchange: Hotline) -> None:
    shown = exchange("receivers")
    assert shown.exit_code == 0, shown.output
    assert "市数据局" in shown.output
    assert "https://example.gov.cn/hook" in shown.output
    status = exchange("status")
    assert (status.exit_code, "parked: all (1)" in status.output) == (1, True)
    parked = exchange("parked", "all")
    assert "http_422" in parked.output
    assert "hotline exchange retry CODE POSITION" in parked.output
    assert exchange("parked", "province").output.strip() == "nothing is parked"


@pytest.mark.parametrize(("what", "said"), [("retry", "all is sent 1 again"), ("skip", "all is not sent 1")])
def test_what_is_parked_is_tried_again_or_left_out(exchange: Hotline, what: str, said: str) -> None:
    assert _last(exchange(what, "all", "1")) == said
    assert exchange("status").exit_code == 0
    again = exchange(what, "all", "1")
    assert again.exit_code == 1
    assert "exchange.nothing_parked" in again.output
    assert "hotline exchange parked all" in again.output


def test_it_is_told_again_from_a_position_or_a_day(exchange: Hotline, database_url: str) -> None:
    assert _last(exchange("replay", "all", "--from", "2")) == "all is told 2 to 3 again"
    assert _last(exchange("replay", "all", "--since", "2020-01-01")) == "all is told 1 to 3 again"

    async def check(database: Database) -> None:
        async with database.transaction() as session:
            row = await session.get_one(ExchangeReceiverRow, "all")
            assert (row.sent_to, row.last) == (0, 3)

    _on(database_url, check)
    assert "exchange.position_unknown" in exchange("replay", "all", "--from", "4").output
    assert "exchange.receiver_not_found" in exchange("replay", "nobody", "--from", "1").output
    assert isinstance(exchange("replay", "all").exception, InvalidInput)


def test_a_key_is_made_shown_once_and_forgotten(exchange: Hotline, tmp_path: Path) -> None:
    made = exchange("key", "all").output.strip()
    keys = PartnerKeys(tmp_path / FILE)
    assert keys.of("exchange:all") == [made.encode()]
    assert exchange("key", "all", "--stdin", stdin="t" * 40 + "\n").output.strip() == ""
    assert keys.of("exchange:all") == [b"t" * 40, made.encode()]
    assert "hotline partners key province" in exchange("key", "province").output
    assert "exchange.receiver_not_found" in exchange("key", "nobody").output
    assert exchange("key", "all", "--forget").exit_code == 0
    assert keys.of("exchange:all") == []


def test_an_app_gets_a_key_and_loses_it(exchange: Hotline, database_url: str) -> None:
    key = _last(exchange("open311-key", "city-app", "--source", "wechat"))

    async def holder(database: Database) -> None:
        async with database.transaction() as session:
            row = await open311_keys.holder(session, key)
            assert row is not None
            assert (row.name, row.source) == ("city-app", "wechat")
            assert await open311_keys.holder(session, key + "x") is None

    _on(database_url, holder)
    assert "city-app" in exchange("open311").output
    assert "open311.key_taken" in exchange("open311-key", "city-app").output
    assert exchange("open311-key", "city-app", "--end").exit_code == 0
    assert "open311.key_unknown" in exchange("open311-key", "city-app", "--end").output
