"""Versions of the ticket policy over REST: laid down for days to come, what tickets run under, taken back in time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from hotline.clock import ManualClock
from tests.web.conftest import Caller, Units
from tests.web.test_administration import audited
from ticketing.catalogue.tables import CategoryRow
from ticketing.clock_tables import TicketPolicyRow
from ticketing.models import TicketRow
from ticketing.policy import TicketPolicy
from web.services import Services

FRIDAY_NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
TWELVE_HOURS = 12 * 3_600
MONDAY = "2026-11-23"
DECEMBER = "2026-12-01"
PATH = "/api/ticket-policies"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(FRIDAY_NOON)


@pytest.fixture
def services(services: Services, clock: ManualClock) -> Services:
    """A Friday at noon in Sanmenxia."""
    return replace(services, clock=clock)


@pytest.fixture
async def admin(nobody: Caller) -> Caller:
    return await nobody.as_("admin")


def rules(**changed: Any) -> dict[str, Any]:
    """The regulation's, but for these."""
    return TicketPolicy().model_dump(mode="json") | changed


async def lay_down(
    caller: Caller, first_day: str = MONDAY, *, tag: str | None = None, policy: Any = None, **changed: Any
) -> httpx.Response:
    """On what was read just now, or on `tag`."""
    tag = tag or (await caller.get(PATH)).headers["etag"]
    body = {"first_day": first_day, "policy": rules(**changed) if policy is None else policy, "note": "市政府令"}
    return await caller.request("POST", PATH, json=body, extra={"If-Match": tag})


async def take_back(caller: Caller, number: int, *, tag: str | None = None) -> httpx.Response:
    tag = tag or (await caller.get(PATH)).headers["etag"]
    return await caller.request("DELETE", f"{PATH}/{number}", extra={"If-Match": tag})


async def states(caller: Caller) -> list[tuple[int, str]]:
    return [(one["number"], one["state"]) for one in (await caller.get(PATH)).json()["versions"]]


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_who_lays_down_nothing_has_the_regulation(nobody: Caller) -> None:
    dispatcher = await nobody.as_("dispatcher")
    told = (await dispatcher.get(PATH)).json()
    (regulation,) = told["versions"]
    assert (told["edition"], told["earliest"], told["newest"]) == (0, "2026-11-21", 0)
    assert (regulation["number"], regulation["state"], regulation["first_day"]) == (0, "in_force", None)
    assert TicketPolicy.model_validate(regulation["policy"]) == TicketPolicy()
    assert (await dispatcher.get(f"{PATH}/0/changes")).json() == {"number": 0, "since": None, "changes": []}
    ranges = (await dispatcher.get(f"{PATH}/schema")).json()["properties"]
    assert ranges.keys() == regulation["policy"].keys()
    assert (ranges["general_days"]["minimum"], ranges["general_days"]["maximum"]) == (1, 90)


async def test_a_ticket_of_its_first_day_runs_under_it_and_an_older_one_does_not(
    clock: ManualClock, admin: Caller, nobody: Caller, units: Units
) -> None:
    agent, dispatcher = await nobody.as_("agent"), await nobody.as_("dispatcher")

    async def accepted() -> str:
        number: str = (await agent.post("/api/tickets", title="路灯不亮")).json()["number"]
        await agent.post(f"/api/tickets/{number}/actions", action="accept", version=1)
        return number

    async def handled_until(number: str) -> datetime:
        answer = await dispatcher.post(
            f"/api/tickets/{number}/actions", action="dispatch", version=2, lead_unit=units.labour
        )
        assert answer.status_code == 200, answer.text
        clocks = (await dispatcher.get(f"/api/tickets/{number}")).json()["clocks"]
        (found,) = [one for one in clocks if one["kind"] == "handling"]
        return datetime.fromisoformat(found["ends_at"])

    before = await accepted()
    answer = await lay_down(admin, general_days=3, return_days=1)
    assert answer.status_code == 201, answer.text
    assert answer.headers["etag"] == '"1"'
    told = answer.json()
    assert (told["number"], told["state"], told["first_day"], told["made_by"]) == (1, "planned", MONDAY, "admin")
    assert await states(admin) == [(1, "planned"), (0, "in_force")]
    clock.advance(2 * 86_400 + TWELVE_HOURS - 1)
    on_sunday = await accepted()
    clock.advance(1)
    on_monday = await accepted()
    assert await states(admin) == [(1, "in_force"), (0, "past")]
    week_later = datetime.fromisoformat("2026-12-01T00:00:00+08:00")
    assert [await handled_until(one) for one in (before, on_sunday)] == [week_later] * 2
    assert await handled_until(on_monday) == datetime.fromisoformat("2026-11-27T00:00:00+08:00")
    assert (await admin.get(f"{PATH}/1")).json()["policy"]["general_days"] == 3
    assert await audited(admin, subject="ticket_policy:1") == [("admin", "ticket_policy.laid_down", "ticket_policy:1")]


