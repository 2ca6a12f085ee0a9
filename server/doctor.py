"""Every part of the line looked at, and for each that is not as it should be, what to do."""

from __future__ import annotations

import asyncio
import ctypes
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import asyncpg  # type: ignore[import-untyped]
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from hotline.clock import SystemClock
from hotline.errors import HotlineError
from hotline.redis import connect
from hotline.settings import Settings, settings_file
from media.store import PromptStore
from server.asterisk import layout
from server.doctor_findings import Finding
from server.doctor_findings import fail as _fail
from server.doctor_findings import ok as _ok
from server.doctor_findings import warn as _warn
from server.doctor_mail import mailboxes
from server.doctor_menus import menus
from server.doctor_platforms import platforms
from server.doctor_privacy import personal_keys
from server.doctor_progress import query_codes
from server.doctor_recordings import recordings
from server.doctor_site import examine_site
from server.doctor_web_calls import web_calls
from server.processes import Stack
from server.provision import database, postgres, proc
from server.provision.programs import Program, all_programs, ami_greeting, oldest_round, pong, watchdog_age, web_answers

_LITTLE_DISK_GB = 5.0
_NO_DISK_GB = 1.0
_CLOCKS_APART_SECONDS = 2.0
_TIME_ERROR = 5
"""What adjtimex(2) returns while nothing keeps the machine's clock right."""


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """Look at every part, the ones others rest on first."""
    yield disk(settings)
    for look in (clock, installed_asterisk, prompts):
        yield look(settings)
    stack = Stack(settings)
    for program in all_programs(settings):
        for finding in ports(program, settings):
            yield finding
    checks: list[Callable[[Settings], Awaitable[Finding]]] = [database_server, live_state, asterisk]
    for check in checks:
        yield await check(settings)
    yield await recordings(settings)
    yield await query_codes(settings)
    yield await personal_keys(settings)
    yield await menus(settings)
    yield web_calls(settings)
    async for finding in platforms(settings):
        yield finding
    async for finding in mailboxes(settings):
        yield finding
    async for finding in examine_site(settings):
        yield finding
    for state in await asyncio.to_thread(stack.status):
        if state.program in {"postgres", "redis", "asterisk", "kamailio"}:
            continue
        yield await process(settings, state.program, state.pid, state.name)


def disk(settings: Settings) -> Finding:
    """Room for recordings, the database and logs."""
    folder = settings.var_dir if settings.var_dir.exists() else settings.var_dir.parent
    free = shutil.disk_usage(folder).free / 1e9
    seen = f"{free:.1f} GB free at {folder}"
    if free < _NO_DISK_GB:
        return _fail("disk", seen, "make room, or set var_dir to a larger disk: PostgreSQL stops when it is full")
    if free < _LITTLE_DISK_GB:
        return _warn("disk", seen, "make room before it is full")
    return _ok("disk", seen)


def clock(settings: Settings) -> Finding:
    """The machine's clock is kept right, and the site's time zone is known: deadlines are legal limits."""
    try:
        local = SystemClock().now().astimezone(ZoneInfo(settings.site.timezone))
    except (ZoneInfoNotFoundError, ValueError):
        return _fail(
            "clock",
            f"no time zone {settings.site.timezone}",
            f"apt-get install tzdata, or correct site.timezone in {settings_file()}",
        )
    seen = f"{local:%Y-%m-%d %H:%M:%S} {settings.site.timezone}"
    if _nobody_keeps_time():
        return _warn("clock", f"{seen}, not synchronised", "apt-get install chrony (or enable systemd-timesyncd)")
    return _ok("clock", seen)


def _nobody_keeps_time() -> bool:
    # Room for struct timex; modes=0 only reads.
    return bool(ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512)) == _TIME_ERROR)


def installed_asterisk(settings: Settings) -> Finding:
    """An Asterisk that is new enough is there."""
    try:
        place = layout.find(settings)
    except HotlineError as error:
        return _fail("asterisk (installed)", str(error), error.remedy)
    return _ok("asterisk (installed)", f"unpacked in {place.root}" if place.root else "the system's")


def prompts(_settings: Settings) -> Finding:
    """Every fixed sentence is rendered and whole."""
    store = PromptStore()
    try:
        bad = {"missing": store.missing(), "damaged": store.damaged()}
    except HotlineError as error:
        return _fail("prompts", str(error), error.remedy or "hotline prompts render")
    seen = "; ".join(f"{kind}: {', '.join(keys[:5])}" for kind, keys in bad.items() if keys)
    return _fail("prompts", seen, "hotline prompts render") if seen else _ok("prompts", "all rendered")


