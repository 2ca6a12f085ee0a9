"""The table of citizens' requests to be forgotten, as far as calls are concerned."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from hotline.database import Base, UtcDateTime
from hotline.sealed import Indexed
from ticketing.handling.tables import PersonalErasureRow


class CallErasureRow(Base):
    """The part of a request that is not about tickets. Done when no call, promise or message names the citizen."""

    __tablename__ = "call_erasure"
    __table_args__ = (
        CheckConstraint("(done_at IS NULL) = (person IS NOT NULL)", name="person"),
        Index("ix_call_erasure_open", "request_id", postgresql_where=text("done_at IS NULL")),
    )

    request_id: Mapped[int] = mapped_column(ForeignKey(PersonalErasureRow.id), primary_key=True)
    person: Mapped[str | bytes | None] = mapped_column(Indexed())
    """Keyed index of the number while there is something left to erase; then nothing."""
    records: Mapped[int] = mapped_column(default=0, server_default="0")
    """How many calls, promises, messages and calls out were erased so far."""
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
