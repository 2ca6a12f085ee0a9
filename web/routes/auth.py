"""Sessions: log in for a bearer token, log out, see and end one's sessions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Header, Path, status
from pydantic import BaseModel, ConfigDict, Field

from directory.models import Role, UserSession
from directory.sessions import SignedIn
from directory.users import Person
from hotline.errors import NotFound
from web.access import CurrentSession, Parts, Work
from web.agent_socket import SESSION_ENDED
from web.hearing import hears_own
from web.problems import DOCUMENTED, Problem
from web.services import Services
from web.sign_in_limits import SignInLimit

router = APIRouter(prefix="/api/auth", tags=["auth"], responses=DOCUMENTED)


class SessionUnknown(NotFound):
    """None of this person's live sessions has this id."""

    code = "session.unknown"


class Login(BaseModel):
    """Login and password."""

    model_config = ConfigDict(extra="forbid")

    user: str = Field(max_length=64)
    password: str = Field(max_length=256)
    code: str = Field("", max_length=64, description="Of the second step (动态口令), for whoever has one.")


class PersonOut(BaseModel):
    """Who is signed in."""

    login: str
    name: str
    roles: list[Role]
    unit_id: int | None
    work_number: str | None
    extension: str | None
    hears_own: bool = Field(description="Whether recordings of one's own talks may be heard.")


class LoggedIn(BaseModel):
    """A new session. The token is shown this once."""

    token: str
    expires_at: datetime
    person: PersonOut


class SessionOut(BaseModel):
    """A live session of one's own."""

    id: int
    client: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    current: bool


def person_of(signed_in: SignedIn, services: Services) -> PersonOut:
    """Whose session it is, as pages and programs are told."""
    person = signed_in.person
    return PersonOut(
        login=person.login,
        name=person.name,
        roles=sorted(person.roles),
        unit_id=person.unit_id,
        work_number=person.agent.work_number if person.agent else None,
        extension=person.agent.extension if person.agent else None,
        hears_own=hears_own(person, services.settings),
    )


async def close_screen(services: Services, person: Person, session_id: int) -> None:
    """Have the agent's screens of an ended session closed, wherever they are."""
    if person.agent:
        await services.feed.publish(person.agent.work_number, SESSION_ENDED, {"session": session_id})


@router.post(
    "/login", responses={429: {"model": Problem, "description": "Too many sign-ins in vain from this address"}}
)
async def login(
    body: Login, services: Parts, limit: SignInLimit, user_agent: Annotated[str, Header()] = ""
) -> LoggedIn:
    """A bearer token for a login and password. Some wrong passwords lock the login for a while."""
    async with limit.counted():
        opened = await services.sessions.sign_in(body.user, body.password, client=user_agent, code=body.code)
    person = person_of(opened.signed_in, services)
    return LoggedIn(token=opened.token, expires_at=opened.signed_in.expires_at, person=person)


@router.get("/me")
async def me(signed_in: CurrentSession, services: Parts) -> PersonOut:
    """Who the token belongs to."""
    return person_of(signed_in, services)


@router.post("/logout", status_code=status.HTTP_204_NO_CONTENT)
async def logout(signed_in: CurrentSession, work: Work, services: Parts) -> None:
    """End this session and close its screen."""
    await services.sessions.sign_out(work.session, signed_in)
    work.afterwards(lambda: close_screen(services, signed_in.person, signed_in.session_id))


@router.get("/sessions")
async def sessions(signed_in: CurrentSession, work: Work, services: Parts) -> list[SessionOut]:
    """One's own live sessions, oldest first."""
    rows: list[UserSession] = await services.sessions.live(work.session, signed_in.person.id)
    return [
        SessionOut(
            id=row.id,
            client=row.client,
            created_at=row.created_at,
            seen_at=row.seen_at,
            expires_at=row.expires_at,
            current=row.id == signed_in.session_id,
        )
        for row in rows
    ]


@router.delete("/sessions/{session_id}", status_code=status.HTTP_204_NO_CONTENT)
async def end_session(
    session_id: Annotated[int, Path(ge=1, lt=2**63)], signed_in: CurrentSession, work: Work, services: Parts
) -> None:
    """End another of one's own sessions, say on a seat one forgot to leave."""
    own = {row.id for row in await services.sessions.live(work.session, signed_in.person.id)}
    if session_id not in own:
        raise SessionUnknown("no such session of yours")
    await services.sessions.revoke(work.session, session_id)
    work.afterwards(lambda: close_screen(services, signed_in.person, session_id))
