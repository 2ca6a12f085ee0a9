"""An office for acceptance: the whole API over a database of its own on the line's PostgreSQL, and a clock that moves
only when told. People sign in and ask as they do from their desks; what the jobs process does is done when told."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self
from zoneinfo import ZoneInfo

import asyncpg
import httpx
from argon2 import PasswordHasher
from fastapi import FastAPI

from acd.model import AcdPolicy
from acd.service import Acd
from directory.loader import CurrentDirectory
from directory.models import Role, Unit, UnitLevel
from directory.passwords import Passwords
from directory.sessions import SessionPolicy, Sessions
from directory.users import Agent, NewUser, add_user
from hotline.clock import ManualClock
from hotline.database import Database
from hotline.redis import connect as connect_redis
from hotline.settings import Settings
from server.provision.database import migrate
from tests.accept.line import PASSWORD, Line
from ticketing.deadlines import Deadlines
from ticketing.handling.archiving import Archiving
from web.app import create_app
from web.services import Services

CITY: Final = ZoneInfo("Asia/Shanghai")
UNITS: Final = ("市人社局", "市城管局", "市水利局")
"""City units with a handler, a head and a leader in charge each."""

_PRISTINE: Final = "acceptance_pristine"
_numbers = itertools.count(1)


def local(text: str) -> datetime:
    """`2026-09-30 20:00` on the city's clocks; 24:00 is allowed, as the rules write it."""
    day, _, hour = text.partition(" ")
    if hour == "24:00":
        return datetime.combine(date.fromisoformat(day) + timedelta(days=1), datetime.min.time(), CITY)
    return datetime.fromisoformat(text).replace(tzinfo=CITY)


