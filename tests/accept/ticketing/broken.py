"""Item 9: lines of ours are taken out one at a time, and the items must notice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import true

from hotline.workdays import Due, Workdays
from tests.accept.line import Line
from tests.accept.scenario import Scale
from tests.accept.ticketing import belonging
from tests.accept.ticketing.desks import Desks
from tests.accept.ticketing.office import office
from tests.accept.ticketing.random_lives import lives
from tests.accept.ticketing.scenarios import calendar, ends
from ticketing import repository
from ticketing.handling import archiving
from ticketing.relations import merging


@dataclass(frozen=True)
class Break:
    """`take_out` breaks it; then `story` must fail with `message` in what it says."""

    title: str
    take_out: Callable[[pytest.MonkeyPatch], None]
    story: Callable[[Line], Awaitable[Any]]
    message: str


def _a_day_more(patch: pytest.MonkeyPatch) -> None:
    due = Workdays.due

    def later(self: Workdays, start: date, days: int) -> Due:
        return due(self, start, days + 1)

    patch.setattr(Workdays, "due", later)


def _whoever_comes_last(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(repository, "unchanged", lambda _ticket: true())


def _children_with_clocks(patch: pytest.MonkeyPatch) -> None:
    async def none(*_: object) -> list[object]:
        return []

    patch.setattr(merging, "clocks", SimpleNamespace(running=none))


def _archived_some_day(patch: pytest.MonkeyPatch) -> None:
    due = archiving._due

    async def yesterday(session: Any, now: Any) -> Any:
        return (await due(session, now)).replace(year=now.year - 1)

    patch.setattr(archiving, "_due", yesterday)


async def _first_days(line: Line) -> None:
    async with office(line) as here:
        one = calendar.SCENARIOS.told[0]
        here.begin(one.begins)
        await one.story(Desks(here))


async def _callers(line: Line) -> None:
    async with office(line) as here:
        here.begin("2026-03-02 09:00")
        await belonging.five_callers(Desks(here))


async def _same_day(line: Line) -> None:
    async with office(line) as here:
        one = next(one for one in ends.SCENARIOS.told if "23:40" in one.title)
        here.begin(one.begins)
        await one.story(Desks(here))


async def _some_lives(line: Line) -> None:
    await lives(line, chosen=1, examples=10, steps=25)


BREAKS = [
    Break("a limit that is a day longer", _a_day_more, _first_days, "handling ends"),
    Break("an action without its compare-and-set", _whoever_comes_last, _some_lives, "two winners on one version"),
    Break("a merged child whose clocks run on", _children_with_clocks, _callers, "is overdue while it is merged"),
    Break("an archive that is made some day", _archived_some_day, _same_day, "not archived today"),
]


async def broken(line: Line, _scale: Scale) -> str:
    """Each break is noticed, by the check that is meant to notice it."""
    for one in BREAKS:
        with pytest.MonkeyPatch.context() as patch:
            one.take_out(patch)
            try:
                await one.story(line)
            except AssertionError as error:
                said = str(error)
            else:
                raise AssertionError(f"not noticed: {one.title}")
        assert one.message in said, f"{one.title}: noticed something else: {said}"
    return f"{len(BREAKS)} breaks noticed"
