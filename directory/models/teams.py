"""Tables of the teams (班组), and of what agents are told on their screens."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from hotline.database import Base, UtcDateTime


class TeamRow(Base):
    """A team (班组)."""

    __tablename__ = "teams"

    team: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)


class TeamMember(Base):
    """An agent of a team. Nobody is in two."""

    __tablename__ = "team_members"

    user_id: Mapped[int] = mapped_column(ForeignKey("agent_profiles.user_id", ondelete="CASCADE"), primary_key=True)
    team: Mapped[str] = mapped_column(ForeignKey("teams.team", ondelete="CASCADE"), index=True)


class TeamSupervisor(Base):
    """A supervisor (班长) of a team; one may have several, and a team several."""

    __tablename__ = "team_supervisors"

    team: Mapped[str] = mapped_column(ForeignKey("teams.team", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True)


class AgentMessage(Base):
    """A message (消息) to agents' screens."""

    __tablename__ = "agent_messages"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    sender: Mapped[str] = mapped_column(String(32), index=True)
    """Work number, else login."""
    audience: Mapped[str] = mapped_column(String(48))
    """`agent:<work number>`, `team:<team>` or `all`."""
    text: Mapped[str] = mapped_column(String(500))
    sent_at: Mapped[datetime] = mapped_column(UtcDateTime)


class AgentMessageReceipt(Base):
    """Whom a message went to, and when it was read (已读)."""

    __tablename__ = "agent_message_receipts"
    __table_args__ = (
        Index("ix_agent_message_receipts_unread", "agent", "message_id", postgresql_where=text("read_at IS NULL")),
    )

    message_id: Mapped[int] = mapped_column(ForeignKey("agent_messages.id", ondelete="CASCADE"), primary_key=True)
    agent: Mapped[str] = mapped_column(String(32), primary_key=True)
    read_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
