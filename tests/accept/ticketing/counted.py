"""Item 8: every figure equals a count by hand on generated data, and is null where nothing was there to measure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

import asyncpg

from directory.models import Role
from tests.accept.line import Line
from tests.accept.scenario import Scale
from tests.accept.ticketing.desks import Desks
from tests.accept.ticketing.office import CITY, UNITS, Office, Person, local, office
from tests.ticketing.hand_counts import COUNTS, HAND, by_hand
from tests.ticketing.made_histories import Maker

_BEGUN, _MADE, _COUNTED = "2025-08-20 08:00", "2026-10-20 09:00", "2026-11-20 09:00"
_WHOLE: Final = ("2025-08", "2026-12")
_STEPS: Final = ("week", "month", "quarter", "half_year", "year")
_DIMENSIONS: Final = (None, "unit", "category", "area", "source")

_Counted = Mapping[tuple[str, date], tuple[int, int, int]]


async def counted(line: Line, scale: Scale) -> str:
    """Thousands of histories and some lived through; each figure by each period and each dimension."""
    async with office(line, _BEGUN) as here:
        keys = here.services.settings.postgres
        connection = await asyncpg.connect(
            host=keys.host, port=keys.port, user=keys.user, password=keys.password, database=keys.database
        )
        try:
            maker = Maker(seed=20261120, units=here.units.values(), first=local(_BEGUN), now=local(_MADE))
            tickets = scale(5_000, 500)
            await maker.tickets(tickets).write(connection)
            here.at(_MADE)
            await _lived(Desks(here))
            here.at(_COUNTED)
            seen = await _every_figure(here, connection, scale)
            await _nothing(here)
            await _cases(here, connection)
            await _own(here, connection)
        finally:
            await connection.close()
    return f"{tickets} tickets, {len(HAND)} figures, {seen} counts equal"


async def _lived(desks: Desks) -> None:
    """Tickets that went the whole way through the rules: in time, late, returned in time and too late, handled again,
    never answered."""
    number = await desks.dispatched()
    await desks.handler().act(number, "sign_for")
    await desks.closed(number)
    back = await desks.dispatched(to=UNITS[1])
    await desks.handler(UNITS[1]).act(back, "return", note="不属本单位职责", basis="三定方案")
    await desks.dispatcher.act(back, "agree_return")
    await desks.dispatch(back, to=UNITS[2], assisting=(UNITS[0],))
    vain = await desks.dispatched(to=UNITS[1])
    late = await desks.handling()
    again = await desks.handling()
    await desks.replied(again)
    await desks.visitor.act(again, "visit", note="未解决", satisfaction="dissatisfied", contacted=True, solved=False)
    await desks.visitor.act(again, "rehandle", note="重新办理")
    await desks.dispatch(again)
    direct = await desks.registered(type="consult")
    await desks.agent_acts(direct, "answer", note="已告知")
    await desks.agent_acts(direct, "close")
    desks.at("2026-10-27 10:00")
    await desks.handler(UNITS[1]).act(vain, "return", note="不属本单位职责", basis="三定方案")
    await desks.dispatcher.act(vain, "refuse_return", note="属本单位职责")
    await desks.replied(vain, UNITS[1])
    desks.at("2026-11-12 10:00")
    await desks.replied(late, overdue_cause="own_delay")


async def _every_figure(here: Office, connection: asyncpg.Connection[Any], scale: Scale) -> int:
    supervisor = here.someone(Role.SUPERVISOR)
    questions = [(step, by) for step in _STEPS for by in _DIMENSIONS if scale.full or (step, by) in _SHORT]
    seen = 0
    for step, by in questions:
        first, last = _WHOLE
        seen += await _compare(here, connection, supervisor, step=step, by=by, first=first, last=last)
    # Days, where midnight decides.
    return seen + await _compare(here, connection, supervisor, step="day", by=None, first="2025-12", last="2026-01")


_SHORT: Final = {("month", None), ("half_year", "unit"), ("week", "area"), ("quarter", "category"), ("year", "source")}


async def _compare(
    here: Office,
    connection: asyncpg.Connection[Any],
    who: Person,
    *,
    step: str,
    by: str | None,
    first: str,
    last: str,
) -> int:
    """The API's answer and the count by hand, row by row. Returns how many values were compared."""
    asked = {"from": first, "to": last, "step": step, **({"by": by} if by else {})}
    answer = await who.get("/api/figures/tickets", **asked)
    begins, ends = _days(answer)
    seen = 0
    for name in HAND:
        hand = await by_hand(connection, name, now=here.clock.now(), step=step, by=by, first=begins, end=ends)
        found: dict[tuple[str, date], tuple[int, int, int]] = {}
        for row in answer["rows"]:
            value = row["figures"][name]
            numbers = (value["over"], value["under"], value["excluded"])
            _check_value(name, value)
            if any(numbers):
                found[row["subject"], _day(row["first"])] = numbers
            seen += 1
        expected = {key: numbers for key, numbers in hand.items() if any(numbers)}
        assert found == expected, f"{name} by {step} and {by}: {_difference(found, expected)}"
        assert found, f"{name}: nothing was there to compare"
        total = answer["total"][name]
        sums = tuple(sum(numbers[place] for numbers in hand.values()) for place in range(3))
        assert (total["over"], total["under"], total["excluded"]) == sums, f"{name} over all by {step} and {by}"
        _check_value(name, total)
    return seen


