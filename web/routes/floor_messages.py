"""Messages (消息) from supervisors to agents' screens: to one, to a team, to all; kept, with who has read them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Path, Query, status
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from directory import agent_messages, teams, users
from directory.agent_messages import LONGEST, Sent
from directory.models import AgentMessage
from web.access import CurrentAgent, CurrentSession, Parts, Transaction, Work, actor_of, roles
from web.administration import Administration
from web.problems import DOCUMENTED
from web.supervision_rights import SUPERVISORS, own_agents, require

router = APIRouter(prefix="/api/floor/messages", tags=["supervision"], responses=DOCUMENTED)

Id = Annotated[int, Path(ge=1, lt=2**63)]
_Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]


class MessageIn(BaseModel):
    """Exactly one of `agent`, `team` and `all` says to whom. `all`: every agent of one's teams."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[
        str,
        StringConstraints(
            strip_whitespace=True, min_length=1, max_length=LONGEST, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]*$"
        ),
    ]
    agent: _Name | None = None
    team: _Name | None = None
    all: bool = False

    @model_validator(mode="after")
    def _to_somebody(self) -> Self:
        if [self.agent is not None, self.team is not None, self.all].count(True) != 1:
            raise ValueError("say to whom: agent, team or all")
        return self


class ReceiptOut(BaseModel):
    """Whom it went to, and when it was read (已读); null: not yet."""

    agent: str
    read_at: datetime | None


class SentOut(BaseModel):
    """A message as its sender sees it."""

    id: int
    audience: str
    text: str
    sent_at: datetime
    receipts: list[ReceiptOut]

    @classmethod
    def of(cls, sent: Sent) -> Self:
        """As the API tells it."""
        message = sent.message
        receipts = [ReceiptOut(agent=agent, read_at=at) for agent, at in sorted(sent.receipts.items())]
        return cls(
            id=message.id,
            audience=message.audience,
            text=message.text,
            sent_at=message.sent_at,
            receipts=receipts,
        )


class MineOut(BaseModel):
    """A message as its reader sees it."""

    id: int
    sender: str
    text: str
    sent_at: datetime
    read_at: datetime | None


@router.post("", status_code=status.HTTP_201_CREATED, dependencies=[roles(*SUPERVISORS)])
async def send(body: MessageIn, change: Administration, work: Work) -> SentOut:
    """Write to agents: kept first, then on the screens of those who have one."""
    session, services = change.session, change.services
    audience, agents = await _audience(body, change)
    await require(session, services, change.by, "message", agents)
    now = services.clock.now()
    message = await agent_messages.send(
        session, sender=change.actor, audience=audience, agents=agents, text=body.text, now=now
    )
    await change.record("message.sent", f"message:{message.id}", None, {"to": audience, "agents": len(agents)})

    async def tell() -> None:
        for agent in agents:
            await services.feed.publish(agent, "message", _frame(message))

    work.afterwards(tell)
    return SentOut.of(Sent(message, dict.fromkeys(agents)))


@router.get("", dependencies=[roles(*SUPERVISORS)])
async def sent(session: Transaction, signed_in: CurrentSession) -> list[SentOut]:
    """One's own messages with their receipts, newest first."""
    return [SentOut.of(one) for one in await agent_messages.sent_by(session, actor_of(signed_in).user)]


@router.get("/mine")
async def mine(
    agent: CurrentAgent,
    session: Transaction,
    unread: Annotated[bool, Query(description="Only those not read yet.")] = False,
) -> list[MineOut]:
    """Messages to the agent who asks, newest first."""
    return [
        MineOut(id=one.id, sender=one.sender, text=one.text, sent_at=one.sent_at, read_at=read_at)
        for one, read_at in await agent_messages.to_agent(session, agent.work_number, unread=unread)
    ]


@router.post("/{message}/read", status_code=status.HTTP_204_NO_CONTENT)
async def read(message: Id, agent: CurrentAgent, session: Transaction, services: Parts, work: Work) -> None:
    """The agent has read it; the sender's screen, if there is one, is told."""
    kept = await agent_messages.read(session, message, agent.work_number, now=services.clock.now())

    async def tell() -> None:
        await services.feed.publish(kept.sender, "message_read", {"id": kept.id, "agent": agent.work_number})

    work.afterwards(tell)


async def _audience(body: MessageIn, change: Administration) -> tuple[str, list[str]]:
    session = change.session
    if body.agent is not None:
        await users.of_work_number(session, body.agent)
        return f"agent:{body.agent}", [body.agent]
    if body.team is not None:
        return f"team:{body.team}", list((await teams.team(session, body.team)).agents)
    own = await own_agents(session, change.services, change.by)
    everybody = [person.agent.work_number for person in await users.people(session) if person.agent]
    return "all", [agent for agent in everybody if own is None or agent in own]


def _frame(message: AgentMessage) -> dict[str, object]:
    return {"id": message.id, "from": message.sender, "text": message.text, "at": message.sent_at.isoformat()}