async def test_what_a_version_changes_of_the_one_before(nobody: Caller, admin: Caller) -> None:
    await lay_down(admin, general_days=3, pass_on_types=["report", "complaint"])
    ground = {"code": "local_1", "term": "涉诉", "under": "other_procedure", "basis": "市规定第三条", "guidance": ""}
    second = rules(general_days=3, urgent_hours=6, satisfied=["very_satisfied", "satisfied"], refusal_grounds=[ground])
    assert (await lay_down(admin, DECEMBER, policy=second)).status_code == 201
    auditor = await nobody.as_("auditor")
    of_first = (await auditor.get(f"{PATH}/1/changes")).json()
    assert of_first == {
        "number": 1,
        "since": 0,
        "changes": [{"field": "general_days", "before": 5, "after": 3}],
    }
    of_second = (await auditor.get(f"{PATH}/2/changes")).json()
    assert of_second["since"] == 1
    assert of_second["changes"] == [
        {"field": "urgent_hours", "before": 12, "after": 6},
        {"field": "refusal_grounds", "before": [], "after": [ground]},
        {
            "field": "satisfied",
            "before": ["fairly_satisfied", "satisfied", "very_satisfied"],
            "after": ["satisfied", "very_satisfied"],
        },
    ]
    # Without the first one the second changes more.
    assert (await take_back(admin, 1)).status_code == 204
    of_second = (await auditor.get(f"{PATH}/2/changes")).json()
    assert (of_second["since"], of_second["changes"][0]["field"]) == (0, "general_days")


@pytest.mark.parametrize(
    ("first_day", "changed", "refused"),
    [
        ("2026-11-20", {"general_days": 3}, (422, "ticket_policy.too_early")),
        ("2026-11-19", {"general_days": 3}, (422, "ticket_policy.too_early")),
        ("2200-01-01", {"general_days": 3}, (422, "input.invalid")),
        (MONDAY, {}, (409, "ticket_policy.unchanged")),
        (MONDAY, {"general_days": 0}, (422, "input.invalid")),
        (MONDAY, {"most_extensions": 0, "signed_from": 2}, (422, "input.invalid")),
        (MONDAY, {"caller_days": 30}, (422, "input.invalid")),
        (MONDAY, {"zone": "Asia/Sanmenxia"}, (422, "input.invalid")),
        (MONDAY, {"whatever": 1}, (422, "input.invalid")),
        (MONDAY, {"pass_on_categories": ["0902"]}, (404, "ticket.category_not_found")),
    ],
)
async def test_what_does_not_fit_is_refused_and_nothing_is_kept(
    admin: Caller, first_day: str, changed: dict[str, Any], refused: tuple[int, str]
) -> None:
    assert refusal(await lay_down(admin, first_day, **changed)) == refused
    assert await states(admin) == [(0, "in_force")]
    assert await audited(admin) == []


async def test_a_version_is_whole_and_has_no_control_characters(admin: Caller) -> None:
    most = {name: value for name, value in rules(general_days=3).items() if name != "return_days"}
    answer = await lay_down(admin, policy=most)
    assert refusal(answer) == (422, "input.invalid")
    assert "return_days" in answer.json()["wrong"][0]["why"]
    ground = {"code": "local_1", "term": "涉\x07诉", "under": "unlawful", "basis": "x"}
    assert refusal(await lay_down(admin, refusal_grounds=[ground])) == (422, "input.invalid")


async def test_tomorrow_is_the_citys_and_versions_follow_each_other(clock: ManualClock, admin: Caller) -> None:
    clock.advance(TWELVE_HOURS - 1)
    assert (await admin.get(PATH)).json()["earliest"] == "2026-11-21"
    clock.advance(1)
    assert (await admin.get(PATH)).json()["earliest"] == "2026-11-22"
    assert refusal(await lay_down(admin, "2026-11-21", general_days=3)) == (422, "ticket_policy.too_early")
    assert (await lay_down(admin, DECEMBER, general_days=3)).status_code == 201
    for day in (DECEMBER, MONDAY):
        assert refusal(await lay_down(admin, day, general_days=4)) == (409, "ticket_policy.out_of_order")
    assert (await admin.get(PATH)).json()["earliest"] == "2026-12-02"
    # What was planned is taken back, and another one begins before its day.
    assert (await take_back(admin, 1)).status_code == 204
    assert (await lay_down(admin, MONDAY, general_days=4)).json()["number"] == 2
    assert await states(admin) == [(2, "planned"), (1, "withdrawn"), (0, "in_force")]


