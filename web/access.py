"""Who asks, what they may do, and the one transaction of a request."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

import structlog
from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer
from redis.exceptions import RedisError
from sqlalchemy.ext.asyncio import AsyncSession

from directory.models import Role
from directory.sessions import SignedIn
from directory.users import Agent
from hotline.errors import NotAllowed, NotSignedIn
from ticketing.schemas import Actor
from web import browser
from web.services import Services

_log = structlog.get_logger(__name__)

_bearer = HTTPBearer(auto_error=False, description="The token that `POST /api/auth/login` gave.")
_cookie = APIKeyCookie(
    name=browser.COOKIE,
    auto_error=False,
    description=f"A browser's session (`POST /api/session`). What changes something needs {browser.CSRF_HEADER} too.",
)


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Parts = Annotated[Services, Depends(_services)]


@dataclass(slots=True)
class UnitOfWork:
    """A request's transaction, and what is to be told once it is committed."""

    session: AsyncSession
    _afterwards: list[Callable[[], Awaitable[None]]] = field(default_factory=list)

    def afterwards(self, tell: Callable[[], Awaitable[None]]) -> None:
        """Run `tell` after the commit; it is dropped if there is none."""
        self._afterwards.append(tell)

    async def told(self) -> None:
        """The record is safe by now: a screen that cannot be told is no reason to fail the request."""
        for tell in self._afterwards:
            try:
                await tell()
            except (RedisError, OSError):
                _log.warning("web.not_told")


async def _work(services: Parts) -> AsyncIterator[UnitOfWork]:
    async with services.database.transaction() as session:
        work = UnitOfWork(session)
        yield work
    await work.told()


# Scope "function": the commit comes before the response, so that nobody is told of what was not kept.
Work = Annotated[UnitOfWork, Depends(_work, scope="function")]


def _transaction(work: Work) -> AsyncSession:
    return work.session


Transaction = Annotated[AsyncSession, Depends(_transaction)]


_Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
Cookie = Annotated[str | None, Depends(_cookie)]


async def _signed_in(
    request: Request, session: Transaction, services: Parts, credentials: _Bearer, cookie: Cookie
) -> SignedIn:
    if credentials is not None:
        return await services.sessions.check(session, credentials.credentials)
    if cookie:
        browser.refuse_forged(request, cookie, services.settings)
        return await services.sessions.check(session, cookie, browser=True)
    raise NotSignedIn("no bearer token", remedy="POST /api/auth/login")


CurrentSession = Annotated[SignedIn, Depends(_signed_in)]


async def _signed_in_before(request: Request, services: Parts, credentials: _Bearer, cookie: Cookie) -> SignedIn:
    async with services.database.transaction() as session:
        return await _signed_in(request, session, services, credentials, cookie)


SignedInBefore = Annotated[SignedIn, Depends(_signed_in_before)]
"""Who asks, found out in a transaction of its own: for requests whose body takes its time to arrive."""


def roles(*allowed: Role) -> Any:
    """A route's dependency: somebody with one of these roles is signed in. Raises NotSignedIn, NotAllowed."""

    def check(signed_in: CurrentSession) -> None:
        signed_in.require(*allowed)

    return Depends(check)


def actor_of(signed_in: SignedIn) -> Actor:
    """The person as tickets know one: by work number (工号) where there is one."""
    person = signed_in.person
    return Actor(person.agent.work_number if person.agent else person.login, person.roles, person.unit_id)


def _actor(signed_in: CurrentSession) -> Actor:
    return actor_of(signed_in)


CurrentActor = Annotated[Actor, Depends(_actor)]


def seat_of(signed_in: SignedIn) -> Agent:
    """The person's part as an agent; raises NotAllowed for somebody who takes no calls."""
    signed_in.require(Role.AGENT, Role.EXPERT)
    if signed_in.person.agent is None:
        raise NotAllowed("no work number")
    return signed_in.person.agent


def _seat(signed_in: CurrentSession) -> Agent:
    return seat_of(signed_in)


CurrentAgent = Annotated[Agent, Depends(_seat)]
