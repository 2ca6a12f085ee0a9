"""`hotline demo` on a line of its own: real Asterisk, PostgreSQL, Redis and every process of ours."""

from __future__ import annotations

import asyncio
import os
import re
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import typer
from typer.testing import CliRunner, Result

from directory import users
from directory.demo import TRUNKS
from directory.models import Role
from directory.passwords import Passwords
from directory.users import NewUser
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.errors import Conflict, NotSignedIn, PartUnavailable, SettingsError
from hotline.settings import Asterisk, Settings, Trunk
from server.commands.agent_requests import Requests
from server.commands.demo import demo
from server.demo import people
from server.demo.g711 import tone
from server.demo.journey import carrier_address
from server.demo.seat import Seat, web_address
from server.demo.tones import is_tone, loudest_tone
from tests.accept.line import PASSWORD, Line, database_rows, running_line

_CARRIER = Trunk(name="carrier", contact="127.0.0.2:5060", identify=["127.0.0.2"], inbound=True)
_TARGETS = [Trunk(name=name, contact="127.0.0.1:5999") for name in TRUNKS.values()]


def _settings(*trunks: Trunk, folder: Path | None = None) -> Settings:
    return Settings(asterisk=Asterisk(trunks=list(trunks)), var_dir=folder or Path("var"))


def _run(*words: str) -> Result:
    app = typer.Typer()
    app.command()(demo)
    return CliRunner().invoke(app, words)


# Without a line ----------------------------------------------------------------------------------------------------


def test_the_citizen_calls_from_the_first_inbound_trunk_on_this_machine() -> None:
    away = Trunk(name="city", contact="198.51.100.7:5060", identify=["198.51.100.7"], inbound=True)
    branch = Trunk(name="branch", contact="127.0.0.3:5060", identify=["127.0.0.3"])
    assert carrier_address(_settings(away, branch, _CARRIER)) == "127.0.0.2"


def test_a_line_without_such_a_trunk_says_what_to_add() -> None:
    with pytest.raises(SettingsError) as refused:
        carrier_address(_settings())
    assert 'identify = ["127.0.0.2"]' in refused.value.remedy


def test_tones_are_told_apart_and_silence_is_none() -> None:
    assert is_tone(tone(440.0, 0.25), 440.0)
    assert not is_tone(tone(440.0, 0.25), 660.0)
    assert loudest_tone(b"\xd5" * 2_000) == 0.0


def test_a_line_that_is_not_up_says_how_to_start_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = tmp_path / "hotline.toml"
    config.write_text(
        '[web]\nport = 1\n[[asterisk.trunks]]\nname = "carrier"\ncontact = "127.0.0.2:5060"\n'
        'identify = ["127.0.0.2"]\ninbound = true\n'
    )
    monkeypatch.setenv("HOTLINE_CONFIG", str(config))
    failed = _run().exception
    assert isinstance(failed, PartUnavailable)
    assert "make run" in failed.remedy


# The directory it needs --------------------------------------------------------------------------------------------


async def test_a_line_with_people_of_its_own_gets_no_test_logins(database_url: str) -> None:
    database = Database(database_url)
    async with database.transaction() as session:
        admin = NewUser("wang", "王", frozenset({Role.ADMIN}))
        await users.add_user(session, admin, "correct horse", Passwords(), now=SystemClock().now())
    with pytest.raises(Conflict):
        await people.seeded(database, _settings(_CARRIER, *_TARGETS))
    async with database.transaction() as session:
        assert [person.login for person in await users.people(session)] == ["wang"]
    await database.close()


async def test_a_target_without_a_trunk_is_named_before_anything_is_written(database_url: str, tmp_path: Path) -> None:
    database = Database(database_url)
    with pytest.raises(SettingsError, match="own-12328"):
        await people.seeded(database, _settings(_CARRIER, folder=tmp_path))
    async with database.transaction() as session:
        assert await users.people(session) == []
    assert list(tmp_path.iterdir()) == []
    await database.close()


