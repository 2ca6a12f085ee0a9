"""隐号通话: a unit's handler and the citizen, joined by the line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from calls import call_out_store as store
from calls import masked_calls
from calls.call_out_models import CallOutRow
from calls.call_out_policy import CallNotAllowed, OutPolicy, Why
from calls.call_out_states import CallOutState
from calls.call_out_store import CallOutBusy
from calls.callback_ids import call_out_id
from calls.masked_calls import NoEvidence, NotTheOwnPhone
from calls.voice import VoiceProcess
from directory.models import Contact, Role, Unit, UnitLevel
from tests.agi.peer import until
from tests.calls.callback_line import AgentLeg
from tests.calls.line import DIRECTORY
from tests.calls.out_line import OutLine, agents_phone, story_of
from ticketing.errors import ActionNotAllowed, ActionNotPossible, NotYourUnitsTicket
from ticketing.handling.words import ContactOutcome
from ticketing.models import TicketAssignmentRow, TicketCallRow, TicketRow
from ticketing.schemas import Actor
from ticketing.unit_desk.errors import AnotherHandler
from ticketing.unit_desk.tables import HandlerRow
from ticketing.vocabulary import State

CITIZEN = "13812345678"
OFFICE = "03982812345"


@pytest.fixture
async def line(redis_url: str, database_url: str, tmp_path: Path) -> AsyncIterator[OutLine]:
    line = OutLine(redis_url, database_url, tmp_path)
    yield line
    await line.close()


@pytest.fixture
async def voice(line: OutLine) -> VoiceProcess:
    return await line.start()


@dataclass
class Office:
    """A unit with a phone, and another one."""

    line: OutLine
    unit: int
    phone: int
    other: int
    others_phone: int

    def handler(self, user: str = "zhang", *, unit: int | None = None, role: Role = Role.UNIT_HANDLER) -> Actor:
        return Actor(user, frozenset({role}), self.unit if unit is None else unit)

    async def ticket(self, number: str = f"+86{CITIZEN}", *, part: str = "working") -> str:
        """A confidential caller's ticket that the unit has a part in."""
        made = await self.line.ticket(number, state=State.HANDLING, confidentiality="confidential")
        async with self.line.database.transaction() as session:
            ticket = await session.scalar(select(TicketRow.id).where(TicketRow.number == made))
            session.add(
                TicketAssignmentRow(
                    ticket_id=ticket,
                    unit_id=self.unit,
                    part="lead",
                    state=part,
                    delivered_at=self.line.clock.now(),
                )
            )
        return made

    async def asks(self, ticket: str, actor: Actor | None = None, *, phone: int | None = None) -> CallOutRow:
        settings = self.line.settings()
        async with self.line.database.transaction() as session:
            return await masked_calls.request(
                session,
                ticket,
                self.phone if phone is None else phone,
                actor or self.handler(),
                directory=DIRECTORY,
                keys=settings.calls_out,
                policy=OutPolicy.of(settings),
                now=self.line.clock.now(),
            )

    async def evidence(self, row: CallOutRow, outcome: ContactOutcome, *, unit: int | None = None) -> None:
        async with self.line.database.transaction() as session:
            unit_id = self.unit if unit is None else unit
            await masked_calls.check_evidence(session, call_out_id(row.id), outcome, unit_id=unit_id)


@pytest.fixture
async def office(line: OutLine) -> Office:
    async with line.database.transaction() as session:
        units = [Unit(name=name, level=UnitLevel.COUNTY) for name in ("湖滨区城管局", "湖滨区住建局")]
        session.add_all(units)
        await session.flush()
        phones = [
            Contact(unit_id=units[0].id, name="办公室", number=OFFICE),
            Contact(unit_id=units[1].id, name="办公室", number="03982812346"),
        ]
        session.add_all(phones)
        await session.flush()
        return Office(line, units[0].id, phones[0].id, units[1].id, phones[1].id)


async def test_the_office_phone_rings_first_and_neither_sees_the_other(
    line: OutLine, voice: VoiceProcess, office: Office
) -> None:
    ticket = await office.ticket()
    row = await office.asks(ticket)
    leg = await agents_phone(line)
    call = story_of(row)
    assert (leg.called.phone, leg.leg) == (f"PJSIP/{OFFICE}@carrier", f"{call}-agent")
    assert CITIZEN not in str(leg.called), "the handler's phone is told nothing of the citizen"
    await line.call_out(row.id, "placing")
    await leg.answers()
    dialled = await leg.dials()
    assert dialled[:2] == [f"PJSIP/{CITIZEN}@carrier", "45"]
    assert dialled[2].startswith("gI"), "connected line updates would tell the handler the number"
    assert ["SET", "VARIABLE", "CALLERID(num)", "12345"] in leg.peer.commands
    await leg.citizen_answers()
    await line.call_out(row.id, "talking")
    with pytest.raises(NoEvidence):
        await office.evidence(row, ContactOutcome.ANSWERED)
    await leg.citizen_hangs_up()
    await leg.is_hung_up()
    done = await line.call_out(row.id, "ended")
    assert (done.outcome, done.owner, done.agent) == ("answered", None, None)
    assert done.talk_ms is not None
    assert done.talk_ms >= 500
    assert await line.kinds(call) == ["call_out", "call_out_dialled", "answered", "ended"]
    async with line.database.transaction() as session:
        assert (await session.scalars(select(TicketCallRow.call_id))).all() == [call]
    await office.evidence(row, ContactOutcome.ANSWERED)
    with pytest.raises(NoEvidence):
        await office.evidence(row, ContactOutcome.UNREACHABLE)
    with pytest.raises(NoEvidence):
        await office.evidence(row, ContactOutcome.ANSWERED, unit=office.other)


