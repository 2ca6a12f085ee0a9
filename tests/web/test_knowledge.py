"""The knowledge base over REST: who writes, checks and publishes; what citizens find; and what is on record of it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from sqlalchemy import select

from directory.models import AuditRow
from media import kokoro
from media.studio_tables import StudioTextRow
from tests.web.conftest import CALL, Caller, Units
from web.services import Services

ENTRIES = "/api/knowledge/entries"
CONTENT = {
    "title": "社保卡补办",
    "answer": "带身份证到任一合作银行网点办理。",
    "spoken": "请带身份证到银行网点办理。",
    "valid_from": "2020-01-01",
}


async def made(answer: httpx.Response, status: int = 200) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def create(editor: Caller, unit: int, code: str = "sbk", **content: Any) -> dict[str, Any]:
    body = {"code": code, "unit_id": unit, "review_on": "2099-01-01", "content": CONTENT | content}
    return await made(await editor.post(ENTRIES, **body), 201)


async def publish(nobody: Caller, unit: int, code: str = "sbk", **content: Any) -> None:
    editor, second = await nobody.as_("knowledge_editor"), await nobody.as_("supervisor")
    await create(editor, unit, code, **content)
    await made(await second.post(f"{ENTRIES}/{code}/versions/1/check"))
    await made(await editor.post(f"{ENTRIES}/{code}/versions/1/publish"))


async def test_from_a_draft_to_the_answer_with_two_persons(nobody: Caller, units: Units, services: Services) -> None:
    editor, second = await nobody.as_("knowledge_editor"), await nobody.as_("supervisor")
    file = await create(editor, units.labour)
    assert [version["state"] for version in file["versions"]] == ["draft"]
    same = await editor.post(f"{ENTRIES}/sbk/versions/1/check")
    assert (same.status_code, same.json()["code"]) == (403, "knowledge.same_person")
    early = await editor.post(f"{ENTRIES}/sbk/versions/1/publish")
    assert (early.status_code, early.json()["code"]) == (409, "knowledge.step_not_possible")
    assert (await nobody.get("/api/public/knowledge/sbk")).status_code == 404
    assert [one["code"] for one in (await second.get("/api/knowledge/waiting")).json()] == ["sbk"]
    await made(await second.post(f"{ENTRIES}/sbk/versions/1/check"))
    await made(await editor.post(f"{ENTRIES}/sbk/versions/1/publish"))
    agent = await nobody.as_("agent")
    (found,) = (await agent.get("/api/knowledge", q="社保卡")).json()
    assert (found["code"], found["version"], found["unit"], found["exact"]) == ("sbk", 1, "市人社局", True)
    async with services.database.transaction() as session:
        rows = (await session.scalars(select(AuditRow).where(AuditRow.subject == "knowledge:sbk"))).all()
    assert sorted((row.action, row.actor) for row in rows) == [
        ("knowledge.check", "supervisor"),
        ("knowledge.created", "knowledge_editor"),
        ("knowledge.publish", "knowledge_editor"),
    ]


async def test_a_stale_writer_is_told(nobody: Caller, units: Units) -> None:
    editor = await nobody.as_("knowledge_editor")
    await create(editor, units.labour)
    assert (await editor.post(f"{ENTRIES}/sbk/versions", read=1, content=CONTENT)).status_code == 201
    late = await editor.post(f"{ENTRIES}/sbk/versions", read=1, content=CONTENT)
    assert (late.status_code, late.json()["code"]) == (409, "knowledge.stale")
    file = await made(await editor.get(f"{ENTRIES}/sbk"))
    assert [version["state"] for version in file["versions"]] == ["draft", "replaced"]


async def test_who_keeps_it_lists_every_entry_by_its_newest_version(nobody: Caller, units: Units) -> None:
    editor = await nobody.as_("knowledge_editor")
    await publish(nobody, units.labour)
    await create(editor, units.urban, "lamp-1", title="路灯 100% 报修")
    await made(await editor.post(f"{ENTRIES}/sbk/versions", read=1, content={**CONTENT, "title": "社保卡换领"}), 201)
    first = await editor.get(ENTRIES, limit=1)
    (sbk,) = first.json()
    assert (sbk["code"], sbk["number"], sbk["state"], sbk["title"]) == ("sbk", 2, "draft", "社保卡换领")
    assert f"after={sbk['id']}" in first.headers["link"]
    rest = await editor.get(ENTRIES, after=sbk["id"])
    assert [one["code"] for one in rest.json()] == ["lamp-1"]
    assert "link" not in rest.headers

    async def codes(**wanted: Any) -> list[str]:
        return [one["code"] for one in (await editor.get(ENTRIES, **wanted)).json()]

    assert (await codes(q="换领"), await codes(q="LAMP"), await codes(q="100%"), await codes(q="1%0")) == (
        ["sbk"],
        ["lamp-1"],
        ["lamp-1"],
        [],
    )
    assert await codes(unit_id=units.labour) == ["sbk"]


async def test_people_of_a_unit_keep_their_own_entries(nobody: Caller, units: Units) -> None:
    handler, head = await nobody.as_("unit_handler"), await nobody.as_("unit_head")
    stranger = await nobody.as_("other_unit")
    await create(handler, units.labour)
    assert (await stranger.post(f"{ENTRIES}/sbk/versions", read=1, content=CONTENT)).status_code == 403
    assert (await stranger.get("/api/knowledge/waiting")).json() == []
    await made(await head.post(f"{ENTRIES}/sbk/versions/1/check"))
    assert (await head.post(f"{ENTRIES}/sbk/versions/1/publish")).status_code == 403
    await made(await (await nobody.as_("supervisor")).post(f"{ENTRIES}/sbk/versions/1/publish"))


async def test_citizens_find_the_public_part_and_no_more(nobody: Caller, units: Units) -> None:
    await publish(nobody, units.labour, "open", public=True)
    await publish(nobody, units.labour, "inner", title="社保卡内部口径")
    assert [one["code"] for one in (await nobody.get("/api/public/knowledge", q="社保卡")).json()] == ["open"]
    (found,) = (await nobody.get("/api/public/knowledge", q="合作银行")).json()
    assert set(found) == {"code", "title", "answer", "category", "unit", "valid_until", "exact"}
    assert (await nobody.get("/api/public/knowledge/open")).status_code == 200
    for code in ("inner", "none"):
        answer = await nobody.get(f"/api/public/knowledge/{code}")
        assert (answer.status_code, answer.json()["code"]) == (404, "knowledge.not_found")
    agent = await nobody.as_("agent")
    assert len((await agent.get("/api/knowledge", q="社保卡")).json()) == 2


@pytest.mark.parametrize("question", ["？", "'", "%"])
async def test_a_question_without_a_letter_is_none(question: str, nobody: Caller) -> None:
    answer = await nobody.get("/api/public/knowledge", q=question)
    assert (answer.status_code, answer.json()["code"]) == (422, "knowledge.nothing_asked")


async def test_errors_are_reported_settled_and_seen(nobody: Caller, units: Units) -> None:
    await publish(nobody, units.labour)
    agent, editor = await nobody.as_("agent"), await nobody.as_("knowledge_editor")
    report = await made(await agent.post(f"{ENTRIES}/sbk/reports", version=1, note="网点已搬迁"), 201)
    assert report["reported_by"] == "1001"
    (stale,) = (await editor.get("/api/knowledge/stale")).json()
    assert (stale["code"], stale["why"], stale["open_reports"]) == ("sbk", ["reported"], 1)
    assert (await (await nobody.as_("other_unit")).get("/api/knowledge/stale")).json() == []
    assert len((await (await nobody.as_("inspector")).get("/api/knowledge/stale")).json()) == 1
    settled = await made(await editor.post(f"{ENTRIES}/sbk/reports/{report['id']}/settle", outcome="已更正"))
    assert (settled["settled_by"], settled["outcome"]) == ("knowledge_editor", "已更正")
    assert (await editor.get("/api/knowledge/stale")).json() == []
    reviewed = await editor.request("PUT", f"{ENTRIES}/sbk/review", json={"review_on": "2020-01-01"})
    assert reviewed.status_code == 422
    reviewed = await editor.request("PUT", f"{ENTRIES}/sbk/review", json={"review_on": "2098-01-01"})
    assert (await made(reviewed))["entry"]["review_on"] == "2098-01-01"


async def test_which_answer_was_used_in_which_call(nobody: Caller, units: Units) -> None:
    await publish(nobody, units.labour)
    agent = await nobody.as_("agent")
    for _ in range(2):
        assert (await agent.post(f"{ENTRIES}/sbk/uses", call=CALL)).status_code == 204
    (used,) = (await agent.get(f"/api/calls/{CALL}/answers")).json()
    assert (used["code"], used["version"], used["by"]) == ("sbk", 1, "1001")
    assert (await agent.post(f"{ENTRIES}/none/uses", call=CALL)).status_code == 404


async def test_a_withdrawn_answer_is_given_no_more(nobody: Caller, units: Units) -> None:
    await publish(nobody, units.labour, public=True)
    editor = await nobody.as_("knowledge_editor")
    assert (await editor.post(f"{ENTRIES}/sbk/versions/1/withdraw")).status_code == 422
    await made(await editor.post(f"{ENTRIES}/sbk/versions/1/withdraw", reason="政策调整"))
    assert (await nobody.get("/api/public/knowledge/sbk")).status_code == 404
    assert (await editor.get(f"{ENTRIES}/sbk/answer")).status_code == 404


async def test_checked_words_are_given_to_a_voice(
    nobody: Caller, units: Units, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor, second = await nobody.as_("knowledge_editor"), await nobody.as_("supervisor")

    async def ordered() -> list[str]:
        async with services.database.transaction() as session:
            return list(await session.scalars(select(StudioTextRow.text)))

    for code, installed, expected in (("one", False, []), ("two", True, [CONTENT["spoken"]])):
        monkeypatch.setattr(kokoro, "is_installed", lambda installed=installed: installed)
        await create(editor, units.labour, code)
        assert await ordered() == []
        file = await made(await second.post(f"{ENTRIES}/{code}/versions/1/check"))
        assert file["versions"][0]["state"] == "checked"
        assert await ordered() == expected


async def test_words_that_no_voice_can_say_are_refused_when_they_are_written(nobody: Caller, units: Units) -> None:
    editor = await nobody.as_("knowledge_editor")
    body = {"code": "sbk", "unit_id": units.labour, "review_on": "2099-01-01", "content": CONTENT | {"spoken": "☎♨"}}
    assert (await editor.post(ENTRIES, **body)).status_code == 422
    await create(editor, units.labour, spoken="")
    answer = await editor.post(f"{ENTRIES}/sbk/versions", read=1, content=CONTENT | {"spoken": "。，"})
    assert answer.status_code == 422
