"""PostgreSQL: where the truth is. One transaction per unit of work; services never commit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Self

from sqlalchemy import DDL, DateTime, Executable, MetaData, event
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

from hotline.settings import Settings
from hotline.witness import Witness, witness_file

_NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Base of every table of the project. Names of constraints are fixed so that migrations can name them."""

    metadata = MetaData(naming_convention=_NAMING)


def never_changed(model: type[Base], *, function: str, trigger: str, said: str) -> tuple[str, str]:
    """Rows of this table are only ever added: PostgreSQL refuses anything else with these words (`said`).

    Where the table is made of its model, this holds at once; a migration that makes it runs the statements returned.
    """
    statements = (
        f"""
        CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '{said}';
        END $$
        """,
        f"""
        CREATE TRIGGER {trigger} BEFORE UPDATE OR DELETE OR TRUNCATE ON {model.__tablename__}
        FOR EACH STATEMENT EXECUTE FUNCTION {function}()
        """,
    )
    for statement in statements:
        event.listen(model.__table__, "after_create", DDL(statement))  # type: ignore[no-untyped-call]
    return statements


class UtcDateTime(TypeDecorator[datetime]):
    """`timestamptz` that takes only aware datetimes and gives back UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is not None and value.tzinfo is None:
            raise ValueError("a naive datetime is not a moment")
        return value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.astimezone(UTC)


def _still_open(connection: Any, _record: Any, _proxy: Any) -> None:
    """A connection that PostgreSQL has closed is replaced before it is used, and with it all others of the pool.

    The driver knows without asking: a ping at every checkout would cost more than most of our queries.
    """
    if connection.driver_connection.is_closed():
        raise InvalidatePoolError


class Database:
    """An engine and its sessions.

    `url` is a SQLAlchemy URL with the asyncpg driver. Connecting takes at most `connect_timeout` seconds and a
    statement at most `statement_timeout` seconds, so that a hung server never hangs a call. What its transactions leave
    with `witness` (found in `session.info`) is on the disk before whoever wrote them goes on.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 5,
        connect_timeout: float = 3.0,
        statement_timeout: float = 10.0,
        witness: Witness | None = None,
    ) -> None:
        self._engine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=connect_timeout,
            connect_args={"timeout": connect_timeout, "command_timeout": statement_timeout},
        )
        event.listen(self._engine.sync_engine, "checkout", _still_open)
        self._asking = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._witness = witness
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False, info={"witness": witness})

    @classmethod
    def of(cls, settings: Settings, *, pool_size: int = 5) -> Self:
        """The line's own, witnessed on this host."""
        return cls(settings.postgres.url, pool_size=pool_size, witness=Witness(witness_file(settings)))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A session whose work is committed at the end of the block, or rolled back if it raises.

        Raises OSError after the commit if what was committed cannot be witnessed.
        """
        async with self._sessions() as session, session.begin():
            yield session
        if self._witness is not None:
            await self._witness.flush()

    async def ask(self, question: Executable, values: Mapping[str, Any] | None = None) -> Sequence[Any]:
        """The rows of one question outside of any transaction: a third of the round trips.

        For what is asked often. Make the question once and give its values each time.
        """
        async with self._asking.connect() as connection:
            return (await connection.execute(question, dict(values or {}))).all()

    @asynccontextmanager
    async def listening(self, channel: str, heard: Callable[[], None]) -> AsyncIterator[asyncio.Event]:
        """Have `heard` called for each `NOTIFY channel`, at the commit it belongs to. Gives an event that is set when
        the connection is lost: then nothing is heard any more."""
        lost = asyncio.Event()

        def notified(*_: object) -> None:
            heard()

        async with self._asking.connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            driver.add_termination_listener(lambda _connection: lost.set())
            await driver.add_listener(channel, notified)
            try:
                yield lost
            finally:
                if not driver.is_closed():
                    await driver.remove_listener(channel, notified)

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()
        if self._witness is not None:
            self._witness.close()
