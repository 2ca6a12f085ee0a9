"""What agents asked for, kept in PostgreSQL, so that a flushed Redis does not sign the whole room out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import CheckConstraint, String, delete, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from acd.states import AgentState
from hotline.clock import Clock
from hotline.database import Base, UtcDateTime
from hotline.errors import InvalidInput

_WANTED = (AgentState.READY, AgentState.NOT_READY)


class AgentPresence(Base):
    """One row for each agent that is signed in: seat, skill groups with level, and the state last asked for."""

    __tablename__ = "agent_presence"
    __table_args__ = (CheckConstraint("wanted IN ('READY', 'NOT_READY')", name="wanted"),)

    agent: Mapped[str] = mapped_column(String(32), primary_key=True)
    extension: Mapped[str] = mapped_column(String(8), unique=True)
    groups: Mapped[dict[str, int]] = mapped_column(JSONB)
    wanted: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(64))
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


@dataclass(frozen=True, slots=True)
class Presence:
    """An agent's explicit wish. `wanted` is READY, NOT_READY or SIGNED_OUT."""

    agent: str
    extension: str
    groups: Mapping[str, int]
    wanted: AgentState
    reason: str = ""


async def save(session: AsyncSession, presence: Presence, clock: Clock) -> None:
    """Keep an explicit change; SIGNED_OUT removes the row. A row of another agent at the same seat is replaced.

    Raises InvalidInput for a state nobody can ask for. Does not commit.
    """
    if presence.wanted is AgentState.SIGNED_OUT:
        await session.execute(delete(AgentPresence).where(AgentPresence.agent == presence.agent))
        return
    if presence.wanted not in _WANTED:
        raise InvalidInput(f"{presence.wanted} cannot be asked for")
    values = {
        "extension": presence.extension,
        "groups": dict(presence.groups),
        "wanted": presence.wanted.value,
        "reason": presence.reason,
        "updated_at": clock.now(),
    }
    await session.execute(
        delete(AgentPresence).where(
            AgentPresence.extension == presence.extension, AgentPresence.agent != presence.agent
        )
    )
    await session.execute(
        insert(AgentPresence)
        .values(agent=presence.agent, **values)
        .on_conflict_do_update(index_elements=[AgentPresence.agent], set_=values)
    )


async def set_groups(session: AsyncSession, agent: str, groups: Mapping[str, int]) -> None:
    """Levels changed while signed in; nothing happens to somebody who is not. Does not commit."""
    await session.execute(update(AgentPresence).where(AgentPresence.agent == agent).values(groups=dict(groups)))


async def load(session: AsyncSession) -> list[Presence]:
    """Everyone who is signed in, by work number: for `Acd.restore_agent` after a new epoch."""
    rows = await session.scalars(select(AgentPresence).order_by(AgentPresence.agent))
    return [Presence(row.agent, row.extension, row.groups, AgentState(row.wanted), row.reason) for row in rows]
