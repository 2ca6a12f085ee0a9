"""`hotline partners` as an operator types it, on a real database."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog
from sqlalchemy import make_url
from typer.testing import CliRunner, Result

from calls.handover_keys import FILE, PartnerKeys
from calls.web_request import key_name
from directory import partners as platforms
from directory.lines import NewTarget
from directory.models import PartnerKind
from directory.partners import PartnerEntry
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.errors import InvalidInput
from server.commands.partners import app

Hotline = Callable[..., Result]
THEIRS = "a-key-that-the-province-has-made-itself"


@pytest.fixture
def partners(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Hotline:
    url = make_url(database_url)
    monkeypatch.setenv("HOTLINE_CONFIG", os.devnull)
    monkeypatch.setenv("HOTLINE_VAR_DIR", str(tmp_path))
    monkeypatch.setenv("HOTLINE_POSTGRES__PORT", str(url.port))
    monkeypatch.setenv("HOTLINE_POSTGRES__DATABASE", str(url.database))

    async def fill() -> None:
        database = Database(database_url)
        entry = PartnerEntry("省级平台", PartnerKind.PROVINCE, numbers=(NewTarget("province", "99012345", 20),))
        async with database.transaction() as session:
            await platforms.save(session, "province", entry, now=SystemClock().now())
        await database.close()

    asyncio.run(fill())

    def run(*words: str, stdin: str = "") -> Result:
        # The command configures logging for its process; here it must not stay so.
        kept = structlog.get_config()
        try:
            return CliRunner().invoke(app, list(words), input=stdin)
        finally:
            structlog.configure(**kept)

    return run


def test_the_list_tells_who_has_a_key(partners: Hotline, tmp_path: Path) -> None:
    before = partners("list")
    assert before.exit_code == 0, before.output
    assert "99012345@province" in before.output
    assert "省级平台" in before.output
    key = partners("key", "province").output.strip()
    assert PartnerKeys(tmp_path / FILE).of("province") == [key.encode()]
    after = partners("list")
    assert after.output.count("yes") == before.output.count("yes") + 1
    assert key not in after.output


def test_a_key_of_the_other_side_is_taken_and_not_shown(partners: Hotline, tmp_path: Path) -> None:
    answer = partners("key", "province", "--stdin", stdin=f"{THEIRS}\n")
    assert (answer.exit_code, answer.output) == (0, "")
    assert PartnerKeys(tmp_path / FILE).of("province") == [THEIRS.encode()]


@pytest.mark.parametrize(
    ("words", "stdin", "told"),
    [
        (("key", "nobody"), "", "partner.unknown"),
        (("key", "province", "--stdin"), "", "input.invalid"),
        (("key", "province", "--stdin"), "short\n", "input.invalid"),
    ],
)
def test_what_cannot_be_done_is_told(partners: Hotline, words: tuple[str, ...], stdin: str, told: str) -> None:
    answer = partners(*words, stdin=stdin)
    assert (answer.exit_code, told in answer.output) == (1, True)


def test_keys_are_forgotten_even_of_one_that_is_gone(partners: Hotline, tmp_path: Path) -> None:
    PartnerKeys(tmp_path / FILE).change("gone")
    assert partners("key", "gone", "--forget").exit_code == 0
    assert PartnerKeys(tmp_path / FILE).partners() == set()


def test_a_host_that_menus_ask_has_a_key_of_its_own(partners: Hotline, tmp_path: Path) -> None:
    made = partners("web-key", "Query.RSJ.example").stdout.strip()
    keys = PartnerKeys(tmp_path / FILE)
    assert keys.of(key_name("query.rsj.example")) == [made.encode()]
    # No platform signs with it: a code has no colon.
    assert keys.of("query.rsj.example") == []
    assert partners("web-key", "::1", "--stdin", stdin=THEIRS + "\n").stdout == ""
    assert keys.of(key_name("::1")) == [THEIRS.encode()]
    assert partners("web-key", "query.rsj.example", "--forget").exit_code == 0
    assert keys.of(key_name("query.rsj.example")) == []


@pytest.mark.parametrize("host", ["https://query.rsj.example", "query.rsj.example/path", "a b", ""])
def test_a_host_is_named_without_scheme_and_path(host: str, partners: Hotline, tmp_path: Path) -> None:
    refused = partners("web-key", host)
    assert isinstance(refused.exception, InvalidInput)
    assert not (tmp_path / FILE).exists()
