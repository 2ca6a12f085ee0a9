"""What belongs to every ticket, made in the database of the tickets that lie there: history, parts, clocks, calls,
visits, query codes, what others were told.

Each ticket has the whole history that its state and version say, with the clocks and parts that follow from it, and a
ticket that came by telephone has its call. Of the outbox, whose rows nobody asks for by ticket, there is the last year.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from tests.bench import ticket_words as words
from tests.bench.ticket_city import City

_DISPATCHED: Final = "(t.version > 4 OR t.state NOT IN ('registered', 'to_dispatch', 'archived'))"
_RUNS: Final = "t.state IN ('to_sign', 'handling', 'extension_asked', 'reply_to_review')"
_DELIVERED: Final = "least(t.registered_at + interval '2 hours', {now})"

_FILLING: Final[dict[str, str]] = {
    "ticket_history": """
        INSERT INTO ticket_history (ticket_id, version, action, actor, from_state, to_state, at, note, details)
        SELECT t.id, c.version, c.action, t.registered_by, c.from_state, c.to_state,
               least(t.registered_at + c.after, {now}), c.note, '{{}}'
        FROM ticket t JOIN bench_course c ON c.state = t.state AND c.whole = t.version
        WHERE t.id BETWEEN {low} AND {high}
    """,
    "ticket_assignment": """
        INSERT INTO ticket_assignment (ticket_id, unit_id, part, state, version, delivered_at, signed_at, return_due_at,
                                       due_at, extensions, replied_at)
        SELECT t.id, u.unit_id, 'lead',
               CASE t.state WHEN 'to_sign' THEN 'delivered' WHEN 'replied' THEN 'replied' WHEN 'archived' THEN 'replied'
                            ELSE 'working' END,
               2, {delivered},
               CASE WHEN t.state <> 'to_sign' THEN least(t.registered_at + interval '20 hours', {now}) END,
               {delivered} + interval '1 day', {delivered} + interval '7 days', 0,
               CASE WHEN t.state IN ('replied', 'archived')
                    THEN least(t.registered_at + interval '74 hours', {now}) END
        FROM ticket t JOIN bench_unit u ON u.category = t.category WHERE {dispatched}
              AND t.id BETWEEN {low} AND {high}
    """,
    "ticket_clock": """
        INSERT INTO ticket_clock (ticket_id, unit_id, kind, begun_at, ends_at, provisional, next_at, ended_at, ended)
        SELECT a.ticket_id, k.unit_id, k.kind, k.begun_at, k.ends_at, false,
               CASE WHEN NOT k.runs OR k.ends_at <= {now} THEN NULL
                    WHEN k.begun_at + (k.ends_at - k.begun_at) * 0.75 > {now}
                    THEN k.begun_at + (k.ends_at - k.begun_at) * 0.75 ELSE k.ends_at END,
               CASE WHEN NOT k.runs THEN least(k.ended_at, {now}) END, CASE WHEN NOT k.runs THEN k.ended END
        FROM ticket_assignment a JOIN ticket t ON t.id = a.ticket_id, LATERAL (VALUES
            (NULL, 'dispatch', t.registered_at, t.registered_at + interval '12 hours', false, a.delivered_at, 'met'),
            (a.unit_id, 'handling', a.delivered_at, a.due_at, {runs}, a.replied_at,
             CASE WHEN t.id % 40 = 0 THEN 'late' ELSE 'met' END),
            (a.unit_id, 'return', a.delivered_at, a.return_due_at, t.state = 'to_sign', a.replied_at, 'withdrawn')
        ) AS k (unit_id, kind, begun_at, ends_at, runs, ended_at, ended)
        WHERE a.ticket_id BETWEEN {low} AND {high}
        UNION ALL
        SELECT t.id, NULL, 'dispatch', t.registered_at, t.registered_at + interval '12 hours', false,
               t.registered_at + interval '12 hours', NULL, NULL
        FROM ticket t WHERE t.state = 'to_dispatch' AND t.id BETWEEN {low} AND {high}
    """,
    "ticket_notice": """
        INSERT INTO ticket_notice (ticket_id, clock_id, unit_id, kind, ends_at, at)
        SELECT c.ticket_id, c.id, c.unit_id, n.kind, c.ends_at, n.at
        FROM ticket_clock c, LATERAL (VALUES
            ('warning', c.begun_at + (c.ends_at - c.begun_at) * 0.75), ('overdue', c.ends_at)
        ) AS n (kind, at)
        WHERE c.ended IS NULL AND n.at <= {now} AND c.ticket_id BETWEEN {low} AND {high}
    """,
    "ticket_call": """
        INSERT INTO ticket_call (ticket_id, call_id, linked_at)
        SELECT t.id, 'ast1-' || extract(epoch FROM t.registered_at)::bigint || '.' || t.id || c.part, t.registered_at
        FROM ticket t, LATERAL generate_series(1, CASE WHEN t.id % 12 = 0 THEN 2 ELSE 1 END) AS c (part)
        WHERE t.source = 'phone' AND t.id BETWEEN {low} AND {high}
    """,
    "ticket_visit": """
        INSERT INTO ticket_visit (ticket_id, cycle, unit_id, state, version, due_since, outcome, contacted, solved,
                                  satisfaction, visited_by, visited_at)
        SELECT a.ticket_id, 0, a.unit_id, 'done', 2, a.replied_at, 'reached', true, a.ticket_id % 9 > 0,
               CASE WHEN a.ticket_id % 9 > 0 THEN 'satisfied' ELSE 'dissatisfied' END, '1001', a.replied_at
        FROM ticket_assignment a JOIN ticket t ON t.id = a.ticket_id WHERE t.state = 'archived'
              AND t.id BETWEEN {low} AND {high}
    """,
    "ticket_query_code": """
        INSERT INTO ticket_query_code (ticket_id, key_id, hash, issued_by, issued_at, issues)
        SELECT t.id, '00000000', sha256(int8send(t.id)), t.registered_by, t.registered_at, 1
        FROM ticket t WHERE t.id BETWEEN {low} AND {high}
    """,
    "exchange_event": """
        INSERT INTO exchange_event (uid, ticket_id, ticket_version, kind, told, action, at, units, partners, shared)
        SELECT md5(h.id::text), h.ticket_id, h.version,
               CASE h.action WHEN 'register' THEN 'intake' WHEN 'visit' THEN 'visit' ELSE 'record' END,
               'ticket', h.action, h.at, '{{}}', '{{}}', true
        FROM ticket_history h WHERE h.at > {now} - interval '1 year'
              AND h.ticket_id BETWEEN {low} AND {high}
    """,
}
"""What fills each table, in order, of the tickets from `{low}` to `{high}`; `{now}` is the moment of the city."""
TABLES: Final = tuple(_FILLING)


def filling(table: str, city: City, low: int, high: int) -> str:
    """The statement that makes a table's rows of these tickets."""
    now = f"'{city.now.isoformat()}'::timestamptz"
    delivered = _DELIVERED.format(now=now)
    return _FILLING[table].format(now=now, low=low, high=high, dispatched=_DISPATCHED, runs=_RUNS, delivered=delivered)


TEMPORARY: Final = {
    "bench_course": "state text, whole int, version int, action text, from_state text, to_state text, "
    "after interval, note text",
    "bench_unit": "category text, unit_id bigint",
}
"""Tables of the loading connection alone: the ways tickets go, and the catalogue."""


def temporary_rows(city: City) -> dict[str, list[tuple[object, ...]]]:
    """What is in them."""
    ways: list[tuple[object, ...]] = []
    for name, course in words.COURSES_OF.items():
        state = "archived" if name in {words.ARCHIVED, words.ANSWERED} else name
        before = None
        for version, (to_state, action, hours) in enumerate(course, 1):
            after, note = timedelta(hours=hours), words.NOTES.get(action, "")
            ways.append((state, len(course), version, action, before, to_state, after, note))
            before = to_state
    units = [(f"C{number:03d}", city.unit_of(number)) for number in range(city.categories)]
    return {"bench_course": ways, "bench_unit": list(units)}
