"""嘉宾接听 (SMX 四(四)): what a guest takes down, somebody of ours decides on."""

from __future__ import annotations

import pytest

from directory.models import Role
from directory.passwords import Passwords
from directory.users import Agent, NewUser, add_user
from tests.ticketing.conftest import Counter
from tests.ticketing.record_tables import is_in_the_table_or_refused_by_name
from ticketing.errors import ActionNotAllowed
from ticketing.guests import sittings
from ticketing.guests.errors import GuestUnderSupervision, NoSuchSeat, SeatTaken
from ticketing.guests.sittings import SITTING_MOVES, Plan
from ticketing.guests.tables import GuestSittingRow
from ticketing.guests.words import SittingAction, SittingState
from ticketing.handling.records import Said
from ticketing.schemas import Actor
from ticketing.vocabulary import Action, State

HOST = Actor("1002", frozenset({Role.AGENT}))


@pytest.fixture(autouse=True)
async def _seats(counter: Counter) -> None:
    async with counter.database.transaction() as session:
        for number in ("1001", "1002"):
            new = NewUser(f"a{number}", number, frozenset({Role.AGENT}), None, Agent(number, {"general": 1}))
            await add_user(session, new, "hotline-test-1", Passwords(), now=counter.clock.now())


async def plan(
    counter: Counter, actor: Actor | None = None, *, seat: str = "1001", host: str = "1002"
) -> GuestSittingRow:
    said = Plan.model_validate({"guest": "李代表", "standing": "deputy", "seat": seat, "host": host})
    async with counter.database.transaction() as session:
        return await sittings.plan(session, said, actor or counter.people.supervisor, at=counter.clock.now())


async def step(counter: Counter, row: GuestSittingRow, action: SittingAction) -> GuestSittingRow:
    async with counter.database.transaction() as session:
        return await sittings.act(
            session, row.id, action, counter.people.supervisor,
            version=row.version, at=counter.clock.now(), said=Said(),
        )  # fmt: skip


@pytest.mark.parametrize("state", SittingState)
@pytest.mark.parametrize("action", SittingAction)
def test_every_pair_is_in_the_table_or_refused_by_name(state: SittingState, action: SittingAction) -> None:
    is_in_the_table_or_refused_by_name(SITTING_MOVES, state, action)


async def test_who_plans_and_who_may_sit(counter: Counter) -> None:
    with pytest.raises(ActionNotAllowed):
        await plan(counter, counter.people.agent)
    for seat, host in (("1001", "1001"), ("9999", "1002"), ("1001", "9999")):
        with pytest.raises(NoSuchSeat):
            await plan(counter, seat=seat, host=host)
    first, second = await plan(counter), await plan(counter)
    await step(counter, first, SittingAction.BEGIN)
    with pytest.raises(SeatTaken):
        await step(counter, second, SittingAction.BEGIN)


async def test_what_was_taken_down_while_a_guest_sat_is_decided_by_another(counter: Counter) -> None:
    agent = counter.people.agent
    before = await counter.register()
    counter.clock.advance(60)
    row = await step(counter, await plan(counter), SittingAction.BEGIN)
    during = await counter.register()
    for action, said in ((Action.ACCEPT, {}), (Action.ANSWER, {"note": "已答复"})):
        with pytest.raises(GuestUnderSupervision, match="1002"):
            await counter.act(during, action, agent, **said)
    counter.clock.advance(60)
    await step(counter, row, SittingAction.END)
    counter.clock.advance(60)
    after = await counter.register()
    with pytest.raises(GuestUnderSupervision):
        await counter.act(during, Action.ACCEPT, agent)
    assert (await counter.act(during, Action.ACCEPT, HOST)).state is State.TO_DISPATCH
    for ticket in (before, after):
        assert (await counter.act(ticket, Action.ACCEPT, agent)).state is State.TO_DISPATCH
