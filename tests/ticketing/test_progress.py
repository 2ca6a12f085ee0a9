"""办理进度自助查询: the right number and code hear the state; all else is one answer, and guesses are limited."""

from __future__ import annotations

import asyncio
import re
import statistics
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import structlog
from sqlalchemy import select, text

from hotline.database import Database
from hotline.errors import PartUnavailable
from hotline.keys import add_key
from hotline.redis import Redis, connect
from tests.ticketing.conftest import MORNING, Counter
from ticketing.progress import ProgressDesk, ProgressRefused, number_of, typed_number
from ticketing.progress_codes import QueryCodes
from ticketing.progress_guard import GuessPolicy
from ticketing.progress_tables import QueryCodeRow
from ticketing.progress_words import NOT_FOUND, SENTENCES
from ticketing.schemas import Ticket
from ticketing.vocabulary import Action, State

POLICY = GuessPolicy(ticket=3, caller=5, all_a_minute=1000, lock_ms=60_000)
CALLER = "+8613812345678"


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    yield client
    await client.aclose()


class Line:
    """A desk, its codes, and tickets that have some."""

    def __init__(self, counter: Counter, redis: Redis, folder: Path) -> None:
        self.counter = counter
        self.redis = redis
        self.key_file = folder / "keys" / "query-codes"
        self.codes = QueryCodes(self.key_file)

    def desk(self, policy: GuessPolicy = POLICY, *, answer_seconds: float = 0.0) -> ProgressDesk:
        """Another process's desk each time."""
        return ProgressDesk(
            database=self.counter.database,
            redis=self.redis,
            codes=QueryCodes(self.key_file),
            site="smx",
            policy=policy,
            answer_seconds=answer_seconds,
        )

    async def ticket(self) -> tuple[Ticket, str]:
        ticket = await self.counter.register()
        async with self.counter.database.transaction() as session:
            code = await self.codes.first(session, ticket.number, by="1001", at=MORNING)
        assert code is not None
        return ticket, code

    async def again(self, ticket: Ticket) -> str:
        async with self.counter.database.transaction() as session:
            return await self.codes.again(session, ticket.number, by="1001", at=MORNING)


@pytest.fixture
def line(counter: Counter, redis: Redis, tmp_path: Path) -> Line:
    return Line(counter, redis, tmp_path)


def other(code: str) -> str:
    """A code that is not this one."""
    return f"{(int(code) + 1) % 10**6:06d}"


async def refused(desk: ProgressDesk, number: str, code: str, caller: str = CALLER, way: str = "phone") -> bool:
    try:
        await desk.look_up(number, code, way=way, caller=caller)
    except ProgressRefused as error:
        told = (error.detail, error.remedy, error.__cause__)
    else:
        return False
    assert told == (NOT_FOUND, "", None)
    return True


def test_every_state_has_one_sentence_of_its_own() -> None:
    assert set(SENTENCES) == set(State)
    assert len(set(SENTENCES.values())) == len(State)
    assert all(re.fullmatch(r"[\u4e00-\u9fff，。]+", sentence) for sentence in SENTENCES.values())
    assert NOT_FOUND not in SENTENCES.values()


def test_a_number_is_typed_without_its_letters() -> None:
    assert typed_number("SMX20261121000001", "smx") == "20261121000001"
    written = ("20261121000001", "SMX20261121000001", "smx20261121000001", " smx 20261121 000001 ")
    assert {number_of(one, "smx") for one in written} == {"SMX20261121000001"}


async def test_right_number_and_code_hear_the_state(line: Line) -> None:
    ticket, code = await line.ticket()
    assert re.fullmatch(r"[0-9]{6}", code)
    desk = line.desk()
    found = await desk.look_up(typed_number(ticket.number, "smx"), code, way="phone", caller=CALLER)
    assert (found.number, found.sentence) == (ticket.number, SENTENCES[State.REGISTERED])
    await line.counter.act(ticket, Action.ACCEPT, line.counter.people.agent)
    found = await desk.look_up(ticket.number, code, way="web", caller="")
    assert found.sentence == SENTENCES[State.TO_DISPATCH]


