"""Attachments over HTTP: who may add and read them, and how they are handed out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select

from hotline.errors import PartUnavailable
from hotline.settings import Attachments as AttachmentSettings
from hotline.signing import Request, headers
from tests.ticketing.test_channels_attachments import PNG, gif
from tests.web.conftest import Caller
from tests.web.people import Units
from tests.web.test_administration import audited
from ticketing.attachments.tables import AttachmentRow
from ticketing.channels.registry import Channel, save
from ticketing.vocabulary import Source
from web.app import create_app
from web.file_uploads import FileUploads
from web.services import Services

GATE = "/api/channels/demands"


async def ticket(nobody: Caller, units: Units | None = None, **fields: Any) -> str:
    """A ticket, dispatched to the labour bureau if `units` is given."""
    agent, dispatcher = await nobody.as_("agent"), await nobody.as_("dispatcher")
    number = str((await agent.post("/api/tickets", title="路灯不亮", **fields)).json()["number"])
    if units is not None:
        assert (await agent.post(f"/api/tickets/{number}/actions", action="accept", version=1)).status_code == 200
        sent = {"action": "dispatch", "version": 2, "lead_unit": units.labour}
        assert (await dispatcher.post(f"/api/tickets/{number}/actions", **sent)).status_code == 200
    return number


async def add(
    caller: Caller, number: str, name: str = "照片.png", content: bytes = PNG, **extra: str
) -> httpx.Response:
    return await caller.request(
        "POST",
        f"/api/tickets/{number}/attachments",
        params={"name": name},
        content=content,
        extra={"Content-Type": "text/html", **extra},
    )


async def test_a_file_is_added_listed_and_saved_by_who_may_read_the_ticket(
    nobody: Caller, units: Units, services: Services
) -> None:
    number = await ticket(nobody, units)
    agent = await nobody.as_("agent")
    added = await add(agent, number, '..\\现场 照片".png')
    assert added.status_code == 201, added.text
    told = added.json()
    assert (told["name"], told["kind"], told["added_by"], told["bytes"]) == (
        "现场 照片_.png",
        "image/png",
        "1001",
        len(PNG),
    )
    unit, other, auditor = [await nobody.as_(name) for name in ("unit_handler", "other_unit", "auditor")]
    path = f"/api/tickets/{number}/attachments"
    for reader in (agent, unit, auditor):
        assert (await reader.get(path)).json() == [told]
    answer = await unit.get(f"{path}/{told['id']}")
    assert (answer.content, answer.headers["content-type"]) == (PNG, "image/png")
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"__ ___.png\"; filename*=UTF-8''%E7%8E%B0%E5%9C%BA%20%E7%85%A7%E7%89%87_.png"
    )
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    for path_of in (path, f"{path}/{told['id']}"):
        refused = await other.get(path_of)
        assert (refused.status_code, refused.json()["code"]) == (403, "ticket.other_unit")
    assert (await add(other, number)).status_code == 403
    assert (await nobody.get(path)).status_code == 401
    read = [one for one in await audited(auditor) if one[1] == "attachment.read"]
    assert read == [("unit_handler", "attachment.read", f"ticket:{number}")]


async def test_one_tickets_file_is_not_anothers(nobody: Caller, units: Units) -> None:
    agent = await nobody.as_("agent")
    mine, others = await ticket(nobody), await ticket(nobody)
    attachment = (await add(agent, mine)).json()["id"]
    answer = await agent.get(f"/api/tickets/{others}/attachments/{attachment}")
    assert (answer.status_code, answer.json()["code"]) == (404, "attachment.not_found")


@pytest.mark.parametrize("choice", ["confidential", "anonymous"])
async def test_a_confidential_callers_files_reach_the_unit_only_when_released(
    nobody: Caller, units: Units, choice: str
) -> None:
    number = await ticket(nobody, units, confidentiality=choice)
    agent, dispatcher, unit = [await nobody.as_(name) for name in ("agent", "dispatcher", "unit_handler")]
    attachment = (await add(agent, number)).json()["id"]
    path = f"/api/tickets/{number}/attachments"
    assert (await unit.get(path)).json() == []
    assert (await unit.get(f"{path}/{attachment}")).status_code == 404
    own = await add(unit, number, "整改后.gif", gif(1))
    assert [one["id"] for one in (await unit.get(path)).json()] == [own.json()["id"]]
    assert (await unit.post(f"{path}/{attachment}/release")).status_code == 403
    assert (await dispatcher.post(f"{path}/{attachment}/release")).json()["released"] is True
    assert (await unit.get(f"{path}/{attachment}")).content == PNG


async def test_a_removed_file_is_gone_and_who_did_it_stays(nobody: Caller, units: Units, services: Services) -> None:
    number = await ticket(nobody)
    agent, supervisor = await nobody.as_("agent"), await nobody.as_("supervisor")
    path = f"/api/tickets/{number}/attachments"
    attachment = (await add(agent, number)).json()["id"]
    assert (await agent.post(f"{path}/{attachment}/remove", reason="传错")).status_code == 403
    assert (await supervisor.post(f"{path}/{attachment}/remove", reason="他人隐私")).status_code == 204
    assert (await agent.get(path)).json() == []
    assert (await agent.get(f"{path}/{attachment}")).status_code == 404
    async with services.database.transaction() as session:
        row = await session.get_one(AttachmentRow, attachment)
        assert (row.removed_by, row.removed_why) == ("supervisor", "他人隐私")
    assert (await add(agent, number)).json()["id"] != attachment


@pytest.mark.parametrize(
    ("name", "content", "status", "code"),
    [
        ("photo.jpg", PNG, 422, "attachment.kind_mismatch"),
        ("a.exe", b"MZ\x90\0" + b"\0" * 200, 422, "attachment.kind_not_allowed"),
        ("a.png", b"", 422, "attachment.empty"),
        ("a.png", PNG + b"\0" * (1 << 20), 422, "attachment.too_large"),
        ("a.png", PNG + b"\0" * (3 << 20), 413, None),
    ],
    ids=("other kind", "program", "empty", "large", "larger"),
)
async def test_a_file_that_is_not_wanted_leaves_nothing(
    small: tuple[Caller, Path], name: str, content: bytes, status: int, code: str | None
) -> None:
    nobody, folder = small
    number = await ticket(nobody)
    answer = await add(await nobody.as_("agent"), number, name, content)
    assert answer.status_code == status, answer.text
    assert code in (None, answer.json()["code"])
    assert [file for file in folder.rglob("*") if file.is_file() and file.name != "lock"] == []


@pytest.fixture
async def small(services: Services, units: Units) -> AsyncIterator[tuple[Caller, Path]]:
    """The same line with attachments of 1 MiB at most, and where they lie."""
    settings = services.settings.model_copy(update={"attachments": AttachmentSettings(largest_mb=1)})
    app = create_app(replace(services, settings=settings))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://web") as http:
        yield Caller(http), settings.var_dir / "attachments"


async def test_a_citizen_adds_a_file_with_the_code_and_nobody_without(
    nobody: Caller, units: Units, services: Services
) -> None:
    receipt = (await nobody.post("/api/public/demands", title="路灯不亮", content="三天了")).json()
    path = f"/api/public/demands/{receipt['typed_number']}/attachments"

    async def send(code: str, content: bytes = PNG) -> httpx.Response:
        return await nobody.request(
            "POST", path, params={"name": "现场.png"}, content=content, extra={"X-Query-Code": code}
        )

    wrong = f"{(int(receipt['query_code']) + 1) % 1_000_000:06d}"
    refused = await send(wrong)
    assert (refused.status_code, refused.json()["code"]) == (404, "progress.refused")
    added = await send(receipt["query_code"])
    assert (added.status_code, added.json()) == (
        201,
        {"name": "现场.png", "kind": "image/png", "bytes": len(PNG)},
    )
    agent = await nobody.as_("agent")
    (kept,) = (await agent.get(f"/api/tickets/{receipt['number']}/attachments")).json()
    assert (kept["added_by"], kept["released"]) == ("channel:web-form", False)
    for _ in range(services.settings.progress.ticket_failures):
        await send(wrong)
    assert (await send(receipt["query_code"], gif(1))).status_code == 404, "guessing locks the door"


async def test_a_gateway_adds_a_file_to_its_own_demand_alone(
    app: FastAPI, services: Services, nobody: Caller, units: Units
) -> None:
    async with services.database.transaction() as session:
        for code in ("wechat", "weibo"):
            await save(session, Channel(code, code, (Source(code),)))
    keys = {code: services.channel_keys.change(code).encode() for code in ("wechat", "weibo")}

    async def send(sender: str, target: str, body: bytes, identity: str = "wx-00000001") -> httpx.Response:
        signed = headers(
            keys[sender],
            Request("POST", target, body),
            sender=sender,
            timestamp=services.clock.now_ms() // 1000,
            id=identity,
        )
        return await nobody.request("POST", target, content=body, extra=signed)

    sent = await send("wechat", GATE, '{"title":"路灯不亮","content":"三天了"}'.encode())
    assert sent.status_code == 201, sent.text
    target = f"{GATE}/wx-00000001/attachments?name=%E7%8E%B0%E5%9C%BA.png"
    answers = await asyncio.gather(*(send("wechat", target, PNG, f"file-{n}") for n in range(4)))
    assert [one.status_code for one in answers] == [201] * 4
    foreign = await send("weibo", target, PNG)
    assert (foreign.status_code, foreign.json()["code"]) == (404, "channel.request_not_found")
    other_name = await nobody.request(
        "POST",
        target.replace(".png", ".jpg"),
        content=PNG,
        extra=headers(
            keys["wechat"],
            Request("POST", target, PNG),
            sender="wechat",
            timestamp=services.clock.now_ms() // 1000,
            id="file-9",
        ),
    )
    assert (other_name.status_code, other_name.json()["code"]) == (401, "signature.bad")
    async with services.database.transaction() as session:
        assert (await session.execute(select(func.count()).select_from(AttachmentRow))).scalar_one() == 1


async def test_uploads_have_turns_and_one_that_does_not_arrive_gives_its_turn_back() -> None:
    uploads = FileUploads(at_once=1, seconds=0.2)
    held, release = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        async with uploads.turn("gateways"):
            held.set()
            await release.wait()

    task = asyncio.create_task(slow())
    await held.wait()
    async with uploads.turn("people"), uploads.turn("citizens"):
        pass
    with pytest.raises(PartUnavailable):
        async with uploads.turn("gateways"):
            pytest.fail("a second turn at a door that has one")
    with pytest.raises(PartUnavailable):
        await task
    async with uploads.turn("gateways"):
        pass
