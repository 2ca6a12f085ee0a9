"""The private PostgreSQL under `var/postgres`: made once, on loopback, with everything written through to disk."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]

from hotline.errors import PartUnavailable
from hotline.ids import token
from hotline.settings import Settings, project_root
from server.provision import launch

_ROOT_OF_INSTALLATIONS = Path("/usr/lib/postgresql")
_OLDEST = 15
_SUPERUSER = "postgres"
_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    # No disk that serves this has a head to move: an index is used where one would have shunned it.
    "random_page_cost": "1.1",
    "work_mem": "16MB",
    "maintenance_work_mem": "256MB",
    # After each checkpoint every page is written whole once: fewer of them while many tickets come.
    "max_wal_size": "4GB",
    "wal_compression": "lz4",
    "default_toast_compression": "lz4",
    "jit": "off",
    "fsync": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}
"""Parameters stay out of the server's log: they are citizens' data."""
_LEAST_BUFFERS_MB = 128
_MOST_BUFFERS_MB = 4_096
"""The operating system keeps the rest of what is read often."""


def programs() -> Path:
    """The folder with `initdb` and `postgres` of the newest installed version. Raises PartUnavailable."""
    found = {
        int(folder.parent.name): folder
        for folder in _ROOT_OF_INSTALLATIONS.glob("*/bin")
        if folder.parent.name.isdecimal() and (folder / "initdb").exists()
    }
    if not found or max(found) < _OLDEST:
        raise PartUnavailable(f"PostgreSQL {_OLDEST} or newer is not installed", remedy="make setup")
    return found[max(found)]


def account() -> str:
    """The unprivileged user the server runs as when we are root: Debian's own for it."""
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        return "nobody"


def folder(settings: Settings) -> Path:
    """The server's folder: its cluster in `data`, its superuser's password beside it."""
    return settings.var_dir / "postgres"


def prepare(settings: Settings) -> list[str]:
    """argv that runs the server in the foreground; its cluster is made first if there is none.

    Raises PartUnavailable.
    """
    installed, home = programs(), folder(settings)
    launch.own(account(), home)
    if not (home / "data").exists():
        _initialise(settings, installed)
    version = (home / "data" / "PG_VERSION").read_text().strip()
    if version != installed.parent.name:
        installed = _ROOT_OF_INSTALLATIONS / version / "bin"
        if not (installed / "postgres").exists():
            raise PartUnavailable(
                f"the data under {home} are PostgreSQL {version}'s, which is not installed any more",
                remedy=f"apt-get install postgresql-{version}; or move them to the newer version with pg_upgrade",
            )
    options = {**_OPTIONS, **_memory(settings), "port": str(settings.postgres.port)}
    return launch.command(
        account(),
        home,
        *(str(installed / "postgres"), "-D", f"{launch.FOLDER}/data"),
        *(f"--{name}={value}" for name, value in options.items()),
    )


def _memory(settings: Settings) -> dict[str, str]:
    """How much it keeps of its pages, and how much of the machine's memory it may expect to hold more of them."""
    machine_mb = (os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")) >> 20
    buffers_mb = settings.postgres.buffers_mb or min(max(machine_mb // 8, _LEAST_BUFFERS_MB), _MOST_BUFFERS_MB)
    return {
        "shared_buffers": f"{buffers_mb}MB",
        "effective_cache_size": f"{max(machine_mb // 2, buffers_mb)}MB",
    }


def _initialise(settings: Settings, installed: Path) -> None:
    """initdb into a folder that is renamed when whole: an interrupted run leaves no half cluster."""
    home = folder(settings)
    if (home / "new").exists():
        shutil.rmtree(home / "new")
    secret = _password_file(settings)
    with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.write(f"{token()}\n")
    launch.give(account(), secret)
    done = subprocess.run(
        launch.command(
            account(),
            home,
            *(str(installed / "initdb"), "-D", f"{launch.FOLDER}/new", "-U", _SUPERUSER, "-E", "UTF8"),
            *("--locale=C.UTF-8", "-A", "scram-sha-256", f"--pwfile={launch.FOLDER}/{secret.name}"),
        ),
        capture_output=True,
        text=True,
        cwd=project_root(),
        check=False,
    )
    if done.returncode:
        raise PartUnavailable(
            f"initdb failed: {done.stderr.strip()[-500:]}", remedy=f"see that {settings.var_dir} has room"
        )
    os.replace(home / "new", home / "data")


def _password_file(settings: Settings) -> Path:
    return folder(settings) / "superuser"


async def answers(settings: Settings) -> bool:
    """Whether a PostgreSQL on the port speaks to us, whatever it says of our role."""
    try:
        connection = await connect(settings)
    except (OSError, TimeoutError, asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError):
        return False
    except asyncpg.PostgresError:
        return True
    await connection.close()
    return True


async def connect(settings: Settings) -> asyncpg.Connection:
    """A connection as our role to our database. Raises OSError, TimeoutError or asyncpg.PostgresError."""
    wanted = settings.postgres
    return await asyncpg.connect(
        host=wanted.host,
        port=wanted.port,
        user=wanted.user,
        password=wanted.password,
        database=wanted.database,
        timeout=3,
        ssl=False,
    )


async def ensure_database(settings: Settings) -> None:
    """The private server has our role, with the password of the settings, and our database. Raises PartUnavailable."""
    try:
        connection = await connect(settings)
    except asyncpg.PostgresError:
        await _make_role_and_database(settings)
        connection = await connect(settings)
    await connection.close()


async def _make_role_and_database(settings: Settings) -> None:
    wanted = settings.postgres
    try:
        connection = await asyncpg.connect(
            host=wanted.host,
            port=wanted.port,
            user=_SUPERUSER,
            password=_password_file(settings).read_text().strip(),
            database="postgres",
            timeout=3,
            ssl=False,
        )
    except (OSError, asyncpg.PostgresError) as error:
        raise PartUnavailable(
            f"the private PostgreSQL does not let us in: {type(error).__name__}",
            remedy=f"is another server on port {wanted.port}? `hotline doctor` tells",
        ) from error
    try:
        role, database = _quoted(wanted.user), _quoted(wanted.database)
        if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", wanted.user):
            await connection.execute(f"CREATE ROLE {role} LOGIN")
        secret = await connection.fetchval("SELECT quote_literal($1::text)", wanted.password)
        await connection.execute(f"ALTER ROLE {role} PASSWORD {secret}")
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", wanted.database):
            await connection.execute(f"CREATE DATABASE {database} OWNER {role}")
    finally:
        await connection.close()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
