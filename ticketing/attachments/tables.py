"""The table of attachments (附件)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from hotline.database import Base, UtcDateTime


class AttachmentRow(Base):
    """A file of a ticket. What it holds lies in the store under its hash; the same file twice is kept once there, and
    once in a ticket. One that is taken away leaves its row, and who took it away."""

    __tablename__ = "ticket_attachment"
    __table_args__ = (
        Index(
            "uq_ticket_attachment_standing",
            "ticket_id",
            "sha256",
            unique=True,
            postgresql_where=text("removed_at IS NULL"),
        ),
        Index("ix_ticket_attachment_sha256", "sha256", postgresql_where=text("removed_at IS NULL")),
        Index("ix_ticket_attachment_ticket_id", "ticket_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"))
    sha256: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(120))
    kind: Mapped[str] = mapped_column(String(80))
    """Media type, by what it holds."""
    bytes: Mapped[int]
    released: Mapped[bool]
    """Whether units may have it although the caller asked for confidence (TH 17, 23)."""
    added_by: Mapped[str] = mapped_column(String(32))
    added_at: Mapped[datetime] = mapped_column(UtcDateTime)
    removed_by: Mapped[str | None] = mapped_column(String(32))
    removed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    removed_why: Mapped[str] = mapped_column(String(64), default="", server_default="")
