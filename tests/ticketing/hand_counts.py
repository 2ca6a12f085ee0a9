"""The figures of tickets counted by hand: plain SQL over the tables, written from the rules, importing nothing of ours.

Each question gives one row for each case: the city's time that decides its period, its unit, its ticket, how much it
counts above and below the line, and whether it is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import asyncpg

_RETURNS = """
    returns AS (
        SELECT r.ticket_id, (d.details ->> 'lead_unit')::bigint AS unit_id, r.at, r.verdict
        FROM (
            SELECT ticket_id, action, at, version,
                   lead(action) OVER (PARTITION BY ticket_id ORDER BY version) AS verdict
            FROM ticket_history WHERE action IN ('return', 'agree_return', 'refuse_return')
        ) r
        JOIN LATERAL (
            SELECT details FROM ticket_history
            WHERE ticket_id = r.ticket_id AND action = 'dispatch' AND version < r.version
            ORDER BY version DESC LIMIT 1
        ) d ON true
        WHERE r.action = 'return'
        UNION ALL
        SELECT s.ticket_id, a.unit_id, s.at, s.verdict
        FROM (
            SELECT ticket_id, record_id, action, at,
                   lead(action) OVER (PARTITION BY record_id ORDER BY version) AS verdict
            FROM ticket_record_step WHERE record = 'part'
        ) s
        JOIN ticket_assignment a ON a.id = s.record_id
        WHERE s.action = 'return'
    )
