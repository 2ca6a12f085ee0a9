"""Possible duplicates: how near demands come, and five callers about one leak."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from sqlalchemy import cast, delete, select, text
from sqlalchemy.dialects.postgresql import TSQUERY

from tests.ticketing.conftest import Counter
from ticketing.policy import TicketPolicy
from ticketing.relations import duplicates, nearness, similarity
from ticketing.relations.duplicates import Demand
from ticketing.relations.schemas import Candidate, Why
from ticketing.relations.tables import TicketTextRow
from ticketing.schemas import Changes, Intake, Ticket
from ticketing.vocabulary import Action, LinkKind, State

LEAK = {"title": "黄河路12号门口自来水管漏水", "content": "路面一直在冒水，已经流到马路上", "area_code": "411202"}
PLACE = "湖滨区黄河路12号"


async def candidates(counter: Counter, demand: Demand, policy: TicketPolicy | None = None) -> list[Candidate]:
    async with counter.database.transaction() as session:
        return await duplicates.candidates(session, demand, policy=policy or TicketPolicy(), at=counter.clock.now())


def demand(ticket: Ticket) -> Demand:
    return Demand(ticket.title, ticket.content, ticket.caller_number, ticket.address, ticket.area_code, ticket.number)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("湖滨区黄河路12号", "黄河路12号", True),
        ("湖滨区黄河路12号门口", "三门峡市湖滨区黄河路１２号", True),
        ("黄河路12号", "黄河路120号", False),
        ("黄河路12号", "黄河路21号", False),
        ("黄河路12号", "崤山路12号", False),
        ("三门峡市湖滨区黄河路", "三门峡市湖滨区崤山路", False),
        ("河南省三门峡市陕州区神泉路", "神泉路", True),
        ("湖滨区", "湖滨区", False),
        ("丹尼斯超市门口", "三门峡市丹尼斯超市", True),
        ("阳光小区3号楼2单元", "阳光小区3号楼", True),
        ("阳光小区3号楼", "幸福小区3号楼", False),
        ("", "", False),
        ("黄", "黄", False),
    ],
)
def test_one_place_or_two(one: str, other: str, same: bool) -> None:
    assert similarity.same_place(one, other) is same
    assert similarity.same_place(other, one) is same


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("411202", "411202", True),
        ("411200", "411202", True),
        ("411202", "411202001000", True),
        ("411202001003", "411202001000", True),
        ("411202001003", "411202002000", False),
        ("411202", "411203", False),
        ("", "411203", True),
        ("410000", "411203", True),
    ],
)
def test_areas_lie_in_each_other(one: str, other: str, same: bool) -> None:
    assert similarity.same_area(one, other) is similarity.same_area(other, one) is same


def test_words_are_compared_by_pairs() -> None:
    leak = similarity.pairs("自来水管漏水")
    assert similarity.words(leak, leak) == 1.0
    assert similarity.words(leak, similarity.pairs("路灯不亮")) == 0.0
    assert similarity.words(leak, frozenset()) == 0.0
    near = similarity.words(leak, similarity.pairs("门口的自来水管在漏水"))
    assert 0.5 < near < 1.0


async def test_five_callers_one_leak(counter: Counter) -> None:
    """The first one has no counterpart; each later one is told of those before, with reasons, and merged into one."""
    people = counter.people
    said = [
        ("黄河路12号门口自来水管漏水", "路面一直在冒水，已经流到马路上", "黄河路12号"),
        ("黄河路12号自来水漏水", "水管破裂，路面冒水", PLACE),
        ("自来水管爆裂漏水", "黄河路12号门口路面冒水", "黄河路12号门口"),
        ("水管漏水没人管", "黄河路12号一直漏水，路面结冰", PLACE),
        ("反映漏水", "黄河路12号门口自来水管漏水两天了", PLACE),
    ]
    tickets: list[Ticket] = []
    for turn, (title, content, address) in enumerate(said):
        ticket = await counter.register(
            title,
            content=content,
            address=address,
            type="help",
            area_code="411202",
            caller_number=f"1390000000{turn}",
        )
        ticket = await counter.act(ticket, Action.ACCEPT, people.agent)
        found = await candidates(counter, demand(ticket))
        assert {one.number for one in found} == {one.number for one in tickets}, title
        for one in found:
            assert one.confidence >= 0.5
            assert {reason.why for reason in one.reasons} == {Why.SAME_PLACE, Why.SIMILAR_WORDS}
            assert one.proposal is LinkKind.MERGED
        counter.clock.advance(600)
        if tickets:
            main = tickets[0].number
            assert all(one.parent == main for one in found if one.number != main)
            ticket = await counter.merge(ticket, main, people.dispatcher)
            assert ticket.state is State.MERGED
        tickets.append(ticket)


async def test_one_reason_alone_is_not_enough(counter: Counter) -> None:
    await counter.register("社保卡补办", caller_number="13900000001", address=PLACE, area_code="411202")
    same_caller = Demand("路灯不亮", caller_number="+8613900000001")
    same_place = Demand("噪声扰民", address=PLACE, area_code="411202")
    assert await candidates(counter, same_caller) == []
    assert await candidates(counter, same_place) == []
    both = Demand("噪声扰民", caller_number="+8613900000001", address=PLACE, area_code="411202")
    (found,) = await candidates(counter, both)
    assert {reason.why for reason in found.reasons} == {Why.SAME_CALLER, Why.SAME_PLACE}
    assert found.confidence == pytest.approx(1 - 0.65 * 0.6)
    another_number = Demand("噪声扰民", caller_number="+8613900000001", address="黄河路13号", area_code="411202")
    assert await candidates(counter, another_number) == []


async def test_windows_are_the_policys(counter: Counter) -> None:
    ticket = await counter.register(**LEAK)
    again = Demand(str(LEAK["title"]), str(LEAK["content"]))
    counter.clock.advance(timedelta(days=30).total_seconds())
    assert [one.number for one in await candidates(counter, again)] == [ticket.number]
    counter.clock.advance(1)
    assert await candidates(counter, again) == []
    longer = TicketPolicy(duplicate_days=31)
    assert [one.number for one in await candidates(counter, again, longer)] == [ticket.number]
    stricter = TicketPolicy(duplicate_days=31, duplicate_percent=95)
    assert await candidates(counter, again, stricter) == []


async def test_a_closed_one_is_proposed_as_repeat_for_longer(counter: Counter) -> None:
    ticket = await counter.register(**LEAK)
    async with counter.database.transaction() as session:
        await counter.desk.answer_directly(session, ticket.number, "已修复", counter.people.agent, version=1)
    again = Demand(str(LEAK["title"]), str(LEAK["content"]))
    counter.clock.advance(timedelta(days=120).total_seconds())
    (found,) = await candidates(counter, again)
    assert (found.number, found.proposal, found.parent) == (ticket.number, LinkKind.REPEATS, None)
    counter.clock.advance(1)
    assert await candidates(counter, again) == []


async def test_a_correction_is_what_later_demands_are_compared_with(counter: Counter) -> None:
    ticket = await counter.register("有事反映")
    assert await candidates(counter, Demand(str(LEAK["title"]))) == []
    async with counter.database.transaction() as session:
        await counter.desk.amend(
            session, ticket.number, Changes(title=str(LEAK["title"])), counter.people.agent, version=1
        )
    assert [one.number for one in await candidates(counter, Demand(str(LEAK["title"])))] == [ticket.number]


async def test_words_are_found_by_their_index_alone(counter: Counter) -> None:
    """Without the kept words a stranger's demand is not found: the caller's number is the only other way."""
    await counter.register(**LEAK)
    async with counter.database.transaction() as session:
        await session.execute(delete(TicketTextRow))
    assert await candidates(counter, Demand(str(LEAK["title"]))) == []


@pytest.mark.parametrize(
    ("title", "share"), [("自来水管漏水", 1.0), ("自来水管坏了", 0.6), ("自来火柴好看", 0.2), ("一直在冒水", 1.0)]
)
async def test_the_share_of_asked_pairs_is_counted_by_the_database(title: str, share: float, counter: Counter) -> None:
    """PostgreSQL's rank is taken for a count: every pair counts the same, in title and content."""
    await counter.register(**LEAK)
    async with counter.database.transaction() as session:
        asked = await nearness.asked(session, title, "")
        assert asked is not None
        (found,) = await session.scalars(select(asked.share()).select_from(TicketTextRow))
        kept = (await session.scalars(select(TicketTextRow.ticket_id).where(asked.near()))).all()
    assert found == pytest.approx(share, abs=1e-3)
    assert len(kept) == (share > 0.25)


