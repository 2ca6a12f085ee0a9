"""The table of who changed what in the administration and who read which personal data. Rows are added, never changed:
PostgreSQL itself refuses."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, LargeBinary, String
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Mapped, mapped_column

from hotline.database import Base, UtcDateTime, never_changed


class AuditRow(Base):
    """One change, or one reading. `seq` has no gaps, and `hash` is over the row and the hash before it: see
    `directory.audit`."""

    __tablename__ = "audit_log"
    __table_args__ = (
        # A list of one person's, newest first, without sorting.
        Index("ix_audit_log_actor_seq", "actor", "seq"),
        # Rows lie in the order of time, nearly: of a log that only grows a few pages of this tell where a day is.
        Index("ix_audit_log_at", "at", postgresql_using="brin", postgresql_with={"autosummarize": "on"}),
    )

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(String(32))
    """Login or work number of who did it; `cli` from a terminal."""
    action: Mapped[str] = mapped_column(String(48))
    """As `queue.changed`."""
    subject: Mapped[str] = mapped_column(String(96), index=True)
    """What was changed, as `queue:expert-12333`; never a citizen's number."""
    # JSON and not JSONB: what was hashed comes back as it was written, 1e16 and all.
    before: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))
    after: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    read_id: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    """The reading's number before it was in the chain; None for a change."""


class PendingReadRow(Base):
    """A reading of personal data on its way into the chain: see `directory.reads`."""

    __tablename__ = "audit_pending_read"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(String(32))
    action: Mapped[str] = mapped_column(String(48))
    """As `ticket.unmasked`."""
    subject: Mapped[str] = mapped_column(String(96))
    why: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))
    """The reason given, what was asked for; never a citizen's number."""


APPEND_ONLY = never_changed(
    AuditRow,
    function="audit_log_is_append_only",
    trigger="append_only",
    said="the audit log is append-only",
)
"""What the migration runs too."""
