"""Real parts that tests of every package share: a Redis and a PostgreSQL of their own, on free loopback ports.

Both are started at most once a run, in a folder of their own, and end with the run even if it is killed.
"""

from __future__ import annotations

import asyncio
import importlib
import itertools
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import redis
from sqlalchemy.ext.asyncio import create_async_engine

from hotline.database import Base
from tests.ports import free_port

_LONGEST = (
    "tests/test_bench.py",
    "tests/web/test_rest.py",
    "tests/web/test_schema.py",
    "tests/calls/test_waiting_heard.py",
    "tests/server/test_demo.py",
)
"""Files that take a minute and more: they are begun first, so that none is left alone at the end of a run."""

_MODELS = (
    "directory.models",
    "ticketing.models",
    "ticketing.clock_tables",
    "ticketing.handling.tables",
    "ticketing.visits.tables",
    "ticketing.procedures.tables",
    "ticketing.coordination.tables",
    "ticketing.unit_desk.tables",
    "ticketing.guests.tables",
    "ticketing.progress_tables",
    "ticketing.relations.tables",
    "ticketing.refusals.tables",
    "ticketing.catalogue.tables",
    "ticketing.knowledge.tables",
    "ticketing.figures.tables",
    "ticketing.reports.tables",
    "ticketing.importing.tables",
    "ticketing.exchange.tables",
    "ticketing.channels.tables",
    "ticketing.attachments.tables",
    "ticketing.collected.tables",
    "calls.models",
    "calls.figure_tables",
    "calls.callback_models",
    "calls.round_models",
    "calls.call_out_models",
    "calls.recording.tables",
    "calls.handover_models",
    "calls.erasing_tables",
    "acd.presence",
    "acd.queue_tables",
    "acd.roster_tables",
    "calls.nuisance_tables",
    "calls.survey_tables",
    "calls.vulnerable",
    "ivr.tables",
    "media.studio_tables",
)
"""Modules that declare tables."""

_DEADLINE = 30.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order in which files are given out, where several processes run them (`--no-loadscope-reorder`)."""
    place = {file: number for number, file in enumerate(_LONGEST)}
    items.sort(key=lambda item: place.get(item.nodeid.partition("::")[0], len(place)))


def _until(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _DEADLINE
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"{process.args!r} did not come up:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.02)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    """A folder that an unprivileged server may reach (pytest's own is closed to others)."""
    folder = Path(tempfile.mkdtemp(prefix="hotline-tests-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def _redis_server(server_folder: Path) -> Iterator[str]:
    port = free_port()
    log = server_folder / "redis.log"
    settings = ("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(server_folder))
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "SIGTERM", "redis-server", *settings], stdout=output, stderr=output
        )
    url = f"redis://127.0.0.1:{port}/0"
    client = redis.Redis.from_url(url)

    def ready() -> bool:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False

    try:
        _until(ready, process, log)
        yield url
    finally:
        client.close()
        _end(process)


@pytest.fixture
def redis_url(_redis_server: str) -> str:
    """URL of an empty Redis."""
    with redis.Redis.from_url(_redis_server) as client:
        client.flushall()
    return _redis_server


@dataclass
class _PostgresServer:
    port: int
    names: Iterator[int]
    spare: list[str] = field(default_factory=list)
    """Databases that are empty and as they were made."""
    shape: str = ""
    """Of the template; see `_SHAPE`."""

    def url(self, database: str, driver: str = "postgresql+asyncpg") -> str:
        return f"{driver}://hotline@127.0.0.1:{self.port}/{database}"


def _apart(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run async work in a loop of its own, away from the test's."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(work())).result()


async def _statement(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def _postgres_server(server_folder: Path) -> Iterator[_PostgresServer]:
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name))
    data = server_folder / "postgres"
    data.mkdir(mode=0o700)
    # PostgreSQL refuses to run as root.
    drop: tuple[str, ...] = ()
    if os.geteuid() == 0:
        shutil.chown(data, "nobody", "nogroup")
        drop = ("--reuid=nobody", "--regid=nogroup", "--clear-groups")
    run = ("setpriv", *drop, "--pdeathsig", "SIGINT")
    subprocess.run(
        [
            *run,
            programs / "initdb",
            "-D",
            data,
            "-U",
            "hotline",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ],
        check=True,
        capture_output=True,
        cwd="/",
    )
    port = free_port()
    options = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "max_connections": "200",
    }
    log = server_folder / "postgres.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*run, programs / "postgres", "-D", data, *(f"--{name}={value}" for name, value in options.items())],
            stdout=output,
            stderr=output,
            cwd="/",
        )
    server = _PostgresServer(port, itertools.count(1))

    def ready() -> bool:
        return (
            subprocess.run([programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)], check=False).returncode
            == 0
        )

    async def template() -> None:
        await _statement(server.url("postgres", "postgresql"), "CREATE DATABASE hotline_template")
        engine = create_async_engine(server.url("hotline_template"))
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        await engine.dispose()
        connection = await asyncpg.connect(server.url("hotline_template", "postgresql"))
        server.shape = await connection.fetchval(_SHAPE)
        await connection.close()

    for module in _MODELS:
        importlib.import_module(module)
    try:
        _until(ready, process, log)
        _apart(template)
        yield server
    finally:
        _end(process)