async def test_it_is_recorded_as_others(redis_url: str, database_url: str, tmp_path: Path) -> None:
    line = OutLine(redis_url, database_url, tmp_path, recording={"enabled": True})
    try:
        await line.start()
        async with line.database.transaction() as session:
            unit = Unit(name="湖滨区城管局", level=UnitLevel.COUNTY)
            session.add(unit)
            await session.flush()
            phone = Contact(unit_id=unit.id, name="办公室", number=OFFICE)
            session.add(phone)
            await session.flush()
            office = Office(line, unit.id, phone.id, 0, 0)
        row = await office.asks(await office.ticket())
        leg = await agents_phone(line)
        await leg.answers()
        assert (await leg.dials())[2] == f"gIU(hl-record-called^{story_of(row)})"
        await leg.citizen_fails("BUSY", 17)
        await line.call_out(row.id, "ended")
    finally:
        await line.close()


async def test_only_who_has_it_in_hand_and_only_to_the_own_phone(line: OutLine, office: Office) -> None:
    unsigned = await office.ticket("+8613900000001", part="delivered")
    with pytest.raises(ActionNotPossible):
        await office.asks(unsigned)
    ticket = await office.ticket()
    with pytest.raises(NotYourUnitsTicket):
        await office.asks(ticket, office.handler(unit=office.other), phone=office.others_phone)
    with pytest.raises(ActionNotAllowed):
        await office.asks(ticket, office.handler(role=Role.UNIT_LEADER))
    with pytest.raises(NotTheOwnPhone):
        await office.asks(ticket, phone=office.others_phone)
    async with line.database.transaction() as session:
        part = await session.scalar(select(TicketAssignmentRow).join(TicketRow).where(TicketRow.number == ticket))
        assert part is not None
        session.add(
            HandlerRow(
                ticket_id=part.ticket_id,
                part_id=part.id,
                person="li",
                state="active",
                version=1,
                given_by="li",
                since=line.clock.now(),
            )
        )
    with pytest.raises(AnotherHandler):
        await office.asks(ticket)
    row = await office.asks(ticket, office.handler("li"))
    assert (row.asked_by, row.unit_id, row.shown) == ("li", office.unit, "12345")


async def test_limits_against_nuisance_hold_and_one_call_at_a_time(
    line: OutLine, voice: VoiceProcess, office: Office
) -> None:
    ticket = await office.ticket()
    row = await office.asks(ticket)
    with pytest.raises(CallOutBusy):
        await office.asks(ticket)
    with pytest.raises(CallOutBusy):
        await office.asks(await office.ticket("+8613900000002"))
    leg = await agents_phone(line)
    await leg.answers()
    await leg.dials()
    await leg.citizen_fails("BUSY", 17)
    done = await line.call_out(row.id, "ended")
    assert (done.outcome, done.cause) == ("busy", 17)
    await office.evidence(row, ContactOutcome.UNREACHABLE)
    with pytest.raises(NoEvidence):
        await office.evidence(row, ContactOutcome.ANSWERED)
    with pytest.raises(CallNotAllowed) as soon:
        await office.asks(ticket)
    assert soon.value.refused.why is Why.TOO_SOON
    async with line.database.transaction() as session:
        await store.bar(session, "+8613900000003", reason="本人要求", by="1001", now=line.clock.now())
    with pytest.raises(CallNotAllowed):
        await office.asks(await office.ticket("+8613900000003"))


async def test_nobody_at_the_office_and_the_citizen_is_not_called(
    line: OutLine, voice: VoiceProcess, office: Office
) -> None:
    row = await office.asks(await office.ticket())
    leg = await agents_phone(line)
    await leg.agent_fails("NOANSWER", 19)
    done = await line.call_out(row.id, "not_placed")
    assert (done.outcome, done.dialled_at) == ("agent_no_answer", None)
    async with line.database.transaction() as session:
        assert (await session.scalars(select(TicketCallRow.call_id))).all() == []


async def test_a_number_that_was_barred_meanwhile_is_not_dialled(
    line: OutLine, voice: VoiceProcess, office: Office
) -> None:
    row = await office.asks(await office.ticket())
    leg = await agents_phone(line)
    async with line.database.transaction() as session:
        await store.bar(session, row.number, reason="本人要求", by="1001", now=line.clock.now())
    await leg.answers()
    await leg.is_hung_up()
    done = await line.call_out(row.id, "not_placed")
    assert (done.outcome, done.dialled_at) == ("not_allowed", None)


async def test_the_handler_hangs_up_while_it_rings(line: OutLine, voice: VoiceProcess, office: Office) -> None:
    row = await office.asks(await office.ticket())
    leg = await agents_phone(line)
    await leg.answers()
    await leg.dials()
    await leg.agent_hangs_up()
    done = await line.call_out(row.id, "ended")
    assert done.outcome == "agent_left"


async def test_a_talk_whose_process_died_has_an_end(line: OutLine, voice: VoiceProcess, office: Office) -> None:
    row = await office.asks(await office.ticket())
    leg: AgentLeg = await agents_phone(line)
    await leg.answers()
    await leg.dials()
    await leg.citizen_answers()
    await line.call_out(row.id, CallOutState.TALKING)
    await line.kill(voice)
    second = await line.start("voice-2")
    line.clock.set(line.clock.now() + store.LEASE)  # type: ignore[attr-defined]
    done = await line.call_out(row.id, "ended")
    assert done.outcome == "answered"
    await until(lambda: not second.calls_out.masked.in_hand.held)
    assert line.asterisk.called.empty(), "nobody is called twice for one click"
