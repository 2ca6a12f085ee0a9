"""Tickets (工单): every limit and rule on its day, whatever happens at the same time or in the middle."""

from __future__ import annotations

from typing import Any

from tests.accept.scenario import Item, Scale
from tests.accept.ticketing import audited, belonging, broken, counted, dated, killed, random_lives, whole_api

ITEMS = [
    Item(1, "every limit on its day: dated scenarios by the people of each role", dated.dated),
    Item(
        2, "random lives of tickets, crashes and two at once, equal to an independent model", random_lives.random_lives
    ),
    Item(3, "the whole API: no bug, no breach of its document, every operation granted", whole_api.whole_api),
    Item(4, "merged, repeated, confidential, from elsewhere: as the requirements say", belonging.belonging),
    Item(5, "web, jobs and PostgreSQL killed under load: all that was acknowledged, and once", killed.killed),
    Item(6, "whoever reads of a citizen leaves one row; every change of the audit log is found", audited.audited),
    Item(8, "every figure equals a count by hand, and is null where there is nothing to measure", counted.counted),
    Item(9, "a limit, a guard, a rule of ours taken out: each is noticed", broken.broken),
]


def line_of(_scale: Scale) -> dict[str, Any]:
    """The line these items need: PostgreSQL and Redis. An item that wants a process of ours starts it itself."""
    return {"only": (), "general_agents": 2, "changes": {"exchange": killed.LINE}}