class Refused(AssertionError):
    """The API said no. `code` is its stable name."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__(f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text}")
        self.status = answer.status_code
        self.code = str(answer.json().get("code", ""))


class Person:
    """Somebody at a desk, who signs in again whenever the session is over."""

    def __init__(self, http: httpx.AsyncClient, login: str, unit: int | None = None) -> None:
        self._http = http
        self._headers: dict[str, str] = {}
        self.login = login
        self.unit = unit

    async def ask(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **words: Any) -> Any:
        """The answer's JSON (None where there is none); raises Refused for everything but 2xx."""
        answer = await self.raw(method, path, headers=headers, **words)
        if not answer.is_success:
            raise Refused(answer)
        return answer.json() if answer.content else None

    async def raw(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **words: Any
    ) -> httpx.Response:
        """The answer, whatever it is."""
        for _ in range(2):
            answer = await self._http.request(method, path, headers={**self._headers, **(headers or {})}, **words)
            if answer.status_code != 401:
                break
            await self._sign_in()
        return answer

    async def get(self, path: str, **params: Any) -> Any:
        return await self.ask("GET", path, params=params)

    async def post(self, path: str, **body: Any) -> Any:
        return await self.ask("POST", path, json=body)

    async def act(self, number: str, action: str, **details: Any) -> Any:
        """One action on the ticket as it stands now."""
        file = await self.get(f"/api/tickets/{number}")
        version = file["ticket"]["version"]
        return await self.post(f"/api/tickets/{number}/actions", action=action, version=version, **details)

    async def _sign_in(self) -> None:
        answer = await self._http.post("/api/auth/login", json={"user": self.login, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        self._headers = {"Authorization": f"Bearer {answer.json()['token']}"}


@dataclass
class Office:
    """The API in this process, its people by role, and the hands of its clock."""

    app: FastAPI
    services: Services
    clock: ManualClock
    http: httpx.AsyncClient
    units: Mapping[str, int]
    _people: dict[str, Person] = field(default_factory=dict)

    @property
    def database(self) -> Database:
        return self.services.database

    def someone(self, role: Role, unit: str = "") -> Person:
        """The person with this role; of a unit, the one in `unit` (the first one if not said)."""
        login = role.value
        of_unit: int | None = None
        if role.value.startswith("unit_"):
            unit = unit or UNITS[0]
            login, of_unit = f"{role.value}{UNITS.index(unit)}", self.units[unit]
        return self._people.setdefault(login, Person(self.http, login, of_unit))

    def begin(self, moment: str) -> None:
        """Turn the clock to a moment on the city's clocks, back too: for a story that has nothing to do with the
        ones before it."""
        self.clock.advance((local(moment) - self.clock.now()).total_seconds())

    def at(self, moment: str) -> Self:
        """Turn the clock on to a moment on the city's clocks."""
        assert local(moment) >= self.clock.now(), f"{moment} is over: it is {self.clock.now().astimezone(CITY)}"
        self.begin(moment)
        return self

    async def jobs(self) -> int:
        """What the jobs process does by itself at this moment: notices, moved ends, the archive. Returns notices."""
        told = await Deadlines(self.database, self.clock).step()
        await Archiving(self.database, self.clock).step()
        return told

    async def rows(self, query: str, *values: Any) -> list[asyncpg.Record]:
        """Rows of a query of the test's own, independent of our code."""
        keys = self.services.settings.postgres
        connection = await asyncpg.connect(
            host=keys.host, port=keys.port, user=keys.user, password=keys.password, database=keys.database
        )
        try:
            found: list[asyncpg.Record] = await connection.fetch(query, *values)
            return found
        finally:
            await connection.close()


async def database_admin(line: Line, statement: str) -> None:
    """One statement by the superuser of the line's PostgreSQL."""
    keys = line.settings.postgres
    connection = await asyncpg.connect(
        host=keys.host,
        port=keys.port,
        user="postgres",
        password=(line.settings.var_dir / "postgres" / "superuser").read_text().strip(),
        database="postgres",
    )
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _with_database(settings: Settings, name: str) -> Settings:
    witness = settings.privacy.model_copy(update={"witness_file": str(settings.var_dir / "audit" / name)})
    postgres = settings.postgres.model_copy(update={"database": name})
    return settings.model_copy(update={"postgres": postgres, "privacy": witness})


async def fresh_database(line: Line) -> Settings:
    """Settings of a new database at the newest revision. The migrations run once a line; others are copies."""
    owner = line.settings.postgres.user
    keys = line.settings.postgres
    pristine = _with_database(line.settings, _PRISTINE)
    connection = await asyncpg.connect(
        host=keys.host, port=keys.port, user=keys.user, password=keys.password, database=keys.database
    )
    try:
        there = await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", _PRISTINE)
    finally:
        await connection.close()
    if not there:
        await database_admin(line, f'CREATE DATABASE {_PRISTINE} OWNER "{owner}"')
        await asyncio.to_thread(migrate, pristine)
    name = f"acceptance_{next(_numbers)}"
    await database_admin(line, f'CREATE DATABASE {name} TEMPLATE {_PRISTINE} OWNER "{owner}"')
    return _with_database(line.settings, name)


async def _people(database: Database, passwords: Passwords, now: datetime) -> dict[str, int]:
    """One person for each role, with the role as login; those of units once for each of UNITS, numbered."""
    async with database.transaction() as session:
        units = [Unit(name=name, level=UnitLevel.CITY) for name in UNITS]
        session.add_all(units)
        await session.flush()
        ids = {unit.name: unit.id for unit in units}
        seat = {
            Role.AGENT: Agent("1001", {"general": 1}),
            Role.EXPERT: Agent("2001", {"expert-12333": 1}),
        }
        for role in Role:
            if role.value.startswith("unit_"):
                for i, name in enumerate(UNITS):
                    new = NewUser(f"{role.value}{i}", f"{name}{role.name}", frozenset({role}), ids[name])
                    await add_user(session, new, PASSWORD, passwords, now=now)
            else:
                new = NewUser(role.value, role.name, frozenset({role}), None, seat.get(role))
                await add_user(session, new, PASSWORD, passwords, now=now)
    return ids


@asynccontextmanager
async def office(line: Line, opens: str = "2025-12-01 08:00") -> AsyncIterator[Office]:
    """An office that begins at this moment of the city's clocks, with an empty database of its own."""
    settings = await fresh_database(line)
    clock = ManualClock(local(opens).astimezone(UTC))
    database = Database.of(settings, pool_size=20)
    quick = connect_redis(settings.redis.url)
    blocking = connect_redis(settings.redis.url, timeout=None)
    # Whether a password is hashed slowly is not what is looked at here.
    passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    site = settings.site.id
    folder = Path(settings.var_dir)
    services = Services(
        settings=settings,
        database=database,
        redis=quick,
        blocking_redis=blocking,
        acd=Acd(quick, site=site, process="office/web", clock=clock, policy=AcdPolicy()),
        directory=CurrentDirectory(database, settings, folder / f"directory-{settings.postgres.database}.json"),
        sessions=Sessions(database, passwords, clock, SessionPolicy.of(settings)),
        clock=clock,
    )
    app = create_app(services)
    try:
        units = await _people(database, passwords, clock.now())
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://office") as http:
            yield Office(app, services, clock, http, units)
    finally:
        await quick.aclose()
        await blocking.aclose()
        await database.close()
        await database_admin(line, f"DROP DATABASE {settings.postgres.database} WITH (FORCE)")