async def test_a_code_is_told_once_and_kept_as_a_keyed_hash(line: Line, database: Database) -> None:
    ticket, code = await line.ticket()
    async with database.transaction() as session:
        assert await line.codes.first(session, ticket.number, by="1001", at=MORNING) is None
        row = (await session.scalars(select(QueryCodeRow))).one()
        assert (row.issues, row.issued_by) == (1, "1001")
        kept = str((await session.execute(text("SELECT t.* FROM ticket_query_code t"))).all())
    assert code not in kept
    assert (line.key_file.stat().st_mode & 0o077) == 0
    # Another site's key proves nothing with the same rows.
    line.key_file.unlink()
    assert await refused(line.desk(), ticket.number, code)


async def test_a_new_code_voids_the_former(line: Line) -> None:
    ticket, first = await line.ticket()
    second = await line.again(ticket)
    desk = line.desk()
    if first != second:
        assert await refused(desk, ticket.number, first)
    assert not await refused(desk, ticket.number, second)


async def test_codes_outlive_a_change_of_the_key(line: Line) -> None:
    ticket, code = await line.ticket()
    running = line.desk()
    assert not await refused(running, ticket.number, code)
    add_key(line.key_file)
    assert not await refused(line.desk(), ticket.number, code)
    # A process that runs on with the former ring learns of the new key when it meets it.
    line.codes = QueryCodes(line.key_file)
    newer = await line.again(ticket)
    assert not await refused(running, ticket.number, newer)


async def test_a_ticket_without_a_code_is_as_unknown(line: Line) -> None:
    ticket = await line.counter.register()
    assert await refused(line.desk(), ticket.number, "000000")


async def test_wrong_things_of_every_kind_are_one_answer(line: Line) -> None:
    ticket, code = await line.ticket()
    desk = line.desk(replace(POLICY, ticket=100, caller=100))
    for number, given in (
        (ticket.number, other(code)),
        (ticket.number, ""),
        (ticket.number, code + "0"),
        (ticket.number, "\0" + code),
        ("20990101000001", code),
        ("", code),
        ("'; DROP TABLE ticket; --", code),
        ("9" * 500, "9" * 500),
        ("工单", "查询码"),
    ):
        assert await refused(desk, number, given), (number, given)
    assert not await refused(desk, ticket.number, code)


async def test_a_ticket_is_locked_after_some_guesses_for_everybody(line: Line) -> None:
    ticket, code = await line.ticket()
    desk = line.desk()
    for caller in ("+8613800000001", "+8613800000002", "+8613800000003"):
        assert await refused(desk, ticket.number, other(code), caller)
    # The right code is refused as the wrong one was: another process, another caller, another way.
    assert await refused(line.desk(), ticket.number, code, "+8613800000004")
    assert await refused(line.desk(), ticket.number, code, "192.0.2.1", way="web")
    spare, its_code = await line.ticket()
    assert not await refused(desk, spare.number, its_code, "+8613800000004")


async def test_a_new_code_lifts_the_lock(line: Line) -> None:
    ticket, code = await line.ticket()
    desk = line.desk()
    for at in range(3):
        assert await refused(desk, ticket.number, other(code), f"+861380000000{at}")
    code = await line.again(ticket)
    assert await refused(desk, ticket.number, code)
    await desk.lift_lock(ticket.number)
    assert not await refused(desk, ticket.number, code)


async def test_a_caller_is_locked_after_some_guesses_whatever_the_ticket(line: Line) -> None:
    ticket, code = await line.ticket()
    desk = line.desk()
    for at in range(5):
        assert await refused(desk, f"2099010100000{at}", code)
    assert await refused(desk, ticket.number, code)
    assert not await refused(desk, ticket.number, code, "+8613800000009")
    # The same number on the web is somebody else.
    assert not await refused(desk, ticket.number, code, way="web")


async def test_all_guesses_together_are_limited_by_way(line: Line) -> None:
    ticket, code = await line.ticket()
    desk = line.desk(replace(POLICY, all_a_minute=4))
    for at in range(4):
        assert await refused(desk, f"2099010100000{at}", code, f"192.0.2.{at}", way="web")
    assert await refused(desk, ticket.number, code, "192.0.2.9", way="web")
    assert not await refused(desk, ticket.number, code)


async def test_right_questions_are_not_counted(line: Line) -> None:
    ticket, code = await line.ticket()
    desk = line.desk()
    assert await refused(desk, ticket.number, other(code))
    assert await refused(desk, ticket.number, other(code))
    for _ in range(10):
        assert not await refused(desk, ticket.number, code)
    # But they do not wipe out what was guessed before: one more is the last.
    assert await refused(desk, ticket.number, other(code))
    assert await refused(desk, ticket.number, code)


