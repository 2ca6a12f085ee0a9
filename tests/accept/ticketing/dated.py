"""Item 1: every limit on its day, as the people of each role would live through it."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta

from tests.accept.line import Line
from tests.accept.scenario import Scale
from tests.accept.ticketing.desks import Desks
from tests.accept.ticketing.independent_calendar import Calendar, midnight_after
from tests.accept.ticketing.office import CITY, local, office
from tests.accept.ticketing.scenarios import ALL

_LAST = date(2026, 12, 15)
"""Five working days and an extension after it are still of 2026."""


async def dated(line: Line, scale: Scale) -> str:
    """All scenarios, in the order of the days they begin on; one that fails keeps no other one from being looked at.
    In the full form, every day of the year as well."""
    failed: list[Exception] = []
    async with office(line) as here:
        for one in sorted(ALL, key=lambda scenario: scenario.begins):
            here.begin(one.begins)
            try:
                await one.story(Desks(here))
            except Exception as error:  # noqa: BLE001 - told of together
                error.add_note(f"{one.begins}: {one.title}")
                failed.append(error)
    if failed:
        raise ExceptionGroup(f"{len(failed)} of {len(ALL)} scenarios", failed)
    if not scale.full:
        return f"{len(ALL)} scenarios"
    async with office(line) as here:
        days = await _every_day(Desks(here))
    return f"{len(ALL)} scenarios, and {days} days of the year by lists of days off"


async def _every_day(desks: Desks) -> int:
    """A ticket dispatched on each day of 2026, at some minute, and extended: the ends as literal lists have them."""
    calendar, chance = Calendar(), random.Random(2026)
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range((_LAST - date(2026, 1, 1)).days + 1)]
    for day in days:
        moment = f"{day} {chance.randrange(24):02}:{chance.randrange(60):02}"
        desks.office.begin(moment)
        number = await desks.dispatched()
        begun = local(moment)
        ends = calendar.limit(begun, 5)
        wanted = {"dispatch": midnight_after(day), "return": calendar.limit(begun, 2), "handling": ends}
        await _compare(desks, number, wanted)
        if day.day % 7 == 0:
            await desks.handler().act(number, "sign_for")
            await desks.extended(number)
            await _compare(desks, number, {"handling": calendar.extended(ends, 5)})
    return len(days)


async def _compare(desks: Desks, number: str, wanted: dict[str, datetime]) -> None:
    for kind, ends in wanted.items():
        found = datetime.fromisoformat((await desks.clock(number, kind))["ends_at"]).astimezone(CITY)
        assert found == ends, f"{number}: {kind} ends {found}, not {ends}"
