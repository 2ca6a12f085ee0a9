"""Signing in, and the sessions that follow from it.

An attempt is counted before its password is checked, and in a transaction of its own, so neither a rollback nor many
attempts at once can get around the lock. The answer to a wrong password, an unknown login, a disabled user and a
locked one is the same, after the same work.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from directory import account_repository, users
from directory.models import Role, User, UserSession
from directory.passwords import Passwords
from directory.users import Person
from hotline import ids
from hotline.clock import Clock
from hotline.database import Database
from hotline.errors import NotAllowed, NotSignedIn
from hotline.settings import Settings

_SEEN_EVERY = timedelta(seconds=30)
_LONGEST_TOKEN = 128


class SignInRefused(NotSignedIn):
    """Login or password is wrong, or the login is disabled or locked: never which."""

    code = "access.sign_in_refused"


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """How long sessions live, and how many wrong passwords lock a login for how long."""

    idle: timedelta = timedelta(hours=1)
    absolute: timedelta = timedelta(hours=12)
    attempts: int = 5
    lock: timedelta = timedelta(minutes=15)

    @classmethod
    def of(cls, settings: Settings) -> SessionPolicy:
        """The policy `hotline.toml` asks for."""
        return cls(
            idle=timedelta(minutes=settings.web.idle_minutes), absolute=timedelta(hours=settings.web.session_hours)
        )


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A live session and whose it is. `expires_at` is its absolute end, UTC."""

    session_id: int
    person: Person
    expires_at: datetime

    def require(self, *roles: Role) -> None:
        """Raises NotAllowed unless the person has one of `roles`; an admin is not everything."""
        if self.person.roles.isdisjoint(roles):
            raise NotAllowed(f"needs one of: {', '.join(roles)}")


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session just opened. `token` is shown once and kept nowhere."""

    token: str
    signed_in: SignedIn


class Sessions:
    """Sessions of one site's users."""

    def __init__(self, database: Database, passwords: Passwords, clock: Clock, policy: SessionPolicy) -> None:
        self._database = database
        self._passwords = passwords
        self._clock = clock
        self._policy = policy

    async def sign_in(self, login: str, password: str, *, client: str = "") -> NewSession:
        """Open a session. Raises SignInRefused.

        Takes two short transactions of its own: none is open while the password is being checked.
        """
        policy = self._policy
        async with self._database.transaction() as session:
            counted = await account_repository.count_attempt(
                session,
                login.strip().lower() if login.isprintable() else "",
                now=self._clock.now(),
                attempts=policy.attempts,
                lock=policy.lock,
            )
        if not await self._passwords.matches(counted[1] if counted else None, password) or counted is None:
            raise SignInRefused("login or password is wrong, or too many attempts: try again later")
        user_id, password_hash = counted
        renewed = await self._passwords.renewed(password_hash, password)
        async with self._database.transaction() as session:
            if not await account_repository.clear_attempts(session, user_id, password_hash):
                raise SignInRefused("the login changed meanwhile: try again")
            if renewed:
                await account_repository.set_password_hash(session, user_id, renewed)
            user = await account_repository.user_by_id(session, user_id)
            if user is None:
                raise SignInRefused("the login changed meanwhile: try again")
            return await self._open(session, user, client)

    async def check(self, session: AsyncSession, token: str) -> SignedIn:
        """Whose session this is; raises NotSignedIn if it never was, or has ended. Using it keeps it from idling."""
        now = self._clock.now()
        found = await account_repository.live_session(session, _hash(token), now=now, idle=self._policy.idle)
        if found is None:
            raise NotSignedIn("no live session: sign in")
        live, user = found
        # Not every request is worth a write.
        if now - live.seen_at >= min(_SEEN_EVERY, self._policy.idle / 4):
            await account_repository.seen(session, live.id, now)
        return SignedIn(live.id, await users.person(session, user), live.expires_at)

    async def sign_out(self, session: AsyncSession, signed_in: SignedIn) -> None:
        """End this session."""
        await self.revoke(session, signed_in.session_id)

    async def revoke(self, session: AsyncSession, session_id: int) -> bool:
        """End a session by its id; False if it had ended."""
        return await account_repository.revoke(session, now=self._clock.now(), session_id=session_id) > 0

    async def revoke_others(self, session: AsyncSession, signed_in: SignedIn) -> int:
        """End all other sessions of the same person (one live seat per agent); returns how many."""
        return await account_repository.revoke(
            session, now=self._clock.now(), user_id=signed_in.person.id, keep=signed_in.session_id
        )

    async def live(self, session: AsyncSession, user_id: int) -> list[UserSession]:
        """A user's sessions that have not ended, oldest first."""
        now = self._clock.now()
        return list(await account_repository.live_sessions(session, user_id, now=now, idle=self._policy.idle))

    async def forget(self, session: AsyncSession, *, older_than: timedelta = timedelta(days=90)) -> int:
        """Delete the records of sessions that ended so long ago; returns how many."""
        return await account_repository.forget_sessions(session, self._clock.now() - older_than)

    async def _open(self, session: AsyncSession, user: User, client: str) -> NewSession:
        now = self._clock.now()
        token = ids.token()
        row = UserSession(
            user_id=user.id,
            token_hash=_hash(token),
            client="".join(c for c in client if c.isprintable())[:200],
            created_at=now,
            seen_at=now,
            expires_at=now + self._policy.absolute,
        )
        session.add(row)
        await session.flush()
        return NewSession(token, SignedIn(row.id, await users.person(session, user), row.expires_at))


def _hash(token: str) -> bytes:
    """Tokens are 256 random bits: a plain hash cannot be guessed back."""
    return hashlib.sha256(token[:_LONGEST_TOKEN].encode("utf-8", "surrogatepass")).digest()
