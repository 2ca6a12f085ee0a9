"""Tickets with the histories that a city's tickets have, made by chance and written straight into the tables.

Nothing of ours is imported: rows are laid down as the tables are documented, so that figures counted from them can be
compared with counts by hand. Everything that would lie after `now` has not happened yet.
"""

from __future__ import annotations

import contextlib
import json
import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import asyncpg

CATEGORIES = ("0101", "0102", "0201", "0305", "")
AREAS = ("411202001002", "411203", "411221100", "")
SOURCES = ("phone", "web", "wechat", "province", "police_110")
TYPES = ("consult", "help", "complaint", "report", "suggestion")
CITY_HOURS = timedelta(hours=8)
"""Beijing's time; it has no daylight saving."""

_COLUMNS = {
    "ticket_policy": ("number", "first_day", "policy", "note", "made_by", "made_at"),
    "ticket": (
        *("id", "number", "type", "title", "content", "source", "caller_number", "caller_name", "address"),
        *("caller_index", "area_code", "category", "urgency", "confidentiality", "hotline", "unit_tag", "state"),
        *("version", "policy", "registered_by", "registered_at", "updated_at"),
    ),
    "ticket_history": (
        *("id", "ticket_id", "version", "action", "actor", "from_state", "to_state", "at", "note", "details"),
    ),
    "ticket_assignment": (
        *("id", "ticket_id", "unit_id", "part", "state", "version", "delivered_at", "extensions", "replied_at"),
        "withdrawn_at",
    ),
    "ticket_clock": (
        *("id", "ticket_id", "unit_id", "kind", "begun_at", "ends_at", "provisional", "ended_at", "ended"),
        *("overdue_cause", "paused_at"),
    ),
    "ticket_visit": (
        *("id", "ticket_id", "cycle", "unit_id", "state", "version", "due_since", "outcome", "contacted", "solved"),
        *("satisfaction", "visited_by", "visited_at"),
    ),
    "ticket_record_step": (
        *("id", "ticket_id", "record", "record_id", "version", "action", "actor", "from_state", "to_state", "at"),
        *("note", "details"),
    ),
    "ticket_unreasonable_repeat": (
        *("id", "ticket_id", "state", "version", "facts", "earlier", "proposed_by", "proposed_at"),
    ),
    "ticket_figure_exclusion": (
        *("id", "ticket_id", "unit_id", "reason", "facts", "decided_by", "decided_at", "revoked_by", "revoked_at"),
    ),
    "ticket_refusal": (
        *("ticket_id", "ground", "local_ground", "term", "basis", "reason", "guidance", "unit_id", "refused_by"),
        "refused_at",
    ),
    "ticket_supervision": (
        *("id", "ticket_id", "unit_id", "state", "version", "ground", "form", "words", "deadline", "raised_by"),
        "raised_at",
    ),
    "ticket_accountability_lead": (
        *("id", "ticket_id", "unit_id", "state", "version", "ground", "facts", "occasion", "raised_by", "raised_at"),
    ),
}
_WITHOUT_IDENTITY = {"ticket_policy", "ticket_refusal"}


class _NotYet(Exception):
    """The next thing would happen after now."""


@dataclass
class _Story:
    """One ticket as it goes on."""

    id: int
    at: datetime
    now: datetime
    state: str = "registered"
    version: int = 0
    happened: datetime | None = None

    def later(self, **time: float) -> datetime:
        """Go on in time. Raises _NotYet."""
        self.at += timedelta(**time)
        if self.at > self.now:
            raise _NotYet
        return self.at


@dataclass
class Made:
    """Rows by table, in the order of `_COLUMNS`."""

    rows: dict[str, list[tuple[Any, ...]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, table: str, **values: Any) -> int:
        """Add a row and return its id."""
        columns = _COLUMNS[table]
        number = len(self.rows[table]) + 1
        if table not in _WITHOUT_IDENTITY:
            values.setdefault("id", number)
        self.rows[table].append(tuple(values.get(column) for column in columns))
        return int(values.get("id", number))

    def change(self, table: str, row_id: int, **values: Any) -> None:
        """Change columns of a row that was added."""
        columns = _COLUMNS[table]
        row = dict(zip(columns, self.rows[table][row_id - 1], strict=True)) | values
        self.rows[table][row_id - 1] = tuple(row[column] for column in columns)

    async def write(self, connection: asyncpg.Connection[Any]) -> None:
        """Into an empty database of tickets. Identities go on after the rows."""
        for table, columns in _COLUMNS.items():
            await connection.copy_records_to_table(table, records=self.rows[table], columns=columns)
            if table not in _WITHOUT_IDENTITY:
                await connection.execute(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {len(self.rows[table]) + 1})"
                )


