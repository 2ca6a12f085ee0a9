"""What agents' screens are told: nothing is lost between two sockets, and the publisher learns what was written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import orjson
import pytest

from hotline import redis
from hotline.clock import ManualClock
from hotline.feed import TAKEN_OVER, AgentFeed, Frame, inbox_key
from hotline.redis import Redis

SITE = "smx"


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Redis]:
    client = redis.connect(redis_url, timeout=10.0)
    yield client
    await client.aclose()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 22, tzinfo=UTC))


@pytest.fixture
def feed(client: Redis, clock: ManualClock) -> AgentFeed:
    return AgentFeed(client, SITE, clock)


async def bodies(feed: AgentFeed, cursor: str, agent: str = "1001") -> list[int]:
    return [frame.body["n"] for frame in await feed.read(agent, cursor, block_ms=1)]


async def test_frames_are_read_in_order_each_by_its_agent_only(feed: AgentFeed) -> None:
    first = await feed.publish("1001", "pop", {"n": 1, "line": "人力资源"})
    await feed.publish("1002", "pop", {"n": 9})
    await feed.publish("1001", "call_ended", {"n": 2})
    frames = await feed.read("1001", "0-0")
    assert [(frame.kind, frame.body["n"]) for frame in frames] == [("pop", 1), ("call_ended", 2)]
    assert frames[0] == Frame(first, "pop", {"n": 1, "line": "人力资源"}, "")


async def test_a_screen_that_comes_back_gets_what_it_missed_and_nothing_twice(feed: AgentFeed) -> None:
    cursors = [await feed.publish("1001", "pop", {"n": n}) for n in range(5)]
    assert await bodies(feed, cursors[1]) == [2, 3, 4]
    assert await bodies(feed, cursors[4]) == []
    assert await feed.latest("1001") == cursors[4]
    assert await feed.latest("1002") == "0-0"


async def test_a_waiting_reader_is_woken_by_a_frame(feed: AgentFeed, redis_url: str, clock: ManualClock) -> None:
    blocking = redis.connect(redis_url, timeout=10.0)
    reader = AgentFeed(blocking, SITE, clock)

    async def next_frame() -> Frame:
        async for frame in reader.follow("1001", "0-0"):
            return frame
        raise AssertionError

    waiting = asyncio.create_task(next_frame())
    await asyncio.sleep(0)
    cursor = await feed.publish("1001", "pop", {"n": 1})
    assert (await asyncio.wait_for(waiting, 5)).cursor == cursor
    await blocking.aclose()


async def test_the_newest_of_a_kind_is_found_behind_others(feed: AgentFeed) -> None:
    for n, kind in enumerate(("pop", "agent_state", "pop", "agent_state")):
        await feed.publish("1001", kind, {"n": n})
    newest = await feed.newest("1001", "pop")
    assert newest is not None
    assert newest.body == {"n": 2}
    assert await feed.newest("1001", "ticket") is None


async def test_the_publisher_s_inbox_learns_that_its_frame_is_written(
    feed: AgentFeed, client: Redis, clock: ManualClock
) -> None:
    cursor = await feed.publish("1001", "pop", {"n": 1}, reply_to="ast1/voice-1")
    (frame,) = await feed.read("1001", "0-0")
    inbox = inbox_key(SITE, "ast1/voice-1")
    assert await client.llen(inbox) == 0  # to publish is not to have written
    await feed.written(frame, "1001")
    assert [orjson.loads(note) for note in await client.lrange(inbox, 0, -1)] == [
        {"type": "frame_written", "agent": "1001", "cursor": cursor, "at_ms": clock.now_ms()}
    ]


async def test_who_asked_for_no_answer_gets_none(feed: AgentFeed, client: Redis) -> None:
    await feed.publish("1001", "agent_state", {"n": 1})
    (frame,) = await feed.read("1001", "0-0")
    await feed.written(frame, "1001")
    assert await client.keys("*inbox*") == []


async def test_a_screen_that_is_not_renewed_goes_off(feed: AgentFeed, clock: ManualClock) -> None:
    assert not await feed.has_screen("1001")
    await feed.screen_is_on("1001")
    clock.advance(10)
    assert await feed.has_screen("1001")
    await feed.screen_is_on("1001")
    clock.advance(10)
    assert await feed.has_screen("1001")
    clock.advance(5)
    assert not await feed.has_screen("1001")


async def test_the_second_of_two_screens_wins_and_the_first_is_told(feed: AgentFeed) -> None:
    before = await feed.claim_screen("1001", "first")
    cursor = await feed.claim_screen("1001", "second")
    (frame,) = await feed.read("1001", before)
    assert (frame.kind, frame.body, frame.cursor) == (TAKEN_OVER, {"socket": "second"}, cursor)
    # The first closes after it gave way: the second one's screen stays on.
    await feed.release_screen("1001", "first")
    assert await feed.has_screen("1001")
    await feed.release_screen("1001", "second")
    assert not await feed.has_screen("1001")


async def test_one_agent_s_screens_do_not_touch_another_s(feed: AgentFeed) -> None:
    await feed.claim_screen("1001", "a")
    await feed.claim_screen("1002", "b")
    await feed.release_screen("1001", "a")
    assert await feed.has_screen("1002")
    assert [frame.kind for frame in await feed.read("1002", "0-0", block_ms=1)] == [TAKEN_OVER]


async def test_a_feed_forgets_what_is_old_and_ends_by_itself(feed: AgentFeed, client: Redis) -> None:
    """Redis trims in blocks of a hundred: some more than 200 frames may be there, never all."""
    for n in range(500):
        await feed.publish("1001", "pop", {"n": n})
    stream = redis.key(SITE, "feed", "1001")
    assert 200 <= await client.xlen(stream) < 400
    assert (await bodies(feed, "0-0"))[-1] < 499  # read in portions
    assert 0 < await client.ttl(stream) <= 24 * 3600
