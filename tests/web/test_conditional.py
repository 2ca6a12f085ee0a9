"""ETag, If-Match, If-None-Match: a change names the version it rests on, by header or body, and never overwrites."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from tests.web.conftest import CALL, Caller, Units
from web.services import Services


async def _ticket(agent: Caller) -> str:
    return str((await agent.post("/api/tickets", title="路灯不亮")).json()["number"])


async def _with_tag(caller: Caller, path: str, tag: str, method: str = "POST", **body: Any) -> httpx.Response:
    return await caller.request(method, path, json=body, extra={"If-Match": tag})


async def test_a_detail_that_has_not_changed_is_not_sent_again(nobody: Caller) -> None:
    agent = await nobody.as_("agent")
    path = f"/api/tickets/{await _ticket(agent)}"
    first = await agent.get(path)
    tag = first.headers["etag"]
    assert (first.status_code, tag.startswith('"1-'), first.headers["cache-control"]) == (
        200,
        True,
        "private, no-cache",
    )
    for has in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await agent.request("GET", path, extra={"If-None-Match": has})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag), has
    # A call is tied to it: the version stays, and what is answered is another file.
    assert (await agent.post(f"{path}/calls", call=CALL)).status_code == 204
    changed = await agent.request("GET", path, extra={"If-None-Match": tag})
    assert (changed.status_code, changed.json()["calls"]) == (200, [CALL])
    assert changed.headers["etag"].startswith('"1-')
    assert changed.headers["etag"] != tag


async def test_who_may_do_less_has_another_tag(nobody: Caller) -> None:
    agent, auditor = await nobody.as_("agent"), await nobody.as_("auditor")
    path = f"/api/tickets/{await _ticket(agent)}"
    tag = (await agent.get(path)).headers["etag"]
    assert (await auditor.request("GET", path, extra={"If-None-Match": tag})).status_code == 200


async def test_a_change_rests_on_the_tag_that_was_read(nobody: Caller) -> None:
    agent = await nobody.as_("agent")
    path = f"/api/tickets/{await _ticket(agent)}"
    tag = (await agent.get(path)).headers["etag"]
    amended = await _with_tag(agent, path, tag, "PATCH", changes={"title": "两盏路灯不亮"})
    assert (amended.status_code, amended.json()["version"]) == (200, 2)
    late = await _with_tag(agent, f"{path}/actions", tag, action="accept")
    assert (late.status_code, late.json()["code"]) == (412, "ticket.stale")
    by_body = await agent.post(f"{path}/actions", action="accept", version=1)
    assert (by_body.status_code, by_body.json()["code"]) == (409, "ticket.stale")
    accepted = await _with_tag(agent, f"{path}/actions", '"2"', action="accept", version=2)
    assert (accepted.status_code, accepted.json()["version"]) == (200, 3)


@pytest.mark.parametrize(
    ("headers", "body", "refused"),
    [
        ({}, {}, (428, "http.precondition_required")),
        ({"If-Match": '"1"'}, {"version": 2}, (412, "http.precondition_failed")),
        ({"If-Match": "*"}, {}, (422, "input.invalid")),
        ({"If-Match": '"9999999999"'}, {}, (422, "input.invalid")),
        ({"If-Match": 'W/"1"'}, {"version": 1}, (422, "input.invalid")),
    ],
)
async def test_what_names_no_version_is_refused(
    nobody: Caller, headers: dict[str, str], body: dict[str, int], refused: tuple[int, str]
) -> None:
    agent = await nobody.as_("agent")
    path = f"/api/tickets/{await _ticket(agent)}"
    answer = await agent.request("POST", f"{path}/actions", json={"action": "accept", **body}, extra=headers)
    assert (answer.status_code, answer.json()["code"]) == refused
    assert (await agent.get(path)).json()["ticket"]["state"] == "registered"


async def test_of_many_with_the_same_tag_one_wins(nobody: Caller) -> None:
    agent = await nobody.as_("agent")
    path = f"/api/tickets/{await _ticket(agent)}"
    answers = await asyncio.gather(
        *(_with_tag(agent, path, '"1"', "PATCH", changes={"title": f"第{n}个"}) for n in range(6))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 5
    assert (await agent.get(path)).json()["ticket"]["version"] == 2


async def test_parts_queues_and_knowledge_have_tags_too(services: Services, nobody: Caller, units: Units) -> None:
    await services.directory.refresh()
    agent, dispatcher, handler, admin, editor = [
        await nobody.as_(one) for one in ("agent", "dispatcher", "unit_handler", "admin", "knowledge_editor")
    ]
    path = f"/api/tickets/{await _ticket(agent)}"
    await agent.post(f"{path}/actions", action="accept", version=1)
    await dispatcher.post(f"{path}/actions", action="dispatch", version=2, lead_unit=units.labour)
    part = (await handler.get(path)).json()["assignments"][0]["id"]
    seen = await handler.get(f"{path}/parts/{part}")
    same = await handler.request("GET", f"{path}/parts/{part}", extra={"If-None-Match": seen.headers["etag"]})
    assert (seen.headers["etag"][:3], same.status_code) == ('"1-', 304)

    rule = (await admin.get("/api/queues/night")).json()["rule"]
    saved = await _with_tag(admin, "/api/queues/night", '"0"', "PUT", rule={**rule, "wrap_up_ms": 45_000})
    assert saved.status_code == 200, saved.text
    tag = (await admin.get("/api/queues/night")).headers["etag"]
    assert tag.startswith(f'"{saved.json()["version"]}-')
    stale = await _with_tag(admin, "/api/queues/night", '"0"', "PUT", rule=rule)
    assert (stale.status_code, stale.json()["code"]) == (412, "queue.stale")
    gone = await admin.request("DELETE", "/api/queues/night", extra={"If-Match": tag})
    assert gone.status_code == 204, gone.text

    content = {"title": "社保卡补办", "answer": "持身份证到社保大厅办理", "category": "社保"}
    dates = {"valid_from": "2026-01-01"}
    made = await editor.post(
        "/api/knowledge/entries",
        code="shebao-1",
        unit_id=units.labour,
        review_on="2099-01-01",
        content={**content, **dates},
    )
    assert made.status_code == 201, made.text
    entry = "/api/knowledge/entries/shebao-1"
    tag = (await editor.get(entry)).headers["etag"]
    written = await _with_tag(editor, f"{entry}/versions", tag, content={**content, **dates, "answer": "网上也可办"})
    assert written.status_code == 201, written.text
    late = await _with_tag(editor, f"{entry}/versions", tag, content={**content, **dates})
    assert (late.status_code, late.json()["code"]) == (412, "knowledge.stale")
