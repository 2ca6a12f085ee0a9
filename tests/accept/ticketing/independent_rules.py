"""What must come of each action on a ticket, its parts and its clocks: the second writing of the rules, by which the
first is judged. Imports nothing of ours. Moments are aware, limits are those of the regulation."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from tests.accept.ticketing.independent_calendar import Calendar, last_day, local_day, midnight_after
from tests.accept.ticketing.independent_model import (
    CENTRE,
    DISSATISFIED,
    OF_A_UNIT,
    PARTS,
    UNIT,
    WAYS,
    Clock,
    No,
    Part,
    Ticket,
    Who,
)
from tests.accept.ticketing.independent_records import HANDLES, Records

_DAY = timedelta(days=1)


class Rules:
    """All tickets of one story, and the calendar they run on. `below`: unit -> the units under it; `people`: who
    works on a unit's tickets -> the unit."""

    def __init__(self, below: dict[int, list[int]], people: dict[str, int]) -> None:
        self.calendar = Calendar()
        self.people = people
        self.records = Records(self.calendar, self.of_the_lead)
        self.tickets: dict[str, Ticket] = {}
        self.below = below

    def register(self, number: str, kind: str, who: Who, at: datetime, *, urgent: bool, confidential: bool) -> None:
        ticket = Ticket(number, kind, urgent, confidential, "registered", at)
        ticket.history.append((1, "register", who.user, None, "registered", at))
        self.tickets[number] = ticket

    def act(self, number: str, version: int, action: str, who: Who, *, at: datetime, said: dict[str, Any]) -> None:
        """One action on the version that was read. Raises No, before anything is changed."""
        ticket = self.tickets[number]
        if version != ticket.version:
            raise No("stale")
        self._check(ticket, action, who, at=at, said=said)
        self._take(ticket, action, who, at=at, said=said)

    def _check(  # noqa: PLR0912 - a rule, a branch
        self, ticket: Ticket, action: str, who: Who, *, at: datetime, said: dict[str, Any]
    ) -> None:
        if action not in WAYS[ticket.state]:
            raise No(f"{action} in {ticket.state}")
        _, roles = WAYS[ticket.state][action]
        lead = ticket.lead
        if who.role not in roles:
            raise No(f"{action} by {who.role}")
        if who.role in OF_A_UNIT and (lead is None or who.unit != lead.unit):
            raise No("of another unit")
        ruling = ticket.open_ruling
        match action:
            case "dispatch" | "agree_return" | "refuse_return" if ruling is not None:
                if ruling["state"] != "ruled":
                    raise No("to be ruled")
                unit = said.get("lead_unit", lead.unit if lead else None)
                if (unit == ruling["unit"]) is (action == "agree_return"):
                    raise No("ruled otherwise")
            case "dispatch" if ticket.urgent and not said.get("handed_over_to"):
                raise No("nobody took it by telephone")
            case "return" if lead is not None and any(
                one["state"] == "applied" and one["unit"] == lead.unit for one in ticket.rulings
            ):
                raise No("ruled to be its duty")
            case "extend":
                if ticket.granted >= 2:
                    raise No("two were granted")
                for clock in self._led(ticket):
                    if at >= midnight_after(last_day(clock.ends)) - _DAY:
                        raise No("too late")
            case "grant_extension" if ticket.granted >= 1 and not ticket.signed:
                raise No("unsigned")
            case "meet" if not ticket.reported:
                raise No("no report to the government")
            case "approve_reply":
                self._check_reply(ticket, who, at, said)
            case "merge":
                self._check_merge(ticket, self.tickets[said["parent"]])
            case "take_reply" if not ticket.offered:
                raise No("nothing is offered")
            case "refuse" if self.merged_into(ticket):
                raise No("others wait for its reply")
            case "close" if ticket.state == "visited" and ticket.confidential and not self._answered(ticket):
                raise No("the citizen was not answered")
            case "close" if ticket.state == "visited" and ticket.opinion in DISSATISFIED:
                raise No("the citizen is dissatisfied, and nobody found that the reply complies")
            case "archive" if ticket.state == "refused" and not ticket.told:
                raise No("the citizen was not told")
        self.records.check(ticket, action, who, said)

    def _take(  # noqa: PLR0912 - an action, a branch
        self, ticket: Ticket, action: str, who: Who, *, at: datetime, said: dict[str, Any]
    ) -> None:
        """What comes of an action that nothing refuses."""
        before, (after, _) = ticket.state, WAYS[ticket.state][action]
        lead = ticket.lead
        self.records.follow(ticket, action, said)
        match action:
            case "accept" | "rehandle" | "agree_return" | "recall" | "unmerge":
                self._back_to_dispatch(ticket, action, at)
            case "dispatch":
                self._dispatch(ticket, at, said)
            case "refuse":
                for clock in ticket.running("dispatch", "pass_on"):
                    clock.end(at)
                for clock in ticket.running(*HANDLES):
                    if lead is not None and clock.unit == lead.unit:
                        clock.end(at)
                for clock in ticket.running(*HANDLES, "return"):
                    clock.end(at, withdrawn=True)
            case "return":
                assert lead is not None
                for clock in ticket.running("return", unit=lead.unit):
                    clock.end(at)
                self._dispute(ticket, lead.unit)
            case "refuse_return":
                assert lead is not None
                lead.become("working")
                if ticket.open_ruling is not None:
                    ticket.open_ruling["state"] = "applied"
            case "sign_for":
                assert lead is not None
                lead.become("working")
            case "extend":
                ticket.signed = False
            case "sign_extension":
                ticket.signed = True
            case "grant_extension":
                ticket.granted += 1
                for clock in list(self._in_its_time(ticket)):
                    clock.move("extension", self.calendar.extended(clock.ends, 5))
            case "meet":
                ticket.reported = False
            case "reply":
                ticket.written_by = who.user
            case "approve_reply":
                self._approved(ticket, at)
            case "merge":
                self._merge(ticket, self.tickets[said["parent"]], at)
            case "take_reply":
                ticket.offered, ticket.opinion = False, ""
            case "visit" | "evaluate":
                ticket.opinion = said.get("satisfaction", ticket.opinion)
                if said.get("satisfaction") in DISSATISFIED:
                    ticket.dissatisfied.add(ticket.handlings)
                    if len(ticket.dissatisfied) > 1:
                        ticket.leads.add(ticket.handlings)
            case "close":
                for clock in ticket.running(*HANDLES, "return"):
                    clock.lapse(at)
                for part in ticket.parts:
                    if part.standing and not part.replied:
                        part.withdraw()
            case "split":
                self._split(ticket, said["numbers"], who, at)
        ticket.state = after
        ticket.version += 1
        ticket.history.append((ticket.version, action, who.user, before, after, at))

    def contact(self, ticket: Ticket, who: Who, at: datetime) -> None:
        """The citizen is told something. Raises No."""
        handled = {"to_sign", "handling", "return_asked", "extension_asked", "reply_to_review", "replied", "visited"}
        if ticket.state not in handled:
            raise No(f"a contact in {ticket.state}")
        if who.role in UNIT:
            if not any(part.standing and part.unit == who.unit for part in ticket.parts):
                raise No("of another unit")
            if ticket.confidential:
                raise No("a confidential caller")
        elif who.role not in {"agent", "supervisor", "dispatcher", "visit_agent"}:
            raise No(f"a contact by {who.role}")
        ticket.contacts.append((at, who.unit if who.role in UNIT else None))

    def report(self, ticket: Ticket, who: Who) -> None:
        """The lead unit reports after the last extension. Raises No."""
        lead = ticket.lead
        if who.role not in OF_A_UNIT or lead is None or who.unit != lead.unit:
            raise No("not of the lead unit")
        if ticket.state != "handling" or ticket.granted < 2 or ticket.reported:
            raise No("not now")
        ticket.reported = True

    def part_step(  # noqa: PLR0912 - an action, a branch
        self, ticket: Ticket, part: Part, action: str, who: Who, *, at: datetime, said: dict[str, Any]
    ) -> None:
        """A step of a unit's part. Raises No, before anything is changed."""
        if ticket.state in {"refused", "closed", "archived"}:
            raise No(f"a part of one {ticket.state}")
        if part.leads and (action != "hand_down" or ticket.state not in {"handling", "extension_asked"}):
            raise No("the lead unit's part follows the ticket")
        if action not in PARTS.get(part.state, {}):
            raise No(f"{action} of a part {part.state}")
        after, side = PARTS[part.state][action]
        by_handlers = action in {"sign_for", "hand_down", "return", "reply"} and who.unit == part.unit
        if by_handlers and not self.records.may_handle(ticket, part, who):
            raise No("others handle it")
        if who.role not in (UNIT | CENTRE if side == "sender" else UNIT) or side not in self._sides(ticket, part, who):
            raise No(f"{action} is for {side}")
        handling = list(ticket.running(*HANDLES, unit=part.unit))
        match action:
            case "hand_down":
                self._hand_down(ticket, part, said["units"], at)
            case "return":
                for clock in ticket.running("return", unit=part.unit):
                    clock.end(at)
            case "reply":
                self._check_cause(handling, at, said)
                for clock in handling:
                    clock.end(at)
                for clock in ticket.running("return", unit=part.unit):
                    clock.end(at, withdrawn=True)
                self._lapse_below(ticket, part, at)
                part.replied = True
            case "send_back":
                newest = [clock for clock in ticket.clocks if clock.kind in HANDLES and clock.unit == part.unit][-1]
                newest.ended = newest.ended_at = None
                newest.told = ""
                part.replied = False
        if after:
            part.become(after)
        else:
            # Withdrawn, as a step of its own.
            part.version += 1
            for one in [part, *ticket.below(part)]:
                one.withdraw()
                for clock in ticket.running(*HANDLES, "return", unit=one.unit):
                    clock.lapse(at)

    def judge(self, ticket: Ticket, who: Who, at: datetime, action: str, ends_on: date) -> None:
        """The centre on a procedure by law. Raises No."""
        self.records.judge(ticket, who, at, action, ends_on=ends_on, general=self._computed)

    def lay_down(self, day: date, worked: bool | None) -> None:
        """The calendar is changed: ends that depend on it follow when the jobs look."""
        self.calendar.changed.pop(day, None)
        if worked is not None:
            self.calendar.changed[day] = worked

    def jobs(self, at: datetime) -> None:
        """What happens by itself at this moment."""
        for ticket in self.tickets.values():
            for clock in list(ticket.running("handling", "return")):
                if (ends := self._computed(ticket, clock)) != clock.ends:
                    clock.move("calendar", ends)
            for clock in ticket.running("dispatch", "pass_on", *HANDLES, "return"):
                if clock.told != "overdue" and clock.due() <= at:
                    clock.told = "overdue" if at >= clock.ends else "warning"
                    clock.notices.add((clock.told, clock.ends))
            if ticket.state == "closed" and local_day(at + timedelta(minutes=30)) > local_day(self._closed(ticket)):
                self._take(ticket, "archive", Who("archive", "visit_agent"), at=at, said={})
        self.records.lapse_questions(at)

    def merged_into(self, ticket: Ticket) -> list[Ticket]:
        """Those that wait for its reply."""
        return [one for one in self.tickets.values() if one.state == "merged" and one.main is ticket]

    def _computed(self, ticket: Ticket, clock: Clock) -> datetime:
        if clock.kind == "return":
            return self.calendar.limit(clock.begun, 2)
        ends = clock.begun + timedelta(hours=12) if ticket.urgent else self.calendar.limit(clock.begun, 5)
        for _ in range(clock.extensions):
            ends = self.calendar.extended(ends, 5)
        return ends

    def _closed(self, ticket: Ticket) -> datetime:
        return next(at for _, action, _, _, _, at in reversed(ticket.history) if action == "close")

    def _back_to_dispatch(self, ticket: Ticket, action: str, at: datetime) -> None:
        if action in {"rehandle", "recall"}:
            for clock in ticket.running(*HANDLES, "return"):
                clock.lapse(at)
        if action == "rehandle":
            ticket.handlings += 1
            for child in self.merged_into(ticket):
                child.offered = False
        for clock in ticket.running(*HANDLES, "return"):
            clock.end(at, withdrawn=True)
        if action in {"rehandle", "unmerge"}:
            ticket.main, ticket.offered = None, False
        for part in ticket.parts:
            part.withdraw()
        ticket.clocks.append(Clock("dispatch", None, at, midnight_after(local_day(at))))
        if ticket.kind in {"complaint", "report"}:
            ticket.clocks.append(Clock("pass_on", None, at, at + timedelta(minutes=30)))

    def _dispatch(self, ticket: Ticket, at: datetime, said: dict[str, Any]) -> None:
        for clock in ticket.running("dispatch", "pass_on"):
            clock.end(at)
        begun = said.get("handed_over_at", at) if ticket.urgent else at
        ends = begun + timedelta(hours=12) if ticket.urgent else self.calendar.limit(begun, 5)
        for unit in (said["lead_unit"], *said.get("assisting_units", ())):
            ticket.parts.append(Part(unit, None, at, leads=unit == said["lead_unit"]))
            ticket.clocks.append(Clock("handling", unit, begun, ends))
            ticket.clocks.append(Clock("return", unit, at, self.calendar.limit(at, 2)))
        if ticket.open_ruling is not None:
            ticket.open_ruling["state"] = "applied"

    def _dispute(self, ticket: Ticket, unit: int) -> None:
        returns = 1 + sum(action == "return" for _, action, *_ in ticket.history)
        if returns >= 2 and ticket.open_ruling is None:
            ticket.rulings.append({"state": "asked", "disputed": unit, "unit": None})

    def _check_reply(self, ticket: Ticket, who: Who, at: datetime, said: dict[str, Any]) -> None:
        if ticket.written_by == who.user:
            raise No("the same person")
        lead = ticket.lead
        assert lead is not None
        units = {lead.unit, *(part.unit for part in ticket.below(lead))}
        answered = any(moment >= lead.delivered and unit in units for moment, unit in ticket.contacts)
        if not ticket.confidential and not answered:
            raise No("the citizen was not answered")
        self._check_cause(ticket.running(*HANDLES, unit=lead.unit), at, said)

    @staticmethod
    def _check_cause(clocks: Iterable[Clock], at: datetime, said: dict[str, Any]) -> None:
        if any(at >= clock.ends for clock in clocks) is not ("overdue_cause" in said):
            raise No("late without a cause, or in time with one")

    def _answered(self, ticket: Ticket) -> bool:
        since = ticket.lead.delivered if ticket.lead else ticket.begun
        return any(moment >= since for moment, _ in ticket.contacts)

    def _approved(self, ticket: Ticket, at: datetime) -> None:
        lead = ticket.lead
        assert lead is not None
        for clock in ticket.running(*HANDLES, unit=lead.unit):
            clock.end(at)
        for clock in ticket.running("return", unit=lead.unit):
            clock.end(at, withdrawn=True)
        self._lapse_below(ticket, lead, at)
        lead.become("replied")
        ticket.opinion = ""
        lead.replied = True
        for child in self.merged_into(ticket):
            child.offered = True

    def _lapse_below(self, ticket: Ticket, above: Part, at: datetime) -> None:
        for part in ticket.below(above):
            if not part.replied:
                part.withdraw()
                for clock in ticket.running(*HANDLES, "return", unit=part.unit):
                    clock.lapse(at)

    def _check_merge(self, child: Ticket, main: Ticket) -> None:
        if main is child or main.state in {"registered", "refused", "answered", "merged", "closed", "archived"}:
            raise No("no such main ticket")
        if self.merged_into(child):
            raise No("others are merged into it")

    def _merge(self, child: Ticket, main: Ticket, at: datetime) -> None:
        for clock in child.running("dispatch", "pass_on", *HANDLES, "return"):
            clock.ended, clock.ended_at = ("withdrawn" if at < clock.ends else "late"), at
        for part in child.parts:
            if part.standing:
                part.withdraw()
        child.main, child.offered = main, main.state in {"replied", "visited"}

    def _split(self, ticket: Ticket, numbers: list[str], who: Who, at: datetime) -> None:
        for number in numbers:
            made = Ticket(number, ticket.kind, ticket.urgent, ticket.confidential, ticket.state, at)
            made.history.append((1, "register", who.user, None, ticket.state, at))
            for clock in ticket.running("dispatch", "pass_on"):
                made.clocks.append(Clock(clock.kind, None, clock.begun, clock.ends, told=clock.told))
            self.tickets[number] = made

    def _led(self, ticket: Ticket) -> list[Clock]:
        return [] if ticket.lead is None else list(ticket.running("handling", unit=ticket.lead.unit))

    def _in_its_time(self, ticket: Ticket) -> Iterable[Clock]:
        """Of the lead unit and of those it handed its part down to."""
        yield from self._led(ticket)
        if ticket.lead is not None:
            for part in ticket.below(ticket.lead):
                yield from ticket.running("handling", unit=part.unit)

    def of_the_lead(self, ticket: Ticket) -> Iterable[Clock]:
        """The same, of general limits and of the law's."""
        if ticket.lead is not None:
            for part in (ticket.lead, *ticket.below(ticket.lead)):
                yield from ticket.running(*HANDLES, unit=part.unit)

    def _sides(self, ticket: Ticket, part: Part, who: Who) -> set[str]:
        sides = set()
        if who.unit is not None and who.unit == part.unit:
            sides.add("own")
        if part.above is not None:
            if who.unit is not None and who.unit == part.above.unit:
                sides |= {"sender", "receiver"}
            return sides
        if who.role in CENTRE:
            sides.add("sender")
        if who.unit is not None and ticket.lead is not None and who.unit == ticket.lead.unit:
            sides.add("receiver")
        return sides

    def _hand_down(self, ticket: Ticket, part: Part, units: list[int], at: datetime) -> None:
        if not set(units) <= set(self.below.get(part.unit, ())):
            raise No("not below")
        if any(one.standing and one.unit in units for one in ticket.parts):
            raise No("has a part")
        for unit in units:
            ticket.parts.append(Part(unit, part, at))
            ticket.clocks.append(Clock("return", unit, at, self.calendar.limit(at, 2)))
            for above in list(ticket.running(*HANDLES, unit=part.unit)):
                # In its time, whatever the calendar says by now: the jobs look at both.
                clock = Clock(above.kind, unit, above.begun, above.ends, extensions=above.extensions)
                clock.moved = list(above.moved)
                ticket.clocks.append(clock)