class Maker:
    """Makes the tickets. The same seed makes the same ones."""

    def __init__(self, *, seed: int, units: Iterable[int], first: datetime, now: datetime) -> None:
        self.made = Made()
        self.chance = random.Random(seed)
        self.units = list(units)
        self.first, self.now = first, now
        self._clocks: dict[int, tuple[int, int]] = {}
        self._parts: dict[int, int] = {}
        # From the middle on only two levels count as satisfied.
        self.stricter_from = first + (now - first) / 2

    def policy(self) -> None:
        """The city's second policy."""
        stricter = {"satisfied": ["very_satisfied", "satisfied"]}
        self.made.add(
            "ticket_policy",
            number=1,
            first_day=self.stricter_from.date(),
            policy=json.dumps(stricter),
            note="",
            made_by="9001",
            made_at=self.stricter_from,
        )

    def tickets(self, count: int) -> Made:
        """So many, spread over the time."""
        self.policy()
        seconds = (self.now - self.first).total_seconds()
        for number, offset in enumerate(sorted(self.chance.random() for _ in range(count)), 1):
            # Some just at midnight of the city, where days, months and years change.
            at = self.first + timedelta(seconds=int(offset * seconds))
            if self.chance.random() < 0.05:
                at = (at + CITY_HOURS).replace(hour=0, minute=0, second=0) - CITY_HOURS
            self._ticket(number, at)
        return self.made

    def _ticket(self, number: int, at: datetime) -> None:
        pick = self.chance.choice
        story = _Story(number, at, self.now)
        ticket = self.made.add(
            "ticket",
            id=number,
            number=f"SMX{number:012}",
            type=pick(TYPES),
            title="路灯不亮",
            content="",
            source=pick(SOURCES),
            caller_number=b"",
            caller_name=b"",
            address=b"",
            caller_index=self.chance.randbytes(16),
            area_code=pick(AREAS),
            category=pick(CATEGORIES),
            urgency="general",
            confidentiality="open",
            hotline="",
            unit_tag="",
            state="registered",
            version=1,
            policy=1 if at >= self.stricter_from else 0,
            registered_by="1001",
            registered_at=at,
            updated_at=at,
        )
        self._act(story, "register", "registered")
        self._clocks, self._parts = {}, {}
        with contextlib.suppress(_NotYet):
            self._life(story)
        if self._clocks and self.chance.random() < 0.3:
            # Of some that are still handled the citizen is asked something.
            handling, _ = self._clocks[next(iter(self._clocks))]
            if self._clock_row(handling)["ended"] is None:
                self.made.change("ticket_clock", handling, paused_at=story.happened)
        self.made.change("ticket", ticket, state=story.state, version=story.version, updated_at=story.happened)
        self._beside(story)

    def _life(self, story: _Story) -> None:
        way = self.chance.random()
        story.later(minutes=self.chance.randint(1, 30))
        if way < 0.2:
            self._act(story, "answer", "answered")
            story.later(minutes=1)
            self._act(story, "close", "closed")
            return
        if way < 0.25:
            self._refuse(story)
            return
        self._act(story, "accept", "to_dispatch")
        if way < 0.29 and story.id > 1:
            self._merged(story)
            return
        for cycle in range(3):
            lead = self._until_replied(story)
            if not self._visit(story, cycle, lead):
                break
        story.later(hours=1)
        self._act(story, "close", "closed")

    def _refuse(self, story: _Story) -> None:
        self._act(story, "refuse", "refused")
        self.made.add(
            "ticket_refusal",
            ticket_id=story.id,
            ground="outside_city",
            local_ground="",
            term="非本市",
            basis="",
            reason="",
            guidance="",
            refused_by="1001",
            refused_at=story.at,
        )

    def _merged(self, story: _Story) -> None:
        """Merged, some of them only after the limit; then the main ticket's reply is taken for it."""
        if self.chance.random() < 0.5:
            story.later(hours=1)
            clocks = self._dispatch(story, [self.chance.choice(self.units)])
            story.later(days=self.chance.choice((1, 4, 12)))
            self._clocks, self._parts = clocks, {unit: self._last_part(story, unit) for unit in clocks}
            self._withdraw(story, late=True)
        self._act(story, "merge", "merged")
        story.later(days=self.chance.randint(1, 6))
        self._act(story, "take_reply", "replied")
        self._visit(story, 0, None)

    def _until_replied(self, story: _Story) -> int:
        """Dispatched, and again whenever a return is agreed to or the centre recalls it. The unit that replied."""
        while True:
            story.later(hours=self.chance.choice((0, 1, 5, 20)))
            lead, *assisting = self.chance.sample(self.units, self.chance.choice((1, 1, 1, 2, 3)))
            clocks = self._dispatch(story, [lead, *assisting])
            self._clocks, self._parts = clocks, {unit: self._last_part(story, unit) for unit in clocks}
            delivered = story.at
            if self.chance.random() < 0.03:
                story.later(hours=self.chance.choice((3, 300)))
                self._act(story, "recall", "to_dispatch")
                self._withdraw(story)
                continue
            if self._returned(story, lead):
                self._withdraw(story)
                continue
            self._reply(story, lead)
            for unit in assisting:
                self._part(story, unit, delivered)
            return lead

    def _dispatch(self, story: _Story, units: list[int]) -> dict[int, tuple[int, int]]:
        """One action; a part and two clocks (handling, return) for each unit."""
        details = {"lead_unit": units[0], **({"assisting_units": units[1:]} if units[1:] else {})}
        self._act(story, "dispatch", "to_sign", details)
        clocks = {}
        for place, unit in enumerate(units):
            self.made.add(
                "ticket_assignment",
                ticket_id=story.id,
                unit_id=unit,
                part="assist" if place else "lead",
                state="delivered",
                version=1,
                delivered_at=story.at,
                extensions=0,
            )
            begun = {"ticket_id": story.id, "unit_id": unit, "begun_at": story.at, "provisional": False}
            handling = self.made.add("ticket_clock", kind="handling", ends_at=_midnight(story.at, 8), **begun)
            returning = self.made.add("ticket_clock", kind="return", ends_at=_midnight(story.at, 3), **begun)
            clocks[unit] = handling, returning
        return clocks

    def _returned(self, story: _Story, lead: int) -> bool:
        """Whether the lead unit gives it back; it may ask in vain, and again."""
        likely = 0.2
        while self.chance.random() < likely:
            story.later(hours=self.chance.choice((2, 30, 60, 100, 140)))
            self._act(story, "return", "return_asked")
            _, window = self._clocks[lead]
            self._end_clock(window, story.at, "met" if story.at < self._ends(window) else "late")
            story.later(hours=self.chance.choice((1, 20, 200)))
            if self.chance.random() < 0.6:
                self._act(story, "agree_return", "to_dispatch")
                return True
            self._act(story, "refuse_return", "handling")
            likely = 0.3
        return False

    def _part(self, story: _Story, unit: int, delivered: datetime) -> None:
        """Before the lead unit replied an assisting one has replied in time, late or not, or asked to be let off."""
        handling, window = self._clocks[unit]
        part = self._parts[unit]
        how = self.chance.random()
        if how < 0.15:
            self._part_returned(story, unit, delivered)
        elif how < 0.8:
            at = delivered + timedelta(hours=self.chance.choice((10, 100, 200, 300)))
            if at <= story.at:
                self._end_clock(handling, at, "met" if at < self._ends(handling) else "late")
                self._end_clock(window, at, "withdrawn")
                self.made.change("ticket_assignment", part, state="replied", replied_at=at)

    def _part_returned(self, story: _Story, unit: int, delivered: datetime) -> None:
        handling, window = self._clocks[unit]
        part = self._parts[unit]
        asked = delivered + timedelta(hours=self.chance.choice((5, 90)))
        decided = asked + timedelta(hours=10)
        if asked > story.at:
            return
        self._step(story, part, 2, "return", at=asked, states=("working", "return_asked"))
        self._end_clock(window, asked, "met" if asked < self._ends(window) else "late")
        if decided > story.at:
            return
        if self.chance.random() < 0.5:
            self._step(story, part, 3, "agree_return", at=decided, states=("return_asked", "withdrawn"))
            late = decided >= self._ends(handling)
            self._end_clock(handling, decided, "late" if late else "withdrawn")
            self.made.change("ticket_assignment", part, withdrawn_at=decided)
        else:
            self._step(story, part, 3, "refuse_return", at=decided, states=("return_asked", "working"))

    def _withdraw(self, story: _Story, *, late: bool = False) -> None:
        """Of all units; with `late`, what has run out is late, as at a merge and before it is handled again."""
        for unit, clocks in self._clocks.items():
            for clock in clocks:
                self._end_clock(clock, story.at, "late" if late and story.at >= self._ends(clock) else "withdrawn")
            row = dict(
                zip(
                    _COLUMNS["ticket_assignment"],
                    self.made.rows["ticket_assignment"][self._parts[unit] - 1],
                    strict=True,
                )
            )
            if row["withdrawn_at"] is None:
                self.made.change("ticket_assignment", self._parts[unit], withdrawn_at=story.at)

    def _reply(self, story: _Story, lead: int) -> None:
        handling, window = self._clocks[lead]
        if self.chance.random() < 0.06:
            handling = self._by_law(story, lead)
        if self.chance.random() < 0.15:
            self.made.change("ticket_clock", handling, ends_at=self._ends(handling) + timedelta(days=7))
        story.later(hours=self.chance.choice((20, 60, 150, 200, 260, 500)))
        self._act(story, "reply", "reply_to_review")
        if self.chance.random() < 0.05:
            # In the very moment in which the limit ends: too late.
            story.at = max(story.at, self._ends(handling))
            story.later()
        self._act(story, "approve_reply", "replied")
        self._end_clock(handling, story.at, "met" if story.at < self._ends(handling) else "late")
        self._end_clock(window, story.at, "withdrawn")
        self.made.change("ticket_assignment", self._parts[lead], state="replied", replied_at=story.at)

    def _by_law(self, story: _Story, lead: int) -> int:
        """The procedure is entered, in time or late; the result has a limit of its own."""
        handling, window = self._clocks[lead]
        story.later(hours=self.chance.choice((20, 200)))
        self._end_clock(handling, story.at, "met" if story.at < self._ends(handling) else "late")
        self._end_clock(window, story.at, "withdrawn")
        begun = {"ticket_id": story.id, "unit_id": lead, "begun_at": story.at, "provisional": False}
        limit = self.made.add("ticket_clock", kind="statutory", ends_at=_midnight(story.at, 10), **begun)
        self._clocks[lead] = limit, window
        return limit

    def _visit(self, story: _Story, cycle: int, unit: int | None) -> bool:
        """The visit of one handling; whether it is to be handled again."""
        due = {"ticket_id": story.id, "cycle": cycle, "unit_id": unit, "version": 1, "due_since": story.at}
        visit = self.made.add("ticket_visit", state="due", **due)
        story.later(hours=self.chance.choice((5, 30, 80)))
        self._act(story, "visit", "visited")
        outcome = self.chance.choices(
            ("reached", "declined", "wrong_person", "unreachable", "invalid"), (80, 5, 5, 7, 3)
        )[0]
        said: dict[str, Any] = {}
        if outcome == "reached":
            said = {
                "contacted": self.chance.choice((True, True, False, None)),
                "solved": self.chance.choice((True, True, False, None)),
                "satisfaction": self.chance.choice(
                    ("very_satisfied", "satisfied", "fairly_satisfied", "dissatisfied", "very_dissatisfied", None)
                ),
            }
        done = {"state": "done", "outcome": outcome, "visited_by": "3001", "visited_at": story.at}
        self.made.change("ticket_visit", visit, **done, **said)
        if str(said.get("satisfaction")).endswith("dissatisfied") and self.chance.random() < 0.6:
            story.later(minutes=5)
            self._act(story, "rehandle", "to_dispatch")
            if unit is not None:
                self._withdraw(story, late=True)
            return True
        return False

    def _beside(self, story: _Story) -> None:
        """Determinations, decisions, supervision and leads, as rare as they are."""
        at, chance = story.happened or story.at, self.chance.random
        if chance() < 0.04:
            state = self.chance.choice(("proposed", "approved", "notified", "notified", "revoked"))
            record = {"state": state, "version": 1, "facts": "同一诉求", "earlier": "[]"}
            self.made.add("ticket_unreasonable_repeat", ticket_id=story.id, proposed_by="1", proposed_at=at, **record)
        if chance() < 0.05:
            unit = self.chance.choice([None, *self.units])
            reason = self.chance.choice(("force_majeure", "wrongly_dispatched", "malicious", "other"))
            gone = {"revoked_by": "9001", "revoked_at": at} if chance() < 0.3 else {}
            decided = {"facts": "强降雨", "decided_by": "9001", "decided_at": at, **gone}
            self.made.add("ticket_figure_exclusion", ticket_id=story.id, unit_id=unit, reason=reason, **decided)
        if chance() < 0.08:
            order = {"state": "issued", "version": 1, "ground": "overdue", "form": "order", "words": "限期办理"}
            self.made.add(
                "ticket_supervision",
                ticket_id=None if chance() < 0.1 else story.id,
                unit_id=self.chance.choice(self.units),
                deadline=at,
                raised_by="9001",
                raised_at=at,
                **order,
            )
        if chance() < 0.04:
            lead = self.made.add(
                "ticket_accountability_lead",
                ticket_id=story.id,
                unit_id=self.chance.choice(self.units),
                state="raised",
                version=1,
                ground="other",
                facts="",
                occasion=f"hand:{story.id}",
                raised_by="9001",
                raised_at=at,
            )
            if chance() < 0.6:
                self._step(story, lead, 2, "establish", at=at, states=("investigating", "established"), record="lead")

    def _act(self, story: _Story, action: str, state: str, details: dict[str, Any] | None = None) -> None:
        before = None if action == "register" else story.state
        story.version += 1
        story.state = state
        story.happened = story.at
        self.made.add(
            "ticket_history",
            ticket_id=story.id,
            version=story.version,
            action=action,
            actor="1001",
            from_state=before,
            to_state=state,
            at=story.at,
            note="",
            details=json.dumps(details or {}),
        )

    def _step(
        self,
        story: _Story,
        record_id: int,
        version: int,
        action: str,
        *,
        at: datetime,
        states: tuple[str, str],
        record: str = "part",
    ) -> None:
        self.made.add(
            "ticket_record_step",
            ticket_id=story.id,
            record=record,
            record_id=record_id,
            version=version,
            action=action,
            actor="1001",
            from_state=states[0],
            to_state=states[1],
            at=at,
            note="",
            details="{}",
        )

    def _clock_row(self, clock: int) -> dict[str, Any]:
        return dict(zip(_COLUMNS["ticket_clock"], self.made.rows["ticket_clock"][clock - 1], strict=True))

    def _ends(self, clock: int) -> datetime:
        ends: datetime = self._clock_row(clock)["ends_at"]
        return ends

    def _end_clock(self, clock: int, at: datetime, how: str) -> None:
        """End a clock that runs; one that has ended stays as it is."""
        if self._clock_row(clock)["ended"] is None:
            self.made.change("ticket_clock", clock, ended=how, ended_at=at)

    def _last_part(self, story: _Story, unit: int) -> int:
        rows = self.made.rows["ticket_assignment"]
        return next(at for at in range(len(rows), 0, -1) if rows[at - 1][1] == story.id and rows[at - 1][2] == unit)


def _midnight(at: datetime, days: int) -> datetime:
    """So many midnights of the city later."""
    local = (at + CITY_HOURS).replace(hour=0, minute=0, second=0, microsecond=0)
    return local + timedelta(days=days) - CITY_HOURS
