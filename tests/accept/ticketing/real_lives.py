"""The real side of random lives: steps in transactions that end well, are rolled back or lose their process, two at
once, and what the database holds of a ticket afterwards."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from datetime import datetime
from enum import Enum
from typing import Any

from argon2 import PasswordHasher
from sqlalchemy import TextClause, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from directory import special_days
from directory.models import Role, Unit, UnitLevel, WorkdayOverride
from directory.passwords import Passwords
from directory.users import NewUser, add_user
from hotline.clock import ManualClock
from hotline.database import Database
from hotline.errors import HotlineError
from tests.accept.ticketing.independent_calendar import BEIJING
from tests.accept.ticketing.independent_model import Ticket, Who
from tests.accept.ticketing.independent_records import HANDLES, Records
from tests.accept.ticketing.steps import Step, actor
from ticketing.deadlines import Deadlines
from ticketing.handling.archiving import Archiving
from ticketing.intake import IntakeDesk
from ticketing.procedures.questions import Lapsing
from ticketing.schemas import Intake

_IDLE = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND state = 'idle in transaction'"
)
_LOCKED = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND wait_event_type = 'Lock'"
)

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT")

_BESIDE = ("handlers", "questions", "procedures", "visits")

Picture = dict[str, Any]
"""What is compared of a ticket."""


class End(Enum):
    """How a transaction ends."""

    COMMIT = "commit"
    ROLLED_BACK = "rolled back"
    KILLED = "killed"


class _Crash(Exception):
    """In the middle of a step."""


class Real:
    """The database of a run, and the clock that every part of ours in it has."""

    def __init__(self, database: Database, start: datetime) -> None:
        self.database = database
        self.clock = ManualClock(start)
        self.desk = IntakeDesk(site="smx", zone="Asia/Shanghai", area_code="0398", clock=self.clock)
        # Two processes of jobs, each with a calendar that it remembers.
        self._jobs = [
            (Deadlines(database, self.clock), Archiving(database, self.clock), Lapsing(database, self.clock))
            for _ in range(2)
        ]

    async def units(self) -> tuple[int, int, int]:
        """Two of the city and one below the first."""
        async with self.database.transaction() as session:
            city = [Unit(name=name, level=UnitLevel.CITY) for name in ("市人社局", "市城管局")]
            session.add_all(city)
            await session.flush()
            below = Unit(name="区人社局", level=UnitLevel.COUNTY, parent_id=city[0].id)
            session.add(below)
            await session.flush()
            return city[0].id, city[1].id, below.id

    async def enter(self, people: Iterable[Who]) -> None:
        """People of units have logins: work is given to them by name."""
        passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        async with self.database.transaction() as session:
            for who in people:
                new = NewUser(who.user, who.user, frozenset({Role(who.role)}), who.unit)
                await add_user(session, new, "hotline-test-1", passwords, now=self.clock.now())

    def turn(self, moment: datetime) -> None:
        """Set the clock, back too."""
        self.clock.advance((moment - self.clock.now()).total_seconds())

    async def register(self, kind: str, who: Who, *, urgent: bool, confidential: bool) -> str:
        intake = Intake.model_validate(
            {
                "type": kind,
                "title": "水管漏水",
                "urgency": "urgent" if urgent else "general",
                "confidentiality": "confidential" if confidential else "open",
                "caller_number": "13803980001" if confidential else "",
            }
        )
        async with self.database.transaction() as session:
            return (await self.desk.register(session, intake, actor(who))).number

    async def try_(self, step: Step, end: End = End.COMMIT, held: asyncio.Event | None = None) -> str:
        """The code that ours refuses the step with, empty if it is done; `crashed` where the end was not a commit.

        With `held` the commit waits for it.
        """
        try:
            async with self.database.transaction() as session:
                await step.do(session, self.desk)
                if held is not None:
                    await held.wait()
                if end is End.KILLED:
                    await _lose(session)
                if end is not End.COMMIT:
                    raise _Crash
        except HotlineError as error:
            return error.code
        except _Crash:
            return "crashed"
        except (DBAPIError, OSError):
            if end is not End.KILLED:
                raise
            return "crashed"
        return ""

    async def two(self, first: Step, second: Step, *, late: bool) -> tuple[str, str]:
        """Both at once. With `late` the first has written everything before the second begins, and commits when that
        one waits for it or is done."""
        if not late:
            one, other = await asyncio.gather(self.try_(first), self.try_(second))
            return one, other
        held = asyncio.Event()
        running = asyncio.create_task(self.try_(first, held=held))
        await self._writing(running)
        other_one = asyncio.create_task(self.try_(second))
        await self._waiting(other_one)
        held.set()
        return await running, await other_one

    async def jobs(self, *, both: bool = False) -> None:
        """The jobs process looks; `both`: two of them at the same time."""
        for looks in zip(*self._jobs, strict=True):
            wanted = looks if both else looks[:1]
            await asyncio.gather(*(job.step() for job in wanted))

    async def lay_down(self, day: Any, worked: bool | None) -> None:
        async with self.database.transaction() as session:
            await special_days.lay_down(session, day, worked, now=self.clock.now())

    async def as_published(self) -> None:
        """No day is changed any more, and every clock that still runs knows."""
        async with self.database.transaction() as session:
            days = list(await session.scalars(select(WorkdayOverride.day)))
            for day in days:
                await special_days.lay_down(session, day, None, now=self.clock.now())

    async def picture(self, number: str) -> Picture:
        """What the database holds of a ticket, read by plain SQL."""
        ((state, version, history, clocks, parts, rulings, *beside),) = await self.database.ask(
            _PICTURE, {"number": number}
        )
        return {
            "state": [state, version],
            "history": _told(history),
            "clocks": _clocks([[*clock[:6], clock[6] or [], clock[7] or []] for clock in clocks or []]),
            "parts": parts or [],
            "rulings": rulings or [],
            **{name: told or [] for name, told in zip(_BESIDE, beside[:4], strict=True)},
            **dict(zip(("offered", "leads", "supervised"), beside[4:], strict=True)),
        }

    async def _writing(self, task: asyncio.Task[str]) -> None:
        """Until the task's transaction has written, or the task is done."""
        await self._until(task, _IDLE)

    async def _waiting(self, task: asyncio.Task[str]) -> None:
        """Until the task's transaction waits for another one's lock, or the task is done."""
        await self._until(task, _LOCKED)

    async def _until(self, task: asyncio.Task[str], seen: TextClause) -> None:
        for _ in range(50):
            done, _pending = await asyncio.wait({task}, timeout=0.002)
            if done or (await self.database.ask(seen))[0][0]:
                return


