"""县级承办单位 and 政府分管领导: what a county's body may do over units below it, and what the leader decides."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from directory import unit_tree
from directory.models import Role, Unit, UnitLevel
from tests.ticketing.conftest import Counter
from ticketing import repository
from ticketing.coordination import meetings
from ticketing.coordination.meetings import MeetingReport, MeetingSaid
from ticketing.coordination.words import MeetingAction, MeetingState
from ticketing.errors import ActionNotAllowed, NotYourUnitsTicket
from ticketing.handling import parts, rulings, supervision
from ticketing.handling.errors import NotYourSide
from ticketing.handling.parts import PartSaid
from ticketing.handling.records import Said
from ticketing.handling.rulings import RulingSaid
from ticketing.handling.words import PartAction, RulingAction, RulingState, SupervisionAction
from ticketing.schemas import Actor, SupervisionOrder, Ticket
from ticketing.vocabulary import Action

LEADER = Actor("fsz1", frozenset({Role.GOVERNMENT_LEADER}))


@dataclass
class County:
    """A county's body, a bureau below it and a team below that; and another county."""

    body: Actor
    bureau: Actor
    team: Actor
    other: Actor


@pytest.fixture
async def county(counter: Counter) -> County:
    async with counter.database.transaction() as session:

        async def unit(name: str, above: int | None) -> int:
            row = Unit(name=name, level=UnitLevel.COUNTY, parent_id=above)
            session.add(row)
            await session.flush()
            return row.id

        body = await unit("湖滨区政府热线办", None)
        bureau = await unit("湖滨区城管局", body)
        team = await unit("湖滨区城管大队", bureau)
        other = await unit("陕州区政府热线办", None)
    handler = frozenset({Role.UNIT_HANDLER})
    return County(
        Actor("hbq1", frozenset({Role.COUNTY_BODY}), body),
        Actor("hbcg1", handler, bureau),
        Actor("hbcd1", handler, team),
        Actor("szq1", frozenset({Role.COUNTY_BODY}), other),
    )


async def dispatched(counter: Counter, to: Actor) -> Ticket:
    people = counter.people
    ticket = await counter.act(await counter.register(), Action.ACCEPT, people.agent)
    return await counter.act(ticket, Action.DISPATCH, people.dispatcher, lead_unit=to.unit_id)


def order(counter: Counter, unit: int | None = None) -> dict[str, Any]:
    deadline = counter.clock.now() + timedelta(days=1)
    return {"ground": "other", "form": "order", "deadline": deadline.isoformat(), "unit_id": unit}


async def test_who_lies_below_whom_and_in_which_county(counter: Counter, county: County) -> None:
    async with counter.database.transaction() as session:
        below = await unit_tree.below(session, county.body.unit_id)
        assert below == {county.bureau.unit_id, county.team.unit_id}
        assert await unit_tree.below(session, None) == frozenset()
        tree = unit_tree.counties()
        rows = {row.unit_id: row.county_id for row in await session.execute(tree.select())}
    own = county.body.unit_id
    assert rows == {
        own: own,
        county.bureau.unit_id: own,
        county.team.unit_id: own,
        county.other.unit_id: county.other.unit_id,
    }, "units of the city are of no county"


async def test_a_circle_in_the_tree_ends(counter: Counter, county: County) -> None:
    async with counter.database.transaction() as session:
        body = await session.get_one(Unit, county.body.unit_id)
        body.parent_id = county.team.unit_id
    async with counter.database.transaction() as session:
        below = await unit_tree.below(session, county.body.unit_id)
        assert below == {county.bureau.unit_id, county.team.unit_id}
        rows = (await session.execute(unit_tree.counties().select())).all()
        assert len({row.unit_id for row in rows}) == len(rows) == 4


async def test_a_countys_body_signs_for_and_hands_down_level_by_level(counter: Counter, county: County) -> None:
    ticket = await dispatched(counter, county.body)
    with pytest.raises(NotYourUnitsTicket):
        await counter.act(ticket, Action.SIGN_FOR, county.other)
    ticket = await counter.act(ticket, Action.SIGN_FOR, county.body)
    given = county.body
    for below in (county.bureau, county.team):
        part = next(one for one in (await counter.file(ticket)).assignments if one.unit_id == given.unit_id)
        async with counter.database.transaction() as session:
            if given is not county.body:
                said: dict[str, Any] = {"version": part.version, "at": counter.clock.now()}
                await parts.act(session, ticket.number, part.id, PartAction.SIGN_FOR, given, **said, said=PartSaid())
                part = part.model_copy(update={"version": part.version + 1})
            await parts.act(
                session,
                ticket.number,
                part.id,
                PartAction.HAND_DOWN,
                given,
                version=part.version,
                at=counter.clock.now(),
                said=PartSaid(units=(below.unit_id or 0,)),
            )
        given = below
    assert [one.unit_id for one in (await counter.file(ticket)).assignments] == [
        county.body.unit_id,
        county.bureau.unit_id,
        county.team.unit_id,
    ]


