"""Steps of random lives: each is done to the real thing and to the independent rules, with the same words."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from directory.models import Role
from tests.accept.ticketing.independent_model import No, Who
from tests.accept.ticketing.independent_rules import Rules
from ticketing import lifecycle, repository
from ticketing.coordination import meetings
from ticketing.coordination.meetings import MeetingReport
from ticketing.coordination.words import MeetingKind
from ticketing.handling import contacts, parts, rulings
from ticketing.handling.contacts import Contact
from ticketing.handling.parts import PartSaid
from ticketing.handling.rulings import RulingSaid
from ticketing.handling.tables import RulingRow
from ticketing.handling.words import PartAction, RulingAction
from ticketing.intake import IntakeDesk
from ticketing.models import TicketAssignmentRow
from ticketing.refusals import refusing
from ticketing.refusals.tables import CitizenNoticeRow
from ticketing.relations import splitting
from ticketing.relations.schemas import Matter, MergeDetails
from ticketing.schemas import Actor, Changes, Details
from ticketing.vocabulary import Action, Told


def actor(who: Who) -> Actor:
    """The person as ours knows one."""
    return Actor(who.user, frozenset({Role(who.role)}), who.unit)


@dataclass
class Step:
    """Something somebody does at a moment."""

    at: datetime

    async def do(self, session: AsyncSession, desk: IntakeDesk) -> None:
        """To the real thing; raises HotlineError where that refuses."""
        raise NotImplementedError

    def imagine(self, rules: Rules) -> None:
        """To the independent rules; raises No where those refuse."""
        raise NotImplementedError


@dataclass
class Act(Step):
    """An action of the lifecycle on the version that was read."""

    number: str
    version: int
    action: str
    who: Who
    said: dict[str, Any] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    """Numbers of the tickets that a split made."""

    async def do(self, session: AsyncSession, desk: IntakeDesk) -> None:
        by = actor(self.who)
        if self.action == "split":
            matters = [Matter(title=f"第{i}件事") for i in range(2)]
            _, *new = await splitting.split(
                session, desk, self.number, matters, by, version=self.version, note="两件事", at=self.at
            )
            self.made = [ticket.number for ticket in new]
            return
        if self.action == "amend":
            await desk.amend(session, self.number, Changes(content="补充说明"), by, version=self.version)
            return
        details = MergeDetails(parent=self.said["parent"]) if self.action == "merge" else Details(**self._details())
        await lifecycle.apply(
            session, self.number, Action(self.action), by, version=self.version, at=self.at, details=details
        )

    def _details(self) -> dict[str, Any]:
        notes = {
            *("answer", "refuse", "recall", "unmerge", "return", "refuse_return", "extend", "refuse_extension", "meet"),
            *("reply", "reject_reply", "supervise", "visit", "rehandle", "urge", "supplement"),
        }
        given = dict(self.said)
        if self.action in notes:
            given["note"] = "已记录"
        if self.action == "return":
            given["basis"] = "三定方案"
        if self.action == "refuse":
            given["ground"] = "other_procedure"
        if self.action == "meet":
            given["convener"] = "分管副市长"
        if self.action == "supervise":
            deadline = self.at.replace(year=self.at.year + 1)
            given["supervision"] = {"ground": "other", "form": "phone", "deadline": deadline}
        return given

    def imagine(self, rules: Rules) -> None:
        said = dict(self.said)
        if self.action == "split":
            said["numbers"] = self.made
        rules.act(self.number, self.version, self.action, self.who, at=self.at, said=said)


@dataclass
class PartStep(Step):
    """A step of a unit's part; `index` counts the ticket's parts."""

    number: str
    index: int
    version: int
    action: str
    who: Who
    said: dict[str, Any] = field(default_factory=dict)

    async def do(self, session: AsyncSession, desk: IntakeDesk) -> None:
        ticket = await repository.row(session, self.number)
        ids = select(TicketAssignmentRow.id).where(TicketAssignmentRow.ticket_id == ticket.id)
        part = list(await session.scalars(ids.order_by(TicketAssignmentRow.id)))[self.index]
        given = dict(self.said)
        if self.action in {"return", "reply", "refuse_return", "send_back", "withdraw"}:
            given["note"] = "已记录"
        if self.action == "return":
            given["basis"] = "三定方案"
        await parts.act(
            session,
            self.number,
            part,
            PartAction(self.action),
            actor(self.who),
            version=self.version,
            at=self.at,
            said=PartSaid(**given),
        )

    def imagine(self, rules: Rules) -> None:
        ticket = rules.tickets[self.number]
        part = ticket.parts[self.index]
        if part.version != self.version:
            raise No("stale")
        rules.part_step(ticket, part, self.action, self.who, at=self.at, said=self.said)


@dataclass
class Answer(Step):
    """The citizen is told."""

    number: str
    who: Who

    async def do(self, session: AsyncSession, desk: IntakeDesk) -> None:
        said = Contact.model_validate({"at": self.at, "way": "phone", "by": "张工", "outcome": "answered"})
        await contacts.record(session, self.number, said, actor(self.who), at=self.at)

    def imagine(self, rules: Rules) -> None:
        rules.contact(rules.tickets[self.number], self.who, self.at)


@dataclass
class Rule(Step):
    """A dispute is submitted, or ruled to be a unit's duty."""

    number: str
    unit: int | None
    """None: submitted."""
    who: Who

    async def do(self, session: AsyncSession, desk: IntakeDesk) -> None:
        ticket = await repository.row(session, self.number)
        wanted = select(RulingRow).where(RulingRow.ticket_id == ticket.id).order_by(RulingRow.id.desc()).limit(1)
        ruling = (await session.scalars(wanted)).one()
        if self.unit is None:
            action, said = RulingAction.SUBMIT, {"authority": "staffing", "note": "两家均称不属其职责"}
        else:
            action, said = RulingAction.RULE, {"unit": self.unit, "ruled_by": "市委编办", "document": "7号"}
        await rulings.act(
            session,
            self.number,
            ruling.id,
            action,
            actor(self.who),
            version=ruling.version,
            at=self.at,
            said=RulingSaid.model_validate(said),
        )

    def imagine(self, rules: Rules) -> None:
        ruling = rules.tickets[self.number].rulings[-1]
        if self.who.role not in {"dispatcher", "supervisor"}:
            raise No("not of the centre")
        if ruling["state"] != ("asked" if self.unit is None else "submitted"):
            raise No(f"ruling is {ruling['state']}")
        ruling["state"] = "submitted" if self.unit is None else "ruled"
        ruling["unit"] = self.unit


@dataclass
class Tell(Step):
    """The citizen is told of a refusal."""

    number: str

    async def do(self, session: AsyncSession, desk: IntakeDesk) -> None:
        ticket = await repository.row(session, self.number)
        wanted = select(CitizenNoticeRow.id).where(CitizenNoticeRow.ticket_id == ticket.id)
        notice = (await session.scalars(wanted)).one()
        await refusing.told(session, notice, Told.PHONE, note="", by="1001", at=self.at)

    def imagine(self, rules: Rules) -> None:
        ticket = rules.tickets[self.number]
        if ticket.told:
            raise No("told already")
        ticket.told = True


@dataclass
class Report(Step):
    """The lead unit reports what two extensions did not solve: a special meeting is to be called."""

    number: str
    who: Who

    async def do(self, session: AsyncSession, desk: IntakeDesk) -> None:
        said = MeetingReport(kind=MeetingKind.SPECIAL, report="两次延期后仍未解决")
        await meetings.report(session, self.number, said, actor(self.who), at=self.at)

    def imagine(self, rules: Rules) -> None:
        rules.report(rules.tickets[self.number], self.who)
