"""Tables of the exchange: the outbox, who is told, what each is told in which order, and what comes from others."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from directory.models.targets import PARTNER_CODE
from hotline.database import Base, UtcDateTime
from ticketing.exchange.words import (
    DeliveryState,
    EventKind,
    Message,
    Outcome,
    Personal,
    Scope,
    Told,
    TransferState,
)
from ticketing.models import one_of


class ExchangeEventRow(Base):
    """The outbox: one row for each event of a ticket, written in the event's own transaction. Nothing personal."""

    __tablename__ = "exchange_event"
    __table_args__ = (
        one_of("kind", EventKind, "kind"),
        one_of("told", Told, "told"),
        Index("ix_exchange_event_ticket_id", "ticket_id", "id"),
        Index("ix_exchange_event_new", "id", postgresql_where=text("NOT shared")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    """Rises within a ticket; across tickets it may become visible out of order."""
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    """What a receiver knows a repeat by."""
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"))
    ticket_version: Mapped[int]
    """The ticket's version after the event."""
    kind: Mapped[str] = mapped_column(String(12))
    told: Mapped[str] = mapped_column(String(12))
    told_id: Mapped[int | None] = mapped_column(BigInteger)
    """Of the record; of the ticket's history it is the ticket's version that says which."""
    told_version: Mapped[int | None]
    action: Mapped[str] = mapped_column(String(24))
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    units: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    """Units with a part in the ticket, those whose part ends with this event included."""
    partners: Mapped[list[str]] = mapped_column(ARRAY(String(24)))
    """Platforms that the ticket came from or was handed over to."""
    shared: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Whether it stands in the feeds of all whom it concerns."""


class ExchangeReceiverRow(Base):
    """A system that is told of tickets: a unit's, a platform's, or one that may know of all (订阅方).

    The key that both sides sign with is not here: it is in the file of keys, by `key_name`.
    """

    __tablename__ = "exchange_receiver"
    __table_args__ = (
        CheckConstraint(f"code ~ '^{PARTNER_CODE}$'", name="code"),
        one_of("scope", Scope, "scope"),
        one_of("personal", Personal, "personal"),
        CheckConstraint(
            "(scope = 'unit') = (unit_id IS NOT NULL) AND (scope = 'partner') = (partner IS NOT NULL)", name="whose"
        ),
        CheckConstraint("sent_to BETWEEN 0 AND last", name="sent_to"),
    )

    code: Mapped[str] = mapped_column(String(24), primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    scope: Mapped[str] = mapped_column(String(8))
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"), unique=True)
    partner: Mapped[str | None] = mapped_column(String(24), unique=True)
    """Code of the platform (对接平台), whose key it is, too."""
    personal: Mapped[str] = mapped_column(String(8))
    webhook: Mapped[str] = mapped_column(String(500), default="", server_default="")
    """Where events are pushed to; empty: it fetches them."""
    enabled: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    """False: nothing is pushed or given out; its feed goes on growing."""
    last: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    """The newest position in its feed."""
    sent_to: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    """Positions up to here have arrived, or are deliveries."""
    failures: Mapped[int] = mapped_column(default=0, server_default="0")
    """Tries in vain since it answered last."""
    failing_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    resting_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    alarmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When somebody was told that it is silent."""


class ExchangeFeedRow(Base):
    """One line of a receiver's feed. Positions count from 1 without a gap, each ticket's events in their order."""

    __tablename__ = "exchange_feed"
    __table_args__ = (
        UniqueConstraint("receiver", "event_id"),
        # An event that goes is looked for in the feeds of all.
        Index("ix_exchange_feed_event_id", "event_id"),
    )

    receiver: Mapped[str] = mapped_column(ForeignKey("exchange_receiver.code", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    event_id: Mapped[int] = mapped_column(ForeignKey("exchange_event.id"))
    delivered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When its webhook took it."""


class ExchangeDeliveryRow(Base):
    """An event on its way to a webhook: there are as many as are being tried, and it goes when it has arrived."""

    __tablename__ = "exchange_delivery"
    __table_args__ = (
        one_of("state", DeliveryState, "state"),
        Index("ix_exchange_delivery_ticket_id", "receiver", "ticket_id", "position"),
    )

    receiver: Mapped[str] = mapped_column(ForeignKey("exchange_receiver.code", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    ticket_id: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(8))
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    next_at: Mapped[datetime] = mapped_column(UtcDateTime)
    claimed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Until when whoever sends it now has it alone."""
    failing_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    why: Mapped[str] = mapped_column(String(64), default="", server_default="")
    """What was in the way last: a status, or the kind of an error."""


class ExchangeIncomingRow(Base):
    """A ticket of another platform (省平台、110), and ours that it became."""

    __tablename__ = "exchange_incoming"

    partner: Mapped[str] = mapped_column(String(24), primary_key=True)
    number: Mapped[str] = mapped_column(String(64), primary_key=True)
    """Theirs."""
    version: Mapped[int]
    """The newest of theirs that our ticket follows; 0: only messages have come so far."""
    ticket_id: Mapped[int | None] = mapped_column(ForeignKey("ticket.id"), index=True)


class ExchangeMessageRow(Base):
    """A message of another platform, kept as it came; a repeat gets the first one's answer. Rows are only added."""

    __tablename__ = "exchange_message"
    __table_args__ = (
        one_of("kind", Message, "kind"),
        one_of("outcome", Outcome, "outcome"),
        Index("ix_exchange_message_number", "partner", "number"),
    )

    partner: Mapped[str] = mapped_column(String(24), primary_key=True)
    message: Mapped[str] = mapped_column(String(80), primary_key=True)
    """`v<version>` of a ticket, `m:<their id>` of anything else."""
    number: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(12))
    version: Mapped[int | None]
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    """SHA-256 of what it says: another content under the same version is refused."""
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    outcome: Mapped[str] = mapped_column(String(12))


class ExchangeTransferRow(Base):
    """A ticket that we handed over to another platform, and what came back."""

    __tablename__ = "exchange_transfer"
    __table_args__ = (
        one_of("state", TransferState, "state"),
        Index(
            "uq_exchange_transfer_standing",
            "ticket_id",
            "partner",
            unique=True,
            postgresql_where=text("state IN ('sent', 'accepted')"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"), index=True)
    partner: Mapped[str] = mapped_column(String(24))
    state: Mapped[str] = mapped_column(String(12))
    version: Mapped[int]
    reason: Mapped[str] = mapped_column(Text)
    ordered_by: Mapped[str] = mapped_column(String(32))
    ordered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    their_number: Mapped[str] = mapped_column(String(64), default="", server_default="")
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When they accepted or refused it."""
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    result: Mapped[str] = mapped_column(Text, default="", server_default="")
    """Why they refused it, or what they did."""


class Open311RequestRow(Base):
    """A request that an app sent, by what makes its repeats known. Rows are only ever added."""

    __tablename__ = "open311_request"
    __table_args__ = (
        UniqueConstraint("app", "client_key"),
        Index("ix_open311_request_app", "app", "said", "at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    app: Mapped[str] = mapped_column(ForeignKey("open311_key.name"))
    client_key: Mapped[str | None] = mapped_column(String(64))
    """The app's own key for it; None: it sent none."""
    said: Mapped[bytes] = mapped_column(LargeBinary(16))
    """Keyed index of all it said: nobody guesses a number out of it."""
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"))


class Open311KeyRow(Base):
    """Who may write requests by Open311: a key is kept as its hash."""

    __tablename__ = "open311_key"

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(24), unique=True)
    source: Mapped[str] = mapped_column(String(24))
    """The source (诉求来源) of its tickets."""
    made_by: Mapped[str] = mapped_column(String(32))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
