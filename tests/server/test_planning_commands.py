"""`hotline roster` and `hotline staffing` as they are typed, on a real PostgreSQL and Redis."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest
from argon2 import PasswordHasher
from typer.testing import CliRunner, Result

from acd.model import AcdPolicy
from acd.roster import NotInGroup, ShiftsOverlap
from acd.service import Acd
from acd.staffing import ForecastRefused
from calls.forecasting import NoHistory
from directory import audit
from directory.models import Role
from directory.passwords import Passwords
from directory.users import Agent, NewUser, add_user
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.errors import InvalidInput
from hotline.redis import connect
from server.cli import app

pytestmark = pytest.mark.real

SHANGHAI = ZoneInfo("Asia/Shanghai")
HEAD = "agent,group,day,begins,ends,note\n"


@pytest.fixture
def line(database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Settings that lead to this test's servers, and two agents; the URL of Redis."""
    database = urlsplit(database_url)
    for key, value in {
        "POSTGRES__PORT": database.port,
        "POSTGRES__DATABASE": database.path.strip("/"),
        "REDIS__PORT": urlsplit(redis_url).port,
    }.items():
        monkeypatch.setenv(f"HOTLINE_{key}", str(value))

    async def people() -> None:
        database = Database(database_url)
        passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        async with database.transaction() as session:
            for number in ("1001", "1002"):
                new = NewUser(number, f"话务员{number}", frozenset({Role.AGENT}), agent=Agent(number, {"general": 5}))
                await add_user(session, new, "hotline-test-1", passwords, now=SystemClock().now())
        await database.close()

    asyncio.run(people())
    return redis_url


def _hotline(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def _file(folder: Path, text: str) -> str:
    file = folder / "file.csv"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_a_file_of_shifts_is_imported_whole_or_not_at_all(line: str, database_url: str, tmp_path: Path) -> None:
    good = "1001,general,2099-01-05,22:00,06:00,夜班\n1002,general,2099-01-05,08:00,16:00,\n"
    overlapping = _hotline("roster", "import", _file(tmp_path, HEAD + good + "1001,general,2099-01-06,05:00,09:00,\n"))
    assert isinstance(overlapping.exception, ShiftsOverlap)
    assert str(overlapping.exception).startswith("line 4: ")
    assert "1001" not in _hotline("roster", "list", "--day", "2099-01-05", "--days", "3").output
    assert "2 shifts" in _hotline("roster", "import", _file(tmp_path, HEAD + good)).output
    listed = _hotline("roster", "list", "--day", "2099-01-06").output
    assert all(text in listed for text in ("1001", "话务员1001", "夜班", "01-05 22:00", "01-06 06:00"))
    assert "1002" not in listed

    async def newest() -> tuple[str, str]:
        database = Database(database_url)
        async with database.transaction() as session:
            (entry,) = await audit.entries(session, subject="roster")
        await database.close()
        return entry.actor, entry.action

    assert asyncio.run(newest()) == ("cli", "roster.assigned")


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ("1001,expert-12333,2099-01-05,08:00,16:00,\n", NotInGroup),
        ("1001,general,tomorrow,08:00,16:00,\n", InvalidInput),
        ("1001,general,2099-01-05,08:00+00:00,16:00,\n", InvalidInput),
    ],
)
def test_a_bad_row_is_named(line: str, tmp_path: Path, row: str, error: type[Exception]) -> None:
    refused = _hotline("roster", "import", _file(tmp_path, HEAD + row))
    assert isinstance(refused.exception, error)
    assert str(refused.exception).startswith("line 2: ")
    assert isinstance(_hotline("roster", "import", _file(tmp_path, "agent,group\n")).exception, InvalidInput)


def test_who_is_missing_now(line: str, tmp_path: Path) -> None:
    begins = datetime.now(SHANGHAI) - timedelta(minutes=30)
    hours = f"{begins:%Y-%m-%d},{begins:%H:%M},{begins + timedelta(hours=2):%H:%M}"
    _hotline("roster", "import", _file(tmp_path, f"{HEAD}1001,general,{hours},\n1002,general,{hours},\n"))

    async def sign_in() -> None:
        redis = connect(line)
        acd = Acd(redis, site="smx", process="ast1/voice-1", clock=SystemClock(), policy=AcdPolicy())
        await acd.load()
        await acd.open_epoch(1)
        await acd.sign_in("1001", "8001", {"general": 5})
        await redis.aclose()

    asyncio.run(sign_in())
    shown = _hotline("roster", "now")
    assert shown.exit_code == 1
    present, missing = (next(row for row in shown.output.splitlines() if number in row) for number in ("1001", "1002"))
    assert "yes" in present
    assert "missing for 30 min" in missing


def test_staffing_beside_the_roster(line: str, tmp_path: Path) -> None:
    _hotline("roster", "import", _file(tmp_path, HEAD + "1001,general,2099-01-05,08:00,09:30,\n"))
    forecast = _file(tmp_path, "start,calls,handling_s\n2099-01-05T09:00,100,180\n2099-01-05T09:30,2,180\n")
    told = json.loads(_hotline("staffing", forecast, "--roster", "--json").stdout)
    assert [(row["patient"]["agents"], row["rostered"]) for row in told] == [(14, 1), (1, 0)]
    assert told[1]["achieved_patient"]["service_level"] == 0
    shown = _hotline("staffing", forecast, "--rostered", "20", "--shrinkage", "0.3").output
    assert all(text in shown for text in ("01-05 09:00", "88.8%", "most at once: 20"))


def test_staffing_refuses_what_it_cannot_answer(line: str, tmp_path: Path) -> None:
    assert isinstance(_hotline("staffing").exception, InvalidInput)
    assert isinstance(_hotline("staffing", "--like", "2099-01-05").exception, NoHistory)
    assert isinstance(_hotline("staffing", _file(tmp_path, "start\n")).exception, ForecastRefused)
