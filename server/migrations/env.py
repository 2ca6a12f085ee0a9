"""Alembic's entry: connects to the database of the settings and runs what is asked, one process at a time."""

from __future__ import annotations

import asyncio
import importlib

from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from hotline.database import Base
from hotline.locks import Lock

for module in (
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
):
    importlib.import_module(module)


def _migrate(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=Base.metadata, compare_server_default=True)
    with context.begin_transaction():
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": int(Lock.MIGRATIONS)})
        context.run_migrations()


async def _connect() -> None:
    engine = create_async_engine(context.config.attributes["url"], poolclass=NullPool, connect_args={"timeout": 5})
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_migrate)
            await connection.commit()
    finally:
        await engine.dispose()


asyncio.run(_connect())
