"""Second steps: asked of whoever has one in every way in, each code once, and no way around the lock."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import select

from directory import audit, second_steps, users
from directory.models import Role, SessionState, UserTotp
from directory.passwords import Passwords
from directory.sessions import NewSession, SecondStepMissing, SessionPolicy, Sessions, SignInRefused
from directory.users import NewUser
from hotline.clock import ManualClock
from hotline.database import Database
from hotline.errors import NotSignedIn

PASSWORD = "correct horse 电池"
POLICY = SessionPolicy(
    attempts=3, lock=timedelta(minutes=15), longest_lock=timedelta(hours=1), second_step=frozenset({Role.ADMIN})
)


@pytest.fixture
async def sessions(database: Database, passwords: Passwords, clock: ManualClock) -> Sessions:
    async with database.transaction() as session:
        for login, role in (("admin", Role.ADMIN), ("clerk", Role.DISPATCHER)):
            await users.add_user(session, NewUser(login, "王", frozenset({role})), PASSWORD, passwords, now=clock.now())
    return Sessions(database, passwords, clock, POLICY)


class Authenticator:
    def __init__(self, secret: str, clock: ManualClock) -> None:
        self._totp, self._clock = pyotp.TOTP(secret), clock

    def code(self, steps: int = 0) -> str:
        return self._totp.at(self._clock.now(), counter_offset=steps)


async def enrolled(sessions: Sessions, clock: ManualClock) -> tuple[Authenticator, NewSession]:
    new = await sessions.sign_in_browser("admin", PASSWORD)
    assert new.signed_in.state is SessionState.ENROL
    secret, uri = await sessions.begin_second_step(new.signed_in)
    assert uri.startswith("otpauth://totp/")
    assert secret in uri
    phone = Authenticator(secret, clock)
    opened = await sessions.second_step(new.signed_in, phone.code())
    clock.advance(60)
    return phone, opened


async def live(database: Database, sessions: Sessions, token: str, *, waiting: bool = False) -> bool:
    async with database.transaction() as session:
        try:
            await sessions.check(session, token, browser=True, waiting=waiting)
        except NotSignedIn:
            return False
        return True


async def actions(database: Database) -> list[str]:
    async with database.transaction() as session:
        return [row.action for row in await audit.entries(session)]


async def test_whoever_needs_one_sets_it_up_first(database: Database, sessions: Sessions, clock: ManualClock) -> None:
    new = await sessions.sign_in_browser("admin", PASSWORD)
    assert not await live(database, sessions, new.token)
    assert await live(database, sessions, new.token, waiting=True)
    secret, _ = await sessions.begin_second_step(new.signed_in)
    with pytest.raises(second_steps.CodeWrong):
        await sessions.second_step(new.signed_in, "000000")
    opened = await sessions.second_step(new.signed_in, Authenticator(secret, clock).code())
    assert opened.signed_in.state is SessionState.OPEN
    assert len(set(opened.recovery_codes)) == 10
    assert await live(database, sessions, opened.token)
    assert not await live(database, sessions, new.token, waiting=True), "the token from before the step is void"
    assert "second_step.confirmed" in await actions(database)
    async with database.transaction() as session:
        row = await session.scalar(select(UserTotp))
        assert row is not None
        raw = await session.connection()
        sealed = (await raw.exec_driver_sql("SELECT secret FROM user_totp")).scalar_one()
    assert row.secret == secret
    assert secret.encode() not in sealed
    with pytest.raises(second_steps.SecondStepEnrolled):
        await sessions.begin_second_step(opened.signed_in, PASSWORD)


async def test_a_browser_gives_the_code_second(database: Database, sessions: Sessions, clock: ManualClock) -> None:
    phone, _ = await enrolled(sessions, clock)
    new = await sessions.sign_in_browser("admin", PASSWORD)
    assert new.signed_in.state is SessionState.TOTP
    assert not await live(database, sessions, new.token)
    opened = await sessions.second_step(new.signed_in, f" {phone.code()[:3]} {phone.code()[3:]} ")
    assert await live(database, sessions, opened.token)
    assert opened.signed_in.expires_at == clock.now() + POLICY.absolute


async def test_a_code_is_good_once_even_at_the_same_moment(sessions: Sessions, clock: ManualClock) -> None:
    phone, _ = await enrolled(sessions, clock)
    first, second = [await sessions.sign_in_browser("admin", PASSWORD) for _ in range(2)]
    both = await asyncio.gather(
        *(sessions.second_step(one.signed_in, phone.code()) for one in (first, second)), return_exceptions=True
    )
    assert sorted((type(one) for one in both), key=str) == sorted([NewSession, SignInRefused], key=str)


@pytest.mark.parametrize(("steps", "taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
async def test_a_code_of_a_step_beside_is_taken(
    sessions: Sessions, clock: ManualClock, steps: int, taken: bool
) -> None:
    phone, _ = await enrolled(sessions, clock)
    clock.advance(60)
    new = await sessions.sign_in_browser("admin", PASSWORD)
    if taken:
        await sessions.second_step(new.signed_in, phone.code(steps))
    else:
        with pytest.raises(SignInRefused):
            await sessions.second_step(new.signed_in, phone.code(steps))


async def test_right_passwords_bring_no_new_guesses_at_the_code(
    database: Database, sessions: Sessions, clock: ManualClock
) -> None:
    phone, _ = await enrolled(sessions, clock)
    for _ in range(POLICY.attempts):
        new = await sessions.sign_in_browser("admin", PASSWORD)
        with pytest.raises(SignInRefused):
            await sessions.second_step(new.signed_in, "no code")
    with pytest.raises(SignInRefused):
        await sessions.second_step(new.signed_in, phone.code())
    with pytest.raises(SignInRefused):
        await sessions.sign_in_browser("admin", PASSWORD)
    assert "login.locked" in await actions(database)
    async with database.transaction() as session:
        assert await users.unlock(session, await users.get(session, "admin"))
        assert not await users.unlock(session, await users.get(session, "admin"))
    await sessions.sign_in_browser("admin", PASSWORD)


async def test_locks_in_a_row_last_longer(sessions: Sessions, clock: ManualClock) -> None:
    async def lock() -> None:
        for _ in range(POLICY.attempts):
            with pytest.raises(SignInRefused):
                await sessions.sign_in("clerk", "wrong")

    for minutes in (15, 30, 60, 60):
        await lock()
        clock.advance(minutes * 60 - 1)
        with pytest.raises(SignInRefused):
            await sessions.sign_in("clerk", PASSWORD)
        clock.advance(1)
    await sessions.sign_in("clerk", PASSWORD)
    await lock()
    clock.advance(15 * 60)
    await sessions.sign_in("clerk", PASSWORD)


async def test_a_recovery_code_stands_in_once(sessions: Sessions, database: Database, clock: ManualClock) -> None:
    _, opened = await enrolled(sessions, clock)
    code = opened.recovery_codes[3]
    new = await sessions.sign_in_browser("admin", PASSWORD)
    await sessions.second_step(new.signed_in, code.lower().replace("-", " "))
    again = await sessions.sign_in_browser("admin", PASSWORD)
    with pytest.raises(SignInRefused):
        await sessions.second_step(again.signed_in, code)
    async with database.transaction() as session:
        assert await second_steps.recovery_codes_left(session, again.signed_in.person.id) == 9
    assert (await actions(database)).count("second_step.recovered") == 1


async def test_programs_send_the_code_beside_the_password(sessions: Sessions, clock: ManualClock) -> None:
    await sessions.sign_in("admin", PASSWORD)  # before there is one, as ever
    phone, _ = await enrolled(sessions, clock)
    for _ in range(POLICY.attempts + 1):
        with pytest.raises(SecondStepMissing):
            await sessions.sign_in("admin", PASSWORD)
    with pytest.raises(SignInRefused):
        await sessions.sign_in("admin", PASSWORD, code="000000")
    await sessions.sign_in("admin", PASSWORD, code=phone.code())


async def test_a_cookie_is_no_bearer_token(database: Database, sessions: Sessions) -> None:
    cookie = (await sessions.sign_in_browser("clerk", PASSWORD)).token
    bearer = (await sessions.sign_in("clerk", PASSWORD)).token
    async with database.transaction() as session:
        await sessions.check(session, cookie, browser=True)
        await sessions.check(session, bearer)
        for token, browser in ((cookie, False), (bearer, True)):
            with pytest.raises(NotSignedIn):
                await sessions.check(session, token, browser=browser)


async def test_a_session_that_waits_for_its_code_does_not_wait_for_ever(
    database: Database, sessions: Sessions, clock: ManualClock
) -> None:
    phone, _ = await enrolled(sessions, clock)
    new = await sessions.sign_in_browser("admin", PASSWORD)
    async with database.transaction() as session:
        assert await sessions.used(session, {new.signed_in.session_id}) == set()
    clock.advance(11 * 60)
    assert not await live(database, sessions, new.token, waiting=True)
    with pytest.raises(NotSignedIn):
        await sessions.second_step(new.signed_in, phone.code())


async def test_a_lost_phone(database: Database, sessions: Sessions, clock: ManualClock) -> None:
    await enrolled(sessions, clock)
    async with database.transaction() as session:
        user = await users.get(session, "admin")
        assert await second_steps.reset(session, user.id)
        assert not await second_steps.reset(session, user.id)
    assert (await sessions.sign_in_browser("admin", PASSWORD)).signed_in.state is SessionState.ENROL


async def test_one_sets_up_a_second_step_by_oneself(database: Database, sessions: Sessions, clock: ManualClock) -> None:
    new = await sessions.sign_in_browser("clerk", PASSWORD)
    assert new.signed_in.state is SessionState.OPEN
    with pytest.raises(SignInRefused):
        await sessions.begin_second_step(new.signed_in, "wrong")
    with pytest.raises(second_steps.SecondStepNotBegun):
        await sessions.second_step(new.signed_in, "000000")
    secret, _ = await sessions.begin_second_step(new.signed_in, PASSWORD)
    secret, _ = await sessions.begin_second_step(new.signed_in, PASSWORD)
    opened = await sessions.second_step(new.signed_in, Authenticator(secret, clock).code())
    assert opened.signed_in.expires_at == new.signed_in.expires_at
    assert not await live(database, sessions, new.token)
    assert (await sessions.sign_in_browser("clerk", PASSWORD)).signed_in.state is SessionState.TOTP


async def test_a_new_password_of_ones_own(database: Database, sessions: Sessions) -> None:
    here, there = [await sessions.sign_in_browser("clerk", PASSWORD) for _ in range(2)]
    with pytest.raises(SignInRefused):
        await sessions.change_password(here.signed_in, "wrong", "another horse")
    renewed = await sessions.change_password(here.signed_in, PASSWORD, "another horse")
    assert await live(database, sessions, renewed.token)
    assert not await live(database, sessions, here.token)
    assert not await live(database, sessions, there.token)
    await sessions.sign_in("clerk", "another horse")
    assert "password.changed" in await actions(database)
