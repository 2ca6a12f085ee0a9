"""Search in tickets by words: newest first, page by page, whatever stretches the hits lie in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select, text

from tests.ticketing.conftest import Counter, People
from ticketing import lifecycle, repository, searching
from ticketing.filters import Narrowing
from ticketing.models import TicketRow
from ticketing.relations import stretches, texts
from ticketing.repository import Filters
from ticketing.schemas import Changes, Details, Ticket
from ticketing.vocabulary import Action, Source, State

MATTERS = ("路灯不亮", "井盖缺失", "路灯杆歪斜")


async def some(counter: Counter, count: int) -> None:
    """Tickets whose ids lie far apart, as if millions were between them."""
    async with counter.database.transaction() as session:
        await session.execute(text("SELECT setval(pg_get_serial_sequence('ticket', 'id'), 100)"))
    for n in range(count):
        await counter.register(f"{MATTERS[n % 3]}{n}号")
        async with counter.database.transaction() as session:
            await session.execute(
                text("SELECT setval(pg_get_serial_sequence('ticket', 'id'), :at)"), {"at": 101 + (n + 1) ** 5}
            )


async def found(
    counter: Counter,
    words: str,
    state: State | None = None,
    *,
    unit: int | None = None,
    narrowing: Narrowing | None = None,
) -> list[str]:
    narrowing = narrowing or Narrowing()
    titles: list[str] = []
    before: int | None = None
    while True:
        async with counter.database.transaction() as session:
            page, before = await repository.newest(
                session,
                Filters(state, unit_id=unit, text=words, more=narrowing.conditions(), marks=narrowing.marks()),
                before=before,
                limit=2,
            )
        titles += [ticket.title for ticket in page]
        if before is None:
            return titles


@pytest.mark.parametrize("rare", [0, 10**9])
async def test_every_hit_is_on_one_page_the_newest_first(
    rare: int, counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever way they are looked for."""
    await some(counter, 20)
    async with counter.database.transaction() as session:
        await session.execute(text("ANALYZE ticket_text"))
    monkeypatch.setattr(searching, "_RARE", rare - 1)
    wanted = [f"{MATTERS[n % 3]}{n}号" for n in reversed(range(20)) if n % 3 != 1]
    assert await found(counter, "路灯") == wanted
    assert await found(counter, "路灯 不亮") == [title for title in wanted if "不亮" in title]
    assert await found(counter, "井盖缺失1号") == ["井盖缺失1号"]
    assert await found(counter, "路灯", State.HANDLING) == []
    assert await found(counter, "路灯", State.REGISTERED) == wanted
    assert await found(counter, "飞碟") == await found(counter, "！？") == []


@pytest.mark.parametrize("rare", [0, 10**9])
async def test_a_unit_finds_what_it_has_a_part_in_and_nothing_else(
    rare: int, counter: Counter, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    await some(counter, 6)
    mine, theirs = people.handler.unit_id, people.other_handler.unit_id
    async with counter.database.transaction() as session:
        numbers = list(await session.scalars(select(TicketRow.number).order_by(TicketRow.id)))
    for n, number in enumerate(numbers):
        async with counter.database.transaction() as session:
            ticket = Ticket.model_validate(await repository.row(session, number))
        ticket = await counter.act(ticket, Action.ACCEPT, people.agent)
        if n < 4:
            assisting = [theirs] if n == 0 else []
            ticket = await counter.act(
                ticket,
                Action.DISPATCH,
                people.dispatcher,
                lead_unit=mine if n < 3 else theirs,
                assisting_units=assisting,
            )
        if n == 2:
            # What is said later is found as well, and what is taken back no more.
            async with counter.database.transaction() as session:
                await lifecycle.apply(
                    session,
                    number,
                    Action.SUPPLEMENT,
                    people.agent,
                    version=ticket.version,
                    at=counter.clock.now(),
                    details=Details(note="市民补充"),
                    changes={"content": "北侧的井盖也缺失"},
                )
                await texts.remember(session, await repository.row(session, number))
        if n == 1:
            await counter.act(ticket, Action.RECALL, people.dispatcher, note="另派")
    async with counter.database.transaction() as session:
        await session.execute(text("ANALYZE ticket_text"))
    monkeypatch.setattr(searching, "_RARE", rare - 1)
    assert await found(counter, "路灯", unit=mine) == ["路灯杆歪斜2号", "路灯不亮0号"]
    assert await found(counter, "路灯", unit=theirs) == ["路灯不亮3号", "路灯不亮0号"]
    assert await found(counter, "井盖", unit=mine) == ["路灯杆歪斜2号"]
    assert await found(counter, "路灯", State.TO_SIGN, unit=theirs) == ["路灯不亮3号", "路灯不亮0号"]
    assert len(await found(counter, "路灯")) == 4


@pytest.mark.parametrize("rare", [0, 10**9])
async def test_words_are_found_in_what_a_list_is_narrowed_to(
    rare: int, counter: Counter, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n, (source, area) in enumerate(
        (("mail", "411202003000"), ("mail", "411224"), ("phone", "411202"), ("phone", ""), ("phone", "411224"))
    ):
        last = await counter.register(f"路灯不亮{n}号", source=source, area_code=area)
    async with counter.database.transaction() as session:
        # What is corrected is found where it is now.
        changes = Changes(area_code="411202003001")
        await counter.desk.amend(session, last.number, changes, people.agent, version=last.version)
    async with counter.database.transaction() as session:
        await session.execute(text("ANALYZE ticket_text"))
    monkeypatch.setattr(searching, "_RARE", rare - 1)

    async def those(**asked: Any) -> list[int]:
        return [int(title[4]) for title in await found(counter, "路灯", narrowing=Narrowing(**asked))]

    assert await those(source=Source.MAIL) == [1, 0]
    assert await those(source=Source.PHONE) == [4, 3, 2]
    assert await those(area="411202") == [4, 2, 0]
    assert await those(area="411202003000") == [0]
    assert await those(area="411202003001") == [4]
    assert await those(area="411200") == await those(area="410000") == [4, 2, 1, 0]
    assert await those(area="411224") == [1]
    assert await those(area="411224", source=Source.PHONE) == await those(source=Source.GOV_CN) == []
    assert await those(categories=("C1", "C2")) == await those(categories=("C1",)) == []


@pytest.mark.parametrize("below", [1, 2, 1024, 1025, 5_000_001])
def test_a_stretch_is_asked_for_as_its_tickets_name_it(below: int) -> None:
    at = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
    mine = stretches.lexemes(below - 1, at).split()
    for place in range(len(stretches.WIDTHS)):
        asked = stretches.newest(below, place).split(" | ")
        assert mine[place] in asked
        assert stretches.reaches_first(below, place) is (stretches.lexemes(1, at).split()[place] in asked)
    assert mine[-1] in stretches.since(at, at).split(" | ")
    later = datetime(2027, 4, 1, tzinfo=UTC)
    assert mine[-1] in stretches.since(at, later).split(" | ")
    assert mine[-1] not in stretches.since(later, later)
