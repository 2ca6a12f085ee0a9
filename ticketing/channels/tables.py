"""Tables of the channels, of what they brought, and of the mail."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from hotline.database import Base, UtcDateTime
from hotline.sealed import Sealed
from ticketing.channels.words import MailOutcome
from ticketing.models import one_of
from ticketing.vocabulary import Source


class ChannelRow(Base):
    """A way in: a gateway that signs what it sends, a mailbox, or the form on the web."""

    __tablename__ = "intake_channel"

    code: Mapped[str] = mapped_column(String(24), primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    sources: Mapped[list[str]] = mapped_column(ARRAY(String(24)))
    """The sources (诉求来源) it may claim."""
    suspended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    suspended_why: Mapped[str] = mapped_column(String(64), default="", server_default="")


class IntakeRequestRow(Base):
    """A demand that a channel brought, under the key that makes its repeats known. Rows are only ever added."""

    __tablename__ = "intake_request"
    __table_args__ = (
        one_of("source", Source, "source"),
        Index("ix_intake_request_received_at", "received_at"),
        Index("ix_intake_request_ticket_id", "ticket_id", postgresql_where=text("ticket_id IS NOT NULL")),
    )

    channel: Mapped[str] = mapped_column(String(24), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    """SHA-256 of what it said."""
    source: Mapped[str] = mapped_column(String(24))
    contact: Mapped[str] = mapped_column(Sealed("intake_request.contact"))
    """How the citizen is reached beside the telephone: an address of mail, an account's id."""
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ticket_id: Mapped[int | None] = mapped_column(ForeignKey("ticket.id"))


class MailRow(Base):
    """A mail that was looked at, by the hash of its id, and what became of it. Rows are only ever added; the sender is
    kept where an answer is due."""

    __tablename__ = "intake_mail"
    __table_args__ = (
        one_of("outcome", MailOutcome, "outcome"),
        Index("ix_intake_mail_received_at", "received_at"),
        Index("ix_intake_mail_to_answer", "received_at", postgresql_where=text("answer <> '' AND answered_at IS NULL")),
    )

    channel: Mapped[str] = mapped_column(String(24), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    outcome: Mapped[str] = mapped_column(String(16))
    bytes: Mapped[int]
    """Length of the mail as it lies in the mailbox."""
    left_out: Mapped[list[str]] = mapped_column(ARRAY(String(120)))
    """Names of attachments that were not kept."""
    sender: Mapped[str] = mapped_column(Sealed("intake_mail.sender"))
    ticket: Mapped[str | None] = mapped_column(String(40))
    answer: Mapped[str] = mapped_column(Text)
    """What the citizen is told; empty: nothing."""
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
