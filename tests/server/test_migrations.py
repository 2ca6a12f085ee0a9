"""The migrations, run one after the other, make exactly the tables the code declares."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from hotline.settings import Settings
from server.provision import database

_CATALOGUES = {
    "column": """
        SELECT table_name, column_name, data_type, udt_name, character_maximum_length, is_nullable, column_default,
               identity_generation
        FROM information_schema.columns WHERE table_schema = 'public'
    """,
    "constraint": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace
    """,
    "index": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "trigger": "SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
}


def _settings(url: str) -> Settings:
    server, name = url.rsplit("@", 1)[1].split("/")
    host, port = server.split(":")
    return Settings(postgres={"host": host, "port": int(port), "database": name, "password": ""})


async def _schema(connection: AsyncConnection) -> set[tuple[object, ...]]:
    return {
        (kind, *row)
        for kind, query in _CATALOGUES.items()
        for row in await connection.execute(text(query))
        if row[0] != "alembic_version"
    }


def test_what_the_migrations_make_is_what_the_models_say(database_url: str) -> None:
    async def look() -> tuple[set[tuple[object, ...]], set[tuple[object, ...]]]:
        engine = create_async_engine(database_url)
        async with engine.begin() as connection:
            declared = await _schema(connection)
            await connection.execute(text("DROP SCHEMA public CASCADE"))
            await connection.execute(text("CREATE SCHEMA public"))
        settings = _settings(database_url)
        with ThreadPoolExecutor(1) as thread:
            await asyncio.get_running_loop().run_in_executor(thread, database.migrate, settings)
        async with engine.connect() as connection:
            migrated = await _schema(connection)
        assert await database.revision(settings) == database.newest(settings)
        await engine.dispose()
        return declared, migrated

    declared, migrated = asyncio.run(look())
    # By name of table and part, so that a difference can be read.
    assert sorted(map(str, declared - migrated)) == sorted(map(str, migrated - declared)) == []
