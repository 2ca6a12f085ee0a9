"""Signing in on a real database: one answer to every refusal, a lock nobody slips past, sessions that end."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from directory import account_repository, users
from directory.models import Role, User, UserSession
from directory.passwords import Passwords, WeakPassword
from directory.sessions import SessionPolicy, Sessions, SignInRefused
from directory.users import Agent, NewUser, Person, UnknownUser
from hotline.clock import ManualClock
from hotline.database import Database
from hotline.errors import Conflict, InvalidInput, NotAllowed, NotSignedIn

PASSWORD = "correct horse 电池"
POLICY = SessionPolicy(idle=timedelta(minutes=60), absolute=timedelta(hours=12), attempts=3, lock=timedelta(minutes=15))
AGENT = NewUser("1001", "张三", frozenset({Role.AGENT}), agent=Agent("1001", {"general": 1, "expert-12333": 2}, "8001"))


class CountingHasher(PasswordHasher):
    """Remembers the hashes that passwords were held against."""

    def __init__(self, *, time_cost: int = 1) -> None:
        super().__init__(time_cost=time_cost, memory_cost=8, parallelism=1)
        self.verified: list[str | bytes] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override]
        self.verified.append(hash)
        return super().verify(hash, password)


@pytest.fixture
def hasher() -> CountingHasher:
    return CountingHasher()


@pytest.fixture
def sessions(database: Database, hasher: CountingHasher, clock: ManualClock) -> Sessions:
    return Sessions(database, Passwords(hasher), clock, POLICY)


@pytest.fixture
async def agent(database: Database, passwords: Passwords, clock: ManualClock) -> Person:
    async with database.transaction() as session:
        return await users.add_user(session, AGENT, PASSWORD, passwords, now=clock.now())


async def who(database: Database, sessions: Sessions, token: str) -> Person:
    async with database.transaction() as session:
        return (await sessions.check(session, token)).person


async def test_sign_in_and_be_known(database: Database, sessions: Sessions, agent: Person) -> None:
    new = await sessions.sign_in(" 1001 ", PASSWORD, client="Firefox\r\nX: y")
    assert await who(database, sessions, new.token) == new.signed_in.person == agent
    assert agent.agent == Agent("1001", {"expert-12333": 2, "general": 1}, "8001")
    async with database.transaction() as session:
        row = await session.scalar(select(UserSession))
    assert row is not None
    assert new.token.encode() not in row.token_hash
    assert row.client == "FirefoxX: y"


async def test_one_answer_and_the_same_work_for_every_refusal(
    database: Database, sessions: Sessions, agent: Person, hasher: CountingHasher, clock: ManualClock
) -> None:
    async def refused(login: str, password: str) -> tuple[str, int]:
        before = len(hasher.verified)
        with pytest.raises(SignInRefused) as refusal:
            await sessions.sign_in(login, password)
        return str(refusal.value), len(hasher.verified) - before

    answers = [await refused("1001", "wrong"), await refused("nobody", "wrong"), await refused("x\x00\ud800", "\ud800")]
    for _ in range(3):
        await refused("1001", "wrong")
    answers.append(await refused("1001", PASSWORD))  # locked
    clock.advance(3600)
    async with database.transaction() as session:
        await users.disable(session, await users.get(session, "1001"), now=clock.now())
    answers.append(await refused("1001", PASSWORD))
    answers.append(await refused("1001", "x" * 1_000_000))
    assert set(answers) == {(answers[0][0], 1)}


async def test_a_lock_ends_by_itself_and_a_success_clears_the_count(
    sessions: Sessions, agent: Person, clock: ManualClock
) -> None:
    async def wrong(times: int) -> None:
        for _ in range(times):
            with pytest.raises(SignInRefused):
                await sessions.sign_in("1001", "wrong")

    await wrong(2)
    await sessions.sign_in("1001", PASSWORD)
    await wrong(2)
    await sessions.sign_in("1001", PASSWORD)
    await wrong(3)
    with pytest.raises(SignInRefused):
        await sessions.sign_in("1001", PASSWORD)
    clock.advance(POLICY.lock.total_seconds() - 1)
    with pytest.raises(SignInRefused):
        await sessions.sign_in("1001", PASSWORD)
    clock.advance(1)
    await wrong(2)
    await sessions.sign_in("1001", PASSWORD)


async def tries_of_20_guesses_at_once(sessions: Sessions, database: Database, hasher: CountingHasher) -> int:
    """How many of the guesses were held against the agent's own password."""
    guesses = [sessions.sign_in("1001", f"guess {i}") for i in range(20)]
    answers = await asyncio.gather(*guesses, return_exceptions=True)
    assert all(isinstance(answer, SignInRefused) for answer in answers)
    assert len(hasher.verified) == 20, "the refused ones cost as much"
    async with database.transaction() as session:
        return hasher.verified.count((await users.get(session, "1001")).password_hash)


