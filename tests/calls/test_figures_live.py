"""The board of live figures: what it shows of the real distribution, that one process writes it, and that readers are
told nothing but what changed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd.service import Acd
from calls.facts import Entry, Kind, seq_at
from calls.figure_board import Change, ChangesLost, FigureBoard
from calls.figure_board import Entry as BoardEntry
from calls.live_figures import LiveFigures
from directory.loader import CurrentDirectory
from hotline.clock import to_ms
from tests.acd.line import SITE, Line
from tests.calls.figure_line import ZONE, FigureLine
from tests.calls.line import StandingDirectory

_NAMES = st.sampled_from(["queue:a", "queue:b", "agent:1", "line"])
_BOARDS = st.dictionaries(
    _NAMES, st.fixed_dictionaries({"waiting": st.none() | st.integers(0, 3), "ready": st.integers(0, 2)})
)


def applied(before: Mapping[str, BoardEntry], change: Change) -> dict[str, BoardEntry]:
    """What a reader makes of a change."""
    after = {name: dict(entry) for name, entry in before.items() if name not in change.gone}
    for name, fields in change.changed.items():
        after.setdefault(name, {}).update(fields)
    return after


@given(_BOARDS, _BOARDS)
def test_a_change_leads_from_one_board_to_the_other(
    before: dict[str, BoardEntry], after: dict[str, BoardEntry]
) -> None:
    change = Change.between(before, after)
    assert applied(before, change) == after
    assert bool(change) == (before != after)
    for name, fields in change.changed.items():
        assert all(name not in before or before[name][field] != value for field, value in fields.items())


class Room:
    """Distribution, and processes that keep the board."""

    def __init__(self, figures: FigureLine) -> None:
        self.figures = figures
        self.line = Line(figures.redis)
        self.board = FigureBoard(figures.redis, SITE)

    def live(self, process: str = "ast1/jobs") -> LiveFigures:
        return LiveFigures(
            acd=Acd(self.figures.redis, site=SITE, process=process, clock=self.line.clock, policy=self.line.policy),
            board=self.board,
            database=self.figures.database,
            directory=cast(CurrentDirectory, StandingDirectory()),
            zone=ZONE,
            process=process,
            clock=self.line.clock,
        )

    async def entries(self) -> Mapping[str, BoardEntry]:
        return (await self.board.read()).entries


@pytest.fixture
def room(figures: FigureLine) -> Room:
    return Room(figures)


async def test_the_board_shows_what_queues_and_agents_do(room: Room) -> None:
    line, live = room.line, room.live()
    acd = await line.process()
    for agent in ("1001", "1002"):
        await line.agent(acd, agent)
    await line.agent(acd, "2003", "expert-12333")
    first = await line.call(acd)
    (offer,) = await line.offers()
    await acd.answered(await acd.ringing(offer, 20_000))
    line.pass_ms(2_000)
    await acd.heartbeat()
    await live.step()
    shown = await room.entries()
    general = shown["queue:general"]
    assert (general["name"], general["waiting"], general["longest_since_ms"]) == ("综合", 0, None)
    assert (general["ready"], general["talking"], general["wrap_up"]) == (1, 1, 0)
    assert shown["queue:expert-12333"]["ready"] == 1, "who would be offered a call that comes now"
    assert shown["line"]["agents"] == {"READY": 2, "TALKING": 1}
    talker = shown[f"agent:{offer.agent}"]
    assert (talker["state"], talker["queue"], talker["since_ms"]) == ("TALKING", "general", line.now - 2_000)
    assert (await acd.call(first)) is not None
    await acd.finished(await acd.renew(offer, line.now + 1_000), 30_000)
    for agent in ("1001", "1002"):
        if agent != offer.agent:
            await acd.set_not_ready(agent, "小休")
    queued_ms = line.now
    await line.call(acd)
    line.pass_ms(1_500)
    await line.call(acd, head_start_ms=60_000)
    await live.step()
    general = (await room.entries())["queue:general"]
    assert (general["waiting"], general["ready"], general["talking"], general["wrap_up"]) == (2, 0, 0, 1)
    assert general["longest_since_ms"] == queued_ms, "the one that waits longest, not the one at the front"
    await acd.sign_out("2003")
    await live.step()
    assert "agent:2003" not in await room.entries()


async def test_readers_are_told_nothing_but_what_changed(room: Room) -> None:
    line, live = room.line, room.live()
    acd = await line.process()
    await line.agent(acd, "1001")
    await live.step()
    whole = await room.board.read()
    told: list[Change] = []

    async def follow() -> None:
        async for _, change in room.board.follow(whole.cursor, block_ms=100):
            told.append(change)

    following = asyncio.create_task(follow())
    for _ in range(3):
        line.pass_ms(1_000)
        assert not await live.step(), "time that passes is no change"
    await acd.set_not_ready("1001", "小休")
    await live.step()
    async with asyncio.timeout(15):
        while not told:
            await asyncio.sleep(0.01)
    following.cancel()
    (change,) = told
    assert change.changed == {
        "agent:1001": {"state": "NOT_READY", "reason": "小休", "since_ms": line.now},
        "queue:general": {"ready": 0},
        "line": {"agents": {"NOT_READY": 1}},
    }
    assert applied(whole.entries, change) == await room.entries()


async def test_one_process_writes_and_another_takes_over(room: Room) -> None:
    acd = await room.line.process()
    await room.line.agent(acd, "1001")
    one, two = room.live("ast1/jobs"), room.live("ast2/jobs")
    assert await one.step()
    assert await two.step() is None
    await acd.set_not_ready("1001", "小休")
    assert await two.step() is None
    assert (await room.entries())["agent:1001"]["state"] == "READY", "only the writer writes"
    await room.figures.redis.delete("{smx}:figures:leader")
    change = await two.step()
    assert change is not None
    assert change.changed["agent:1001"]["state"] == "NOT_READY"
    assert "extension" not in change.changed["agent:1001"], "it goes on from what the former one left"
    assert await one.step() is None
    await room.figures.redis.delete("{smx}:figures:leader")
    assert not (await room.board.read()).kept_up
    assert await one.step() is not None
    assert (await room.board.read()).kept_up


async def test_a_writer_that_lost_its_lease_meanwhile_changes_nothing(room: Room) -> None:
    await room.board.take("ast1/jobs")
    await room.figures.redis.set("{smx}:figures:leader", "ast2/jobs")
    entries = {"line": {"waiting": 7}}
    assert not await room.board.write("ast1/jobs", Change.between({}, entries), entries)
    assert await room.entries() == {}


async def test_after_a_flush_the_whole_board_is_there_again(room: Room) -> None:
    live = room.live()
    acd = await room.line.process()
    await room.line.agent(acd, "1001")
    await live.step()
    before = await room.board.read()
    await room.figures.redis.flushall()
    await live.step()
    after = await room.entries()
    assert after["queue:general"]["ready"] == 0
    assert "agent:1001" not in after
    assert after["line"]["agents"] == {}
    with pytest.raises(ChangesLost):
        await anext(room.board.follow(before.cursor, block_ms=100))


def _call(number: int, at_ms: int, waited_ms: int, *, answered: bool) -> list[Entry]:
    call = f"ast1-1795222800.{number}"

    def fact(kind: Kind, at: int, agent: str | None = None, **told: object) -> Entry:
        return Entry(call, seq_at(at, len(kind)), f"{kind}:1", kind.value, at, "ast1/voice-1", agent, told)

    over = fact(Kind.ANSWERED, at_ms + waited_ms, "1001") if answered else fact(Kind.ABANDONED, at_ms + waited_ms)
    return [fact(Kind.ENTERED, at_ms, line="12345"), fact(Kind.QUEUED, at_ms, queue="general"), over]


async def test_today_is_the_city_s_day_and_24_hours_are_exactly_that(room: Room) -> None:
    line, live = room.line, room.live()
    acd = await line.process()
    await line.agent(acd, "1001")
    midnight = line.clock.now().astimezone(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    today, day_ago = to_ms(midnight), line.now - 24 * 3600 * 1000
    await room.figures.journal(
        [
            *_call(1, today, 1_000, answered=True),
            *_call(2, today + 5_000, 30_000, answered=True),
            *_call(3, today + 9_000, 8_000, answered=False),
            *_call(4, today - 2_000, 1_999, answered=True),
            *_call(5, day_ago + 1, 9_000, answered=False),
            *_call(6, day_ago - 1, 9_000, answered=False),
        ]
    )
    await room.figures.count()
    await live.step()
    shown = await room.entries()
    general = shown["queue:general"]
    assert (general["offered"], general["answered"], general["abandoned"]) == (3, 2, 1)
    assert (general["service_level"], general["promptness"], general["abandonment"]) == (1 / 3, 1 / 2, 1 / 3)
    assert shown["queue:night"]["service_level"] is None
    assert shown["agent:1001"]["calls"] == 2
    assert shown["line"]["connection_rate_24h"] == 3 / 5
    line.clock.advance(timedelta(seconds=20).total_seconds())
    await live.step()
    assert (await room.entries())["line"]["connection_rate_24h"] == 3 / 4