async def _lose(session: AsyncSession) -> None:
    """The process is gone: its connection is cut, nothing is said any more."""
    raw = await (await session.connection()).get_raw_connection()
    driver: Any = raw.driver_connection
    driver.terminate()


_PICTURE = text(
    """
    SELECT t.state, t.version,
    (SELECT json_agg(json_build_array(version, action, actor, from_state, to_state, at) ORDER BY id)
     FROM ticket_history WHERE ticket_id = t.id),
    (SELECT json_agg(json_build_array(kind, unit_id, begun_at, ends_at, ended, ended_at,
        (SELECT json_agg(json_build_array(why, old_ends_at, new_ends_at) ORDER BY id)
         FROM ticket_clock_move WHERE clock_id = c.id),
        (SELECT json_agg(json_build_array(kind, ends_at)) FROM ticket_notice WHERE clock_id = c.id)))
     FROM ticket_clock c WHERE ticket_id = t.id),
    (SELECT json_agg(json_build_array(unit_id, part = 'lead', state, version, withdrawn_at IS NULL) ORDER BY id)
     FROM ticket_assignment WHERE ticket_id = t.id),
    (SELECT json_agg(json_build_array(state, unit_id) ORDER BY id) FROM ticket_ruling WHERE ticket_id = t.id),
    (SELECT json_agg(json_build_array(person, state) ORDER BY id) FROM ticket_handler WHERE ticket_id = t.id),
    (SELECT json_agg(json_build_array(unit_id, state, version) ORDER BY id)
     FROM ticket_question WHERE ticket_id = t.id),
    (SELECT json_agg(json_build_array(unit_id, state, version, ends_on) ORDER BY id)
     FROM ticket_statutory WHERE ticket_id = t.id),
    (SELECT json_agg(json_build_array(cycle, state, outcome, satisfaction) ORDER BY cycle)
     FROM ticket_visit WHERE ticket_id = t.id),
    (SELECT count(*) FROM ticket_reply_offer
     WHERE ticket_id = t.id AND taken_at IS NULL AND withdrawn_at IS NULL),
    (SELECT count(*) FROM ticket_accountability_lead WHERE ticket_id = t.id AND ground = 'dissatisfied_twice'),
    (SELECT count(*) FROM ticket_supervision WHERE ticket_id = t.id AND raised_by = 'system')
    FROM ticket t WHERE number = :number
    """
)


def _told(value: Any) -> Any:
    """Moments on the city's clocks, lists for tuples: as both sides are compared."""
    if isinstance(value, datetime):
        return value.astimezone(BEIJING).isoformat()
    if isinstance(value, list | tuple):
        return [_told(one) for one in value]
    if isinstance(value, str) and _MOMENT.match(value):
        return datetime.fromisoformat(value).astimezone(BEIJING).isoformat()
    return value


def _clocks(rows: list[Any]) -> list[Any]:
    """In one order; each with what was told of it in one order."""
    return sorted(([*row[:7], sorted(row[7], key=repr)] for row in _told(rows)), key=repr)


def imagined(ticket: Ticket, records: Records) -> Picture:
    """What the independent rules say that the database holds."""
    clocks = [(c.kind, c.unit, c.begun, c.ends, c.ended, c.ended_at, c.moved, list(c.notices)) for c in ticket.clocks]
    parts = [(part.unit, part.leads, part.state, part.version, part.standing) for part in ticket.parts]
    overdue = [told for clock in ticket.clocks if clock.kind in HANDLES for told, _ in clock.notices]
    number = ticket.number
    procedures = records.procedures.get(number, ())
    return {
        "state": [ticket.state, ticket.version],
        "history": _told(ticket.history),
        "clocks": _clocks(clocks),
        "parts": _told(parts),
        "rulings": [[ruling["state"], ruling["unit"]] for ruling in ticket.rulings],
        "handlers": [[one.person, one.state] for one in records.handlers.get(number, ())],
        "questions": [[one.unit, one.state, one.version] for one in records.questions.get(number, ())],
        "procedures": [[one.unit, one.state, one.version, one.ends_on.isoformat()] for one in procedures],
        "visits": [[one.cycle, one.state, one.outcome, one.satisfaction] for one in records.visits.get(number, ())],
        "offered": int(ticket.offered),
        "leads": len(ticket.leads),
        "supervised": overdue.count("overdue"),
    }