_RESET = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend';
SET session_replication_role = replica;
DO $$
DECLARE one text; used boolean;
BEGIN
  FOR one IN SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = 'public' LOOP
    EXECUTE 'SELECT EXISTS (SELECT FROM ' || one || ')' INTO used;
    IF used THEN EXECUTE 'DELETE FROM ' || one; END IF;
  END LOOP;
  FOR one IN SELECT format('%I.%I', schemaname, sequencename) FROM pg_sequences WHERE last_value IS NOT NULL LOOP
    EXECUTE 'ALTER SEQUENCE ' || one || ' RESTART';
  END LOOP;
END $$
"""
"""Everything a test wrote, away: without triggers, of which some forbid just that."""

_SHAPE = """
SELECT (SELECT count(*) FROM pg_class WHERE relkind <> 't') || ' ' || (SELECT max(xmin::text::bigint) FROM pg_attribute)
  || ' ' || (SELECT max(xmin::text::bigint) FROM pg_trigger)
  || ' ' || (SELECT max(xmin::text::bigint) FROM pg_constraint)
  || ' ' || (SELECT max(xmin::text::bigint) FROM pg_index) || ' ' || (SELECT max(xmin::text::bigint) FROM pg_proc)
"""
"""How many things a database is made of, and when they were last changed: one that a test has rebuilt is not used
again."""


@pytest.fixture
def database_url(_postgres_server: _PostgresServer) -> Iterator[str]:
    """SQLAlchemy URL of a database with every table in it, empty."""
    server = _postgres_server
    if not server.spare:
        _apart(lambda: _make_database(server))
    name = server.spare.pop()
    yield server.url(name)
    _apart(lambda: _take_back(server, name))


async def _make_database(server: _PostgresServer) -> None:
    name = f"test_{next(server.names)}"
    await _statement(server.url("postgres", "postgresql"), f"CREATE DATABASE {name} TEMPLATE hotline_template")
    server.spare.append(name)


async def _take_back(server: _PostgresServer, name: str) -> None:
    """Empty it for the next test, or drop it if it is no longer as it was made."""
    connection = await asyncpg.connect(server.url(name, "postgresql"))
    try:
        as_made = await connection.fetchval(_SHAPE) == server.shape
        if as_made:
            await connection.execute(_RESET)
    finally:
        await connection.close()
    if as_made:
        server.spare.append(name)
    else:
        await _statement(server.url("postgres", "postgresql"), f"DROP DATABASE {name} WITH (FORCE)")
