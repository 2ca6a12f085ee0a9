"""What people who work with tickets wait for, with five million of them: lists, filters, search, one ticket, a new one,
and the sweep of deadlines.

PostgreSQL, Redis and the web process are those of production, with production's settings, started by its supervisor;
the tickets are loaded with COPY (`ticket_load`). Lists, filters, search and single tickets are asked for over HTTP on
loopback by the people who ask in a city: dispatchers, agents, the handler of the unit that has most tickets; a page is
fifty tickets. A ticket is created as an agent creates one, with its number, its words for the search, its history, its
code for the citizen. The sweep is the job's own look, while limits run out as densely as they do in such a city, and
once for two whole days.

HOTLINE_BENCH_TICKETS says how many tickets; HOTLINE_BENCH_ASKS how often each thing is asked.
"""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final
from urllib.parse import urlencode

import structlog
from sqlalchemy import select, text

from directory.models import Role, Unit, UnitLevel
from directory.passwords import Passwords
from directory.users import NewUser, add_user
from hotline.clock import ManualClock, SystemClock
from hotline.sealed import FieldKeys, key_file
from server.commands.agent_requests import Requests
from tests.accept.line import PASSWORD, Line, running_line
from tests.bench import processor, ticket_load
from tests.bench import ticket_words as words
from tests.bench.ticket_city import City, number_of
from ticketing.clock_tables import TicketClockRow
from ticketing.deadlines import Deadlines
from ticketing.unit_desk.words import Box

_UNITS: Final = 120
_AT_ONCE: Final = 8
"""Agents who create tickets at the same time."""


def run(*, count: int | None = None, asks: int | None = None, seconds: float = 20.0) -> dict[str, float]:
    """Everything, on a line of its own. `seconds`: how long tickets are created as fast as they can be."""
    count = count or int(os.environ.get("HOTLINE_BENCH_TICKETS", "5000000"))
    asks = asks or int(os.environ.get("HOTLINE_BENCH_ASKS", "200"))
    return asyncio.run(_run(count, asks, seconds))


async def _run(count: int, asks: int, seconds: float) -> dict[str, float]:
    async with running_line(only=("web",), general_agents=_AT_ONCE) as line:
        city = await _city(line, count)
        await ticket_load.load(line, city)
        figures = {"tickets": float(count)}
        async with Requests(line.web) as supervisor, Requests(line.web) as unit, Requests(line.web) as agent:
            for who, login in ((supervisor, "bench-supervisor"), (unit, "bench-unit"), (agent, "1001")):
                await who.login(login, PASSWORD)
            bench = _Bench(line, city, asks, supervisor, unit, agent)
            figures |= await bench.all(seconds)
        return figures


async def _city(line: Line, count: int) -> City:
    """Units, categories and people beside the demonstration's."""
    async with line.database.transaction() as session:
        units = [Unit(name=f"市{number}局", level=UnitLevel.CITY) for number in range(_UNITS)]
        session.add_all(units)
        await session.flush()
        await session.execute(
            text(
                "INSERT INTO ticket_category (code, name, active) SELECT 'C' || lpad(n::text, 3, '0'), n::text, true "
                "FROM generate_series(0, 299) AS g(n)"
            )
        )
        for login, role, unit_id in (
            ("bench-supervisor", Role.SUPERVISOR, None),
            # The first unit has the commonest matters.
            ("bench-unit", Role.UNIT_HANDLER, units[0].id),
        ):
            new = NewUser(login, login, frozenset({role}), unit_id)
            await add_user(session, new, PASSWORD, Passwords(), now=SystemClock().now())
        ids = [unit.id for unit in units]
    city = City(count, datetime.now(UTC), ids, FieldKeys(key_file(line.settings)))
    began = time.perf_counter()
    city.prepare()
    print(f"texts     {len(city.texts):,} texts and {len(city.people):,} people in {_since(began)}", flush=True)
    return city


