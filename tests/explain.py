"""What PostgreSQL would do for a statement, as the code under test makes it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ClauseElement, Executable, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler


class _Explain(Executable, ClauseElement):
    inherit_cache = False

    def __init__(self, statement: Any) -> None:
        self.statement = statement


@compiles(_Explain)
def _(element: _Explain, compiler: SQLCompiler, **arguments: Any) -> str:
    return f"EXPLAIN {compiler.process(element.statement, **arguments)}"


async def plan_of(session: AsyncSession, statement: Any, *, small: bool = True) -> str:
    """The plan. Of a table that is `small` with whatever index there is: none would pay."""
    if small:
        await session.execute(text("SET LOCAL enable_seqscan = off"))
    rows = await session.execute(_Explain(statement))
    return "\n".join(rows.scalars())
