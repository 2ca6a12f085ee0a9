"""Browsers' sessions: sign in with password and second step (动态口令), see and end one's sessions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Request, Response, status
from pydantic import BaseModel, ConfigDict, Field

from directory.models import SessionState
from directory.sessions import NewSession, SignedIn
from hotline.errors import NotSignedIn
from web import browser
from web.access import Cookie, CurrentSession, Parts, Work
from web.problems import DOCUMENTED, Problem
from web.routes.auth import PersonOut, SessionUnknown, close_screen, person_of
from web.services import Services
from web.sign_in_limits import SignInLimit

router = APIRouter(
    prefix="/api/session",
    tags=["session"],
    responses=DOCUMENTED | {429: {"model": Problem, "description": "Too many sign-ins in vain from this address"}},
)
several = APIRouter(prefix="/api/sessions", tags=["session"], responses=DOCUMENTED)


class SignIn(BaseModel):
    """Login and password."""

    model_config = ConfigDict(extra="forbid")

    user: str = Field(max_length=64)
    password: str = Field(max_length=256)


class Code(BaseModel):
    """Six digits of the authenticator, or a recovery code."""

    model_config = ConfigDict(extra="forbid")

    code: str = Field(min_length=1, max_length=64)


class Enrol(BaseModel):
    """A second step is to be set up. In an open session the password is asked for once more."""

    model_config = ConfigDict(extra="forbid")

    password: str = Field("", max_length=256)


class NewPassword(BaseModel):
    """One's own password, and the one that is to be."""

    model_config = ConfigDict(extra="forbid")

    password: str = Field(max_length=256)
    new_password: str = Field(max_length=256)


class SessionNow(BaseModel):
    """How far the session is: `totp` waits for a code, `enrol` for a second step to be set up, `password` for a
    password of one's own after an administrator's. `csrf` goes into X-CSRF-Token of whatever changes something; it
    changes with the state."""

    state: SessionState
    csrf: str
    person: PersonOut
    idle_at: datetime = Field(description="When it ends if it is not used; asking does not use it.")
    expires_at: datetime
    recovery_codes: list[str] | None = Field(None, description="Of a second step just set up; shown this once.")


class Enrolment(BaseModel):
    """What the authenticator needs; shown this once. Nothing is asked for before a first code confirmed it."""

    secret: str = Field(description="base32")
    uri: str = Field(description="otpauth://, as a QR code")


class BrowserSession(BaseModel):
    """A live session of one's own; not of a browser: of a program."""

    id: int
    client: str
    browser: bool
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    current: bool


async def _token(request: Request, services: Parts, token: Cookie) -> str:
    """The cookie, of a request that comes from a page of ours."""
    if not token:
        raise NotSignedIn("no session", remedy="POST /api/session")
    browser.refuse_forged(request, token, services.settings)
    return token


_Token = Annotated[str, Depends(_token)]


async def _waiting(token: _Token, services: Parts) -> SignedIn:
    """The session, open or not yet. In a transaction of its own: what follows takes its own ones."""
    async with services.database.transaction() as session:
        return await services.sessions.check(session, token, browser=True, waiting=True, used=False)


Waiting = Annotated[SignedIn, Depends(_waiting)]


def _now(signed_in: SignedIn, token: str, services: Services, codes: tuple[str, ...] = ()) -> SessionNow:
    return SessionNow(
        state=signed_in.state,
        csrf=browser.csrf_of(token),
        person=person_of(signed_in, services),
        idle_at=signed_in.idle_at,
        expires_at=signed_in.expires_at,
        recovery_codes=list(codes) or None,
    )


def _given(new: NewSession, request: Request, response: Response, services: Services) -> SessionNow:
    browser.set_cookie(response, request, new.token)
    response.headers["Cache-Control"] = "no-store"
    return _now(new.signed_in, new.token, services, new.recovery_codes)