@dataclass
class _Bench:
    """The measurements."""

    line: Line
    city: City
    asks: int
    supervisor: Requests
    unit: Requests
    agent: Requests
    _chance: random.Random = field(default_factory=lambda: random.Random(54321))

    async def all(self, seconds: float) -> dict[str, float]:
        figures = {
            "list_p95_ms": await self._paths("list", self._lists()),
            "filter_p95_ms": await self._paths("filter", self._filters()),
            "search_p95_ms": await self._paths("search", self._searches()),
            "detail_p95_ms": await self._paths("detail", self._details()),
        }
        await self._duplicates()
        figures["create_p95_ms"] = await self._create()
        figures["sweep_p95_ms"] = await self._sweep()
        figures["creates_per_s"] = await self._creates(seconds)
        return figures

    async def _paths(self, name: str, kinds: dict[str, tuple[Requests, Callable[[], str]]]) -> float:
        """Each kind as often as the others; the first of each is not counted: it opens connections and plans."""
        spent: dict[str, list[float]] = {}
        for kind, (who, path) in kinds.items():
            await who.get(path())
            spent[kind] = await self._measured(name, kind, self.asks, partial(_one_of, who, path))
        return _told(name, spent)

    async def _measured(self, name: str, kind: str, times: int, work: Callable[[], Awaitable[object]]) -> list[float]:
        """Milliseconds each took; prints their spread and what they cost the web process and PostgreSQL: on a machine
        with other work the processor time is what still tells something."""
        before = await asyncio.to_thread(processor.by_program, self.line)
        values = [await _timed(work) for _ in range(times)]
        after = await asyncio.to_thread(processor.by_program, self.line)
        ordered = sorted(values)
        web, postgres = ((after[part] - before[part]) * 1000 / times for part in ("web", "postgres"))
        spread = f"p50 {_p(ordered, 50):6.1f}  p95 {_p(ordered, 95):6.1f}  worst {ordered[-1]:6.1f} ms"
        print(f"{name:<10}{kind:<26} {spread}, processor {web:5.1f} web, {postgres:5.1f} postgres", flush=True)
        return values

    def _lists(self) -> dict[str, tuple[Requests, Callable[[], str]]]:
        return {
            "the newest": (self.supervisor, lambda: "/api/tickets"),
            "a page further back": (self.supervisor, lambda: _query(before=self._id())),
            "a unit's": (self.unit, lambda: "/api/tickets"),
            "a unit's further back": (self.unit, lambda: _query(before=self._id())),
            "a unit's boxes": (self.unit, lambda: "/api/unit-desk"),
            "a unit's box": (self.unit, lambda: f"/api/unit-desk/{self._chance.choice(list(Box))}"),
        }

    def _filters(self) -> dict[str, tuple[Requests, Callable[[], str]]]:
        pick, city, number = self._chance.choice, self.city, self._chance.randrange
        asked: dict[str, tuple[Requests, Callable[[], str]]] = {}
        of_all: dict[str, Callable[[], dict[str, object]]] = {
            "state": lambda: {"state": pick(["registered", "to_dispatch", "to_sign", "handling", "archived"])},
            "type and state": lambda: {"type": pick(["report", "complaint"]), "state": pick(["handling", "archived"])},
            "next step": lambda: {"duty": pick(["desk", "dispatch", "unit", "unit_head", "visit"])},
            "unit": lambda: {"unit_id": pick(city.units)},
            "unit and state": lambda: {"unit_id": pick(city.units), "state": pick(["handling", "to_sign"])},
            "caller": lambda: {"caller_number": pick(city.numbers)},
            "agent": lambda: {"registered_by": str(1001 + number(city.agents))},
            "agent and state": lambda: {"registered_by": str(1001 + number(city.agents)), "state": "handling"},
            "line's unit": lambda: {"unit_tag": pick(words.LINES)[1]},
            "category": lambda: {"category": f"C{number(city.categories):03d}"},
            "category and state": lambda: {"category": f"C{number(city.categories):03d}", "state": "handling"},
            "category and area": lambda: {"category": f"C{number(city.categories):03d}", "area": pick(words.COUNTIES)},
            "county": lambda: {"area": pick([*words.COUNTIES, "411200"])},
            "town": lambda: {"area": pick(words.AREAS)},
            "area and state": lambda: {"area": pick(words.AREAS), "state": pick(["handling", "to_sign"])},
            "area and source": lambda: {"area": pick(words.AREAS), "source": pick(["wechat", "mail", "branch"])},
            "source": lambda: {"source": pick(["phone", "wechat", "mail"])},
            "a rare source": lambda: {"source": pick(["police_110", "people_cn"])},
            "a source of none": lambda: {"source": "gov_cn"},
            "urgent": lambda: {"urgency": "urgent"},
            "urgent and next step": lambda: {"urgency": "urgent", "duty": pick(["dispatch", "unit", "visit"])},
            "urgent reports of a town": lambda: {"urgency": "urgent", "type": "report", "area": pick(words.AREAS)},
            "due soon": lambda: {"due_from": _in_hours(0), "due_before": _in_hours(24)},
            "overdue": lambda: {"due_before": _in_hours(0)},
            "overdue of a unit": lambda: {"due_before": _in_hours(0), "unit_id": pick(city.units)},
        }
        of_a_unit: dict[str, Callable[[], dict[str, object]]] = {
            "a unit's next step": lambda: {"duty": pick(["unit", "unit_head", "visit"])},
            "a unit's urgent": lambda: {"urgency": "urgent"},
            "a unit's of a source": lambda: {"source": pick(["phone", "mail", "police_110"])},
            "a unit's town": lambda: {"area": pick(words.AREAS)},
            "a unit's category": lambda: {"category": f"C{number(3):03d}"},
            "a unit's due soon": lambda: {"due_from": _in_hours(0), "due_before": _in_hours(48), "duty": "unit"},
            "a unit's overdue": lambda: {"due_before": _in_hours(0)},
        }
        for who, kinds in ((self.supervisor, of_all), (self.unit, of_a_unit)):
            asked |= {name: (who, partial(_asked, ask)) for name, ask in kinds.items()}
        return asked

    def _searches(self) -> dict[str, tuple[Requests, Callable[[], str]]]:
        return {
            kind: (self.supervisor, partial(_worded, self._chance, words)) for kind, words in self.city.searched.items()
        } | {
            "a unit's own": (self.unit, lambda: _query(text=words.MATTERS[0])),
            "a road's in a unit's": (self.unit, lambda: _query(text=self._chance.choice(words.ROADS))),
            "others' matters in a unit's": (self.unit, lambda: _query(text=self._chance.choice(words.MATTERS[1:]))),
            "of a category": (
                self.supervisor,
                lambda: _query(text=self._chance.choice(words.MATTERS), category=f"C{self._chance.randrange(300):03d}"),
            ),
            "of a town": (
                self.supervisor,
                lambda: _query(text=self._chance.choice(words.MATTERS), area=self._chance.choice(words.AREAS)),
            ),
            "of a state": (
                self.supervisor,
                lambda: _query(text=self._chance.choice(self.city.searched["a matter's"]), state="handling"),
            ),
        }

    def _details(self) -> dict[str, tuple[Requests, Callable[[], str]]]:
        newest = int(self.city.count * 0.995) + 1
        return {
            "anyone's": (self.supervisor, lambda: self._one(1)),
            "one of these days": (self.supervisor, lambda: self._one(newest)),
            "by an agent": (self.agent, lambda: self._one(1)),
        }

    def _one(self, first: int) -> str:
        return f"/api/tickets/{number_of(self.city, self._chance.randrange(first, self.city.count + 1))}"

    async def _duplicates(self) -> None:
        """Not among the figures, but what every new demand is looked up by."""

        async def ask() -> None:
            said = self._chance.choice(self.city.texts)
            await self.agent.post(
                "/api/tickets/duplicates", {"title": said.title, "content": said.content, "area_code": "411202"}
            )

        await ask()
        await self._measured("duplicates", "of a new demand", self.asks, ask)

    async def _create(self) -> float:
        await self._register(self.agent)
        kind = "by one agent"
        return _told(
            "create", {kind: await self._measured("create", kind, self.asks * 2, partial(self._register, self.agent))}
        )

    async def _creates(self, seconds: float) -> float:
        """Tickets in a second, from so many agents at once as fast as the answers come."""
        async with asyncio.TaskGroup() as group:
            agents = [Requests(self.line.web) for _ in range(_AT_ONCE)]
            for number, agent in enumerate(agents):
                group.create_task(agent.login(str(1001 + number), PASSWORD))
        ends = time.perf_counter() + seconds
        spent: list[float] = []

        async def work(agent: Requests) -> None:
            while time.perf_counter() < ends:
                spent.append(await _timed(lambda: self._register(agent)))

        began = time.perf_counter()
        await asyncio.gather(*(work(agent) for agent in agents))
        rate = len(spent) / (time.perf_counter() - began)
        for agent in agents:
            await agent.__aexit__(None, None, None)
        print(f"creates   {rate:,.1f}/s by {_AT_ONCE} agents", flush=True)
        _told("creates", {"each": spent})
        return round(rate, 1)

    async def _register(self, agent: Requests) -> None:
        said = self._chance.choice(self.city.texts)
        await agent.post(
            "/api/tickets",
            {
                "type": "help",
                "title": said.title,
                "content": said.content,
                "caller_number": self._chance.choice(self.city.numbers),
                "caller_name": "王先生",
                "address": "湖滨区黄河路12号",
                "area_code": "411202",
                "category": "C007",
                "hotline": "12345",
            },
        )

    async def _sweep(self) -> float:
        """By a clock that is turned, so that a look finds what two seconds of the day bring, and a few at once."""
        log = structlog.get_config()
        async with self.line.database.transaction() as session:
            wanted = select(TicketClockRow.next_at).where(TicketClockRow.next_at.is_not(None))
            ahead = sorted(at for at in await session.scalars(wanted) if at is not None)
        clock = ManualClock(max(self.city.now, datetime.now(UTC)))
        deadlines = Deadlines(self.line.database, clock)
        before = await deadlines.step()
        spent: list[float] = []
        told = 0
        for _ in range(self.asks):
            clock.advance(60)
            took = time.perf_counter()
            told += await deadlines.step()
            spent.append((time.perf_counter() - took) * 1000)
        p95 = _told("sweep", {f"each minute's ({told} notices; {before} at first)": spent})
        clock.advance(timedelta(days=2).total_seconds())
        took = time.perf_counter()
        burst = await deadlines.step()
        print(f"          two days' at once: {burst} notices in {_since(took)} of {len(ahead)} that run", flush=True)
        structlog.configure(**log)
        return p95

    def _id(self) -> int:
        return self._chance.randrange(100, self.city.count + 1)


