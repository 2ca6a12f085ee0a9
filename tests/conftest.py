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
from dataclasses import dataclass
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


@dataclass(frozen=True)
class _PostgresServer:
    port: int
    names: Iterator[int]

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

    for module in _MODELS:
        importlib.import_module(module)
    try:
        _until(ready, process, log)
        _apart(template)
        yield server
    finally:
        _end(process)


@pytest.fixture
def database_url(_postgres_server: _PostgresServer) -> Iterator[str]:
    """SQLAlchemy URL of a fresh database with every table in it."""
    server = _postgres_server
    name = f"test_{next(server.names)}"
    admin = server.url("postgres", "postgresql")
    _apart(lambda: _statement(admin, f"CREATE DATABASE {name} TEMPLATE hotline_template"))
    yield server.url(name)
    _apart(lambda: _statement(admin, f"DROP DATABASE {name} WITH (FORCE)"))
