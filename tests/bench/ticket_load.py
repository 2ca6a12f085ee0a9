"""Millions of tickets into PostgreSQL in minutes: COPY first, indexes afterwards, and what belongs to them made there.

The rows are in the database as production's code would have left them, under production's schema; while they come,
foreign keys are not looked up (they hold by construction), commits wait for no disk, and checkpoints are rare. All of
that is as before when the load ends, with statistics taken and the visibility map written.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import asyncpg  # type: ignore[import-untyped]

from tests.accept.line import Line
from tests.bench import ticket_course, ticket_rows
from tests.bench.ticket_city import City

_SLICE: Final = 250_000
"""Tickets whose further rows one statement makes."""
_TOLD_SECONDS: Final = 20.0
_WHILE_LOADING: Final = {"max_wal_size": "8GB", "checkpoint_timeout": "30min"}


async def load(line: Line, city: City) -> None:
    """Fill the tables; prints how far it is."""
    began = time.perf_counter()
    async with _connected(line) as first, _connected(line) as second:
        print(f"versions  {(await first.fetchval('SELECT version()')).split(',')[0]}", flush=True)
        for name, value in _WHILE_LOADING.items():
            await first.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        await first.execute("SELECT pg_reload_conf()")
        await _copied(first, city, "ticket", ticket_rows.TICKET_COLUMNS, ticket_rows.ticket_rows(city))
        await first.execute("SELECT setval(pg_get_serial_sequence('ticket', 'id'), $1)", city.count)
        await _numbers_go_on(first)
        # The index of words takes one core for longer than all the rest together.
        await asyncio.gather(
            _copied(first, city, "ticket_text", ticket_rows.TEXT_COLUMNS, ticket_rows.text_rows(city)),
            _followed(second, city),
        )
    async with _connected(line) as first:
        for name in _WHILE_LOADING:
            await first.execute(f"ALTER SYSTEM RESET {name}")
        await first.execute("SELECT pg_reload_conf()")
        began_again = time.perf_counter()
        await first.execute("VACUUM (ANALYZE)")
        await first.execute("CHECKPOINT")
        print(f"vacuumed  and counted in {_since(began_again)}", flush=True)
        size = await first.fetchval("SELECT pg_size_pretty(pg_database_size(current_database()))")
        print(f"loaded    {city.count:,} tickets, {size}, in {_since(began)}", flush=True)


@asynccontextmanager
async def _connected(line: Line) -> AsyncIterator[asyncpg.Connection]:
    """As the superuser, for whom triggers can be put off."""
    keys = line.settings.postgres
    secret = (line.settings.var_dir / "postgres" / "superuser").read_text(encoding="utf-8").strip()
    connection = await asyncpg.connect(
        host=keys.host, port=keys.port, user="postgres", password=secret, database=keys.database, command_timeout=7_200
    )
    try:
        await connection.execute(
            "SET session_replication_role = replica; SET maintenance_work_mem = '1GB'; SET synchronous_commit = off"
        )
        yield connection
    finally:
        await connection.close()


async def _copied(
    connection: asyncpg.Connection, city: City, table: str, columns: Sequence[str], pieces: Iterator[bytes]
) -> None:
    began = told = time.perf_counter()
    later = await _without_indexes(connection, table)
    sent = 0

    async def source() -> AsyncIterator[bytes]:
        nonlocal told, sent
        for piece in pieces:
            yield piece
            sent += len(piece)
            if time.perf_counter() - told > _TOLD_SECONDS:
                told = time.perf_counter()
                print(f"  {table}: {sent >> 20:,} MB sent after {_since(began)}", flush=True)

    done = await connection.copy_to_table(table, source=source(), columns=list(columns), format="binary")
    total = int(done.split()[-1])
    assert total == city.count
    await _with_indexes(connection, table, total, later, began)


async def _followed(connection: asyncpg.Connection, city: City) -> None:
    """What belongs to the tickets, a slice at a time."""
    rows = ticket_course.temporary_rows(city)
    for table, columns in ticket_course.TEMPORARY.items():
        await connection.execute(f"CREATE TEMP TABLE {table} ({columns})")
        await connection.copy_records_to_table(table, records=rows[table])
        await connection.execute(f"ANALYZE {table}")
    for table in ticket_course.TABLES:
        began = told = time.perf_counter()
        later = await _without_indexes(connection, table)
        total = 0
        for low in range(1, city.count + 1, _SLICE):
            statement = ticket_course.filling(table, city, low, low + _SLICE - 1)
            total += int((await connection.execute(statement)).split()[-1])
            if time.perf_counter() - told > _TOLD_SECONDS:
                told = time.perf_counter()
                print(f"  {table}: {total:,} rows after {_since(began)}", flush=True)
        await _with_indexes(connection, table, total, later, began)
        await connection.execute(f"ANALYZE {table}")


async def _without_indexes(connection: asyncpg.Connection, table: str) -> list[str]:
    """Drop what no foreign key rests on; the statements that make it again."""
    constraints = await connection.fetch(
        "SELECT conname AS name, pg_get_constraintdef(oid) AS definition FROM pg_constraint AS c "
        "WHERE conrelid = $1::text::regclass AND contype IN ('p', 'u') AND NOT EXISTS "
        "(SELECT FROM pg_constraint WHERE contype = 'f' AND conindid = c.conindid)",
        table,
    )
    again = []
    for found in constraints:
        await connection.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{found["name"]}"')
        again.append(f'ALTER TABLE {table} ADD CONSTRAINT "{found["name"]}" {found["definition"]}')
    indexes = await connection.fetch(
        "SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition FROM pg_index "
        "WHERE indrelid = $1::text::regclass AND NOT EXISTS "
        "(SELECT FROM pg_constraint WHERE conindid = indexrelid)",
        table,
    )
    for found in indexes:
        await connection.execute(f"DROP INDEX {found['name']}")
        again.append(found["definition"])
    return again


async def _with_indexes(
    connection: asyncpg.Connection, table: str, rows: int, statements: Sequence[str], began: float
) -> None:
    loaded = _since(began)
    for statement in statements:
        await connection.execute(statement)
    print(f"{table:<18}{rows:>12,} rows in {loaded}, {len(statements)} indexes by {_since(began)}", flush=True)


async def _numbers_go_on(connection: asyncpg.Connection) -> None:
    """The numbers of the day go on after those that were loaded."""
    await connection.execute(
        "INSERT INTO ticket_counter (site, day, last) "
        "SELECT 'SMX', to_date(substr(number, 4, 8), 'YYYYMMDD') AS of_day, max(substr(number, 12)::int) "
        "FROM ticket WHERE registered_at > now() - interval '2 days' GROUP BY of_day"
    )


def _since(began: float) -> str:
    return f"{time.perf_counter() - began:,.1f} s"