async def test_many_guesses_at_once_get_no_more_tries(
    sessions: Sessions, agent: Person, hasher: CountingHasher, database: Database
) -> None:
    assert await tries_of_20_guesses_at_once(sessions, database, hasher) == POLICY.attempts
    async with database.transaction() as session:
        assert (await users.get(session, "1001")).locked_until is not None


async def test_without_counting_first_they_all_get_one(
    sessions: Sessions, agent: Person, hasher: CountingHasher, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def only_look(session: AsyncSession, login: str, **_policy: object) -> account_repository.Attempt:
        user = await users.get(session, login)
        return account_repository.Attempt(user.id, user.password_hash, locked=False)

    monkeypatch.setattr(account_repository, "count_attempt", only_look)
    assert await tries_of_20_guesses_at_once(sessions, database, hasher) == 20


async def test_a_session_idles_out_unless_used(
    database: Database, sessions: Sessions, agent: Person, clock: ManualClock
) -> None:
    token = (await sessions.sign_in("1001", PASSWORD)).token
    for _ in range(3):
        clock.advance(59 * 60)
        await who(database, sessions, token)
    clock.advance(60 * 60)
    with pytest.raises(NotSignedIn):
        await who(database, sessions, token)


async def test_sessions_used_together_live_on_and_those_that_ended_are_told_apart(
    database: Database, sessions: Sessions, agent: Person, clock: ManualClock
) -> None:
    kept, idle, revoked = [(await sessions.sign_in("1001", PASSWORD)).signed_in.session_id for _ in range(3)]
    async with database.transaction() as session:
        await sessions.revoke(session, revoked)
    clock.advance(59 * 60)
    async with database.transaction() as session:
        assert await sessions.used(session, {kept, revoked}) == {kept}
    clock.advance(59 * 60)
    async with database.transaction() as session:
        assert await sessions.used(session, {kept, idle, revoked}) == {kept}
        await users.disable(session, await users.get(session, "1001"), now=clock.now())
        assert await sessions.used(session, {kept}) == set()


async def test_a_session_ends_however_much_it_is_used(
    database: Database, sessions: Sessions, agent: Person, clock: ManualClock
) -> None:
    new = await sessions.sign_in("1001", PASSWORD)
    assert new.signed_in.expires_at == clock.now() + POLICY.absolute
    for _ in range(23):
        clock.advance(30 * 60)
        await who(database, sessions, new.token)
    clock.advance(30 * 60)
    with pytest.raises(NotSignedIn):
        await who(database, sessions, new.token)


async def test_not_every_request_is_a_write(
    database: Database, sessions: Sessions, agent: Person, clock: ManualClock
) -> None:
    new = await sessions.sign_in("1001", PASSWORD)

    async def seen_after(seconds: float) -> float:
        clock.advance(seconds)
        await who(database, sessions, new.token)
        async with database.transaction() as session:
            (row,) = await sessions.live(session, agent.id)
        return (clock.now() - row.seen_at).total_seconds()

    assert await seen_after(10) == 10
    assert await seen_after(20) == 0


async def test_sessions_are_listed_and_revoked(database: Database, sessions: Sessions, agent: Person) -> None:
    first, second, third = [await sessions.sign_in("1001", PASSWORD) for _ in range(3)]
    async with database.transaction() as session:
        assert len(await sessions.live(session, agent.id)) == 3
        await sessions.sign_out(session, first.signed_in)
        assert not await sessions.revoke(session, first.signed_in.session_id)
        assert await sessions.revoke_others(session, third.signed_in) == 1
    for ended in (first, second):
        with pytest.raises(NotSignedIn):
            await who(database, sessions, ended.token)
    assert (await who(database, sessions, third.token)).login == "1001"


@pytest.mark.parametrize("token", ["", "x", "\ud800", "x" * 1_000_000])
async def test_a_made_up_token(database: Database, sessions: Sessions, token: str) -> None:
    with pytest.raises(NotSignedIn):
        await who(database, sessions, token)


async def test_a_new_password_ends_other_sessions_and_lifts_the_lock(
    database: Database, sessions: Sessions, agent: Person, passwords: Passwords, clock: ManualClock
) -> None:
    kept, ended = [await sessions.sign_in("1001", PASSWORD) for _ in range(2)]
    for _ in range(3):
        with pytest.raises(SignInRefused):
            await sessions.sign_in("1001", "wrong")
    async with database.transaction() as session:
        user = await users.get(session, "1001")
        await users.set_password(
            session, user, "another horse", passwords, now=clock.now(), keep_session=kept.signed_in.session_id
        )
    await who(database, sessions, kept.token)
    with pytest.raises(NotSignedIn):
        await who(database, sessions, ended.token)
    with pytest.raises(SignInRefused):
        await sessions.sign_in("1001", PASSWORD)
    await sessions.sign_in("1001", "another horse")


async def test_a_disabled_user_is_out_at_once(
    database: Database, sessions: Sessions, agent: Person, clock: ManualClock
) -> None:
    token = (await sessions.sign_in("1001", PASSWORD)).token
    async with database.transaction() as session:
        await users.disable(session, await users.get(session, "1001"), now=clock.now())
    with pytest.raises(NotSignedIn):
        await who(database, sessions, token)


async def test_a_password_changed_while_it_was_being_checked_opens_nothing(
    database: Database, agent: Person, passwords: Passwords, clock: ManualClock
) -> None:
    loop = asyncio.get_running_loop()

    class ChangesMeanwhile(CountingHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override]
            asyncio.run_coroutine_threadsafe(change(), loop).result(10)
            return super().verify(hash, password)

    async def change() -> None:
        async with database.transaction() as session:
            user = await users.get(session, "1001")
            await users.set_password(session, user, "another horse", passwords, now=clock.now())

    with pytest.raises(SignInRefused):
        await Sessions(database, Passwords(ChangesMeanwhile()), clock, POLICY).sign_in("1001", PASSWORD)


async def test_an_old_hash_is_renewed_at_sign_in(
    database: Database, sessions: Sessions, agent: Person, clock: ManualClock
) -> None:
    newer = Sessions(database, Passwords(CountingHasher(time_cost=2)), clock, POLICY)
    await newer.sign_in("1001", PASSWORD)
    async with database.transaction() as session:
        assert "t=2" in (await users.get(session, "1001")).password_hash
    await newer.sign_in("1001", PASSWORD)


async def test_the_event_loop_goes_on_while_a_password_is_checked(
    database: Database, agent: Person, clock: ManualClock
) -> None:
    loop = asyncio.get_running_loop()
    turned = asyncio.Event()

    class WaitsForTheLoop(CountingHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override]
            asyncio.run_coroutine_threadsafe(turn(), loop).result(10)
            return super().verify(hash, password)

    async def turn() -> None:
        turned.set()

    await Sessions(database, Passwords(WaitsForTheLoop()), clock, POLICY).sign_in("1001", PASSWORD)
    assert turned.is_set()


async def test_roles_are_asked_for_by_name_and_other_ones_end_sessions(
    database: Database, sessions: Sessions, agent: Person, clock: ManualClock
) -> None:
    new = await sessions.sign_in("1001", PASSWORD)
    signed_in = new.signed_in
    signed_in.require(Role.AGENT, Role.EXPERT)
    with pytest.raises(NotAllowed, match="supervisor"):
        signed_in.require(Role.SUPERVISOR)
    async with database.transaction() as session:
        await users.set_roles(session, await users.get(session, "1001"), {Role.SUPERVISOR}, now=clock.now())
        await users.set_groups(session, await users.get(session, "1001"), {"general": 3})
        now_known = await users.person(session, await users.get(session, "1001"))
    assert now_known.roles == {Role.SUPERVISOR}
    assert now_known.agent == Agent("1001", {"general": 3}, "8001")
    with pytest.raises(NotSignedIn):
        await who(database, sessions, new.token)


def test_the_roles_are_these() -> None:
    assert {role.value for role in Role} == {
        "agent",
        "expert",
        "supervisor",
        "dispatcher",
        "visit_agent",
        "knowledge_editor",
        "unit_handler",
        "unit_head",
        "unit_leader",
        "county_body",
        "government_leader",
        "inspector",
        "auditor",
        "admin",
    }


@pytest.mark.parametrize(
    "new",
    [
        NewUser("", "张三"),
        NewUser("Zhang", "张三"),
        NewUser("a b", "张三"),
        NewUser("x" * 33, "张三"),
        NewUser("1002", " "),
        NewUser("1002", "张\n三"),
        NewUser("1002", "张三", frozenset({Role.EXPERT})),
        NewUser("1002", "张三", agent=Agent("10 02", {})),
        NewUser("1002", "张三", agent=Agent("1002", {}, "8001&8002")),
        NewUser("1002", "张三", agent=Agent("1002", {"General": 1})),
        NewUser("1002", "张三", agent=Agent("1002", {"general": 0})),
    ],
)
async def test_no_such_user_can_be(database: Database, passwords: Passwords, clock: ManualClock, new: NewUser) -> None:
    async with database.transaction() as session:
        with pytest.raises(InvalidInput):
            await users.add_user(session, new, PASSWORD, passwords, now=clock.now())


@pytest.mark.parametrize("password", ["", "short", "x" * 129, "aaaaaaaaaa", "Supervisor-1"])
async def test_weak_passwords(database: Database, passwords: Passwords, clock: ManualClock, password: str) -> None:
    async with database.transaction() as session:
        with pytest.raises(WeakPassword):
            await users.add_user(session, NewUser("supervisor-1", "班长"), password, passwords, now=clock.now())


async def test_a_login_and_a_work_number_belong_to_one_person(
    database: Database, passwords: Passwords, agent: Person, clock: ManualClock
) -> None:
    async with database.transaction() as session:
        for new in (NewUser("1001", "李四"), NewUser("1002", "李四", agent=Agent("1001", {}))):
            with pytest.raises(Conflict):
                await users.add_user(session, new, PASSWORD, passwords, now=clock.now())
        with pytest.raises(UnknownUser):
            await users.get(session, "1002")
        assert [person.login for person in await users.people(session)] == ["1001"]


async def test_long_ended_sessions_are_forgotten(
    database: Database, sessions: Sessions, agent: Person, clock: ManualClock
) -> None:
    await sessions.sign_in("1001", PASSWORD)
    clock.advance(timedelta(days=60).total_seconds())
    await sessions.sign_in("1001", PASSWORD)
    clock.advance(timedelta(days=31).total_seconds())
    async with database.transaction() as session:
        assert await sessions.forget(session) == 1
        assert len((await session.scalars(select(UserSession))).all()) == 1


async def test_an_attempt_counts_even_if_the_rest_fails(database: Database, agent: Person, clock: ManualClock) -> None:
    class Breaks(CountingHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override]
            raise MemoryError

    with pytest.raises(MemoryError):
        await Sessions(database, Passwords(Breaks()), clock, POLICY).sign_in("1001", PASSWORD)
    async with database.transaction() as session:
        user = await account_repository.user(session, "1001")
        assert isinstance(user, User)
        assert user.failed_attempts == 1
