"""Random lives of tickets: a hypothesis state machine that does each step to the real thing and to the independent
rules, and compares both."""

from __future__ import annotations

import copy
from collections.abc import Callable, Coroutine, Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any, ClassVar, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.accept.ticketing.independent_calendar import BEIJING, last_day, local_day
from tests.accept.ticketing.independent_model import OF_A_UNIT, PARTS, UNIT, WAYS, No, Ticket, Who
from tests.accept.ticketing.independent_records import HANDLES
from tests.accept.ticketing.independent_rules import Rules
from tests.accept.ticketing.real_lives import End, Real, imagined
from tests.accept.ticketing.record_steps import Ask, Call, Claim, Enter, HandOver, Judge
from tests.accept.ticketing.steps import Act, Answer, PartStep, Report, Rule, Step, Tell

T = TypeVar("T")
_LAST = datetime(2026, 11, 20, tzinfo=BEIJING)
"""No clock turns further: ends must lie in 2026, whose days are listed."""
_CENTRE = tuple(
    Who(user, role)
    for user, role in (
        ("1001", "agent"),
        ("2001", "dispatcher"),
        ("2002", "dispatcher"),
        ("3001", "visit_agent"),
        ("9001", "supervisor"),
        ("8001", "inspector"),
    )
)
_JUMPS = st.one_of(
    st.timedeltas(timedelta(minutes=1), timedelta(hours=14)),
    st.timedeltas(timedelta(days=1), timedelta(days=9)),
    st.just(None),
)
"""None: to the midnight that comes."""
LUCK = st.integers(0, 2**32 - 1).map(Random)
"""What is drawn must not depend on which of two was first: one number for each step, and all choices from it."""
_ONWARD = {
    "registered": ("accept",),
    "to_dispatch": ("dispatch",),
    "to_sign": ("sign_for",),
    "handling": ("reply", "extend"),
    "extension_asked": ("grant_extension", "sign_extension"),
    "reply_to_review": ("approve_reply",),
    "replied": ("visit",),
}
"""What mostly comes next: else few tickets get far."""
_PAIRS = [(state, action) for state, ways in WAYS.items() for action in ways]


def of_units(units: tuple[int, int, int]) -> list[Who]:
    """People of the units: a handler, a head and a leader of each, and a second handler of the first two."""
    roles = ("unit_handler", "unit_head", "unit_leader")
    return [
        *(Who(f"u{unit}{role[5:8]}", role, unit) for unit in units for role in roles),
        *(Who(f"u{unit}h2", "unit_handler", unit) for unit in units[:2]),
    ]