def _in_hours(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


def _query(**asked: object) -> str:
    return f"/api/tickets?{urlencode(asked)}"


def _asked(ask: Callable[[], dict[str, object]]) -> str:
    return _query(**ask())


def _worded(chance: random.Random, words: Sequence[str]) -> str:
    return _query(text=chance.choice(words))


async def _one_of(who: Requests, path: Callable[[], str]) -> object:
    return await who.get(path())


async def _timed(work: Callable[[], Awaitable[object]]) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    await work()
    return (time.perf_counter() - began) * 1000


def _told(name: str, spent: dict[str, list[float]]) -> float:
    """The 95th percentile of all kinds together; prints it beside the slowest kind's own."""
    p95 = _p(sorted(value for values in spent.values() for value in values), 95)
    slowest, its = max(((kind, _p(sorted(values), 95)) for kind, values in spent.items()), key=lambda one: one[1])
    print(f"{name:<10}p95 {p95:.1f} ms of all; the slowest of {len(spent)} kinds: {slowest}, {its:.1f} ms", flush=True)
    return round(p95, 2)


def _p(ordered: Sequence[float], percent: int) -> float:
    return ordered[0] if len(ordered) == 1 else statistics.quantiles(ordered, n=100, method="inclusive")[percent - 1]


def _since(began: float) -> str:
    return f"{time.perf_counter() - began:,.1f} s"
