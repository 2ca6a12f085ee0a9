"""What another platform is told of a call (数据随话务), as JSON."""

from __future__ import annotations

from typing import Any

from calls.handover_models import HandoverRow
from hotline.privacy import mask_number
from ticketing.models import TicketRow
from ticketing.vocabulary import Confidentiality, TicketType, Urgency


def payload_of(row: HandoverRow, ticket: TicketRow | None, *, site: str) -> dict[str, Any]:
    """Ticket number, caller, what it is about and where, as far as they are known; `null` or empty where they are not.

    Who asked for confidence is not made known to another body (TH 4, 23): their number is masked and their name left
    out, except towards an emergency desk, which must find them.
    """
    told = row.told
    kept_back = ticket is not None and ticket.confidentiality != Confidentiality.OPEN and not told.get("urgent")
    caller = told.get("caller") or (ticket.caller_number if ticket else "") or None
    if caller and kept_back:
        caller = mask_number(caller)
    return {
        "id": row.id,
        "site": site,
        "call": row.call_id,
        "target": row.target,
        "agent": row.agent,
        "ordered_at": row.ordered_at.isoformat(),
        "urgent": bool(told.get("urgent")),
        "caller": caller,
        "caller_name": "" if ticket is None or kept_back else ticket.caller_name,
        "confidential": bool(kept_back),
        "summary": told.get("summary") or (ticket.title if ticket else ""),
        # Where somebody lives tells who they are.
        "location": told.get("location") or (ticket.address if ticket and not kept_back else ""),
        "ticket": _ticket(ticket) if ticket else None,
    }


def _ticket(ticket: TicketRow) -> dict[str, str]:
    return {
        "number": ticket.number,
        "title": ticket.title,
        "type": ticket.type,
        "type_term": TicketType(ticket.type).term,
        "urgency": ticket.urgency,
        "urgency_term": Urgency(ticket.urgency).term,
        "area_code": ticket.area_code,
    }
