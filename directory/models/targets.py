"""Tables of the platforms we exchange calls and data with: branch centres, 110, the province, utilities."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from directory.models.columns import enum_column
from directory.models.lines import RING_SECONDS, TARGET_ENDPOINT, TARGET_USER
from hotline.database import Base, UtcDateTime

PARTNER_CODE = "[a-z][a-z0-9-]{0,23}"
"""Short, so that `partner:<code>` fits where a work number does."""


class PartnerKind(StrEnum):
    """What a platform is to us: it decides the source (诉求来源) of the tickets it sends."""

    BRANCH = "branch"
    """A branch centre (分中心), or a line on its own platform."""
    POLICE = "police"
    """110 (YZ 二(三))."""
    EMERGENCY = "emergency"
    """119, 120, 122."""
    PROVINCE = "province"
    """The province's 12345 (SMX 二(一), SX 三(二))."""
    UTILITY = "utility"
    """Water, power, gas, heating (SMX 二(三)1)."""
    OTHER = "other"
    """Another city's or a county's line."""


class Partner(Base):
    """A platform (对接平台). One with a line is reached through the targets of that line, another by its own numbers.

    The key that both sides sign with is not here: `calls.handover_keys`.
    """

    __tablename__ = "partners"
    __table_args__ = (CheckConstraint(f"code ~ '^{PARTNER_CODE}$'", name="code"),)

    code: Mapped[str] = mapped_column(String(24), primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    kind: Mapped[PartnerKind] = mapped_column(enum_column(PartnerKind, "kind"))
    hotline_id: Mapped[int | None] = mapped_column(ForeignKey("hotlines.id"), unique=True)
    """The line it answers, e.g. 12366; none: it has numbers of its own."""
    trunk: Mapped[str] = mapped_column(String(32), default="")
    """Name of the trunk its calls to us come in on; empty: not told apart."""
    webhook: Mapped[str] = mapped_column(String(500), default="")
    """Where data that go with a call are sent; empty: it takes none."""
    schedule_id: Mapped[int | None] = mapped_column(ForeignKey("directory_schedules.id"))
    """When its own numbers answer; none: always."""
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class PartnerNumber(Base):
    """One of a platform's own numbers, tried in order of `position`."""

    __tablename__ = "partner_numbers"
    __table_args__ = (
        CheckConstraint(f"endpoint ~ '^{TARGET_ENDPOINT}$'", name="endpoint"),
        CheckConstraint(f"user_part ~ '^{TARGET_USER}$'", name="user_part"),
        CheckConstraint(f"ring_seconds BETWEEN {RING_SECONDS[0]} AND {RING_SECONDS[-1]}", name="ring_seconds"),
    )

    partner: Mapped[str] = mapped_column(ForeignKey("partners.code", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    endpoint: Mapped[str] = mapped_column(String(32))
    """Name of a trunk in the settings."""
    user_part: Mapped[str] = mapped_column(String(16))
    """What is dialled there."""
    ring_seconds: Mapped[int]
