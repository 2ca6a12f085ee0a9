"""What follows from an answer: a callback, a ticket's evaluation, figures. PostgreSQL is real."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from calls import callback_store, nuisance
from calls.callback_models import CallbackRow
from calls.facts import Entry, Kind
from calls.history import Period, Step
from calls.ingest import insert_entries
from calls.nuisance import NewFlag
from calls.nuisance_evidence import Piece
from calls.nuisance_tables import Measure
from calls.satisfaction import About, Answers, satisfaction, total
from calls.survey_followups import SurveyFollowUps
from calls.survey_policy import LEVELS, is_satisfied
from calls.survey_tables import FollowUp, SurveyRow, SurveyTicketRow, TicketVerdict
from directory.loader import CurrentDirectory
from directory.models import Role
from hotline.clock import ManualClock, to_ms
from hotline.database import Database
from hotline.settings import Survey
from tests.calls.line import StandingDirectory
from ticketing import lifecycle, repository
from ticketing.intake import IntakeDesk
from ticketing.schemas import Actor, Details, Intake, Ticket
from ticketing.vocabulary import Action, Satisfaction

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
CALLER = "+8613812345678"
AGENT = Actor("1001", frozenset({Role.AGENT, Role.SUPERVISOR}))


class Office:
    """The jobs process' part, and what it looks at."""

    def __init__(self, database: Database, **keys: Any) -> None:
        self.database = database
        self.clock = ManualClock(NOW)
        self.keys = Survey(**keys)
        self.jobs = SurveyFollowUps(
            database=database,
            directory=cast(CurrentDirectory, StandingDirectory()),
            keys=self.keys,
            clock=self.clock,
        )
        self.desk = IntakeDesk(site="smx", zone="Asia/Shanghai", area_code="0398", clock=self.clock)

    async def tells(self, *entries: Entry) -> None:
        async with self.database.transaction() as session:
            await insert_entries(session, entries)

    async def call(self, number: int, level: int | None, *, at: datetime = NOW, caller: str | None = CALLER) -> str:
        """A call that was answered and asked about."""
        call = f"ast1-1763761000.{number}"
        await self.tells(*story(call, level, at=at, caller=caller))
        return call

    async def ticket(self, call: str, *, answered: bool = True) -> Ticket:
        async with self.database.transaction() as session:
            ticket = await self.desk.register(session, Intake(title="路灯不亮", call=call), AGENT)
            if answered:
                ticket = await self.desk.answer_directly(
                    session, ticket.number, "已告知。", AGENT, version=ticket.version
                )
            return ticket

    async def answer(self, call: str) -> SurveyRow:
        async with self.database.transaction() as session:
            return (await session.scalars(select(SurveyRow).where(SurveyRow.call_id == call))).one()

    async def callbacks(self) -> list[CallbackRow]:
        async with self.database.transaction() as session:
            return list(await session.scalars(select(CallbackRow)))

    async def history(self, ticket: Ticket) -> list[tuple[Action, str, Any]]:
        async with self.database.transaction() as session:
            file = await repository.file(session, ticket.number)
        return [(entry.action, entry.actor, entry.details.get("satisfaction")) for entry in file.history]

    async def verdicts(self) -> list[str]:
        async with self.database.transaction() as session:
            return list(await session.scalars(select(SurveyTicketRow.verdict)))


def story(
    call: str,
    level: int | None,
    *,
    at: datetime = NOW,
    caller: str | None = CALLER,
    agent: str | None = "1001",
    queue: str = "general",
    reason: str = "",
) -> list[Entry]:
    """The facts of a call that was asked about."""
    at_ms = to_ms(at)

    def fact(nth: int, kind: Kind, by: str | None = None, **attributes: Any) -> Entry:
        return Entry(call, at_ms * 1000 + nth, kind.value, kind.value, at_ms, "ast1/voice-1", by, attributes)

    outcome = "no_key" if level is None else "rated"
    facts = [
        fact(0, Kind.ENTERED, caller=caller, line="12300", dialled="12300"),
        fact(1, Kind.ANSWERED, agent),
        fact(2, Kind.SURVEY, agent, outcome=outcome, level=level, source="ivr", queue=queue),
    ]
    return [*facts, fact(3, Kind.SURVEY_REASON, agent, reason=reason)] if reason else facts


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database)


