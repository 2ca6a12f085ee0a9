"""Tickets and their words as PostgreSQL's binary COPY takes them, oldest first."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from tests.bench import ticket_words as words
from tests.bench.ticket_city import LOCAL, City, age_of, column, draw, second_of, words_column
from ticketing.relations import stretches

_ROWS: Final = 2_000
"""In one piece of a COPY."""
_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER: Final = b"\xff\xff"
_PG_EPOCH: Final = 946_684_800
"""2000-01-01, from where PostgreSQL counts microseconds."""

_NUMBER_BYTES: Final = len("SMX20261121000001")

TICKET_COLUMNS: Final = (
    *("id", "registered_at", "updated_at", "number", "title", "content", "category"),
    *("caller_number", "caller_index", "caller_name", "address"),
    *("type", "source", "area_code", "urgency", "confidentiality", "hotline", "unit_tag"),
    *("state", "version", "policy", "registered_by"),
)
_OF_NOBODY: Final = frozenset({"registered", "to_dispatch", words.ANSWERED})
"""Where no unit has a part in it yet, or ever."""
TEXT_COLUMNS: Final = ("ticket_id", "registered_at", "compared", "search")


def state_of(age: float, bits: int) -> str:
    """Where a ticket of this age (seconds) is: `bits` of its draw decide. Two in five go to a unit.

    The rest are answered at once; what is old is nearly all archived, and a few are forgotten for years.
    """
    dispatched, luck, which = bits % 5 < 2, (bits >> 8) % 10_000, (bits >> 24) % len(words.OPEN)
    days = age / 86_400
    if not dispatched:
        return "registered" if days < 0.1 else words.ANSWERED
    odds = 9_000 if days < 1 else 6_000 if days < 7 else 2_000 if days < 15 else 300 if days < 30 else 2
    if luck >= odds:
        return words.ARCHIVED
    return words.OPEN[which] if days > 0.2 else "to_dispatch"


def ticket_rows(city: City) -> Iterator[bytes]:
    """`ticket`: `TICKET_COLUMNS`."""
    texts, people = city.texts, city.people
    begin = struct.Struct(">hiqiqiqi")
    types = [words_column(one) for one in words.TYPES]
    sources = [words_column(one) for one in words.SOURCES]
    areas = [words_column(one) for one in words.AREAS]
    marks = [words_column(urgency, who) for urgency, who in words.MARKS]
    tags = [words_column("12345", "")] * 5 + [words_column(line, tag) for line, tag in words.LINES]
    agents = [words_column(str(1001 + n)) for n in range(city.agents)]
    states = {name: _state(name) for name in {*words.COURSES_OF, words.ARCHIVED, words.ANSWERED}}
    day, serial, written = -1, 0, ""

    def row(number: int) -> bytes:
        nonlocal day, serial, written
        second = second_of(city, number)
        if (today := (second + int(LOCAL.total_seconds())) // 86_400) != day:
            day, serial = today, 0
            written = f"SMX{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day):%Y%m%d}"
        serial += 1
        at = (second - _PG_EPOCH) * 1_000_000
        bits = draw(number)
        rest = bits >> 28
        return b"".join(
            (
                begin.pack(len(TICKET_COLUMNS), 8, number, 8, at, 8, at, _NUMBER_BYTES),
                f"{written}{serial:06d}".encode(),
                texts[rest % len(texts)].columns,
                people[(bits * 31) % len(people)],
                types[(bits >> 3) % len(types)],
                sources[(bits >> 9) % len(sources)],
                areas[(bits >> 15) % len(areas)],
                marks[(bits >> 21) % len(marks)],
                tags[(bits >> 11) % len(tags)],
                states[state_of(age_of(city, number), bits)],
                agents[(bits >> 33) % len(agents)],
            )
        )

    yield from _pieces(row(number) for number in range(1, city.count + 1))


def text_rows(city: City) -> Iterator[bytes]:
    """`ticket_text`: `TEXT_COLUMNS`."""
    texts = city.texts
    begin = struct.Struct(">hiqiq")

    def row(number: int) -> bytes:
        second = second_of(city, number)
        bits = draw(number)
        text = texts[(bits >> 28) % len(texts)]
        where = stretches.lexemes(number, datetime.fromtimestamp(second, UTC)).split()
        area, source = words.AREAS[(bits >> 15) % len(words.AREAS)], words.SOURCES[(bits >> 9) % len(words.SOURCES)]
        where += stretches.marks(f"C{text.category:03d}", area, source).split()
        if state_of(age_of(city, number), bits) not in _OF_NOBODY:
            where.append(stretches.of_unit(city.unit_of(text.category)))
        lexemes = text.lexemes + b"".join(one.strip("'").encode() + b"\0\0\0" for one in where)
        return b"".join(
            (
                begin.pack(len(TEXT_COLUMNS), 8, number, 8, (second - _PG_EPOCH) * 1_000_000),
                text.compared,
                column(struct.pack(">i", text.lexeme_count + len(where)) + lexemes),
            )
        )

    yield from _pieces(row(number) for number in range(1, city.count + 1))


def _state(name: str) -> bytes:
    """Columns state, version and policy. An archived ticket's way is told by its version."""
    version = struct.pack(">i", len(words.COURSES_OF[name]))
    state = "archived" if name in {words.ARCHIVED, words.ANSWERED} else name
    return words_column(state) + column(version) + column(bytes(4))


def _pieces(rows: Iterator[bytes]) -> Iterator[bytes]:
    some = [_HEADER]
    for row in rows:
        some.append(row)
        if len(some) >= _ROWS:
            yield b"".join(some)
            some.clear()
    yield b"".join([*some, _TRAILER])
