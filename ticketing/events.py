"""What ticketing tells the rest of the process, by way of `hotline.events`, once it is committed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class TicketLinked:
    """A call has a (further) ticket: at its registration, or linked later."""

    call: str
    number: str
    agent: str
    at: datetime