@pytest.mark.parametrize("order", list(permutations(range(4))))
async def test_facts_make_the_same_row_in_whatever_order_they_come(office: Office, order: tuple[int, ...]) -> None:
    facts = story("ast1-1763761000.1", 5, reason="skill")
    for nth in order:
        await office.tells(facts[nth])
        await office.tells(facts[nth])
    row = await office.answer("ast1-1763761000.1")
    assert (row.level, row.reason, row.agent, row.queue, row.source) == (5, "skill", "1001", "general", "ivr")


async def test_a_dissatisfied_citizen_is_called_back_once(office: Office) -> None:
    call = await office.call(1, 5)
    await office.call(2, 2, caller="+8613800000000")
    await office.jobs.step()
    await office.jobs.step()
    (promise,) = await office.callbacks()
    assert (promise.kind, promise.caller, promise.line, promise.call_id) == ("survey", CALLER, "12300", call)
    assert promise.next_at == NOW + timedelta(minutes=30)
    answer = await office.answer(call)
    assert (answer.follow_up, answer.callback_id) == (FollowUp.PROMISED, promise.id)
    assert (await office.answer("ast1-1763761000.2")).follow_up == FollowUp.SATISFIED


async def test_who_is_owed_a_callback_already_gets_no_second_one(office: Office) -> None:
    async with office.database.transaction() as session:
        columns = {"caller": CALLER, "line": "12345", "dialled": "12345", "call_id": "ast1-1763761000.9"}
        await callback_store.make(session, kind="missed", entered_ms=1, requested_at=NOW, next_at=NOW, **columns)
    call = await office.call(1, 4)
    await office.jobs.step()
    (promise,) = await office.callbacks()
    answer = await office.answer(call)
    assert (promise.kind, answer.follow_up, answer.callback_id) == ("missed", FollowUp.FOLDED, promise.id)


@pytest.mark.parametrize("measure", [Measure.FLAG, Measure.WARN])
async def test_a_nuisance_caller_is_never_called_back(office: Office, measure: Measure) -> None:
    async with office.database.transaction() as session:
        flag = NewFlag(CALLER, measure, "反复辱骂", (Piece(call="ast1-1763761000.8"),), NOW + timedelta(days=9))
        await nuisance.flag(session, flag, by="supervisor", now=NOW)
    call = await office.call(1, 5)
    await office.jobs.step()
    assert await office.callbacks() == []
    assert (await office.answer(call)).follow_up == FollowUp.NUISANCE


@pytest.mark.parametrize("caller", [None, "110", "12345"])
async def test_a_number_that_may_not_be_called_is_not(office: Office, caller: str | None) -> None:
    call = await office.call(1, 5, caller=caller)
    await office.jobs.step()
    assert await office.callbacks() == []
    assert (await office.answer(call)).follow_up == FollowUp.NOT_CALLABLE


async def test_a_city_may_call_nobody_back_for_it(database: Database) -> None:
    office = Office(database, callback=False)
    call = await office.call(1, 5)
    await office.jobs.step()
    assert await office.callbacks() == []
    assert (await office.answer(call)).follow_up == FollowUp.OFF


@pytest.mark.parametrize("level", list(LEVELS))
async def test_a_ticket_answered_in_the_call_is_evaluated_once(office: Office, level: int) -> None:
    call = await office.call(1, level)
    ticket = await office.ticket(call)
    await office.jobs.step()
    await office.jobs.step()
    history = await office.history(ticket)
    assert [entry for entry in history if entry[0] is Action.EVALUATE] == [
        (Action.EVALUATE, "survey", LEVELS[level].value)
    ]
    assert await office.verdicts() == [TicketVerdict.EVALUATED]


async def test_a_ticket_that_is_still_written_is_waited_for(office: Office) -> None:
    call = await office.call(1, 1)
    ticket = await office.ticket(call, answered=False)
    await office.jobs.step()
    assert await office.verdicts() == []
    async with office.database.transaction() as session:
        await office.desk.answer_directly(session, ticket.number, "已告知。", AGENT, version=ticket.version)
    await office.jobs.step()
    assert (Action.EVALUATE, "survey", "very_satisfied") in await office.history(ticket)


