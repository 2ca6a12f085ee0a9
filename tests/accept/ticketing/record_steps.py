"""Steps of random lives beside the ticket: handlers, questions to the citizen, procedures by law, calls in vain."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from tests.accept.ticketing.independent_calendar import local_day
from tests.accept.ticketing.independent_model import Who
from tests.accept.ticketing.independent_rules import Rules
from tests.accept.ticketing.steps import Step, actor
from ticketing import repository
from ticketing.handling.errors import RecordNotFound
from ticketing.handling.records import Said
from ticketing.intake import IntakeDesk
from ticketing.models import TicketAssignmentRow
from ticketing.procedures import questions, statutory
from ticketing.procedures.statutory import StatutoryReport, StatutorySaid
from ticketing.procedures.words import QuestionAction, StatutoryAction
from ticketing.unit_desk import handlers
from ticketing.unit_desk.handlers import HandlerSaid
from ticketing.unit_desk.words import HandlerAction
from ticketing.visits import visiting
from ticketing.visits.words import AttemptWay


@dataclass
class Claim(Step):
    """Somebody takes a part on, or is given it."""

    number: str
    index: int
    who: Who
    person: str

    async def do(self, session: AsyncSession, desk: IntakeDesk) -> None:
        ticket = await repository.row(session, self.number)
        parts = await repository.rows_of(session, TicketAssignmentRow, ticket.id)
        part = parts[self.index].id
        await handlers.claim(session, self.number, part, actor(self.who), person=self.person, at=self.at)

    def imagine(self, rules: Rules) -> None:
        ticket = rules.tickets[self.number]
        rules.records.claim(ticket, ticket.parts[self.index], self.who, self.person, rules.people)


@dataclass
class HandOver(Step):
    """A handler hands the work over, or is out of it."""

    number: str
    index: int
    who: Who
    to: str | None

    async def do(self, session: AsyncSession, desk: IntakeDesk) -> None:
        ticket = await repository.row(session, self.number)
        row = (await handlers.of(session, ticket.id))[self.index]
        action = HandlerAction.RELEASE if self.to is None else HandlerAction.HAND_OVER
        said = HandlerSaid() if self.to is None else HandlerSaid(note="出差", to=self.to)
        by = actor(self.who)
        await handlers.act(session, self.number, row.id, action, by, version=row.version, at=self.at, said=said)

    def imagine(self, rules: Rules) -> None:
        rules.records.hand_over(rules.tickets[self.number], self.index, self.who, self.to, rules.people)


@dataclass
class Ask(Step):
    """The lead unit asks the citizen; or the open question is answered, or withdrawn."""

    number: str
    who: Who
    action: str = "ask"

    async def do(self, session: AsyncSession, desk: IntakeDesk) -> None:
        by = actor(self.who)
        if self.action == "ask":
            await questions.ask(session, self.number, "请提供照片", by, at=self.at)
            return
        row = await questions.open_of(session, (await repository.row(session, self.number)).id)
        if row is None:
            raise RecordNotFound(self.number)
        said = Said(note="已提供") if self.action == "answer" else Said()
        action = QuestionAction(self.action)
        await questions.act(session, self.number, row.id, action, by, version=row.version, at=self.at, said=said)

    def imagine(self, rules: Rules) -> None:
        ticket = rules.tickets[self.number]
        if self.action == "ask":
            rules.records.ask(ticket, self.who, self.at)
        else:
            rules.records.close_question(ticket, self.who, self.action)


@dataclass
class Enter(Step):
    """The lead unit has entered a procedure by law."""

    number: str
    who: Who
    ends_on: date
    cause: bool

    async def do(self, session: AsyncSession, desk: IntakeDesk) -> None:
        said: dict[str, Any] = {
            "kind": "filing",
            "basis": "行政处罚法第五十四条",
            "entered_on": local_day(self.at),
            "ends_on": self.ends_on,
            "overdue_cause": "complex" if self.cause else None,
        }
        await statutory.report(session, self.number, StatutoryReport.model_validate(said), actor(self.who), at=self.at)

    def imagine(self, rules: Rules) -> None:
        ticket = rules.tickets[self.number]
        rules.records.enter(ticket, self.who, self.at, self.ends_on, cause=self.cause)


@dataclass
class Judge(Step):
    """The centre accepts the procedure, refuses or prolongs it."""

    number: str
    who: Who
    action: str
    ends_on: date

    async def do(self, session: AsyncSession, desk: IntakeDesk) -> None:
        row = await statutory.standing(session, (await repository.row(session, self.number)).id)
        if row is None:
            raise RecordNotFound(self.number)
        said = {
            "accept": StatutorySaid(),
            "refuse": StatutorySaid(note="不属该程序"),
            "prolong": StatutorySaid(note="依法延长", ends_on=self.ends_on),
        }[self.action]
        action, by = StatutoryAction(self.action), actor(self.who)
        await statutory.act(session, self.number, row.id, action, by, version=row.version, at=self.at, said=said)

    def imagine(self, rules: Rules) -> None:
        rules.judge(rules.tickets[self.number], self.who, self.at, self.action, self.ends_on)


@dataclass
class Call(Step):
    """The citizen is called for the visit, in vain."""

    number: str
    occasion: str

    async def do(self, session: AsyncSession, desk: IntakeDesk) -> None:
        way = AttemptWay.PHONE
        await visiting.attempted(session, self.number, way, occasion=self.occasion, by="3001", at=self.at)

    def imagine(self, rules: Rules) -> None:
        rules.records.tried(rules.tickets[self.number], self.at)
