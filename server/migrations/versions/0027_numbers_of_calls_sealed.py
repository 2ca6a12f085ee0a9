"""numbers of those who call and are called are sealed

The rows are moved in batches of their own, each one statement that keeps or changes nothing: a run that was broken off
is gone on with by the next one. A moved value is empty in the column it comes from, which goes at the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import orjson
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from hotline.sealed import keys

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_BATCH = 1_000
_JSON = "jsonb"
_NONE: Final[Mapping[str, tuple[Sequence[str], str | None, bool]]] = MappingProxyType({})


class _Field(NamedTuple):
    """A column in clear that becomes a sealed one of its name, with an index of its name if it is looked for."""

    name: str
    clear: sa.types.TypeEngine[Any]
    required: bool
    sought: str = ""
    kept: bool = True
    """False: nothing but the index stays."""

    @property
    def is_json(self) -> bool:
        return isinstance(self.clear, postgresql.JSONB)


class _Table(NamedTuple):
    name: str
    keys: Mapping[str, str]
    """Columns that name a row, and their types. Where the number itself did, it does so while it is in clear."""
    fields: Sequence[_Field]
    primary: str = ""
    """The index that names a row from now on."""
    former: Mapping[str, tuple[Sequence[str], str | None, bool]] = _NONE
    """Indexes with a number in clear: columns, condition, whether unique."""
    new: Mapping[str, tuple[Sequence[str], str | None, bool]] = _NONE


def _number(name: str = "caller", length: int = 32, *, required: bool = True, indexed: bool = True) -> _Field:
    return _Field(name, sa.String(length=length), required, f"{name}_index" if indexed else "")


def _there(column: str) -> str:
    return f"{column} IS NOT NULL"


_OPEN = "closed_at IS NULL"
_BY_ID = {"id": "bigint"}
_TABLES = (
    _Table(
        "call",
        {"call_id": "text"},
        (_number(required=False),),
        former={"ix_call_caller_entered": (["caller", "entered_at"], None, False)},
        new={
            "ix_call_caller_index_entered": (["caller_index", "entered_at"], _there("caller_index"), False),
            "ix_call_called_index": (["called_index"], _there("called_index"), False),
        },
    ),
    _Table("callback_request", _BY_ID, (_number(required=False, indexed=False),)),
    _Table(
        "callback",
        _BY_ID,
        (_number(),),
        former={"uq_callback_open": (["caller"], _OPEN, True)},
        new={
            "uq_callback_open": (["caller_index"], _OPEN, True),
            "ix_callback_caller_index": (["caller_index"], _there("caller_index"), False),
        },
    ),
    _Table(
        "callback_attempt",
        {"callback_id": "bigint", "number": "int"},
        (_Field("caller", sa.String(length=32), required=True, sought="caller_index", kept=False),),
        former={"ix_callback_attempt_caller_dialled": (["caller", "dialled_at"], None, False)},
        new={"ix_callback_attempt_caller_index_dialled": (["caller_index", "dialled_at"], None, False)},
    ),
    _Table(
        "voice_message",
        _BY_ID,
        (_number(required=False), _Field("transcript", sa.Text(), required=False)),
        new={"ix_voice_message_caller_index": (["caller_index"], _there("caller_index"), False)},
    ),
    _Table(
        "call_out",
        _BY_ID,
        (_number("number"),),
        former={
            "uq_call_out_open_number": (["number"], _OPEN, True),
            "ix_call_out_number_dialled": (["number", "dialled_at"], None, False),
        },
        new={
            "uq_call_out_open_number": (["number_index"], _OPEN, True),
            "ix_call_out_number_index_dialled": (["number_index", "dialled_at"], None, False),
        },
    ),
    _Table("do_not_call", {"number": "text"}, (_number("number"),), primary="number_index"),
    _Table(
        "nuisance_flag",
        _BY_ID,
        (_number(),),
        former={"uq_nuisance_flag_caller": (["caller"], "lifted_at IS NULL", True)},
        new={"uq_nuisance_flag_caller": (["caller_index"], "lifted_at IS NULL", True)},
    ),
    _Table(
        "vulnerable_caller",
        {"caller": "text"},
        (_number(), _Field("reason", sa.String(length=200), required=True)),
        primary="caller_index",
    ),
    _Table(
        "handover",
        {"id": "text"},
        (_Field("told", postgresql.JSONB(), required=True), _Field("payload", postgresql.JSONB(), required=False)),
    ),
    _Table(
        "handover_received",
        {"partner": "text", "partner_id": "text"},
        (_number(length=24), _Field("summary", sa.Text(), required=True)),
        new={"ix_handover_received_caller_index": (["caller_index"], _there("caller_index"), False)},
    ),
    _Table(
        "visit_item",
        _BY_ID,
        (_number("number", required=False),),
        new={"ix_visit_item_number_index": (["number_index"], _there("number_index"), False)},
    ),
)
_PERSONAL = ("caller", "called", "summary", "location")
"""Attributes of facts that are sealed."""
_CALLED_OUT = "call-out-%"
"""Calls of ours: the summary had whom they called as the number dialled."""


def _key(table: _Table, name: str) -> str:
    """The column that names a row while its values are moved."""
    return f"clear_{name}" if any(name == moved.name for moved in table.fields) else name


def _begun() -> bool:
    """Whether a run was broken off while it moved rows."""
    return "clear_caller" in {column["name"] for column in sa.inspect(op.get_bind()).get_columns("call")}


def _add_columns() -> None:
    for table in _TABLES:
        for name in table.former:
            op.drop_index(name, table.name)
        if table.primary:
            op.drop_constraint(op.f(f"pk_{table.name}"), table.name, type_="primary")
        for moved in table.fields:
            op.alter_column(table.name, moved.name, new_column_name=f"clear_{moved.name}", nullable=True)
            if moved.kept:
                op.add_column(table.name, sa.Column(moved.name, sa.LargeBinary(), nullable=True))
            if moved.sought:
                op.add_column(table.name, sa.Column(moved.sought, sa.LargeBinary(length=16), nullable=True))
        if table.primary:
            op.create_index(f"ix_{table.name}_clear", table.name, [_key(table, key) for key in table.keys])
    op.add_column("call", sa.Column("called", sa.LargeBinary(), nullable=True))
    op.add_column("call", sa.Column("called_index", sa.LargeBinary(length=16), nullable=True))
    op.add_column("call_journal", sa.Column("personal", sa.LargeBinary(), nullable=True))


def _index(value: str | None) -> bytes | None:
    return keys().index(value) if value else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _seal(place: str, value: Any) -> bytes | None:
    return None if value is None else keys().seal(place, _text(value))


def _write(table: str, of: Mapping[str, str], values: Mapping[str, tuple[str, list[Any]]], also: str = "") -> None:
    """One statement changes a batch. `of` names rows by column and type; `values` has a list for each of these columns
    and for each that changes, with its type."""
    arrays = ", ".join(f"CAST(:{name} AS {'text' if kind == _JSON else kind}[])" for name, (kind, _) in values.items())
    changed = ", ".join(f"{name} = CAST(given.{name} AS {values[name][0]})" for name in values if name not in of)
    rows = " AND ".join(f"changed.{name} = given.{name}" for name in of)
    statement = (
        f"UPDATE {table} AS changed SET {changed}{also} "  # noqa: S608 - names of ours
        f"FROM unnest({arrays}) AS given ({', '.join(values)}) WHERE {rows}"
    )
    op.get_bind().execute(sa.text(statement), {name: told for name, (_, told) in values.items()})


def _some(
    table: str, of: Mapping[str, str], columns: Sequence[str], where: str, last: Sequence[Any] | None
) -> list[Any]:
    """The rows behind one, in the order of their names."""
    names = ", ".join(of)
    behind = "" if last is None else f"AND ({names}) > ({', '.join(f':k{n}' for n in range(len(of)))}) "
    query = (
        f"SELECT {names}, {', '.join(columns)} FROM {table} "  # noqa: S608 - names of ours
        f"WHERE ({where}) {behind}ORDER BY {names} LIMIT {_BATCH}"
    )
    return list(op.get_bind().execute(sa.text(query), {f"k{n}": value for n, value in enumerate(last or ())}).all())


def _columns_of(rows: Sequence[Any]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _move(table: _Table) -> None:
    of = {_key(table, name): kind for name, kind in table.keys.items()}
    clear = [f"clear_{moved.name}" for moved in table.fields]
    where = " OR ".join(_there(name) for name in clear)
    emptied = "".join(f", {name} = NULL" for name in clear)
    last: Sequence[Any] | None = None
    while rows := _some(table.name, of, clear, where, last):
        last = rows[-1][: len(of)]
        columns = _columns_of(rows)
        values = {name: (kind, columns[n]) for n, (name, kind) in enumerate(of.items())}
        for moved, told in zip(table.fields, columns[len(of) :], strict=True):
            if moved.kept:
                values[moved.name] = ("bytea", [_seal(f"{table.name}.{moved.name}", value) for value in told])
            if moved.sought:
                values[moved.sought] = ("bytea", [_index(value) for value in told])
        _write(table.name, of, values, emptied)


def _move_called() -> None:
    of = {"call_id": "text"}
    last = None
    while rows := _some("call", of, ["dialled"], f"dialled IS NOT NULL AND call_id LIKE '{_CALLED_OUT}'", last):
        last = rows[-1][:1]
        calls, numbers = _columns_of(rows)
        sealed = [_seal("call.called", number) for number in numbers]
        values = {"called": ("bytea", sealed), "called_index": ("bytea", [_index(number) for number in numbers])}
        _write("call", of, {"call_id": ("text", calls)} | values, ", dialled = NULL")


def _move_facts() -> None:
    of = {"call_id": "text", "seq": "bigint"}
    listed = ", ".join(f"'{name}'" for name in _PERSONAL)
    last = None
    while rows := _some("call_journal", of, ["attributes"], f"attributes ?| ARRAY[{listed}]", last):
        last = rows[-1][:2]
        calls, numbers, facts = _columns_of(rows)
        told = [{name: fact[name] for name in _PERSONAL if fact.get(name)} for fact in facts]
        sealed = [_seal("call_journal.personal", one or None) for one in told]
        values = {"call_id": ("text", calls), "seq": ("bigint", numbers), "personal": ("bytea", sealed)}
        _write("call_journal", of, values, f", attributes = attributes - ARRAY[{listed}]")


def _drop_clear() -> None:
    for table in _TABLES:
        if table.primary:
            op.drop_index(f"ix_{table.name}_clear", table.name)
        for moved in table.fields:
            op.drop_column(table.name, f"clear_{moved.name}")
            if moved.kept and moved.required:
                op.alter_column(table.name, moved.name, nullable=False)
        if table.primary:
            op.create_primary_key(op.f(f"pk_{table.name}"), table.name, [table.primary])
        for name, (columns, where, unique) in table.new.items():
            condition = None if where is None else sa.text(where)
            op.create_index(name, table.name, columns, unique=unique, postgresql_where=condition)


def upgrade() -> None:
    if not _begun():
        _add_columns()
    with op.get_context().autocommit_block():
        for table in _TABLES:
            _move(table)
        _move_called()
        _move_facts()
    _drop_clear()


def _open(place: str, moved: _Field, sealed: bytes | None) -> str | None:
    told = None if sealed is None else keys().open(place, bytes(sealed))
    return told if told is not None or not moved.required else ""


def _move_back(table: _Table) -> None:
    """Without indexes that are looked for by a value in clear: rows are named by what names them now."""
    of = {table.primary: "bytea"} if table.primary else dict(table.keys)
    kept = [moved for moved in table.fields if moved.kept]
    last: Sequence[Any] | None = None
    while kept and (rows := _some(table.name, of, [moved.name for moved in kept], "true", last)):
        last = rows[-1][: len(of)]
        columns = _columns_of(rows)
        values = {name: (kind, columns[n]) for n, (name, kind) in enumerate(of.items())}
        for moved, sealed in zip(kept, columns[len(of) :], strict=True):
            told = [_open(f"{table.name}.{moved.name}", moved, value) for value in sealed]
            values[f"clear_{moved.name}"] = (_JSON if moved.is_json else "text", told)
        _write(table.name, of, values)


def _move_back_called() -> None:
    of = {"call_id": "text"}
    last = None
    while rows := _some("call", of, ["called"], "called IS NOT NULL", last):
        last = rows[-1][:1]
        calls, sealed = _columns_of(rows)
        told = [keys().open("call.called", bytes(value)) for value in sealed]
        _write("call", of, {"call_id": ("text", calls), "dialled": ("text", told)})


def _move_back_facts() -> None:
    of = {"call_id": "text", "seq": "bigint"}
    last = None
    while rows := _some("call_journal", of, ["attributes", "personal"], "personal IS NOT NULL", last):
        last = rows[-1][:2]
        calls, numbers, facts, sealed = _columns_of(rows)
        opened = [orjson.loads(keys().open("call_journal.personal", bytes(value))) for value in sealed]
        told = [_text(fact | personal) for fact, personal in zip(facts, opened, strict=True)]
        values = {"call_id": ("text", calls), "seq": ("bigint", numbers), "attributes": (_JSON, told)}
        _write("call_journal", of, values)


def downgrade() -> None:
    for table in _TABLES:
        for moved in table.fields:
            op.add_column(table.name, sa.Column(f"clear_{moved.name}", moved.clear, nullable=True))
        _move_back(table)
    op.execute(
        "UPDATE callback_attempt AS attempt SET clear_caller = promise.clear_caller "
        "FROM callback AS promise WHERE promise.id = attempt.callback_id"
    )
    _move_back_called()
    _move_back_facts()
    op.drop_column("call_journal", "personal")
    for table in _TABLES:
        for name in table.new:
            op.drop_index(name, table.name)
        if table.primary:
            op.drop_constraint(op.f(f"pk_{table.name}"), table.name, type_="primary")
        for moved in table.fields:
            if moved.kept:
                op.drop_column(table.name, moved.name)
            if moved.sought:
                op.drop_column(table.name, moved.sought)
            op.alter_column(table.name, f"clear_{moved.name}", new_column_name=moved.name, nullable=not moved.required)
        if table.primary:
            op.create_primary_key(op.f(f"pk_{table.name}"), table.name, list(table.keys))
        for name, (columns, where, unique) in table.former.items():
            condition = None if where is None else sa.text(where)
            op.create_index(name, table.name, columns, unique=unique, postgresql_where=condition)
    op.drop_column("call", "called_index")
    op.drop_column("call", "called")
