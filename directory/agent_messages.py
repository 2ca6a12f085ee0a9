"""Messages (消息) to agents: kept, with who has read them and when. The screens are told by whoever sends them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from directory.models.teams import AgentMessage, AgentMessageReceipt
from hotline.errors import InvalidInput, NotFound

LONGEST = 500


class UnknownMessage(NotFound):
    """No such message, or not to this agent."""

    code = "message.unknown"


@dataclass(frozen=True, slots=True)
class Sent:
    """A message and its receipts: agent -> when it was read (None: not yet)."""

    message: AgentMessage
    receipts: dict[str, datetime | None]


async def send(
    session: AsyncSession, *, sender: str, audience: str, agents: Collection[str], text: str, now: datetime
) -> AgentMessage:
    """Keep a message to these agents. Raises InvalidInput for nobody, and for no text or more than 500 characters."""
    words = text.strip()
    if not words or len(words) > LONGEST:
        raise InvalidInput(f"a message has 1 to {LONGEST} characters")
    if not agents:
        raise InvalidInput("a message goes to somebody")
    message = AgentMessage(sender=sender, audience=audience, text=words, sent_at=now)
    session.add(message)
    await session.flush()
    session.add_all(AgentMessageReceipt(message_id=message.id, agent=agent) for agent in sorted(set(agents)))
    await session.flush()
    return message


async def sent_by(session: AsyncSession, sender: str, *, limit: int = 50) -> list[Sent]:
    """A sender's messages, newest first."""
    query = select(AgentMessage).where(AgentMessage.sender == sender).order_by(AgentMessage.id.desc()).limit(limit)
    messages = list(await session.scalars(query))
    receipts: dict[int, dict[str, datetime | None]] = {message.id: {} for message in messages}
    rows = select(AgentMessageReceipt).where(AgentMessageReceipt.message_id.in_(receipts))
    for row in await session.scalars(rows.order_by(AgentMessageReceipt.agent)):
        receipts[row.message_id][row.agent] = row.read_at
    return [Sent(message, receipts[message.id]) for message in messages]


async def to_agent(
    session: AsyncSession, agent: str, *, unread: bool = False, limit: int = 50
) -> list[tuple[AgentMessage, datetime | None]]:
    """An agent's messages with when they were read, newest first."""
    query = (
        select(AgentMessage, AgentMessageReceipt.read_at)
        .join(AgentMessageReceipt, AgentMessageReceipt.message_id == AgentMessage.id)
        .where(AgentMessageReceipt.agent == agent)
        .order_by(AgentMessage.id.desc())
        .limit(limit)
    )
    if unread:
        query = query.where(AgentMessageReceipt.read_at.is_(None))
    return [(message, read_at) for message, read_at in await session.execute(query)]


async def read(session: AsyncSession, message_id: int, agent: str, *, now: datetime) -> AgentMessage:
    """The agent has read it; the first time counts. Raises UnknownMessage."""
    mine = (AgentMessageReceipt.message_id == message_id, AgentMessageReceipt.agent == agent)
    receipt = await session.scalar(select(AgentMessageReceipt).where(*mine))
    message = await session.get(AgentMessage, message_id)
    if receipt is None or message is None:
        raise UnknownMessage("no such message to this agent")
    first = update(AgentMessageReceipt).where(*mine, AgentMessageReceipt.read_at.is_(None)).values(read_at=now)
    await session.execute(first)
    return message
