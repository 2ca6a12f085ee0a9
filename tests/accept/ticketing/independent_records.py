"""What stands beside a ticket, written a second time from the rules: who of a unit works on its part, what it asks the
citizen, procedures by law, and visits. Imports nothing of ours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from tests.accept.ticketing.independent_calendar import Calendar, local_day, midnight_after
from tests.accept.ticketing.independent_model import CENTRE, DESK, UNIT, VISITORS, Clock, No, Part, Ticket, Who

HANDLES = ("handling", "statutory")
"""Within these a unit brings a result."""
_ENDS_THE_QUESTION = {"reply", "return", "recall", "merge", "refuse"}
_ENDS_THE_PROCEDURE = {"recall", "merge", "refuse", "rehandle", "agree_return"}


@dataclass(eq=False)
class Handler:
    """Somebody of a unit who has taken its part on."""

    part: Part
    person: str
    state: str = "active"


@dataclass(eq=False)
class Question:
    """What the lead unit asks the citizen."""

    unit: int
    due: datetime
    state: str = "asked"
    version: int = 1


@dataclass(eq=False)
class Procedure:
    """One that the law lays down, which the lead unit has entered."""

    unit: int
    reported: datetime
    ends_on: date
    state: str = "reported"
    version: int = 1


@dataclass(eq=False)
class Visit:
    """Of one handling."""

    cycle: int
    state: str = "due"
    outcome: str | None = None
    satisfaction: str | None = None
    tried: list[datetime] = field(default_factory=list)


class Records:
    """The records of all tickets of one story, by the ticket's number."""

    def __init__(self, calendar: Calendar, in_its_time: Callable[..., Any]) -> None:
        self._calendar = calendar
        self._in_its_time = in_its_time
        self.handlers: dict[str, list[Handler]] = {}
        self.questions: dict[str, list[Question]] = {}
        self.procedures: dict[str, list[Procedure]] = {}
        self.visits: dict[str, list[Visit]] = {}

    # -- handlers

    def may_handle(self, ticket: Ticket, part: Part, who: Who) -> bool:
        """Where somebody has taken a part on, it is for those who have, and for the unit's head."""
        active = {one.person for one in self.handlers.get(ticket.number, ()) if one.part is part and self._works(one)}
        return who.role == "unit_head" or not active or who.user in active

    def claim(self, ticket: Ticket, part: Part, who: Who, person: str, people: dict[str, int]) -> None:
        """Raises No."""
        if who.role not in UNIT or (person != who.user and who.role != "unit_head"):
            raise No("given by others")
        if who.unit != part.unit:
            raise No("of another unit")
        if part.state not in {"delivered", "working", "return_asked"}:
            raise No(f"nobody works on a part {part.state}")
        self._give(ticket, part, person, people)

    def hand_over(self, ticket: Ticket, index: int, who: Who, to: str | None, people: dict[str, int]) -> None:
        """To somebody else, or to nobody. Raises No."""
        row = self.handlers[ticket.number][index]
        if to == row.person:
            raise No("to oneself")
        if row.state != "active" or who.role not in UNIT:
            raise No("not active, or not of a unit")
        if who.user != row.person and not (who.role == "unit_head" and who.unit == row.part.unit):
            raise No("another's work")
        if to is not None:
            self._give(ticket, row.part, to, people)
        row.state = "released" if to is None else "handed_over"

    def _give(self, ticket: Ticket, part: Part, person: str, people: dict[str, int]) -> None:
        if people.get(person) != part.unit:
            raise No("nobody of the unit")
        rows = self.handlers.setdefault(ticket.number, [])
        if any(one.part is part and one.person == person and self._works(one) for one in rows):
            raise No("works on it already")
        rows.append(Handler(part, person))

    @staticmethod
    def _works(row: Handler) -> bool:
        return row.state == "active"

    # -- questions

    def open_question(self, ticket: Ticket) -> Question | None:
        """The one that waits."""
        return next((one for one in self.questions.get(ticket.number, ()) if one.state == "asked"), None)

    def ask(self, ticket: Ticket, who: Who, at: datetime) -> None:
        """Raises No."""
        lead = self._leads(ticket, who)
        if self.open_question(ticket) is not None:
            raise No("one is asked")
        self.questions.setdefault(ticket.number, []).append(Question(lead.unit, self._calendar.limit(at, 5)))

    def close_question(self, ticket: Ticket, who: Who, action: str) -> None:
        """Answered, or withdrawn by the unit. Raises No."""
        row = self.open_question(ticket)
        if row is None:
            raise No("nothing is asked")
        if action == "answer" and who.role not in CENTRE | DESK | VISITORS:
            raise No("answered to the centre")
        if action == "withdraw" and (who.role not in UNIT or who.unit != row.unit):
            raise No("another unit's question")
        row.state = "answered" if action == "answer" else "withdrawn"
        row.version += 1

    def lapse_questions(self, now: datetime) -> None:
        """Those that nobody has answered in their days."""
        for rows in self.questions.values():
            for row in rows:
                if row.state == "asked" and row.due <= now:
                    row.state = "lapsed"
                    row.version += 1

    # -- procedures by law

    def procedure(self, ticket: Ticket) -> Procedure | None:
        """The one that is reported or runs."""
        rows = self.procedures.get(ticket.number, ())
        return next((one for one in rows if one.state in {"reported", "running"}), None)

    def enter(self, ticket: Ticket, who: Who, at: datetime, ends_on: date, *, cause: bool) -> None:
        """The general limit ends as that of entering; from now on the law's own counts. Raises No."""
        lead = self._leads(ticket, who)
        if self.procedure(ticket) is not None:
            raise No("one stands")
        if ends_on <= local_day(at):
            raise No("ends before it has begun")
        running = [clock for clock in self._in_its_time(ticket) if clock.kind == "handling"]
        entering = {id(clock): self._calendar.limit(clock.begun, 5) for clock in running}
        if any(at >= ends for ends in entering.values()) is not cause:
            raise No("late without a cause, or in time with one")
        for clock in running:
            if entering[id(clock)] != clock.ends:
                clock.move("statutory", entering[id(clock)])
            clock.end(at)
            for window in ticket.running("return", unit=clock.unit):
                window.end(at, withdrawn=True)
            ticket.clocks.append(Clock("statutory", clock.unit, at, midnight_after(ends_on)))
        self.procedures.setdefault(ticket.number, []).append(Procedure(lead.unit, at, ends_on))

    def judge(
        self, ticket: Ticket, who: Who, at: datetime, action: str, *, ends_on: date, general: Callable[..., datetime]
    ) -> None:
        """The centre accepts it, prolongs it, or finds that it was none: then the general limit runs on. Raises No."""
        row = self.procedure(ticket)
        if row is None:
            raise No("none stands")
        known = {"accept": "reported", "refuse": "reported", "prolong": "running"}
        if action == "prolong" and ends_on <= max(row.ends_on, local_day(at)):
            raise No("to no later day")
        if who.role not in CENTRE or row.state != known[action]:
            raise No(f"{action} of one {row.state} by {who.role}")
        row.version += 1
        row.state = {"accept": "running", "refuse": "refused", "prolong": "running"}[action]
        if action == "prolong":
            row.ends_on = ends_on
        for clock in [one for one in self._in_its_time(ticket) if one.kind == "statutory"]:
            if action == "prolong":
                clock.move("statutory", midnight_after(ends_on))
            elif action == "refuse":
                clock.end(at, withdrawn=True)
                stopped = [
                    c for c in ticket.clocks if (c.kind, c.unit, c.ended_at) == ("handling", clock.unit, row.reported)
                ]
                stopped[-1].ended = stopped[-1].ended_at = None
                stopped[-1].told = ""
                if (ends := general(ticket, stopped[-1])) != stopped[-1].ends:
                    stopped[-1].move("statutory", ends)

    # -- visits

    def visit(self, ticket: Ticket) -> Visit | None:
        """Of the handling the ticket is in."""
        rows = self.visits.get(ticket.number, ())
        return next((one for one in rows if one.cycle == ticket.handlings), None)

    def due(self, ticket: Ticket) -> Visit:
        """A visit is due for this handling."""
        if (row := self.visit(ticket)) is None:
            row = Visit(ticket.handlings)
            self.visits.setdefault(ticket.number, []).append(row)
        return row

    def tried(self, ticket: Ticket, at: datetime) -> None:
        """The citizen was called for it, in vain."""
        self.due(ticket).tried.append(at)

    # -- with the ticket's own actions

    def check(self, ticket: Ticket, action: str, who: Who, said: dict[str, Any]) -> None:
        """What they forbid of a ticket's action. Raises No."""
        lead = ticket.lead
        by_handlers = action in {"sign_for", "return", "extend", "reply"} and lead is not None
        if by_handlers and lead is not None and not self.may_handle(ticket, lead, who):
            raise No("others handle it")
        if action in {"extend", "return"} and self.procedure(ticket) is not None:
            raise No("a procedure by law stands")
        row = self.visit(ticket)
        if action == "visit" and said.get("outcome", "reached") != "reached" and "satisfaction" in said:
            raise No("nobody was there to say so")
        if action == "visit" and said.get("outcome") == "unreachable":
            moments = [] if row is None else row.tried
            if len(moments) < 3 or len({local_day(moment) for moment in moments}) < 2:
                raise No("not tried enough")
        silent = row is not None and row.outcome == "unreachable" and row.satisfaction is None
        if action == "close" and ticket.state == "visited" and silent:
            raise No("the citizen was not told by message")

    def follow(self, ticket: Ticket, action: str, said: dict[str, Any]) -> None:
        """What the action leaves in them. Called before the ticket has moved."""
        asked = self.open_question(ticket)
        if action in _ENDS_THE_QUESTION and asked is not None:
            asked.state = "withdrawn"
            asked.version += 1
        procedure = self.procedure(ticket)
        if procedure is not None and (action == "approve_reply" or action in _ENDS_THE_PROCEDURE):
            procedure.state = "concluded" if action == "approve_reply" else "ended"
            procedure.version += 1
        if action in {"approve_reply", "take_reply"}:
            self.due(ticket)
        row = self.visit(ticket)
        if action == "evaluate" and row is not None:
            row.satisfaction = said["satisfaction"]
        if action == "visit":
            row = self.due(ticket)
            row.outcome = said.get("outcome", "reached")
            row.state = "unreachable" if row.outcome in {"unreachable", "invalid"} else "done"
            row.satisfaction = said.get("satisfaction", row.satisfaction)

    def _leads(self, ticket: Ticket, who: Who) -> Part:
        lead = ticket.lead
        if who.role not in UNIT or lead is None or who.unit != lead.unit or ticket.state != "handling":
            raise No("for the unit that leads, while it handles")
        return lead
