"""Readings of personal data (个人信息查阅): who sees what of a citizen, and what of it is written down.

Lists and answers to actions are masked for everybody. A ticket by itself shows the citizen to those who deal with them;
whoever else has a reason unmasks it. Each reading, search and export leaves one row of the audit log.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession

from directory import reads
from hotline import sealed
from hotline.privacy import mask_number, without_person
from ticketing import people
from ticketing.models import TicketRow
from ticketing.schemas import Actor, Ticket
from ticketing.vocabulary import Confidentiality
from web.access import CurrentActor, Parts, Transaction
from web.services import Services

HIDDEN = "*"
"""What stands in the place of a name or an address."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Whoever is signed in reads something, in the transaction of the request."""

    session: AsyncSession
    services: Services
    actor: Actor

    async def note(self, action: str, subject: str, why: Any = None) -> None:
        """Write one row. No citizen's number, name or words may be in it."""
        await reads.note(
            self.session,
            at=self.services.clock.now(),
            actor=self.actor.user,
            action=action,
            subject=subject,
            why=why,
        )

    async def listed(self, subject: str, callers: Iterable[str | None]) -> None:
        """A list that shows callers, if it shows any."""
        if shown := sum(1 for caller in callers if caller):
            await self.note(f"{subject.partition(':')[0]}.read", subject, {"shown": shown})

    async def searched(self, subject: str, *, found: int, **asked: str | None) -> None:
        """A search by what tells of a citizen. What was asked for is kept as its keyed index: whoever is told a number
        can see whether it was asked for, and nobody can read it out of the log."""
        indexed = {name: sealed.keys().index(value).hex() for name, value in asked.items() if value}
        if indexed:
            await self.note(f"{subject}.searched", subject, {"asked": indexed, "found": found})


def _reading(session: Transaction, services: Parts, actor: CurrentActor) -> Reading:
    return Reading(session, services, actor)


Readings = Annotated[Reading, Depends(_reading)]


def shows_caller(confidentiality: str, actor: Actor) -> bool:
    """Those who deal with the citizen see who it is; of a caller who asked for confidence only those of the centre who
    speak with them (TH 23)."""
    if confidentiality != Confidentiality.OPEN:
        return bool(actor.roles & people.RATERS)
    return bool(actor.roles & (people.RATERS | people.CENTRE | people.OF_A_UNIT))


def names_somebody(ticket: Ticket) -> bool:
    """Whether a ticket has anything to hide."""
    return bool(ticket.caller_number or ticket.caller_name or ticket.address)


def masked(ticket: Ticket) -> dict[str, Any]:
    """A ticket's fields without its caller."""
    return ticket.model_dump() | {
        "caller_number": mask_number(ticket.caller_number),
        "caller_name": ticket.caller_name and HIDDEN,
        "address": ticket.address and HIDDEN,
        "title": without_caller(ticket.title, ticket),
        "content": without_caller(ticket.content, ticket),
    }


def without_caller(text: str, ticket: Ticket | TicketRow) -> str:
    """What somebody wrote, without the caller's number and name."""
    return without_person(text, number=ticket.caller_number, name=ticket.caller_name)