async def test_a_countys_body_supervises_what_lies_below_it_alone(counter: Counter, county: County) -> None:
    ticket = await dispatched(counter, county.team)
    with pytest.raises(NotYourUnitsTicket):
        await counter.act(ticket, Action.SUPERVISE, county.other, note="催", supervision=order(counter))
    for wrong in (county.other.unit_id, county.body.unit_id):
        with pytest.raises(NotYourUnitsTicket):
            await counter.act(ticket, Action.SUPERVISE, county.body, note="催", supervision=order(counter, wrong))
    await counter.act(ticket, Action.SUPERVISE, county.body, note="请抓紧", supervision=order(counter))
    async with counter.database.transaction() as session:
        (row,) = await supervision.newest(session, unit_id=county.team.unit_id)
        assert (row.raised_by, row.unit_id) == ("hbq1", county.team.unit_id)
        theirs = SupervisionOrder.model_validate(order(counter, county.bureau.unit_id) | {"form": "leader"})
        leaders = await supervision.issue(session, theirs, "请核实", ticket=None, by=LEADER, at=counter.clock.now())
        said: dict[str, Any] = {"version": 1, "at": counter.clock.now(), "said": Said(note="已办")}
        with pytest.raises(NotYourSide):
            await supervision.act(session, leaders.id, SupervisionAction.LIFT, county.body, **said)
        lifted = await supervision.act(session, row.id, SupervisionAction.LIFT, county.body, **said)
        assert lifted.state == "lifted"
    own = await dispatched(counter, county.body)
    with pytest.raises(NotYourUnitsTicket):
        await counter.act(own, Action.SUPERVISE, county.body, note="催", supervision=order(counter))


async def test_the_leader_rules_where_the_government_is_asked(counter: Counter, county: County) -> None:
    people = counter.people
    why = {"note": "不属我局职责", "basis": "三定方案第三条"}
    ruled: dict[str, Any] = {"unit": county.bureau.unit_id, "ruled_by": "副市长", "document": "纪要〔2026〕3号"}
    for authority, allowed in (("staffing", False), ("government", True)):
        ticket = await dispatched(counter, people.handler)
        ticket = await counter.act(ticket, Action.RETURN, people.handler, **why)
        ticket = await counter.act(ticket, Action.AGREE_RETURN, people.dispatcher)
        unit = people.other_handler.unit_id
        ticket = await counter.act(ticket, Action.DISPATCH, people.dispatcher, lead_unit=unit)
        ticket = await counter.act(ticket, Action.RETURN, people.other_handler, **why)
        async with counter.database.transaction() as session:
            (row,) = await rulings.of(session, (await repository.row(session, ticket.number)).id)
            now = counter.clock.now()
            asked = RulingSaid.model_validate({"authority": authority, "note": "两次退单"})
            submit, rule, number = RulingAction.SUBMIT, RulingAction.RULE, ticket.number
            with pytest.raises(ActionNotAllowed):
                await rulings.act(session, number, row.id, submit, LEADER, version=1, at=now, said=asked)
            await rulings.act(session, number, row.id, submit, people.dispatcher, version=1, at=now, said=asked)
            said = RulingSaid.model_validate(ruled)
            if not allowed:
                with pytest.raises(ActionNotAllowed):
                    await rulings.act(session, number, row.id, rule, LEADER, version=2, at=now, said=said)
                continue
            row = await rulings.act(session, number, row.id, rule, LEADER, version=2, at=now, said=said)
            assert (row.state, row.unit_id) == (RulingState.RULED, county.bureau.unit_id)


async def test_the_leader_calls_special_meetings_and_no_joint_ones(counter: Counter) -> None:
    people = counter.people
    ticket = await dispatched(counter, people.handler)
    both = [people.handler.unit_id, people.other_handler.unit_id]
    report = MeetingReport.model_validate({"kind": "joint", "report": "涉及两家", "units": both})
    said = MeetingSaid.model_validate({"convener": "副市长", "held_at": counter.clock.now()})
    async with counter.database.transaction() as session:
        now = counter.clock.now()
        joint = await meetings.report(session, ticket.number, report, people.dispatcher, at=now)
        acts: dict[str, Any] = {"version": 1, "at": now, "said": said}
        with pytest.raises(ActionNotAllowed):
            await meetings.act(session, ticket.number, joint.id, MeetingAction.CONVENE, LEADER, **acts)
        joint.kind = "special"
        await session.flush()
        row = await meetings.act(session, ticket.number, joint.id, MeetingAction.CONVENE, LEADER, **acts)
        assert (row.state, row.convener) == (MeetingState.CONVENED, "副市长")


async def test_the_second_extension_is_the_units_own_leaders(counter: Counter) -> None:
    people = counter.people
    ticket = await counter.act(await dispatched(counter, people.handler), Action.SIGN_FOR, people.handler)
    ticket = await counter.act(ticket, Action.EXTEND, people.handler, note="需勘验")
    with pytest.raises(ActionNotAllowed):
        await counter.act(ticket, Action.SIGN_EXTENSION, LEADER)
