"""回访全覆盖: what is due comes into the day's round once; who was not reached is told by SMS, and that closes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from sqlalchemy import delete, select

from calls import round_items, rounds
from calls.round_feeding import RoundFeeding
from calls.round_models import VisitItemRow, VisitRoundRow
from calls.round_states import Mode, RoundState
from calls.round_texts import RoundTexts, SmsGateway
from directory.loader import CurrentDirectory
from hotline import signing
from hotline.errors import PartUnavailable
from hotline.settings import Settings
from tests.ticketing.conftest import Counter, clock, counter, database, desk, people
from tests.ticketing.test_clocks import now
from ticketing import repository
from ticketing.refusals.tables import CitizenNoticeRow
from ticketing.schemas import Ticket
from ticketing.visits import visiting
from ticketing.visits.keeping import VisitKeeper
from ticketing.visits.tables import VisitRow
from ticketing.visits.words import AttemptWay, VisitState
from ticketing.vocabulary import Action, State

__all__ = ["clock", "counter", "database", "desk", "now", "people"]

KEY = "ab" * 32


@pytest.fixture
def feeding(counter: Counter, tmp_path: Path) -> RoundFeeding:
    settings = Settings(var_dir=tmp_path)
    directory = CurrentDirectory(counter.database, settings, tmp_path / "directory.json")
    return RoundFeeding(database=counter.database, directory=directory, settings=settings, clock=counter.clock)


async def replied(counter: Counter, number: str) -> Ticket:
    ticket = await counter.register(caller_number=number)
    ticket = await counter.act(ticket, Action.ACCEPT, counter.people.agent)
    unit = counter.people.handler.unit_id
    ticket = await counter.act(ticket, Action.DISPATCH, counter.people.dispatcher, lead_unit=unit)
    return await counter.replied(await counter.act(ticket, Action.SIGN_FOR, counter.people.handler))


async def listed(counter: Counter) -> list[tuple[str, str, str]]:
    async with counter.database.transaction() as session:
        rows = await session.execute(
            select(VisitRoundRow.name, VisitItemRow.ticket, VisitItemRow.state)
            .join(VisitRoundRow, VisitRoundRow.id == VisitItemRow.round_id)
            .order_by(VisitItemRow.round_id, VisitItemRow.position)
        )
        return [(name, ticket, state) for name, ticket, state in rows]


async def visit_state(counter: Counter, ticket: Ticket) -> str:
    async with counter.database.transaction() as session:
        row = await visiting.current(session, await repository.row(session, ticket.number))
    assert row is not None
    return row.state


async def state(counter: Counter, ticket: Ticket) -> str:
    async with counter.database.transaction() as session:
        return (await repository.row(session, ticket.number)).state


async def test_everything_due_comes_into_the_days_round_once(
    counter: Counter, feeding: RoundFeeding, now: Callable[[str], None]
) -> None:
    now("2026-11-23 10:00")
    first, second = await replied(counter, "13800000001"), await replied(counter, "13800000002")
    assert sum(await asyncio.gather(feeding.step(), feeding.step())) == 2
    assert await visit_state(counter, first) == VisitState.LISTED
    third, nameless = await replied(counter, "13800000003"), await replied(counter, "")
    assert await feeding.step() == 2
    today = "每日回访 2026-11-23"
    assert await listed(counter) == [
        (today, first.number, "waiting"),
        (today, second.number, "waiting"),
        (today, third.number, "waiting"),
        (today, nameless.number, "invalid"),
    ]
    # Nobody can be called: that is an end of the visit, and of the ticket.
    assert await state(counter, nameless) == State.VISITED
    assert await VisitKeeper(counter.database, counter.clock).step() == 1
    assert await state(counter, nameless) == State.CLOSED


async def test_what_a_round_leaves_out_comes_into_the_next_days(
    counter: Counter, feeding: RoundFeeding, now: Callable[[str], None]
) -> None:
    now("2026-11-23 10:00")
    ticket = await replied(counter, "13800000001")
    await feeding.step()
    async with counter.database.transaction() as session:
        (row,) = await session.scalars(select(VisitRoundRow))
        await rounds.turn(session, row.id, RoundState.CLOSED, counter.clock.now())
    assert await visit_state(counter, ticket) == VisitState.DUE
    assert await feeding.step() == 0, "somebody has closed today's"
    now("2026-11-24 10:00")
    assert await feeding.step() == 1
    assert [name for name, _, _ in await listed(counter)] == ["每日回访 2026-11-23", "每日回访 2026-11-24"]


async def test_a_ticket_replied_to_in_an_old_system_is_in_one_round_at_a_time(
    counter: Counter, feeding: RoundFeeding, now: Callable[[str], None]
) -> None:
    """It came with its state, without a visit; called in vain by one round, it is not for another."""
    now("2026-11-23 10:00")
    await feeding._directory.refresh()
    ticket = await replied(counter, "13800000001")
    async with counter.database.transaction() as session:
        await session.execute(delete(VisitRow))
        made = await rounds.make(
            session,
            "实机回访",
            Mode.AGENT,
            [ticket.number],
            directory=feeding._directory.snapshot,
            forbidden=(),
            by="admin",
            now=counter.clock.now(),
        )
        await rounds.turn(session, made.id, RoundState.RUNNING, counter.clock.now())
        await visiting.attempted(
            session, ticket.number, AttemptWay.PHONE, occasion="c1", by="1001", at=counter.clock.now()
        )
    assert await visit_state(counter, ticket) == VisitState.LISTED
    assert await feeding.step() == 0


async def unreachable(counter: Counter, now: Callable[[str], None], number: str) -> Ticket:
    ticket = await replied(counter, number)
    for attempt, moment in enumerate(("2026-11-23 10:00", "2026-11-23 15:00", "2026-11-24 10:00")):
        now(moment)
        async with counter.database.transaction() as session:
            await visiting.attempted(
                session, ticket.number, AttemptWay.IVR, occasion=f"c{attempt}", by="ivr", at=counter.clock.now()
            )
    return await counter.act(ticket, Action.VISIT, counter.people.visitor, note="未接通", outcome="unreachable")


async def test_a_citizen_nobody_reached_is_told_by_sms_and_the_ticket_closed(
    counter: Counter, now: Callable[[str], None], tmp_path: Path
) -> None:
    now("2026-11-23 09:00")
    ticket = await unreachable(counter, now, "13800000001")
    keeper = VisitKeeper(counter.database, counter.clock)
    assert await keeper.step() == 0, "not told yet"
    requests: list[httpx.Request] = []
    answers = [httpx.Response(503), httpx.Response(200, json={"receipt": "R-7"})]

    def gateway(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return answers[len(requests) - 1]

    (tmp_path / "sms").write_text(KEY)
    settings = Settings(
        var_dir=tmp_path, sms={"url": "https://sms.example/v1/send?a=1", "key_file": str(tmp_path / "sms")}
    )
    client = lambda: httpx.AsyncClient(transport=httpx.MockTransport(gateway))  # noqa: E731
    texts = RoundTexts(counter.database, SmsGateway(settings, counter.clock, client), counter.clock)
    with pytest.raises(PartUnavailable):
        await texts.step()
    assert await texts.step() == 1
    assert await texts.step() == 0
    first, second = requests
    assert first.content == second.content
    for request in requests:
        asked = signing.Request("POST", "/v1/send?a=1", request.content)
        claim = signing.claimed(request.headers)
        signing.verify([bytes.fromhex(KEY)], claim, asked, now=counter.clock.now().timestamp(), window_seconds=1)
    async with counter.database.transaction() as session:
        (notice,) = await session.scalars(select(CitizenNoticeRow))
    assert (notice.told, notice.note, notice.told_at) == ("sms", "回执 R-7", counter.clock.now())
    assert notice.text.encode() in first.content
    assert await keeper.step() == 1
    assert await state(counter, ticket) == State.CLOSED


async def test_a_landline_gets_no_sms_and_that_is_on_record(
    counter: Counter, now: Callable[[str], None], tmp_path: Path
) -> None:
    now("2026-11-23 09:00")
    ticket = await unreachable(counter, now, "0398-2822345")
    settings = Settings(var_dir=tmp_path, sms={"url": "https://sms.example/"})
    texts = RoundTexts(counter.database, SmsGateway(settings, counter.clock, httpx.AsyncClient), counter.clock)
    assert await texts.step() == 0
    async with counter.database.transaction() as session:
        (notice,) = await session.scalars(select(CitizenNoticeRow))
    assert (notice.told, notice.note) == ("no_contact", "非手机号码，无法发送短信")
    assert await VisitKeeper(counter.database, counter.clock).step() == 1
    assert await state(counter, ticket) == State.CLOSED


async def test_what_the_machine_heard_closes_only_where_the_citizen_is_satisfied(counter: Counter) -> None:
    keeper = VisitKeeper(counter.database, counter.clock)
    machine = type(counter.people.visitor)("ivr", counter.people.visitor.roles)
    for actor, said, closed in (
        (machine, "satisfied", 1),
        (machine, "dissatisfied", 0),
        (counter.people.visitor, "satisfied", 0),
    ):
        ticket = await counter.replied(await counter.handling())
        await counter.act(ticket, Action.VISIT, actor, note="回访", satisfaction=said)
        assert await keeper.step() == closed, (actor, said)


async def test_an_item_that_an_agent_puts_off_stays_with_its_round(
    counter: Counter, feeding: RoundFeeding, now: Callable[[str], None], tmp_path: Path
) -> None:
    now("2026-11-23 10:00")
    ticket = await replied(counter, "13800000001")
    await feeding.step()
    async with counter.database.transaction() as session:
        policy = await rounds.policy_of(session, Settings(var_dir=tmp_path))
        row = await round_items.next_item(session, "1007", policy, counter.clock.now())
        assert row is not None
        await round_items.skip(session, row, reason="已当面答复", until=None, policy=policy, now=counter.clock.now())
    assert await visit_state(counter, ticket) == VisitState.DUE
    assert await feeding.step() == 0
    now("2026-11-24 10:00")
    assert await feeding.step() == 1