def ports(program: Program, settings: Settings) -> list[Finding]:
    """No stranger holds a port of ours. A free port is no finding here: whether the part runs is looked at later."""
    ours = set(proc.of_line(settings.var_dir))
    found = []
    for port in program.ports:
        holder = proc.listener(port.number, protocol=port.protocol)
        if holder is None or holder in ours or _inherited(holder, ours):
            continue
        who = f"process {holder} ({' '.join(proc.words(holder))[:80]})" if holder else "a process that cannot be named"
        found.append(
            _fail(
                f"port {port.number}",
                f"{program.name}'s port is held by {who}",
                f"end it, or set another {port.key} in {settings_file()}",
            )
        )
    return found


def _inherited(holder: int, ours: set[int]) -> bool:
    """A server's child may hide its environment; its parent tells whose it is."""
    return proc.parent(holder) in ours


async def database_server(settings: Settings) -> Finding:
    """PostgreSQL lets us in, its schema is the newest, and its clock is ours."""
    keys = settings.postgres
    try:
        connection = await postgres.connect(settings)
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        remedy = "hotline up" if keys.private else f"start it, or correct [postgres] in {settings_file()}"
        return _fail("postgres", f"{keys.host}:{keys.port}: {type(error).__name__}", remedy)
    try:
        version, now, fsync = await connection.fetchrow(
            "SELECT current_setting('server_version'), clock_timestamp(), current_setting('fsync')"
        )
    finally:
        await connection.close()
    if abs((now - SystemClock().now()).total_seconds()) > _CLOCKS_APART_SECONDS:
        return _fail("postgres", "its clock and ours differ", "synchronise both machines' clocks (chrony)")
    if fsync != "on":
        return _fail("postgres", "fsync is off: a power cut loses tickets", "set fsync = on in postgresql.conf")
    try:
        at, wanted = await database.revision(settings), database.newest(settings)
    except (OSError, SQLAlchemyError) as error:
        return _fail("postgres", f"schema: {type(error).__name__}", "hotline up")
    if at != wanted:
        return _fail("postgres", f"{version}; its schema is at {at}, the code needs {wanted}", "hotline up")
    return _ok("postgres", f"{version}, schema {at}")


async def live_state(settings: Settings) -> Finding:
    """Redis serves and keeps what it is told."""
    client = connect(settings.redis.url)
    try:
        facts = await client.info()
    except (RedisError, OSError) as error:
        remedy = "hotline up" if settings.redis.private else f"start it, or correct [redis] in {settings_file()}"
        return _fail("redis", f"{settings.redis.url.partition('://')[2]}: {type(error).__name__}", remedy)
    finally:
        await client.aclose()
    seen = f"{facts['redis_version']}, {facts['used_memory_human']} used"
    if not facts.get("aof_enabled"):
        return _warn("redis", f"{seen}, no append-only file", "set appendonly yes: a restart loses who waits")
    if facts.get("aof_last_write_status") != "ok":
        return _fail("redis", f"{seen}, its last write to disk failed", f"make room on {settings.var_dir}")
    return _ok("redis", seen)


async def asterisk(settings: Settings) -> Finding:
    """Asterisk's manager interface answers."""
    greeting = await ami_greeting(settings)
    if not greeting:
        log = settings.var_dir / "log" / "asterisk.log"
        return _fail("asterisk", "its manager interface is silent", f"hotline up; why it stopped stands in {log}")
    return _ok("asterisk", greeting)


async def process(settings: Settings, name: str, pid: int, state: str) -> Finding:
    """One of our own processes runs and answers."""
    log = settings.var_dir / "log" / f"{name}.log"
    if pid == 0:
        return _fail(name, state.lower(), f"hotline up {name}; why it stopped stands in {log}")
    if name == "web":
        code = await web_answers(settings)
        if code == 0:
            return _fail(name, f"process {pid} does not answer", f"hotline restart {name}; its log is {log}")
        if code >= 400:
            return _warn(name, f"process {pid} answers {code}: a part behind it is away", "see the parts above")
        return _ok(name, f"process {pid}")
    if name == "watchdog":
        age = watchdog_age(settings)
        if age is None or age > oldest_round(settings):
            seen = f"process {pid}, last round " + ("never" if age is None else f"{age:.0f} s ago")
            return _fail(name, seen, f"hotline restart {name}; its log is {log}")
        return _ok(name, f"process {pid}, last round {age:.1f} s ago")
    answer = await pong(settings, name)
    if not answer.startswith("pong"):
        return _fail(name, f"process {pid} does not answer a ping", f"hotline restart {name}; its log is {log}")
    return _ok(name, f"process {pid}")
