"""Facts as rows: a batch goes into PostgreSQL in three statements, however many facts and calls are in it.

The statements never change: values go in as one array for each column. So neither SQLAlchemy nor PostgreSQL has to
make anything of them a second time, and a fact costs no round trip of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

from sqlalchemy import Insert, String, Table, Text, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.ext.asyncio import AsyncSession

from calls.counting import COUNTED
from calls.facts import Entry
from calls.figure_tables import CountDueRow
from calls.handover_store import keep_ordered
from calls.menu_visits import keep_visits
from calls.models import CallRow, JournalRow
from calls.survey_rows import TOLD_BY, project

_LONGEST_DIALLED = 32
"""A caller may dial more digits than any number has; the summary keeps the first of them."""

_FACT: Final = ("call_id", "seq", "fact", "kind", "at", "process", "agent", "attributes", "personal")
_AS_TOLD: Final = _FACT[:-2]
_TOLD: Final = (
    *("entered_at", "caller", "caller_index", "dialled", "called", "called_index", "line", "unit", "mode"),
    *("queued_at", "answered_at", "agent", "ended_at", "outcome"),
)
"""Columns of a call's summary that facts fill."""


async def insert_rows(session: AsyncSession, entries: Sequence[Entry]) -> None:
    """Keep facts, and what they say of their calls; a fact that is kept already changes nothing. `entries` are in the
    order of call and seq, which is the order in which every writer takes its rows."""
    facts = [
        {name: getattr(entry, name) for name in _AS_TOLD} | {"attributes": entry.plain, "personal": entry.personal}
        for entry in entries
    ]
    fresh = await session.execute(_KEEP, _columns(_FACT, facts))
    kept = {(row.call_id, row.seq) for row in fresh}
    new = [entry for entry in entries if (entry.call_id, entry.seq) in kept]
    if not new:
        return
    calls: dict[str, dict[str, Any]] = {}
    for entry in new:
        told = calls.setdefault(entry.call_id, dict.fromkeys(_TOLD))
        for name, value in _summary_of(entry).items():
            if told[name] is None:
                told[name] = value
    summaries = [
        {"call_id": call, **told, "caller_index": told["caller"], "called_index": told["called"]}
        for call, told in calls.items()
    ]
    await session.execute(_SUM_UP, _columns(("call_id", *_TOLD), summaries))
    due = dict.fromkeys(entry.call_id for entry in new if entry.kind in COUNTED)
    if due:
        await session.execute(_COUNT_AGAIN, {"call_id": list(due)})
    if surveyed := dict.fromkeys(entry.call_id for entry in new if entry.kind in TOLD_BY):
        await project(session, surveyed)
    await keep_ordered(session, new)
    await keep_visits(session, new)


def _summary_of(entry: Entry) -> dict[str, Any]:
    """What a fact says about the call as a whole."""
    told = entry.attributes
    match entry.kind:
        case "entered":
            return {"entered_at": entry.at, "dialled": (told.get("dialled") or "")[:_LONGEST_DIALLED] or None} | {
                name: told.get(name) for name in ("caller", "line", "unit", "mode")
            }
        case "callback":
            return {"entered_at": entry.at} | {name: told.get(name) for name in ("caller", "dialled", "line", "unit")}
        case "call_out":
            # Nobody called us.
            return {"entered_at": entry.at, "called": told.get("called"), "line": told.get("line")}
        case "queued":
            return {"queued_at": entry.at}
        case "answered":
            return {"answered_at": entry.at, "agent": entry.agent}
        case "ended":
            return {"ended_at": entry.at, "outcome": told.get("outcome", "ended")}
        case "abandoned":
            return {"ended_at": entry.at, "outcome": "abandoned"}
        case _:
            return {}


def _columns(names: Sequence[str], rows: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in names}


def _insert(table: Table, names: Sequence[str]) -> PostgresInsert:
    """Insert rows given as one array for each of these columns."""
    # Text without a length: a cast to varchar(n) would cut what is too long, where an insert refuses it.
    kinds = {name: Text() if isinstance(table.c[name].type, String) else table.c[name].type for name in names}
    arrays = [bindparam(name, type_=ARRAY(kinds[name])) for name in names]
    given = func.unnest(*arrays).table_valued(*names).render_derived(name="given")
    statement: Insert = insert(table).from_select(names, select(*(given.c[name] for name in names)))
    return cast(PostgresInsert, statement)


def _sum_up() -> PostgresInsert:
    """The first word on a call stands: re-entries and late reports never move its entry or its place."""
    table = cast(Table, CallRow.__table__)
    statement = _insert(table, ("call_id", *_TOLD))
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=["call_id"],
        set_={name: func.coalesce(table.c[name], new[name]) for name in _TOLD},
        where=func.num_nonnulls(*(new[name] for name in _TOLD)) > 0,
    )


_KEEP: Final = (
    _insert(cast(Table, JournalRow.__table__), _FACT)
    .on_conflict_do_nothing()
    .returning(JournalRow.call_id, JournalRow.seq)
)
_SUM_UP: Final = _sum_up()
_COUNT_AGAIN: Final = _insert(cast(Table, CountDueRow.__table__), ("call_id",))
