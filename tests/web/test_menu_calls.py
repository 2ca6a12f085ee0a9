"""Call me with this draft: who may, on which phone, one at a time; what the page and the audit log are told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from acd.service import Acd
from calls.menu.rehearsal_board import LEASE_MS, Rehearsal, RehearsalBoard, RehearsalMoved, RehearsalState, Visit
from directory.models.audit import AuditRow
from hotline.clock import SystemClock
from tests.web.conftest import Caller
from tests.web.people import Units
from web.services import Services

FLOW = {"flow": "main", "name": "主菜单", "entry": "top", "nodes": {"top": {"type": "queue"}}}
DUTY = "8015"
"""A seat's phone that is nobody's own."""


@pytest.fixture
async def admin(services: Services, nobody: Caller, line: Acd) -> Caller:
    """An editor with a draft; the phone on duty is registered."""
    await services.directory.refresh()
    admin = await nobody.as_("admin")
    saved = await admin.request("PUT", "/api/menus/flows/main/draft", json=FLOW, extra={"If-Match": '"0"'})
    assert saved.status_code == 200, saved.text
    await line.device_state(DUTY, True, False)
    return admin


def board(services: Services) -> RehearsalBoard:
    return RehearsalBoard(services.redis, services.settings.site.id, services.clock)


async def rehearse(caller: Caller, **body: Any) -> httpx.Response:
    return await caller.post("/api/menus/flows/main/rehearsal", **{"extension": DUTY, **body})


async def watched(caller: Caller) -> Any:
    return (await caller.get("/api/menus/rehearsal")).json()["rehearsal"]


async def test_an_editor_is_called_with_the_draft_and_it_is_audited(services: Services, admin: Caller) -> None:
    assert await watched(admin) is None
    asked = await rehearse(admin, line="12333")
    assert asked.status_code == 202, asked.text
    told = asked.json()
    assert (told["flow"], told["revision"], told["line"], told["extension"]) == ("main", 1, "12333", DUTY)
    assert (told["state"], told["at"], told["path"], told["end"]) == ("asked", None, [], "")
    assert await watched(admin) == told
    async with services.database.transaction() as session:
        (row,) = await session.scalars(select(AuditRow).where(AuditRow.action == "menu.rehearsed"))
    assert (row.actor, row.subject) == ("admin", "menu:main")
    assert row.after == {"revision": 1, "extension": DUTY, "rehearsal": told["id"]}


async def test_one_at_a_time_for_each_editor(services: Services, admin: Caller, nobody: Caller) -> None:
    first = (await rehearse(admin)).json()
    again = await rehearse(admin)
    assert (again.status_code, again.json()["code"]) == (409, "rehearsal.under_way")
    assert (await watched(admin))["id"] == first["id"]
    other = await nobody.as_("second_admin")
    assert (await rehearse(other)).status_code == 202
    assert (await admin.request("DELETE", "/api/menus/rehearsal")).status_code == 204
    ended = await watched(admin)
    assert (ended["id"], ended["state"], ended["end"]) == (first["id"], "ended", "已由您在页面上结束。")
    assert (await watched(other))["state"] == "asked", "only one's own is ended"
    assert (await rehearse(admin)).status_code == 202
    for _ in range(2):
        assert (await admin.request("DELETE", "/api/menus/rehearsal")).status_code == 204


@pytest.mark.parametrize(
    ("extension", "status", "code"),
    [
        (None, 422, "rehearsal.phone_missing"),
        ("7777", 422, "rehearsal.phone_missing"),
        ("110", 422, "rehearsal.phone_missing"),
        ("13812345678", 422, "input.invalid"),
        ("8001@carrier", 422, "input.invalid"),
        ("8001", 409, "rehearsal.phone_taken"),
        ("8016", 409, "rehearsal.phone_away"),
    ],
)
async def test_only_a_phone_of_ones_own_or_a_free_one_rings(
    admin: Caller, extension: str | None, status: int, code: str
) -> None:
    refused = await rehearse(admin, extension=extension)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert await watched(admin) is None


async def test_a_phone_at_which_an_agent_sits_does_not_ring(admin: Caller, nobody: Caller, line: Acd) -> None:
    second = await nobody.as_("second")
    signed_in = await second.post("/api/agents/me/sign-in", extension=DUTY)
    assert signed_in.status_code == 200, signed_in.text
    refused = await rehearse(admin)
    assert (refused.status_code, refused.json()["code"]) == (409, "rehearsal.phone_taken")


async def test_a_draft_that_is_not_there_rings_nobody(admin: Caller) -> None:
    assert (await admin.post("/api/menus/flows/other/rehearsal", extension=DUTY)).status_code == 404
    assert (await rehearse(admin, revision=9)).status_code == 404
    assert await watched(admin) is None


async def test_who_may_not_edit_may_not_be_called(nobody: Caller, units: Units) -> None:
    for who in ("supervisor", "auditor", "agent"):
        caller = await nobody.as_(who)
        assert (await rehearse(caller)).status_code == 403
        assert (await caller.get("/api/menus/rehearsal")).status_code == 403
        assert (await caller.request("DELETE", "/api/menus/rehearsal")).status_code == 403


async def test_the_page_sees_where_the_run_is(services: Services, admin: Caller) -> None:
    await rehearse(admin)
    known = board(services)
    (asked,) = await known.asked("ast1")
    assert await known.asked("ast2") == []
    ringing = await known.take_up(asked)
    assert ringing is not None
    assert (await watched(admin))["state"] == "ringing"
    assert await known.take_up(asked) is None, "another process has it"
    assert await known.asked("ast1") == []
    visit = Visit("main", "top", "next")
    running = replace(ringing.moved(RehearsalState.RUNNING), at=("main", "top"), path=(visit,), told=("x",))
    assert await known.put(running)
    told = await watched(admin)
    assert (told["state"], told["at"], told["told"]) == ("running", ["main", "top"], ["x"])
    assert told["path"] == [{"flow": "main", "node": "top", "branch": "next"}]
    assert (await admin.request("DELETE", "/api/menus/rehearsal")).status_code == 204
    assert not await known.put(running), "the process that plays it learns that it is over"
    assert (await watched(admin))["end"] == "已由您在页面上结束。"


async def test_what_nobody_takes_up_or_renews_is_over(services: Services, admin: Caller) -> None:
    class Later(SystemClock):
        def now_ms(self) -> int:
            return super().now_ms() + LEASE_MS + 1

    await rehearse(admin)
    later = RehearsalBoard(services.redis, services.settings.site.id, Later())
    assert await later.of("admin") is None
    assert await later.asked("ast1") == []
    assert await watched(admin) is None, "it was thrown away"
    assert (await rehearse(admin)).status_code == 202


def test_its_states_lead_forward_only() -> None:
    ended = Rehearsal("rehearsal-1.1", "admin", "main", 1, "12345", DUTY, "ast1", 0, 0).ended("x")
    with pytest.raises(RehearsalMoved):
        ended.moved(RehearsalState.RUNNING)
