"""Signing in, and the sessions that follow from it.

An attempt is counted before its password or code is checked, and in a transaction of its own, so neither a rollback nor
many attempts at once can get around the lock. The answer to a wrong password, an unknown login, a disabled user and a
locked one is the same, after the same work.

Whoever has a second step is asked for its code in every way in. Browsers are asked for it in a second request: the
session is there after the password, and good for nothing else before the code. A password that an administrator gave is
good for choosing another one: a browser's session waits for that, a program gets none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from directory import account_repository, audit, second_steps, users
from directory.account_repository import Attempt
from directory.models import Role, SessionState, User, UserSession
from directory.passwords import Passwords, WeakPassword
from directory.users import Person
from hotline import ids
from hotline.clock import Clock
from hotline.database import Database
from hotline.errors import NotAllowed, NotSignedIn, SettingsError
from hotline.settings import Settings

_SEEN_EVERY = timedelta(seconds=30)
_LONGEST_TOKEN = 128
_WAITS = timedelta(minutes=10)
"""How long a browser may take from the password to the code, and from there to a password of one's own; setting an
authenticator up takes some of it."""


class SignInRefused(NotSignedIn):
    """Login, password or code is wrong, or the login is disabled or locked: never which."""

    code = "access.sign_in_refused"


class SecondStepMissing(NotSignedIn):
    """The password was right, and this person has a second step: send its code beside the password."""

    code = "access.second_step"


class FirstPassword(NotSignedIn):
    """All was right, and the password is an administrator's: choose another one in a browser first."""

    code = "access.first_password"


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """How long sessions live, how many wrong passwords or codes lock a login for how long (each lock in a row twice as
    long as the one before, up to `longest_lock`), and whose browser sessions need a second step."""

    idle: timedelta = timedelta(hours=1)
    absolute: timedelta = timedelta(hours=12)
    attempts: int = 5
    lock: timedelta = timedelta(minutes=15)
    longest_lock: timedelta = timedelta(hours=24)
    second_step: frozenset[Role] = frozenset()
    issuer: str = "12345"

    @classmethod
    def of(cls, settings: Settings) -> SessionPolicy:
        """The policy `hotline.toml` asks for. Raises SettingsError for a role that there is none of."""
        keys = settings.sign_in
        unknown = set(keys.second_step_roles) - set(Role)
        if unknown:
            raise SettingsError(f"sign_in.second_step_roles: there is no role {sorted(unknown)[0]}")
        return cls(
            idle=timedelta(minutes=settings.web.idle_minutes),
            absolute=timedelta(hours=settings.web.session_hours),
            attempts=keys.attempts,
            lock=timedelta(minutes=keys.lock_minutes),
            longest_lock=timedelta(hours=keys.longest_lock_hours),
            second_step=frozenset(Role(role) for role in keys.second_step_roles),
            issuer=f"{settings.site.name}12345",
        )


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A live session and whose it is. `expires_at` is its absolute end, `idle_at` its end if it is not used, UTC."""

    session_id: int
    person: Person
    expires_at: datetime
    idle_at: datetime
    state: SessionState = SessionState.OPEN

    def require(self, *roles: Role) -> None:
        """Raises NotAllowed unless the person has one of `roles`; an admin is not everything."""
        if self.person.roles.isdisjoint(roles):
            raise NotAllowed(f"needs one of: {', '.join(roles)}")


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session just opened, or whose token was just replaced. `token` is shown once and kept nowhere, and so are the
    recovery codes of a second step just confirmed."""

    token: str
    signed_in: SignedIn
    recovery_codes: tuple[str, ...] = ()


