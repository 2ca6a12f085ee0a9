"""Planned changes of a line's mode over REST: their history, what refuses them, and that voice sees them in time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from directory.importer import SANMENXIA, import_hotlines
from hotline.clock import ManualClock
from tests.web.conftest import Caller, Units
from tests.web.test_administration import audited
from web.services import Services

FRIDAY_NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
MONDAY = "2026-11-23T00:00:00+08:00"
PATH = "/api/directory/lines/12366/modes"
DUAL = {"mode": "dual", "platform": "ours", "expert_seats": True, "effective_from": MONDAY}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(FRIDAY_NOON)


@pytest.fixture
def services(services: Services, clock: ManualClock) -> Services:
    """A Friday at noon in Sanmenxia."""
    return replace(services, clock=clock)


@pytest.fixture(autouse=True)
async def lines(services: Services, units: Units) -> None:
    """The city's lines, as they were brought in an hour ago."""
    async with services.database.transaction() as session:
        began = FRIDAY_NOON - timedelta(hours=1)
        await import_hotlines(session, SANMENXIA.read_bytes(), services.settings.site, now=began)
    await services.directory.refresh()


@pytest.fixture
async def admin(nobody: Caller) -> Caller:
    return await nobody.as_("admin")


async def plan(caller: Caller, path: str = PATH, *, tag: str | None = None, **body: Any) -> httpx.Response:
    """On what was read just now, or on `tag`."""
    tag = tag or (await caller.get(path)).headers["etag"]
    return await caller.request("POST", path, json=body, extra={"If-Match": tag})


async def test_a_change_is_planned_is_seen_by_calls_in_time_and_stays_in_history(
    services: Services, clock: ManualClock, admin: Caller
) -> None:
    before = (await admin.get(PATH)).json()
    assert [(one["mode"], one["state"], one["recorded_by"]) for one in before["modes"]] == [
        ("branch", "in_force", "import")
    ]
    answer = await plan(admin, **DUAL)
    assert answer.status_code == 201, answer.text
    planned = answer.json()["modes"][-1]
    assert (planned["mode"], planned["state"], planned["path"], planned["recorded_by"]) == (
        "dual",
        "planned",
        "experts",
        "admin",
    )
    # This process knows it already: its list shows it to who planned it.
    (line,) = [one for one in (await admin.get("/api/directory/hotlines")).json() if one["number"] == "12366"]
    assert datetime.fromisoformat(line["next_change"]) == datetime.fromisoformat(MONDAY)
    snapshot = services.directory.snapshot
    assert snapshot.plan("12366", FRIDAY_NOON).mode == "branch"
    assert snapshot.plan("12366", datetime.fromisoformat(MONDAY)).mode == "dual"
    clock.advance(3 * 86_400)
    after = (await admin.get(PATH)).json()
    assert [(one["mode"], one["state"]) for one in after["modes"]] == [("branch", "past"), ("dual", "in_force")]
    assert await audited(admin, subject="line:12366") == [("admin", "line.mode_planned", "line:12366")]


async def test_without_a_moment_it_holds_from_the_next_call_on(services: Services, admin: Caller) -> None:
    answer = await plan(admin, mode="merged", platform="ours")
    assert answer.json()["modes"][-1]["state"] == "in_force"
    assert services.directory.snapshot.plan("12366", FRIDAY_NOON).path == "direct"


