"""The link between a call and the ticket it became: the ticket keeps the call, and the journal keeps the ticket."""

from __future__ import annotations

from calls.facts import Entry, Kind, seq_at
from calls.ingest import insert_entries
from hotline.clock import to_ms
from hotline.database import Database
from ticketing.events import TicketLinked


class TicketLinks:
    """Writes the fact that a call became (or was about) a ticket."""

    def __init__(self, *, database: Database, process: str) -> None:
        self._database = database
        self._process = process

    async def linked(self, event: TicketLinked) -> None:
        """A kernel event from ticketing, after its own commit."""
        async with self._database.transaction() as session:
            await insert_entries(session, [link_fact(event, self._process)])


def link_fact(event: TicketLinked, process: str, *, lane: int = 0) -> Entry:
    """The fact for the call's journal, told by `process`."""
    at_ms = to_ms(event.at)
    return Entry(
        call_id=event.call,
        seq=seq_at(at_ms, lane),
        fact=f"{Kind.TICKET.value}:{event.number}",
        kind=Kind.TICKET.value,
        at_ms=at_ms,
        process=process,
        agent=event.agent,
        attributes={"ticket": event.number},
    )