def _check_value(name: str, value: Mapping[str, Any]) -> None:
    """A rate is its two numbers divided, or null."""
    if name in COUNTS:
        assert value["value"] == value["over"]
    elif value["under"] == 0:
        assert value["value"] is None, f"{name} is {value['value']} of nothing"
    else:
        assert value["value"] == value["over"] / value["under"]


async def _nothing(here: Office) -> None:
    """A period in which nothing was there to measure."""
    answer = await here.someone(Role.SUPERVISOR).get("/api/figures/tickets", **{"from": "2019", "by": "unit"})
    assert answer["rows"] == []
    empty = await here.someone(Role.SUPERVISOR).get("/api/figures/tickets", **{"from": "2019"})
    for figures in (answer["total"], empty["rows"][0]["figures"]):
        for name in HAND:
            assert figures[name]["value"] == (0 if name in COUNTS else None), name


async def _cases(here: Office, connection: asyncpg.Connection[Any]) -> None:
    """The tickets that a month's figure is made of, listed page by page, add up to it; so do those left out."""
    auditor = here.someone(Role.AUDITOR)
    for name in ("on_time_rate", "return_rate", "satisfaction_rate"):
        first, end = datetime(2026, 3, 1), datetime(2026, 4, 1)
        hand = await by_hand(connection, name, now=here.clock.now(), step="month", by=None, first=first, end=end)
        (numbers,) = hand.values()
        path: str | None = f"/api/figures/tickets/{name}/cases?period=2026-03&limit=37"
        cases: list[dict[str, Any]] = []
        while path:
            answer = await auditor.raw("GET", path)
            assert answer.status_code == 200, answer.text
            cases += answer.json()["cases"]
            path = answer.links["next"]["url"] if "next" in answer.links else None
        counting = [one for one in cases if one["why"] is None]
        listed = (
            sum(one["over"] for one in counting),
            sum(one["under"] for one in counting),
            len(cases) - len(counting),
        )
        assert listed == numbers, f"{name}: listed {listed}, counted {numbers}"
        assert all(one["why_term"] for one in cases if one["why"])


async def _own(here: Office, connection: asyncpg.Connection[Any]) -> None:
    """A unit's head is told of the own unit, and of it all."""
    unit = UNITS[1]
    answer = await here.someone(Role.UNIT_HEAD, unit).get("/api/figures/tickets", **{"from": "2026", "by": "unit"})
    assert {row["subject"] for row in answer["rows"]} == {str(here.units[unit])}
    begins, ends = _days(answer)
    for name in HAND:
        hand = await by_hand(connection, name, now=here.clock.now(), step="year", by="unit", first=begins, end=ends)
        own = [numbers for (subject, _), numbers in hand.items() if subject == str(here.units[unit])]
        value = answer["total"][name]
        told = (value["over"], value["under"], value["excluded"])
        assert told == (own[0] if own else (0, 0, 0)), f"{name} of {unit}"


def _days(answer: Mapping[str, Any]) -> tuple[datetime, datetime]:
    """Between which of the city's times the answer's periods lie, without a zone: as SQL compares them."""
    spans = {(row["period"], _day(row["first"])) for row in answer["rows"]}
    first = min(day for _, day in spans)
    period, begins = max(spans, key=lambda one: one[1])
    return _midnight(first), _midnight(_next(period, begins))


def _next(period: str, begins: date) -> date:
    """The first day after a period, by its name."""
    if "W" in period:
        return begins + timedelta(days=7)
    if period.count("-") == 2:
        return begins + timedelta(days=1)
    months = 3 if "Q" in period else 6 if "H" in period else 1 if "-" in period else 12
    count = begins.year * 12 + begins.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)


def _day(moment: str) -> date:
    return datetime.fromisoformat(moment).astimezone(CITY).date()


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)


def _difference(found: _Counted, expected: _Counted) -> str:
    keys = [key for key in {*found, *expected} if found.get(key) != expected.get(key)]
    shown = [f"{key}: {found.get(key)} is told, {expected.get(key)} by hand" for key in sorted(keys)[:5]]
    return f"{len(keys)} differ; {'; '.join(shown)}"