async def test_a_ticket_that_goes_to_a_unit_keeps_its_own_evaluation_for_later(office: Office) -> None:
    call = await office.call(1, 5)
    ticket = await office.ticket(call, answered=False)
    async with office.database.transaction() as session:
        await lifecycle.apply(session, ticket.number, Action.ACCEPT, AGENT, version=ticket.version, at=NOW)
    await office.jobs.step()
    assert await office.verdicts() == [TicketVerdict.CALL_ONLY]
    assert Action.EVALUATE not in [entry[0] for entry in await office.history(ticket)]


async def test_a_citizen_who_gave_no_level_evaluates_nothing(office: Office) -> None:
    call = await office.call(1, None)
    ticket = await office.ticket(call)
    await office.jobs.step()
    assert await office.verdicts() == []
    assert (await office.answer(call)).follow_up is None
    assert Action.EVALUATE not in [entry[0] for entry in await office.history(ticket)]


async def test_somebody_else_may_write_on_the_ticket_meanwhile(office: Office) -> None:
    call = await office.call(1, 2)
    ticket = await office.ticket(call)
    async with office.database.transaction() as session:
        details = Details(satisfaction=Satisfaction.SATISFIED)
        await lifecycle.apply(
            session, ticket.number, Action.EVALUATE, AGENT, version=ticket.version, at=NOW, details=details
        )
    await office.jobs.step()
    assert (Action.EVALUATE, "survey", "satisfied") in await office.history(ticket)


# figures


def period(step: Step = Step.WHOLE, days: int = 2) -> Period:
    return Period(datetime(2026, 11, 20, 16, tzinfo=UTC), NOW + timedelta(days=days), step, ZoneInfo("Asia/Shanghai"))


async def test_figures_by_agent_queue_and_day(office: Office) -> None:
    day = timedelta(days=1)
    told: list[tuple[str | None, str, int | None, datetime]] = [
        ("1001", "general", 1, NOW),
        ("1001", "general", 5, NOW + timedelta(minutes=50)),
        ("1001", "night", None, NOW + day),
        ("1002", "general", 3, NOW + day),
        (None, "general", 4, NOW + day),
    ]
    for number, (agent, queue, level, at) in enumerate(told):
        await office.tells(*story(f"ast1-1763761000.{number}", level, at=at, agent=agent, queue=queue))
    async with office.database.transaction() as session:
        agents = await satisfaction(session, About.AGENT, period())
        queues = await satisfaction(session, About.QUEUE, period(Step.DAY))
        whole = await satisfaction(session, About.LINE, period())
        halves = await satisfaction(session, About.LINE, period(Step.HALF_HOUR))
        one = await satisfaction(session, About.AGENT, period(), ["1002"])
    assert {row.subject: (row.answers.asked, row.answers.levels) for row in agents} == {
        "": (1, (0, 0, 0, 1, 0)),
        "1001": (3, (1, 0, 0, 0, 1)),
        "1002": (1, (0, 0, 1, 0, 0)),
    }
    midnight = datetime(2026, 11, 20, 16, tzinfo=UTC)
    assert [(row.starts_at, row.subject, row.answers.rated) for row in queues] == [
        (midnight, "general", 2),
        (midnight + day, "general", 2),
        (midnight + day, "night", 0),
    ]
    assert [(row.subject, row.answers) for row in whole] == [("12345", Answers(5, (1, 0, 1, 1, 1)))]
    assert [row.starts_at for row in halves] == [NOW, NOW + timedelta(minutes=30), NOW + day]
    assert [row.subject for row in one] == ["1002"]
    assert total(halves) == Answers(5, (1, 0, 1, 1, 1))


def test_nothing_to_divide_by_is_no_figure() -> None:
    assert (Answers().satisfaction(3), Answers().participation) == (None, None)
    assert (Answers(2).satisfaction(3), Answers(2).participation) == (None, 0.0)
    assert (Answers(4, (1, 0, 1, 1, 0)).satisfaction(3), Answers(4, (1, 0, 1, 1, 0)).participation) == (2 / 3, 0.75)


def test_one_mapping_says_who_is_satisfied() -> None:
    """满意或比较满意 (TH 19): the first three by default."""

    def satisfied(keys: Survey) -> list[int]:
        return [level for level in LEVELS if is_satisfied(level, keys)]

    assert satisfied(Survey()) == [1, 2, 3]
    assert satisfied(Survey(satisfied_levels=2)) == [1, 2]
    assert [word.term for word in LEVELS.values()] == ["非常满意", "满意", "基本满意", "不满意", "非常不满意"]
