"""How a citizen was reached beside the telephone is forgotten with the rest of their data (个人信息保护法 47)."""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from ticketing.channels.tables import IntakeRequestRow, MailRow
from ticketing.models import TicketRow


async def forget(session: AsyncSession, ticket: TicketRow) -> None:
    """Erase address and account of whoever sent the demand. What channel it came by, and when, stays."""
    contacts = update(IntakeRequestRow).where(IntakeRequestRow.ticket_id == ticket.id).values(contact="")
    # An answer that is still due has nobody to go to any more.
    mails = update(MailRow).where(MailRow.ticket == ticket.number).values(sender="", answer="")
    for erasing in (contacts, mails):
        await session.execute(erasing.execution_options(synchronize_session=False))