async def test_one_planned_change_is_taken_back_and_who_did_it_is_told(clock: ManualClock, admin: Caller) -> None:
    await plan(admin, **DUAL)
    later = await plan(admin, mode="merged", platform="ours", effective_from="2026-12-01T00:00:00+08:00")
    first, dual, merged = later.json()["modes"]
    tag = later.headers["etag"]
    taken = await admin.request("DELETE", f"{PATH}/{dual['id']}", extra={"If-Match": tag})
    assert (taken.status_code, taken.text) == (204, "")
    told = (await admin.get(PATH)).json()
    assert [one["id"] for one in told["modes"]] == [first["id"], merged["id"]]
    (cancelled,) = told["cancelled"]
    assert (cancelled["mode"], cancelled["by"]) == ("dual", "admin")
    assert datetime.fromisoformat(cancelled["at"]) == FRIDAY_NOON
    tag = (await admin.get(PATH)).headers["etag"]
    for row, refused in ((first["id"], (409, "mode.begun")), (dual["id"], (404, "mode.unknown"))):
        answer = await admin.request("DELETE", f"{PATH}/{row}", extra={"If-Match": tag})
        assert (answer.status_code, answer.json()["code"]) == refused
    clock.advance(30 * 86_400)
    answer = await admin.request("DELETE", f"{PATH}/{merged['id']}", extra={"If-Match": tag})
    assert (answer.status_code, answer.json()["code"]) == (409, "mode.begun")
    of_another = await admin.request(
        "DELETE", f"/api/directory/lines/12333/modes/{merged['id']}", extra={"If-Match": tag}
    )
    assert of_another.json()["code"] == "mode.unknown"


@pytest.mark.parametrize(
    ("line", "body", "refused"),
    [
        ("12366", DUAL | {"effective_from": "2026-11-20T11:59:59+08:00"}, (422, "input.invalid")),
        ("12366", DUAL | {"effective_from": "2026-11-23T00:00:00"}, (422, "input.invalid")),
        ("12366", DUAL | {"platform": "own"}, (422, "mode.unsupported")),
        ("12366", DUAL | {"mode": "main", "expert_seats": False}, (422, "mode.unsupported")),
        ("12366", {"mode": "branch", "platform": "own", "effective_from": MONDAY}, (409, "mode.unchanged")),
        ("110", {"mode": "merged", "platform": "ours"}, (422, "mode.unsupported")),
        ("12345", {"mode": "merged", "platform": "ours"}, (422, "mode.unsupported")),
        ("12366", DUAL | {"by": "me"}, (422, "input.invalid")),
    ],
)
async def test_what_does_not_fit_is_refused_and_nothing_is_kept(
    admin: Caller, line: str, body: dict[str, Any], refused: tuple[int, str]
) -> None:
    path = f"/api/directory/lines/{line}/modes"
    before = (await admin.get(path)).json()
    answer = await plan(admin, path, **body)
    assert (answer.status_code, answer.json()["code"]) == refused, answer.text
    assert (await admin.get(path)).json() == before
    assert await audited(admin) == []


async def test_two_of_one_moment_and_who_read_an_older_directory(admin: Caller, nobody: Caller) -> None:
    tag = (await admin.get(PATH)).headers["etag"]
    assert (await plan(admin, tag=tag, **DUAL)).status_code == 201
    second = await nobody.as_("second_admin")
    stale = await plan(second, tag=tag, **DUAL | {"mode": "merged", "expert_seats": False})
    assert (stale.status_code, stale.json()["code"]) == (412, "directory.stale")
    taken = await plan(second, **DUAL | {"mode": "merged", "expert_seats": False})
    assert (taken.status_code, taken.json()["code"]) == (409, "mode.moment_taken")
    blind = await second.post(PATH, mode="merged", platform="ours")
    assert (blind.status_code, blind.json()["code"]) == (428, "http.precondition_required")


async def test_what_a_line_may_become(nobody: Caller) -> None:
    auditor = await nobody.as_("auditor")

    async def choices(line: str) -> list[tuple[str, str, bool]]:
        told = (await auditor.get(f"/api/directory/lines/{line}/modes")).json()
        return [(one["mode"], one["platform"], one["experts"]) for one in told["choices"]]

    assert await choices("12345") == [("main", "ours", False)]
    assert await choices("110") == [("emergency", "own", False)]
    of_tax = await choices("12366")
    assert ("dual", "ours", True) in of_tax
    assert ("branch", "own", False) in of_tax
    assert "main" not in {mode for mode, _, _ in of_tax}
    unknown = await auditor.get("/api/directory/lines/12399/modes")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "line.unknown")
    assert (await (await nobody.as_("agent")).get(PATH)).status_code == 403