async def test_a_retired_category_stays_and_a_new_one_has_to_be_there(services: Services, admin: Caller) -> None:
    async with services.database.transaction() as session:
        session.add(CategoryRow(code="0902", parent_code=None, name="城管执法", active=False))
    assert (await lay_down(admin, pass_on_categories=["0902"])).status_code == 201
    async with services.database.transaction() as session:
        await session.delete(await session.get_one(CategoryRow, "0902"))
    answer = await lay_down(admin, DECEMBER, pass_on_categories=["0902"], general_days=4)
    assert answer.status_code == 201, answer.text


async def test_one_that_is_planned_is_taken_back_and_begins_never(clock: ManualClock, admin: Caller) -> None:
    await lay_down(admin, general_days=3)
    answer = await take_back(admin, 1)
    assert (answer.status_code, answer.text) == (204, "")
    taken = (await admin.get(f"{PATH}/1")).json()
    assert (taken["state"], taken["withdrawn_by"], taken["first_day"]) == ("withdrawn", "admin", MONDAY)
    assert datetime.fromisoformat(taken["withdrawn_at"]) == FRIDAY_NOON
    assert refusal(await take_back(admin, 1)) == (409, "ticket_policy.withdrawn")
    for number, refused in ((0, (409, "ticket_policy.begun")), (2, (404, "ticket_policy.unknown"))):
        assert refusal(await take_back(admin, number)) == refused
    assert refusal(await admin.get(f"{PATH}/2")) == (404, "ticket_policy.unknown")
    # The rules and the day may be planned anew, under another number.
    assert (await lay_down(admin, general_days=3)).json()["number"] == 2
    clock.advance(3 * 86_400)
    assert await states(admin) == [(2, "in_force"), (1, "withdrawn"), (0, "past")]
    assert refusal(await take_back(admin, 2)) == (409, "ticket_policy.begun")
    assert await audited(admin, subject="ticket_policy:1") == [
        ("admin", "ticket_policy.laid_down", "ticket_policy:1"),
        ("admin", "ticket_policy.withdrawn", "ticket_policy:1"),
    ]


async def test_one_that_a_ticket_began_under_stays(services: Services, admin: Caller, nobody: Caller) -> None:
    await lay_down(admin, general_days=3)
    number = (await (await nobody.as_("agent")).post("/api/tickets", title="路灯不亮")).json()["number"]
    async with services.database.transaction() as session:
        # Registered while a clock ran ahead.
        ticket = await session.get_one(TicketRow, 1)
        assert ticket.number == number
        ticket.policy, ticket.registered_at = 1, FRIDAY_NOON + timedelta(days=3)
    assert refusal(await take_back(admin, 1)) == (409, "ticket_policy.used")
    assert await states(admin) == [(1, "planned"), (0, "in_force")]


async def test_two_administrators_do_not_overwrite_each_other(admin: Caller, nobody: Caller) -> None:
    second = await nobody.as_("second_admin")
    tag = (await second.get(PATH)).headers["etag"]
    assert (await lay_down(admin, general_days=3)).status_code == 201
    stale = await lay_down(second, DECEMBER, tag=tag, general_days=4)
    assert refusal(stale) == (412, "ticket_policy.stale")
    # Neither does it go unseen that the newest one is no longer planned, though no number is new.
    tag = (await second.get(PATH)).headers["etag"]
    assert (await take_back(admin, 1)).status_code == 204
    assert refusal(await lay_down(second, DECEMBER, tag=tag, general_days=4)) == (412, "ticket_policy.stale")
    assert refusal(await take_back(second, 1, tag=tag)) == (412, "ticket_policy.stale")
    blind = await second.post(PATH, first_day=MONDAY, policy=rules(general_days=4))
    assert refusal(blind) == (428, "http.precondition_required")
    assert await states(admin) == [(1, "withdrawn"), (0, "in_force")]


async def test_of_two_at_the_same_moment_one_is_kept(admin: Caller, nobody: Caller) -> None:
    second = await nobody.as_("second_admin")
    answers = await asyncio.gather(
        *(lay_down(caller, tag='"0"', general_days=days) for caller, days in ((admin, 3), (second, 4)))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 412]
    assert await states(admin) == [(1, "planned"), (0, "in_force")]


async def test_a_version_of_before_reads_whole(admin: Caller, services: Services) -> None:
    """One that has no word of rules that came later."""
    async with services.database.transaction() as session:
        session.add(
            TicketPolicyRow(
                number=7, first_day=date(2026, 1, 1), policy={}, note="", made_by="9001", made_at=FRIDAY_NOON
            )
        )
    assert await states(admin) == [(7, "in_force"), (0, "past")]
    assert (await admin.get(f"{PATH}/7/changes")).json()["changes"] == []
    assert (await lay_down(admin, general_days=4)).json()["number"] == 8
