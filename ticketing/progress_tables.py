"""The table of query codes (查询码): what a citizen says beside the ticket's number."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from hotline.database import Base, UtcDateTime


class QueryCodeRow(Base):
    """The code of a ticket, as a keyed hash: who has the database without the key can try no code against it."""

    __tablename__ = "ticket_query_code"

    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"), primary_key=True)
    key_id: Mapped[str] = mapped_column(String(8))
    """Which key of the key file it was hashed with."""
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    issued_by: Mapped[str] = mapped_column(String(32))
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime)
    issues: Mapped[int] = mapped_column(default=1)
    """How often there was a new one."""