class Sessions:
    """Sessions of one site's users."""

    def __init__(self, database: Database, passwords: Passwords, clock: Clock, policy: SessionPolicy) -> None:
        self._database = database
        self.passwords = passwords
        self._clock = clock
        self._policy = policy

    async def sign_in(self, login: str, password: str, *, client: str = "", code: str = "") -> NewSession:
        """Open a session for a program. Raises SignInRefused, SecondStepMissing, FirstPassword.

        Takes short transactions of its own: none is open while the password is being checked.
        """
        attempt, renewed = await self._right_password(login, password)
        async with self._database.transaction() as session:
            asked = await second_steps.enrolled(session, attempt.user_id)
            if asked and code and not await second_steps.passes(session, attempt.user_id, code, now=self._clock.now()):
                raise _refused()
            missing: NotSignedIn | None = None
            if asked and not code:
                missing = SecondStepMissing("the code of the second step is missing", remedy="send it as `code`")
            elif await self._after_all(session, attempt.user_id) is SessionState.RENEW:
                missing = FirstPassword("this password must be changed first", remedy="sign in with a browser")
            if missing is None:
                opened = await self._opened(session, attempt, renewed, client)
                if asked:
                    await self._note_recovery(session, code, opened.signed_in.person.login)
                return opened
            await account_repository.take_attempt_back(session, attempt)
        # After the commit: what was taken back stays so.
        raise missing

    async def sign_in_browser(self, login: str, password: str, *, client: str = "") -> NewSession:
        """Begin a browser's session: open, or waiting for its second step or a password of one's own. Raises
        SignInRefused."""
        attempt, renewed = await self._right_password(login, password)
        async with self._database.transaction() as session:
            if await second_steps.enrolled(session, attempt.user_id):
                # Only the code ends the row of attempts, else a right password would bring new guesses at it.
                if not await account_repository.take_attempt_back(session, attempt):
                    raise _refused()
                return await self._begun(session, attempt, renewed, client, SessionState.TOTP)
            if not await account_repository.clear_attempts(session, attempt.user_id, attempt.password_hash):
                raise _refused()
            roles = await account_repository.roles(session, attempt.user_id)
            state = SessionState.ENROL
            if roles.isdisjoint(self._policy.second_step):
                state = await self._after_all(session, attempt.user_id)
            return await self._begun(session, attempt, renewed, client, state)

    async def second_step(self, signed_in: SignedIn, code: str) -> NewSession:
        """The code of a browser's session: of its second step, or the first one of a new second step.

        The session is open then, or waits for a password of one's own, under a new token. Raises SignInRefused (counted
        as an attempt), CodeWrong, SecondStepNotBegun.
        """
        person = signed_in.person
        if signed_in.state is not SessionState.TOTP:
            async with self._database.transaction() as session:
                codes = await second_steps.confirm(session, person.id, code, now=self._clock.now())
                opened = await self._renewed(session, signed_in, codes)
                await self._note(session, person.login, "second_step.confirmed", person.login)
                return opened
        attempt = await self._counted(person.login)
        if attempt is None:
            raise _refused()
        async with self._database.transaction() as session:
            if not await second_steps.passes(session, person.id, code, now=self._clock.now()):
                raise _refused()
            if not await account_repository.clear_attempts(session, attempt.user_id, attempt.password_hash):
                raise _refused()
            opened = await self._renewed(session, signed_in)
            await self._note_recovery(session, code, person.login)
            return opened

    async def begin_second_step(self, signed_in: SignedIn, password: str = "") -> tuple[str, str]:
        """A new secret and its otpauth address, shown this once. In an open session the password is asked for again: a
        page left alone must not become somebody else's way in. Raises SignInRefused, SecondStepEnrolled."""
        login = signed_in.person.login
        if signed_in.state is SessionState.OPEN:
            await self._step_up(login, password)
        async with self._database.transaction() as session:
            user = await users.get(session, login)
            return await second_steps.begin(session, user, issuer=self._policy.issuer, now=self._clock.now())

    async def change_password(self, signed_in: SignedIn, password: str, new: str) -> NewSession:
        """A new password of one's own; every other session ends, and this one is open, under a new token.

        Raises SignInRefused, WeakPassword, NotSignedIn for a session that waits for its second step.
        """
        if signed_in.state not in (SessionState.OPEN, SessionState.RENEW):
            raise NotSignedIn("the second step comes first", remedy="POST /api/session/totp")
        await self._step_up(signed_in.person.login, password)
        if new == password:
            raise WeakPassword("the new password is the one there is")
        async with self._database.transaction() as session:
            user = await users.get(session, signed_in.person.login)
            now, kept = self._clock.now(), signed_in.session_id
            await users.set_password(session, user, new, self.passwords, now=now, keep_session=kept)
            opened = await self._renewed(session, signed_in)
            await self._note(session, user.login, "password.changed", user.login)
            return opened

    async def check(
        self, session: AsyncSession, token: str, *, browser: bool = False, waiting: bool = False, used: bool = True
    ) -> SignedIn:
        """Whose session this is; raises NotSignedIn if it never was, or has ended. Using it keeps it from idling.

        `browser`: the token is a cookie. `waiting`: it need not be open yet. `used`: false only looks.
        """
        now = self._clock.now()
        found = await account_repository.live_session(
            session, _hash(token), now=now, idle=self._policy.idle, browser=browser
        )
        if found is None or not (waiting or found[0].state is SessionState.OPEN):
            raise NotSignedIn("no live session: sign in")
        live, user = found
        # Not every request is worth a write.
        if used and now - live.seen_at >= min(_SEEN_EVERY, self._policy.idle / 4):
            await account_repository.seen(session, live.id, now)
        return await self._signed_in(session, live, user, now if used else live.seen_at)

    async def used(self, session: AsyncSession, session_ids: Collection[int]) -> set[int]:
        """Those of these sessions that have not ended. Using them keeps them from idling, as `check` does."""
        return await account_repository.used_sessions(
            session, session_ids, now=self._clock.now(), idle=self._policy.idle
        )

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

    async def _counted(self, login: str) -> Attempt | None:
        """Count an attempt at this login. One that locks it is written down."""
        policy = self._policy
        name = login.strip().lower() if login.isprintable() else ""
        async with self._database.transaction() as session:
            attempt = await account_repository.count_attempt(
                session,
                name,
                now=self._clock.now(),
                attempts=policy.attempts,
                lock=policy.lock,
                longest=policy.longest_lock,
            )
            if attempt is not None and attempt.locked:
                await self._note(session, "sign-in", "login.locked", name)
            return attempt

    async def _right_password(self, login: str, password: str) -> tuple[Attempt, str | None]:
        """The attempt, and a newer hash of the password if there is one. Raises SignInRefused."""
        attempt = await self._counted(login)
        if not await self.passwords.matches(attempt.password_hash if attempt else None, password) or attempt is None:
            raise _refused()
        return attempt, await self.passwords.renewed(attempt.password_hash, password)

    async def _step_up(self, login: str, password: str) -> None:
        attempt, _ = await self._right_password(login, password)
        async with self._database.transaction() as session:
            if not await account_repository.clear_attempts(session, attempt.user_id, attempt.password_hash):
                raise _refused()

    async def _opened(self, session: AsyncSession, attempt: Attempt, renewed: str | None, client: str) -> NewSession:
        """A program's session."""
        if not await account_repository.clear_attempts(session, attempt.user_id, attempt.password_hash):
            raise _refused()
        return await self._begun(session, attempt, renewed, client, SessionState.OPEN, browser=False)

    async def _begun(
        self,
        session: AsyncSession,
        attempt: Attempt,
        renewed: str | None,
        client: str,
        state: SessionState,
        *,
        browser: bool = True,
    ) -> NewSession:
        if renewed:
            await account_repository.set_password_hash(session, attempt.user_id, renewed)
        user = await account_repository.user_by_id(session, attempt.user_id)
        if user is None:
            raise _refused()
        now, token = self._clock.now(), ids.token()
        row = UserSession(
            user_id=user.id,
            token_hash=_hash(token),
            client="".join(c for c in client if c.isprintable())[:200],
            created_at=now,
            seen_at=now,
            expires_at=now + self._life(state),
            state=state,
            browser=browser,
        )
        session.add(row)
        await session.flush()
        return NewSession(token, await self._signed_in(session, row, user, now))

    async def _renewed(self, session: AsyncSession, signed_in: SignedIn, codes: Collection[str] = ()) -> NewSession:
        """The same session, open as far as nothing else is waited for, under a new token: one that was known before the
        step is worth nothing after it."""
        now, token = self._clock.now(), ids.token()
        state = await self._after_all(session, signed_in.person.id)
        ends = signed_in.expires_at if signed_in.state is SessionState.OPEN else now + self._life(state)
        found = await account_repository.renew_session(
            session, signed_in.session_id, _hash(token), state, now=now, ends=ends
        )
        if found is None:
            raise NotSignedIn("the session has ended meanwhile: sign in")
        live, user = found
        return NewSession(token, await self._signed_in(session, live, user, now), tuple(codes))

    async def _after_all(self, session: AsyncSession, user_id: int) -> SessionState:
        """What a session is once password and code were right."""
        user = await account_repository.user_by_id(session, user_id)
        return SessionState.RENEW if user and user.first_password else SessionState.OPEN

    def _life(self, state: SessionState) -> timedelta:
        return self._policy.absolute if state is SessionState.OPEN else _WAITS

    async def _signed_in(self, session: AsyncSession, live: UserSession, user: User, seen_at: datetime) -> SignedIn:
        return SignedIn(
            live.id,
            await users.person(session, user),
            live.expires_at,
            min(seen_at + self._policy.idle, live.expires_at),
            live.state,
        )

    async def _note_recovery(self, session: AsyncSession, code: str, login: str) -> None:
        if second_steps.is_recovery(code):
            await self._note(session, login, "second_step.recovered", login)

    async def _note(self, session: AsyncSession, actor: str, action: str, login: str) -> None:
        await audit.record(session, at=self._clock.now(), actor=actor, action=action, subject=f"user:{login}")


def _refused() -> SignInRefused:
    return SignInRefused("login, password or code is wrong, or too many attempts: try again later")


def _hash(token: str) -> bytes:
    """Tokens are 256 random bits: a plain hash cannot be guessed back."""
    return hashlib.sha256(token[:_LONGEST_TOKEN].encode("utf-8", "surrogatepass")).digest()
