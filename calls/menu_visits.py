"""From the journal to the figures of menus: each node that a call has left is a row, in the transaction of the fact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from calls.facts import Entry, Kind
from ivr import visits
from ivr.visits import Visit

_LONGEST: Final = 40


async def keep_visits(session: AsyncSession, entries: Sequence[Entry]) -> None:
    """Keep what facts of calls say of menus' nodes. A fact of a flow without a version, or with words longer than any
    of ours, counts for nothing: it is not to hold up the journal."""
    await visits.keep(session, [_visit(entry) for entry in entries if entry.kind == Kind.MENU and _is_whole(entry)])


def _is_whole(entry: Entry) -> bool:
    told = entry.attributes
    words = [told.get(name) for name in ("flow", "node", "branch")]
    numbers = [told.get(name) for name in ("version", "ms")]
    return all(isinstance(word, str) and len(word) <= _LONGEST for word in words) and all(
        isinstance(number, int) for number in numbers
    )


def _visit(entry: Entry) -> Visit:
    told = entry.attributes
    return Visit(
        entry.call_id, entry.seq, entry.at, told["flow"], told["version"], told["node"], told["branch"], told["ms"]
    )