async def test_many_guesses_at_once_get_no_further_than_one_after_the_other(line: Line, redis: Redis) -> None:
    ticket, code = await line.ticket()
    desk = line.desk(replace(POLICY, caller=1000))
    guesses = [f"{number:06d}" for number in range(40) if f"{number:06d}" != code]
    answers = await asyncio.gather(*(refused(desk, ticket.number, guess) for guess in guesses))
    assert all(answers)
    name = f"{{smx}}:progress:ticket:{desk.codes.tag(ticket.number)}"
    assert await redis.get(name) == str(POLICY.ticket)
    assert await refused(desk, ticket.number, code)


async def test_a_lock_ends_by_itself_and_nobody_makes_it_longer(line: Line, redis: Redis) -> None:
    ticket, code = await line.ticket()
    desk = line.desk()
    for _ in range(3):
        assert await refused(desk, ticket.number, other(code))
    names = [name async for name in redis.scan_iter("*progress*")]
    lives = {name: await redis.pttl(name) for name in names}
    assert len(names) == 3
    assert all(0 < life <= 60_000 for life in lives.values())
    # As if it were about to end: knocking does not renew it.
    locked = next(name for name in names if ":ticket:" in name)
    await redis.pexpire(locked, 400)
    assert await refused(desk, ticket.number, code)
    assert 0 < await redis.pttl(locked) <= 400
    async with asyncio.timeout(10):
        while await redis.exists(locked):
            await asyncio.sleep(0.02)
    assert not await refused(desk, ticket.number, code)


async def test_neither_redis_nor_logs_hold_a_number_or_a_code(line: Line, redis: Redis) -> None:
    ticket, code = await line.ticket()
    desk = line.desk()
    digits = typed_number(ticket.number, "smx")
    with structlog.testing.capture_logs() as logs:
        for _ in range(5):
            assert await refused(desk, ticket.number, other(code))
    names = " ".join([name async for name in redis.scan_iter("*")])
    for secret in (digits, CALLER.removeprefix("+"), code, other(code)):
        assert secret not in names
        assert secret not in str(logs)
    assert [entry["by"] for entry in logs if entry["event"] == "progress.locked"] == ["ticket", "ticket"]


async def test_without_redis_nobody_may_guess(line: Line) -> None:
    ticket, code = await line.ticket()
    away = connect("redis://127.0.0.1:1/0")
    desk = ProgressDesk(
        database=line.counter.database,
        redis=away,
        codes=line.codes,
        site="smx",
        policy=POLICY,
        answer_seconds=0,
    )
    with pytest.raises(PartUnavailable) as raised:
        await desk.look_up(ticket.number, code, way="phone", caller=CALLER)
    assert ticket.number not in str(raised.value)
    await away.aclose()


async def test_a_key_file_that_others_may_read_is_refused(line: Line) -> None:
    ticket, code = await line.ticket()
    line.key_file.chmod(0o644)
    with pytest.raises(PartUnavailable, match="others may read it"):
        await line.desk().look_up(ticket.number, code, way="phone", caller=CALLER)


async def test_each_wrong_kind_takes_the_same_time(line: Line) -> None:
    ticket, code = await line.ticket()
    locked, its_code = await line.ticket()
    desk = line.desk(replace(POLICY, caller=10_000, ticket=10_000, all_a_minute=10_000), answer_seconds=0.2)
    strict = line.desk(replace(POLICY, ticket=3, caller=10_000, all_a_minute=10_000), answer_seconds=0.2)
    for _ in range(3):
        await refused(strict, locked.number, other(its_code))

    async def takes(asked: ProgressDesk, number: str, given: str) -> float:
        began = time.perf_counter()
        await refused(asked, number, given)
        return time.perf_counter() - began

    kinds = {
        "right": (desk, ticket.number, code),
        "wrong code": (desk, ticket.number, other(code)),
        "unknown": (desk, "20990101000001", code),
        "locked": (strict, locked.number, its_code),
    }
    took = {name: [await takes(*asked) for _ in range(7)] for name, asked in kinds.items()}
    middle = {name: statistics.median(times) for name, times in took.items()}
    assert min(min(times) for times in took.values()) >= 0.2
    assert max(middle.values()) - min(middle.values()) < 0.05, middle