async def _leave(services: Services, request: Request) -> None:
    """A browser has one session: signing in anew ends the one before."""
    token = request.cookies.get(browser.COOKIE)
    if not token:
        return
    async with services.database.transaction() as session:
        try:
            before = await services.sessions.check(session, token, browser=True, waiting=True, used=False)
        except NotSignedIn:
            return
        await services.sessions.sign_out(session, before)
    await close_screen(services, before.person, before.session_id)


@router.post("")
async def sign_in(
    body: SignIn,
    *,
    request: Request,
    response: Response,
    services: Parts,
    limit: SignInLimit,
    user_agent: Annotated[str, Header()] = "",
) -> SessionNow:
    """Begin a session; the answer to a wrong password, an unknown and a locked login is the same."""
    browser.refuse_foreign(request, services.settings)
    async with limit.counted():
        new = await services.sessions.sign_in_browser(body.user, body.password, client=user_agent)
    await _leave(services, request)
    return _given(new, request, response, services)


@router.post("/totp")
async def second_step(
    body: Code, *, request: Request, response: Response, waiting: Waiting, services: Parts, limit: SignInLimit
) -> SessionNow:
    """The second step's code opens the session; the first code of a new second step confirms it. The cookie and the
    token for changes are new ones."""
    async with limit.counted():
        new = await services.sessions.second_step(waiting, body.code)
        return _given(new, request, response, services)


@router.post("/totp/enrol")
async def enrol(body: Enrol, response: Response, waiting: Waiting, services: Parts, limit: SignInLimit) -> Enrolment:
    """A new secret for an authenticator; one that was never confirmed is replaced."""
    async with limit.counted():
        secret, uri = await services.sessions.begin_second_step(waiting, body.password)
    response.headers["Cache-Control"] = "no-store"
    return Enrolment(secret=secret, uri=uri)


@router.post("/password")
async def change_password(
    body: NewPassword, *, request: Request, response: Response, token: _Token, services: Parts, limit: SignInLimit
) -> SessionNow:
    """A new password of one's own. Every other session ends; this one goes on under a new cookie, open if it waited for
    just this."""
    async with services.database.transaction() as session:
        signed_in = await services.sessions.check(session, token, browser=True, waiting=True)
    async with limit.counted():
        new = await services.sessions.change_password(signed_in, body.password, body.new_password)
    return _given(new, request, response, services)


@router.get("")
async def current(response: Response, token: _Token, waiting: Waiting, services: Parts) -> SessionNow:
    """How far this browser's session is, and when it ends."""
    response.headers["Cache-Control"] = "no-store"
    return _now(waiting, token, services)


@router.delete("", status_code=status.HTTP_204_NO_CONTENT)
async def sign_out(request: Request, response: Response, waiting: Waiting, work: Work, services: Parts) -> None:
    """End this session and close its screens."""
    await services.sessions.sign_out(work.session, waiting)
    browser.clear_cookie(response, request)
    work.afterwards(lambda: close_screen(services, waiting.person, waiting.session_id))


@several.get("")
async def sessions(signed_in: CurrentSession, work: Work, services: Parts) -> list[BrowserSession]:
    """One's own live sessions, browsers' and programs', oldest first."""
    return [
        BrowserSession(
            id=row.id,
            client=row.client,
            browser=row.browser,
            created_at=row.created_at,
            seen_at=row.seen_at,
            expires_at=row.expires_at,
            current=row.id == signed_in.session_id,
        )
        for row in await services.sessions.live(work.session, signed_in.person.id)
    ]


@several.delete("/{session_id}", status_code=status.HTTP_204_NO_CONTENT)
async def end_session(
    session_id: Annotated[int, Path(ge=1, lt=2**63)], signed_in: CurrentSession, work: Work, services: Parts
) -> None:
    """End one of one's own sessions, say on a seat one forgot to leave."""
    if session_id not in {row.id for row in await services.sessions.live(work.session, signed_in.person.id)}:
        raise SessionUnknown("no such session of yours")
    await services.sessions.revoke(work.session, session_id)
    work.afterwards(lambda: close_screen(services, signed_in.person, session_id))
