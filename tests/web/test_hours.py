"""Opening hours and working days that two people change at a time: who comes second is told, and overwrites nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from tests.web.conftest import Caller

WEEK = "/api/hours/schedules/白班"
OWN_DAY = f"{WEEK}/days/2026-11-20"
STORM = "/api/hours/workdays/2026-11-18"
MORNING = [{"weekday": 1, "opens": 480, "closes": 720}]
LONGER = [{"weekday": 1, "opens": 480, "closes": 1080}]


@pytest.fixture
async def admin(nobody: Caller) -> Caller:
    return await nobody.as_("admin")


async def change(caller: Caller, method: str, path: str, version: int | None, **body: Any) -> httpx.Response:
    extra = {} if version is None else {"If-Match": f'"{version}"'}
    return await caller.request(method, path, json=body or None, extra=extra)


async def _week(caller: Caller) -> Any:
    (one,) = (await caller.get("/api/hours/schedules")).json()
    return one


async def _day(caller: Caller) -> Any:
    (one,) = (await caller.get("/api/hours/workdays", first="2026-11-18", last="2026-11-18")).json()
    return one


async def test_a_week_rests_on_what_was_read(admin: Caller) -> None:
    made = await change(admin, "PUT", WEEK, 0, spans=MORNING)
    assert made.status_code == 200
    first = made.json()["version"]
    again = await change(admin, "PUT", WEEK, 0, spans=LONGER)
    assert (again.status_code, again.json()["code"]) == (412, "hours.stale"), "somebody made one of that name before"
    saved = await change(admin, "PUT", WEEK, first, spans=LONGER)
    assert (saved.status_code, saved.json()["version"] == first) == (200, False)
    late = await change(admin, "PUT", WEEK, first, spans=MORNING, follows_holidays=True)
    assert (late.status_code, late.json()["code"]) == (412, "hours.stale")
    assert await _week(admin) == saved.json()


async def test_a_day_of_its_own_rests_on_it_too(admin: Caller) -> None:
    first = (await change(admin, "PUT", WEEK, 0, spans=MORNING)).json()["version"]
    noted = await change(admin, "PUT", OWN_DAY, first, spans=[], note="系统升级")
    second = noted.json()["version"]
    assert (noted.status_code, second == first) == (200, False)
    for method, body in (("PUT", {"spans": [{"opens": 0, "closes": 60}]}), ("DELETE", {})):
        late = await change(admin, method, OWN_DAY, first, **body)
        assert (late.status_code, late.json()["code"]) == (412, "hours.stale")
    assert (await change(admin, "PUT", WEEK, first, spans=LONGER)).status_code == 412
    gone = await change(admin, "DELETE", OWN_DAY, second)
    assert (gone.status_code, gone.json()["version"]) == (200, first), "it says again what it said"


async def test_a_working_day_rests_on_what_was_read(admin: Caller) -> None:
    read = await _day(admin)
    assert (read["worked"], read["here"]) == (True, False)
    storm = await change(admin, "PUT", STORM, read["version"], worked=False, note="暴雪停工")
    assert storm.status_code == 200
    for method, body in (("PUT", {"worked": True}), ("DELETE", {})):
        late = await change(admin, method, STORM, read["version"], **body)
        assert (late.status_code, late.json()["code"]) == (412, "hours.stale")
    assert await _day(admin) == storm.json()
    back = await change(admin, "DELETE", STORM, storm.json()["version"])
    assert (back.status_code, back.json()) == (200, read)


async def test_of_many_at_once_one_is_kept(admin: Caller) -> None:
    first = (await change(admin, "PUT", WEEK, 0, spans=MORNING)).json()["version"]
    bodies = [[{"weekday": day, "opens": 0, "closes": 60}] for day in range(1, 6)]
    answers = await asyncio.gather(*(change(admin, "PUT", WEEK, first, spans=spans) for spans in bodies))
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412, 412]


async def test_a_program_may_name_no_version(admin: Caller) -> None:
    for spans in (MORNING, LONGER):
        assert (await change(admin, "PUT", WEEK, None, spans=spans)).status_code == 200
    assert (await change(admin, "PUT", STORM, None, worked=False)).status_code == 200
    rows = (await admin.get("/api/audit", action="schedule.saved")).json()["entries"]
    assert ["version" in row["after"] for row in rows] == [False, False]