class Lives(RuleBasedStateMachine):
    """`world`, `run`, `units` are set once for all examples of a run."""

    real: ClassVar[Real]
    run: ClassVar[Callable[[Coroutine[Any, Any, Any]], Any]]
    units: ClassVar[tuple[int, int, int]]
    steps: ClassVar[int]
    seen: ClassVar[set[tuple[str, str]]]
    """Pairs of state and action that were taken."""
    counted: ClassVar[dict[str, int]]

    def __init__(self) -> None:
        super().__init__()
        one, _, below = self.units
        self.taken: set[tuple[str, str]] = set()
        self.calls = 0
        self.agrees = True
        """Until a step fails: what comes after it says nothing."""
        self.people = [*_CENTRE, *of_units(self.units)]
        working = {who.user: who.unit for who in self.people if who.unit is not None and who.role in UNIT}
        self.rules: Rules = Rules({one: [below]}, working)

    @initialize(day=st.integers(0, 300), minute=st.integers(0, 1439))
    def begin(self, day: int, minute: int) -> None:
        """On some day of the year, on the calendar as it was published."""
        self.real.turn(datetime(2026, 1, 2, tzinfo=BEIJING) + timedelta(days=day, minutes=minute))
        self._do(self.real.as_published())
        self.register("help", urgent=False, confidential=False)

    @property
    def now(self) -> datetime:
        return self.real.clock.now()

    @rule(
        kind=st.sampled_from(["help", "complaint", "report"]),
        urgent=st.sampled_from([False, False, False, True]),
        confidential=st.sampled_from([False, False, True]),
    )
    def another(self, kind: str, urgent: bool, confidential: bool) -> None:
        """A demand comes in; of some tickets more is seen than of many."""
        if len(self.rules.tickets) < 4:
            self.register(kind, urgent=urgent, confidential=confidential)

    def register(self, kind: str, *, urgent: bool, confidential: bool) -> None:
        number = self._do(self.real.register(kind, _CENTRE[0], urgent=urgent, confidential=confidential))
        self.rules.register(number, kind, _CENTRE[0], self.now, urgent=urgent, confidential=confidential)
        self._compare()

    @rule(luck=LUCK, end=st.sampled_from([End.COMMIT, End.COMMIT, End.ROLLED_BACK, End.KILLED]))
    def step(self, luck: Random, end: End) -> None:
        """Somebody does something; now and then the process dies before the commit."""
        self._take(self._drawn(luck), end)

    @rule(luck=LUCK)
    def likely(self, luck: Random) -> None:
        """What comes next in a ticket's life, by somebody who may."""
        self._take(self._next(luck), End.COMMIT)

    @rule(luck=LUCK)
    def on_the_way(self, luck: Random) -> None:
        """Some steps of a life: else few tickets get far."""
        ticket = self._ticket(luck).number
        for _ in range(luck.randint(4, 14)):
            self._take(self._next(luck, ticket), End.COMMIT)

    @rule(luck=LUCK, late=st.booleans())
    def two_at_once(self, luck: Random, late: bool) -> None:
        """Two sessions, which read the same: as if one had come after the other, and on one version one wins."""
        first = self._next(luck)
        second = luck.choice(["same", "next", "any"])
        other = {"same": lambda: copy.deepcopy(first), "next": lambda: self._next(luck)}.get(
            second, lambda: self._drawn(luck)
        )()
        said = self._do(self.real.two(first, other, late=late))
        self._one_of_both(first, other, said)

    @rule(jump=_JUMPS)
    def jump(self, jump: timedelta | None) -> None:
        """Time goes by."""
        then = self.now + (jump or timedelta())
        if jump is None:
            then = datetime.combine(local_day(then) + timedelta(days=1), datetime.min.time(), BEIJING)
        if then < _LAST:
            self.real.turn(then.replace(microsecond=0))

    @rule(luck=LUCK)
    def to_an_end(self, luck: Random) -> None:
        """To the minute before an end, to it, to when it is told of, or to the last moment of asking for more."""
        ends = [clock.ends for ticket in self.rules.tickets.values() for clock in ticket.clocks if not clock.ended]
        wanted = [
            moment
            for end in ends
            for moment in (
                end - timedelta(minutes=1),
                end,
                datetime.combine(last_day(end), datetime.min.time(), BEIJING),
            )
            if self.now <= moment < _LAST
        ]
        if wanted:
            self.real.turn(luck.choice(sorted(set(wanted))))

    @rule(both=st.booleans())
    def jobs(self, both: bool) -> None:
        """The jobs look, one process or two at once."""
        self._do(self.real.jobs(both=both))
        self.rules.jobs(self.now)
        self._compare()

    @rule(days=st.integers(0, 12), worked=st.sampled_from([True, False, None]))
    def amend(self, days: int, worked: bool | None) -> None:
        """A day of the calendar is changed, or changed back."""
        day = local_day(self.now) + timedelta(days=days)
        self._do(self.real.lay_down(day, worked))
        self.rules.lay_down(day, worked)

    def teardown(self) -> None:
        """Everything again, at the end."""
        if self.rules.tickets and self.agrees:
            self._do(self.real.jobs())
            self.rules.jobs(self.now)
            self._compare()

    # -- what is drawn

    def _ticket(self, luck: Random) -> Ticket:
        return self.rules.tickets[luck.choice(sorted(self.rules.tickets))]

    def _drawn(self, luck: Random) -> Step:
        """Anything by anybody, mostly something that the state allows."""
        if luck.random() < 0.4:
            return self._next(luck)
        ticket = self._ticket(luck)
        who = luck.choice(self.people)
        kind = luck.choice(["act", "act", "act", "part", "answer", "rule", "tell", "beside", "beside"])
        if kind == "beside" and (step := self._beside(luck, ticket, who)) is not None:
            return step
        if kind == "part" and ticket.parts:
            index = luck.randint(0, len(ticket.parts) - 1)
            action = luck.choice(sorted({a for ways in PARTS.values() for a in ways}))
            return self._part_step(luck, ticket, index, action, who)
        if kind == "answer":
            return Answer(self.now, ticket.number, who)
        if kind == "rule" and ticket.rulings:
            return Rule(self.now, ticket.number, luck.choice([None, *self.units]), who)
        if kind == "tell" and ticket.granted:
            return Report(self.now, ticket.number, who)
        if kind == "tell" and ticket.state == "refused":
            return Tell(self.now, ticket.number)
        pairs = [action for state, action in _PAIRS if state == ticket.state]
        anything = sorted({action for _, action in _PAIRS if action not in {"split", "merge", "amend"}})
        action = luck.choice(pairs * 3 + anything)
        return self._act(luck, ticket, action, who)

    def _next(self, luck: Random, number: str = "") -> Step:
        """Something that this ticket, or any, may do, by somebody with the role for it."""
        ticket = self.rules.tickets[number] if number else self._ticket(luck)
        lead = ticket.lead
        if ticket.state == "refused" and not ticket.told:
            return Tell(self.now, ticket.number)
        if ticket.open_ruling is not None and ticket.open_ruling["state"] in {"asked", "submitted"}:
            ruled = ticket.open_ruling["state"] == "submitted"
            return Rule(self.now, ticket.number, luck.choice(self.units) if ruled else None, _CENTRE[1])
        if ticket.state == "handling" and ticket.granted >= 2 and not ticket.reported and lead and luck.random() < 0.5:
            of_unit = [who for who in self.people if who.unit == lead.unit]
            return Report(self.now, ticket.number, luck.choice(of_unit))
        if ticket.state == "reply_to_review" and lead is not None and not ticket.confidential:
            of_unit = [who for who in self.people if who.unit == lead.unit and who.role == "unit_handler"]
            if not any(at >= lead.delivered and unit == lead.unit for at, unit in ticket.contacts):
                return Answer(self.now, ticket.number, of_unit[0])
        if luck.random() < 0.15 and (step := self._beside(luck, ticket)) is not None:
            return step
        movable = [i for i, part in enumerate(ticket.parts) if part.standing and part.state in PARTS]
        if movable and luck.randint(0, 2) == 0:
            index = luck.choice(movable)
            part = ticket.parts[index]
            action = luck.choice(sorted(PARTS[part.state]))
            wanted = {"own": part.unit, "sender": part.above.unit if part.above else None}
            unit = wanted.get(PARTS[part.state][action][1], lead.unit if lead else None)
            who = next(one for one in self.people if one.unit == unit and one.role in {"unit_handler", "dispatcher"})
            return self._part_step(luck, ticket, index, action, who)
        ways = WAYS[ticket.state]
        if not ways:
            return Answer(self.now, ticket.number, _CENTRE[0])
        onward = [action for action in _ONWARD.get(ticket.state, ()) if luck.random() < 0.7]
        fresh = [action for action in ways if (ticket.state, action) not in self.taken]
        action = luck.choice(onward or sorted(fresh) * 2 + sorted(ways))
        roles = ways[action][1]
        able = [
            who
            for who in self.people
            if who.role in roles
            and (who.role not in OF_A_UNIT or (lead is not None and who.unit == lead.unit))
            and not (action == "approve_reply" and who.user == ticket.written_by)
            and (who.role not in UNIT or lead is None or self.rules.records.may_handle(ticket, lead, who))
        ]
        return self._act(luck, ticket, action, luck.choice(able) if able else self.people[0])

    def _beside(self, luck: Random, ticket: Ticket, who: Who | None = None) -> Step | None:
        """Something with the records beside a ticket, by anybody or by somebody who may."""
        records, lead, now, number = self.rules.records, ticket.lead, self.now, ticket.number
        of_lead = [one for one in self.people if lead is not None and one.unit == lead.unit and one.role in UNIT]
        theirs = who or (luck.choice(of_lead) if of_lead else _CENTRE[1])
        centre = who or luck.choice(_CENTRE[:5])
        later = local_day(now) + timedelta(days=luck.randint(10, 60))
        handlers = records.handlers.get(number, ())
        match luck.choice(["claim", "over", "ask", "answer", "enter", "judge", "call"]):
            case "claim" if ticket.parts:
                index = luck.randint(0, len(ticket.parts) - 1)
                of_part = [one for one in self.people if one.unit == ticket.parts[index].unit and one.role in UNIT]
                by = who or luck.choice(of_part)
                person = luck.choice([by.user, luck.choice(of_part).user, luck.choice(self.people).user])
                return Claim(now, number, index, by, person)
            case "over" if handlers:
                index = luck.randint(0, len(handlers) - 1)
                to = luck.choice([None, *(one.user for one in self.people if one.role in UNIT)])
                own = [one for one in self.people if one.user == handlers[index].person]
                return HandOver(now, number, index, who or own[0], to)
            case "ask":
                return Ask(now, number, theirs)
            case "answer":
                action = luck.choice(["answer", "answer", "withdraw"])
                return Ask(now, number, centre if action == "answer" else theirs, action)
            case "enter":
                running = [c for c in self.rules.of_the_lead(ticket) if c.kind == "handling"]
                late = any(now >= self.rules.calendar.limit(c.begun, 5) for c in running)
                return Enter(now, number, theirs, later, late is not (luck.randint(0, 9) == 0))
            case "judge":
                action = luck.choice(["accept", "refuse", "prolong"])
                return Judge(now, number, who or _CENTRE[1], action, later + timedelta(days=30))
            case "call" if (visit := records.visit(ticket)) is not None and visit.state == "due":
                self.calls += 1
                return Call(now, number, f"call-{self.calls}")
        return None

    def _act(self, luck: Random, ticket: Ticket, action: str, who: Who) -> Act:
        said: dict[str, Any] = {}
        if action == "dispatch":
            said["lead_unit"] = luck.choice(self.units)
            ruling = ticket.open_ruling
            if ruling is not None and ruling["unit"] is not None and luck.random() < 0.5:
                said["lead_unit"] = ruling["unit"]
            others = [unit for unit in self.units[:2] if unit != said["lead_unit"]]
            if luck.random() < 0.5:
                said["assisting_units"] = (luck.choice(others),)
            if luck.random() < (0.9 if ticket.urgent else 0.1):
                said["handed_over_to"] = "值班员王工"
            if ticket.urgent and luck.random() < 0.5:
                said["handed_over_at"] = max(ticket.begun, self.now - timedelta(minutes=luck.randint(0, 90)))
        if action == "merge":
            others = [number for number in sorted(self.rules.tickets) if number != ticket.number]
            said["parent"] = luck.choice(others or [ticket.number])
        if action in {"visit", "evaluate"}:
            said["satisfaction"] = luck.choice(["satisfied", "dissatisfied", "very_dissatisfied"])
        if action == "visit" and luck.random() < 0.3:
            said["outcome"] = luck.choice(["declined", "wrong_person", "unreachable"])
            if luck.random() < 0.9:
                del said["satisfaction"]
        if action == "approve_reply" and ticket.lead is not None:
            late = any(self.now >= clock.ends for clock in ticket.running(*HANDLES, unit=ticket.lead.unit))
            if late is not (luck.randint(0, 9) == 0):
                said["overdue_cause"] = "complex"
        return Act(self.now, ticket.number, ticket.version, action, who, said)

    def _part_step(self, luck: Random, ticket: Ticket, index: int, action: str, who: Who) -> PartStep:
        said: dict[str, Any] = {}
        part = ticket.parts[index]
        if action == "hand_down":
            said["units"] = (luck.choice([self.units[2], self.units[2], self.units[1]]),)
        if action == "reply" and any(self.now >= c.ends for c in ticket.running(*HANDLES, unit=part.unit)):
            said["overdue_cause"] = "complex"
        return PartStep(self.now, ticket.number, index, part.version, action, who, said)

    # -- what is compared

    def _take(self, step: Step, end: End) -> None:
        said = self._do(self.real.try_(step, end))
        type(self).steps += 1
        if end is not End.COMMIT:
            self._count("crashed" if said == "crashed" else "refused")
            self._compare()
            return
        before = {number: ticket.state for number, ticket in self.rules.tickets.items()}
        expected = _refusal(self.rules, step)
        assert bool(said) == bool(expected), f"{step}: ours says {said!r}, the rules say {expected!r}"
        self._count("refused" if said else "done")
        if not said and isinstance(step, Act):
            self.taken.add((before[step.number], step.action))
            self.seen.add((before[step.number], step.action))
        self._compare()

    def _one_of_both(self, first: Step, other: Step, said: tuple[str, str]) -> None:
        type(self).steps += 2
        self._count("at once")
        if isinstance(first, Act) and isinstance(other, Act) and first.number == other.number:
            assert said.count("") <= 1, f"two winners on one version: {first}, {other}"
        tried = []
        for order in ((0, 1), (1, 0)):
            rules = copy.deepcopy(self.rules)
            told = ["", ""]
            for which in order:
                told[which] = _refusal(rules, (first, other)[which])
            if [bool(one) for one in told] != [bool(one) for one in said]:
                tried.append(f"{order}: {told}")
                continue
            different = [f for f in self._differences(rules) if f]
            if not different:
                self.rules, self.agrees = rules, True
                return
            tried.append("\n".join(different))
        raise AssertionError(f"at once {first} and {other}: ours {said}, as one after the other:\n" + "\n".join(tried))

    def _compare(self) -> None:
        different = list(self._differences(self.rules))
        assert not different, "\n".join(different)
        self.agrees = True

    def _differences(self, rules: Rules) -> Iterator[str]:
        for number, ticket in rules.tickets.items():
            found, wanted = self._do(self.real.picture(number)), imagined(ticket, rules.records)
            for what, value in wanted.items():
                if found[what] != value:
                    yield f"{number} {what}:\n  ours  {found[what]}\n  rules {value}"

    def _count(self, what: str) -> None:
        self.counted[what] = self.counted.get(what, 0) + 1

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        self.agrees = False
        done: T = type(self).run(work)
        return done


def _refusal(rules: Rules, step: Step) -> str:
    """Why the independent rules refuse the step; empty if it is done now."""
    try:
        step.imagine(rules)
    except No as no:
        return str(no) or "no"
    return ""
