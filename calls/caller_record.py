"""What is known of a caller when the call comes in: earlier calls, open tickets, what the line still owes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BindParameter, Select, String, bindparam, exists, func, select

from calls.callback_models import CallbackRow
from calls.models import CallRow
from calls.nuisance import Treatment, treatment_of
from calls.nuisance_tables import NuisanceFlag
from calls.story import CallSummary, earlier_calls
from calls.vulnerable import is_marked
from hotline.database import Database
from hotline.sealed import Indexed
from ticketing.repository import has_open_tickets, open_tickets_of
from ticketing.schemas import Ticket


@dataclass(frozen=True, slots=True)
class CallerRecord:
    """Newest first. `earlier` holds other calls than the present one."""

    earlier: Sequence[CallSummary] = ()
    open_tickets: Sequence[Ticket] = ()
    callback_since_ms: int | None = None
    """When the call came in for which the line owes a callback; None: it owes none."""
    vulnerable: bool = False
    """Whether this number is marked as that of somebody who is not to be kept waiting."""
    treatment: Treatment | None = None
    """What a flag for misuse means for this call; None: there is none."""

    def shown(self) -> dict[str, Any]:
        """As a screen-pop carries it."""
        return {
            "open_tickets": [
                {"number": ticket.number, "title": ticket.title, "state": ticket.state} for ticket in self.open_tickets
            ],
            "earlier_calls": [
                {"call": c.call_id, "at": c.entered_at, "dialled": c.dialled, "agent": c.agent, "outcome": c.outcome}
                for c in self.earlier
            ],
            "vulnerable": self.vulnerable,
            "nuisance": self.treatment.shown() if self.treatment else None,
        }


async def look_up(database: Database, caller: str, *, call: str, now: datetime) -> CallerRecord:
    """All of it, for a caller's number as the journal has it and the present `call`.

    One query tells whether there is anything at all, for every call pays for it, and most callers are not known.
    """
    (known,) = await database.ask(_KNOWN, {"caller": caller, "call": call})
    since_ms, vulnerable, flagged, has_called, has_tickets = known
    if not (flagged or has_called or has_tickets):
        return CallerRecord(callback_since_ms=since_ms, vulnerable=vulnerable)
    async with database.transaction() as session:
        return CallerRecord(
            earlier=await earlier_calls(session, caller, before=call) if has_called else (),
            open_tickets=await open_tickets_of(session, caller) if has_tickets else (),
            callback_since_ms=since_ms,
            vulnerable=vulnerable,
            treatment=await treatment_of(session, caller, call=call, now=now) if flagged else None,
        )


def _known() -> Select[int | None, bool, bool, bool, bool]:
    caller: BindParameter[Any] = bindparam("caller", type_=Indexed())
    call = bindparam("call", type_=String)
    theirs = CallbackRow.caller_index == caller
    owed = select(func.min(CallbackRow.entered_ms)).where(theirs, CallbackRow.closed_at.is_(None))
    flagged = exists().where(NuisanceFlag.caller_index == caller, NuisanceFlag.lifted_at.is_(None))
    called = exists().where(CallRow.caller_index == caller, CallRow.entered_at.is_not(None), CallRow.call_id != call)
    with_tickets = has_open_tickets(caller)
    return select(owed.scalar_subquery(), is_marked(caller), flagged, called, with_tickets)


_KNOWN: Final = _known()
"""When a callback came in that the line owes, and whether there is anything else of a caller."""