"""

HAND: Mapping[str, str] = {
    # Due by now, unless it stands still; met is met, but a return asked for after its window makes the part overdue.
    "on_time_rate": f"""
        WITH {_RETURNS},
        too_late AS (
            SELECT DISTINCT r.ticket_id, r.unit_id, w.begun_at
            FROM returns r
            JOIN LATERAL (
                SELECT begun_at, ends_at FROM ticket_clock
                WHERE kind = 'return' AND ticket_id = r.ticket_id AND unit_id = r.unit_id AND begun_at <= r.at
                ORDER BY begun_at DESC LIMIT 1
            ) w ON r.at >= w.ends_at
        )
        SELECT (c.ends_at AT TIME ZONE 'Asia/Shanghai') - interval '1 second' AS at, c.unit_id, c.ticket_id,
               (c.ended IS NOT DISTINCT FROM 'met' AND t.ticket_id IS NULL)::int AS over, 1 AS under,
               c.ended IS NOT DISTINCT FROM 'withdrawn' AND c.ended_at < c.ends_at AND t.ticket_id IS NULL AS out
        FROM ticket_clock c
        LEFT JOIN too_late t ON (t.ticket_id, t.unit_id, t.begun_at) = (c.ticket_id, c.unit_id, c.begun_at)
        WHERE c.kind IN ('handling', 'statutory') AND c.ends_at <= $1
          AND NOT (c.paused_at IS NOT NULL AND c.ended IS NULL)
    """,  # noqa: S608
    "return_rate": f"""
        WITH {_RETURNS}
        SELECT delivered_at AT TIME ZONE 'Asia/Shanghai' AS at, unit_id, ticket_id, 0 AS over, 1 AS under, false AS out
        FROM ticket_assignment WHERE delivered_at <= $1
        UNION ALL
        SELECT at AT TIME ZONE 'Asia/Shanghai', unit_id, ticket_id, 1, 0, false FROM returns
    """,  # noqa: S608
    "improper_return_rate": f"""
        WITH {_RETURNS}
        SELECT at AT TIME ZONE 'Asia/Shanghai' AS at, unit_id, ticket_id, 1 AS under, false AS out,
               (verdict IS NOT DISTINCT FROM 'refuse_return')::int AS over
        FROM returns WHERE at <= $1
    """,  # noqa: S608
    "rehandle_rate": """
        SELECT v.visited_at AT TIME ZONE 'Asia/Shanghai' AS at, v.unit_id, v.ticket_id, 1 AS under, false AS out,
               (v.ticket_id IN (SELECT ticket_id FROM ticket_history WHERE action = 'rehandle'))::int AS over
        FROM (
            SELECT DISTINCT ON (ticket_id) * FROM ticket_visit
            WHERE visited_at IS NOT NULL ORDER BY ticket_id, visited_at, cycle
        ) v
        WHERE v.visited_at <= $1
    """,
    "visit_rate": """
        SELECT due_since AT TIME ZONE 'Asia/Shanghai' AS at, unit_id, ticket_id, 1 AS under, false AS out,
               (visited_at IS NOT NULL)::int AS over
        FROM ticket_visit WHERE due_since <= $1
    """,
    "contact_rate": """
        SELECT visited_at AT TIME ZONE 'Asia/Shanghai' AS at, unit_id, ticket_id, 1 AS under,
               coalesce(contacted, false)::int AS over, outcome <> 'reached' OR contacted IS NULL AS out
        FROM ticket_visit WHERE visited_at <= $1
    """,
    "solved_rate": """
        SELECT visited_at AT TIME ZONE 'Asia/Shanghai' AS at, unit_id, ticket_id, 1 AS under,
               coalesce(solved, false)::int AS over, outcome <> 'reached' OR solved IS NULL AS out
        FROM ticket_visit WHERE visited_at <= $1
    """,
    # The second policy takes only two levels for satisfied.
    "satisfaction_rate": """
        SELECT v.visited_at AT TIME ZONE 'Asia/Shanghai' AS at, v.unit_id, v.ticket_id, 1 AS under,
               CASE WHEN t.policy = 1 THEN v.satisfaction IN ('very_satisfied', 'satisfied')
                    ELSE v.satisfaction IN ('very_satisfied', 'satisfied', 'fairly_satisfied') END::int AS over,
               v.outcome <> 'reached' OR v.satisfaction IS NULL AS out
        FROM ticket_visit v JOIN ticket t ON t.id = v.ticket_id WHERE v.visited_at <= $1
    """,
    "registered": """
        SELECT registered_at AT TIME ZONE 'Asia/Shanghai' AS at, NULL::bigint AS unit_id, id AS ticket_id,
               1 AS over, 0 AS under, false AS out
        FROM ticket WHERE registered_at <= $1
    """,
    "answered": """
        SELECT at AT TIME ZONE 'Asia/Shanghai' AS at, NULL::bigint AS unit_id, ticket_id, 1 AS over, 0 AS under,
               false AS out
        FROM ticket_history WHERE action = 'answer' AND at <= $1
    """,
    "refused": """
        SELECT refused_at AT TIME ZONE 'Asia/Shanghai' AS at, unit_id, ticket_id, 1 AS over, 0 AS under, false AS out
        FROM ticket_refusal WHERE refused_at <= $1
    """,
    "dispatched": """
        SELECT at AT TIME ZONE 'Asia/Shanghai' AS at, (details ->> 'lead_unit')::bigint AS unit_id, ticket_id,
               1 AS over, 0 AS under, false AS out
        FROM ticket_history WHERE action = 'dispatch' AND at <= $1
    """,
    "closed": """
        SELECT c.at AT TIME ZONE 'Asia/Shanghai' AS at, d.unit_id, c.ticket_id, 1 AS over, 0 AS under, false AS out
        FROM ticket_history c
        LEFT JOIN (
            SELECT DISTINCT ON (ticket_id) ticket_id, (details ->> 'lead_unit')::bigint AS unit_id
            FROM ticket_history WHERE action = 'dispatch' ORDER BY ticket_id, version DESC
        ) d USING (ticket_id)
        WHERE c.action = 'close' AND c.at <= $1
    """,
    "supervised": """
        SELECT raised_at AT TIME ZONE 'Asia/Shanghai' AS at, unit_id, ticket_id, 1 AS over, 0 AS under, false AS out
        FROM ticket_supervision WHERE raised_at <= $1
    """,
    "leads_established": """
        SELECT s.at AT TIME ZONE 'Asia/Shanghai' AS at, l.unit_id, l.ticket_id, 1 AS over, 0 AS under, false AS out
        FROM ticket_record_step s JOIN ticket_accountability_lead l ON l.id = s.record_id AND s.record = 'lead'
        WHERE s.action = 'establish' AND s.at <= $1
    """,
}

COUNTS = frozenset({"registered", "answered", "refused", "dispatched", "closed", "supervised", "leads_established"})
"""What is counted, not divided: nothing is left out of it."""

_SUBJECTS = {
    None: "''",
    "unit": "coalesce(k.unit_id::text, '')",
    "category": "coalesce(t.category, '')",
    "area": "coalesce(substr(t.area_code, 1, 6), '')",
    "source": "coalesce(t.source, '')",
    # The highest unit of the county that lies above the case's unit, or is it.
    "county": """coalesce((
        WITH RECURSIVE up(id, parent_id, level, n) AS (
            SELECT u.id, u.parent_id, u.level, 0 FROM units u WHERE u.id = k.unit_id
            UNION ALL SELECT u.id, u.parent_id, u.level, up.n + 1 FROM units u JOIN up ON u.id = up.parent_id
        ) SELECT id::text FROM up WHERE level = 'county' ORDER BY n DESC LIMIT 1
    ), '')""",
}
_STEPS = {
    "half_year": "date_trunc('year', k.at) + CASE WHEN extract(month FROM k.at) > 6 THEN interval '6 months'"
    " ELSE interval '0' END",
    **{step: f"date_trunc('{step}', k.at)" for step in ("day", "week", "month", "quarter", "year")},
}


async def by_hand(
    connection: asyncpg.Connection[Any], name: str, *, now: Any, step: str, by: str | None, first: Any, end: Any
) -> dict[tuple[str, Any], tuple[int, int, int]]:
    """Of one figure: (subject, first day of the period) -> above, below the line, and how many were left out. `first`
    and `end` are the city's times, without a zone, between which a case lies."""
    decided = (
        "false"
        if name in COUNTS
        else """
        EXISTS (SELECT FROM ticket_unreasonable_repeat r WHERE r.ticket_id = k.ticket_id AND r.state = 'notified')
        OR EXISTS (
            SELECT FROM ticket_figure_exclusion x WHERE x.ticket_id = k.ticket_id AND x.revoked_at IS NULL
            AND (x.unit_id IS NULL OR x.unit_id IS NOT DISTINCT FROM k.unit_id)
        )
    """
    )
    rows = await connection.fetch(
        f"""
        SELECT {_SUBJECTS[by]} AS subject, ({_STEPS[step]})::date AS begins,
               coalesce(sum(k.over) FILTER (WHERE NOT k.out), 0) AS over,
               coalesce(sum(k.under) FILTER (WHERE NOT k.out), 0) AS under,
               count(*) FILTER (WHERE k.out) AS out
        FROM (
            SELECT k.at, k.unit_id, k.ticket_id, k.over, k.under, k.out OR ({decided}) AS out FROM ({HAND[name]}) k
        ) k
        LEFT JOIN ticket t ON t.id = k.ticket_id
        WHERE k.at >= $2 AND k.at < $3
        GROUP BY 1, 2
        """,  # noqa: S608
        now,
        first,
        end,
    )
    return {(row["subject"], row["begins"]): (row["over"], row["under"], row["out"]) for row in rows}