async def test_words_that_every_ticket_has_are_not_asked_for(counter: Counter) -> None:
    for n in range(40):
        await counter.register(f"市民反映问题{'甲乙丙丁戊己庚辛壬癸'[n % 10]}{'子丑寅卯'[n // 10]}")
    asked = Demand("市民反映自来水管漏水")
    await counter.register("自来水管漏水")
    async with counter.database.transaction() as session:
        await session.execute(text("ANALYZE ticket_text"))
    async with counter.database.transaction() as session:
        pairs = await nearness.asked(session, asked.title, "")
        assert pairs is not None
        found = list(await session.scalars(select(TicketTextRow.compared).where(pairs.near())))
    assert found == ["自来水管漏水"]
    assert [one.title for one in await candidates(counter, asked)] == ["自来水管漏水"]


@pytest.mark.parametrize("title", ["？！", "'", "水", "a'b & c | !d:*"])
async def test_a_title_of_any_form_can_be_asked_with(title: str, counter: Counter) -> None:
    await counter.register(**LEAK)
    assert await candidates(counter, Demand(title)) == []


async def test_a_match_is_found_among_many_that_share_its_words(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where too many texts have any of the asked pairs, the rarest ones and pairs of them find what all would."""
    matters = ("路灯不亮", "井盖缺失", "垃圾无人清运", "噪声扰民")
    async with counter.database.transaction() as session:
        for n in range(120):
            title = f"{'黄崤召建'[n % 4]}{'河山公设'[n // 4 % 4]}路{n}号{matters[n % 4]}"
            await counter.desk.register(
                session,
                Intake.model_validate({"title": title, "content": f"市民反映{title}", "area_code": "411202"}),
                counter.people.agent,
            )
    async with counter.database.transaction() as session:
        await session.execute(text("ANALYZE ticket_text"))
    leak = await counter.register("黄河路12号门口自来水管漏水", content="市民反映路面冒水", area_code="411202")
    again = Demand("黄河路12号自来水管又漏水了", "市民反映路面冒水", area_code="411202")
    everything = [one.number for one in await candidates(counter, again)]
    assert leak.number in everything
    monkeypatch.setattr(nearness, "_LOOKED_AT", 1)
    assert [one.number for one in await candidates(counter, again)] == everything


async def test_two_of_any_pairs_are_asked_for(counter: Counter) -> None:
    await counter.register("甲乙丙丁戊己庚辛壬癸")
    pairs = tuple(f"'{a}{b}'" for a, b in itertools.pairwise("子丑寅卯辰巳午未申"))
    for known in itertools.combinations(range(8), 1):
        assert await _has_two(counter, [*pairs[: known[0]], "'甲乙'", *pairs[known[0] + 1 :]]) is False
    for one, other in itertools.combinations(range(8), 2):
        asked = list(pairs)
        asked[one], asked[other] = "'甲乙'", "'己庚'"
        assert await _has_two(counter, asked) is True


async def _has_two(counter: Counter, asked: list[str]) -> bool:
    async with counter.database.transaction() as session:
        query = cast(nearness._two_of(asked), TSQUERY)
        return bool(await session.scalar(select(TicketTextRow.search.op("@@")(query))))