def test_the_password_is_made_once_and_for_its_owner_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(people.PASSWORD_VARIABLE, raising=False)
    settings = _settings(folder=tmp_path)
    with pytest.raises(NotSignedIn):
        people.password(settings)
    made = people._kept_password(settings)
    assert people._kept_password(settings) == made == people.password(settings)
    assert stat.S_IMODE(people.password_file(settings).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [people.PASSWORD_FILE]


# On a running line -------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def line() -> AsyncIterator[Line]:
    async with running_line() as running:
        yield running


@pytest.mark.real
@pytest.mark.asyncio(loop_scope="module")
async def test_a_citizens_call_becomes_a_ticket_and_leaves_nobody_behind(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(people.PASSWORD_VARIABLE, PASSWORD)
    done = await asyncio.to_thread(_run)
    assert done.exit_code == 0, f"{done.output} {done.exception!r}"
    rows = [row.split() for row in done.output.splitlines() if row.startswith("│")]
    stations = [cells[2] for cells in rows]
    assert stations == ["dialled", "greeted", "queued", "reserved", "pop", "rang", "answered", "ticket", "ended"]
    number = re.search(r"SMX\d{14}", done.output)
    assert number is not None
    linked = await database_rows(line, "SELECT attributes->>'ticket' AS number FROM call_journal WHERE kind = 'ticket'")
    assert [row["number"] for row in linked] == [number[0]]
    assert "/docs" in done.output
    assert "hotline doctor" in done.output
    assert "make stop" in done.output
    async with Requests(web_address(line.settings)) as requests:
        await requests.login("3001", PASSWORD)
        states = {agent["agent"]: agent["state"] for agent in await requests.get("/api/agents")}
    assert states[people.EXPERT] == "SIGNED_OUT"
    left = await database_rows(line, "SELECT count(*) AS n FROM user_sessions WHERE revoked_at IS NULL")
    # The supervisor above is still signed in; the demonstration's agent is not.
    assert left[0]["n"] == 1


@pytest.mark.real
@pytest.mark.asyncio(loop_scope="module")
async def test_an_agent_at_work_is_not_pushed_off_the_seat(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(people.PASSWORD_VARIABLE, PASSWORD)
    async with Requests(web_address(line.settings)) as requests:
        await requests.login(people.EXPERT, PASSWORD)
        seat = await Seat.open(line.settings, requests, agent=people.EXPERT, extension="8031")
        try:
            failed = (await asyncio.to_thread(_run)).exception
            assert isinstance(failed, Conflict)
            assert "sign out there" in failed.remedy
            assert (await requests.get("/api/agents/me"))["state"] == "NOT_READY"
        finally:
            await seat.leave()


@pytest.mark.real
@pytest.mark.asyncio(loop_scope="module")
async def test_a_person_takes_the_call_from_the_terminal(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(people.PASSWORD_VARIABLE, PASSWORD)
    call = asyncio.create_task(asyncio.to_thread(_run, "--by-hand", "--talk", "2"))
    agent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "server.cli", "agent", "-u", people.EXPERT, "--script"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=dict(os.environ),
    )
    steps = [
        "ready",
        "wait pop 30",
        "wait talking 30",
        "ticket 咨询 社保卡补办",
        "wait call_ended 30",
        "wrapup",
        "quit",
    ]
    shown, _ = await agent.communicate("\n".join([*steps, ""]).encode())
    done = await call
    assert agent.returncode == 0, shown.decode()
    assert done.exit_code == 0, f"{done.output} {done.exception!r}"
    numbers = set(re.findall(r"SMX\d{14}", done.output))
    assert len(numbers) == 1
    assert numbers.pop() in shown.decode()


@pytest.mark.real
@pytest.mark.asyncio(loop_scope="module")
async def test_a_wrong_password_says_how_to_get_a_right_one(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(people.PASSWORD_VARIABLE, "not the password")
    failed = (await asyncio.to_thread(_run)).exception
    assert isinstance(failed, NotSignedIn)
    assert f"users password {people.EXPERT}" in failed.remedy
