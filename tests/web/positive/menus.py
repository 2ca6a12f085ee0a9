"""Menus from a draft to the line, and what is heard in them."""

from __future__ import annotations

import io
import wave
from datetime import timedelta
from typing import Any

import numpy as np

from media import kokoro, studio
from tests.web.positive.recorder import Desk, Recorder

FLOW = "/api/menus/flows/main"


def document(name: str = "直达") -> dict[str, Any]:
    """A greeting and a human."""
    nodes = {
        "start": {"type": "entry", "next": "human"},
        "human": {"type": "queue"},
    }
    return {"flow": "main", "name": name, "entry": "start", "nodes": nodes}


def spoken() -> dict[str, Any]:
    """A greeting that nobody has spoken yet."""
    nodes = {
        "start": {"type": "entry", "next": "hello"},
        "hello": {"type": "say", "prompt": "您好，请稍候。", "next": "human"},
        "human": {"type": "queue"},
    }
    return {"flow": "spoken", "name": "问候", "entry": "start", "nodes": nodes}


async def _save(desk: Desk, name: str, revision: int) -> None:
    await desk.ask("PUT", f"{FLOW}/draft", json=document(name), headers={"If-Match": f'"{revision}"'})


async def _publish(desk: Desk, revision: int, **more: Any) -> None:
    verdict = await desk.ask("POST", f"{FLOW}/check")
    ids = [one["id"] for one in verdict["findings"]]
    await desk.post(f"{FLOW}/versions", revision=revision, acknowledged=ids, **more)


async def menus(r: Recorder) -> None:
    """A flow, its versions, its lines."""
    admin, supervisor = await r.at("admin"), await r.at("supervisor")
    await _save(admin, "一", 0)
    await admin.get("/api/menus/flows")
    await admin.get(f"{FLOW}/draft")
    await admin.get("/api/menus/schema")
    await admin.post(f"{FLOW}/simulate", keys=["1"])
    await r.line.device_state("8015", True, False)
    await admin.post(f"{FLOW}/rehearsal", extension="8015")
    await admin.get("/api/menus/rehearsal")
    await admin.delete("/api/menus/rehearsal")
    await _publish(admin, 1)
    text = await admin.get(f"{FLOW}/yaml")
    stored = {"If-Match": '"1"', "Content-Type": "application/yaml"}
    await admin.ask("PUT", f"{FLOW}/yaml", content=str(text).replace("一", "二").encode(), headers=stored)
    now = r.services.clock.now()
    await _publish(admin, 2)
    await admin.post(f"{FLOW}/rollback", from_version=2, comment="有误")
    await _save(admin, "三", 2)
    await _publish(admin, 3, effective_at=(now + timedelta(hours=2)).isoformat())
    await admin.get(f"{FLOW}/versions")
    await admin.get(f"{FLOW}/versions/1")
    await admin.delete(f"{FLOW}/versions/4")
    await admin.get(f"{FLOW}/difference", before=1)
    await admin.get(f"{FLOW}/layout")
    await admin.get(f"{FLOW}/figures", begin=now.isoformat(), end=(now + timedelta(hours=1)).isoformat())
    for times in range(2):
        # Too late: kept as a stash, merged, and forgotten.
        late = {"If-Match": '"1"', "Content-Type": "application/json"}
        answer = await r.request(admin, "PUT", f"{FLOW}/draft", json=document(f"迟{times}"), headers=late)
        assert answer.status_code == 412, answer.text
    stash, other = [one["id"] for one in await admin.get(f"{FLOW}/stashes")]
    await admin.post(f"{FLOW}/stashes/{stash}/merge", choices={})
    await admin.delete(f"{FLOW}/stashes/{other}")
    await admin.put("/api/menus/lines/12345", flow="main")
    await admin.get("/api/menus/lines")
    await admin.get("/api/menus/lines/12345")
    later = (now + timedelta(hours=1)).isoformat()
    planned = await admin.put("/api/menus/lines/12345", flow=None, effective_at=later)
    await admin.delete(f"/api/menus/assignments/{planned['id']}")
    await supervisor.put("/api/menus/switches/12333", reason="临时")
    await supervisor.get("/api/menus/switches")
    await supervisor.delete("/api/menus/switches/12333")
    await _proposals(r)


async def _proposals(r: Recorder) -> None:
    """Where the policy asks for a second person."""
    admin, second = await r.at("admin"), await r.at("second_admin")
    with_two = r.services.settings.menus.model_copy(update={"second_approver": True})
    kept = r.services.settings
    object.__setattr__(r.services, "settings", kept.model_copy(update={"menus": with_two}))
    try:
        for revision, step in ((4, "decline"), (5, "approve")):
            await _save(admin, f"提交{revision}", revision - 1)
            await _publish(admin, revision, comment="请复核")
            newest = (await second.get("/api/menus/proposals"))[0]["id"]
            await second.post(f"/api/menus/proposals/{newest}/{step}")
    finally:
        object.__setattr__(r.services, "settings", kept)


async def prompts(r: Recorder) -> None:
    """The studio: texts, recordings, where each is used."""
    admin = await r.at("admin")
    await admin.get("/api/prompts/voices")
    new = {"If-Match": '"0"'}
    await admin.ask("PUT", "/api/menus/flows/spoken/draft", json=spoken(), headers=new)
    installed = kokoro.is_installed
    kokoro.is_installed = lambda: True
    try:
        await admin.post("/api/prompts/texts", texts=["请按一。"])
        await admin.post("/api/prompts/flows/spoken")
        await admin.post("/api/prompts/knowledge")
    finally:
        kokoro.is_installed = installed
    key = (await admin.get("/api/prompts/texts"))[0]["key"]
    now = r.services.clock.now()
    async with r.services.database.transaction() as session:
        for one in await studio.claim(session, now=now, most=9):
            await studio.keep_spoken(session, one, b"\xd5" * 8_000, spoken_by="tests", now=now)
    await admin.get(f"/api/prompts/texts/{key}/sound")
    await admin.get(f"/api/prompts/texts/{key}")
    await admin.get(f"/api/prompts/texts/{key}/uses")
    await admin.get("/api/prompts/flows/spoken")
    recordings = "/api/prompts/recordings"
    described = {"name": "夜间", "text": "现在是夜间。"}
    upload = {"content": _tone(), "params": described, "headers": {"Content-Type": "audio/wav"}}
    await admin.ask("POST", f"{recordings}/night/versions", **upload)
    await admin.get(recordings)
    await admin.get(f"{recordings}/night/versions")
    await admin.get(f"{recordings}/night/versions/1/sound")
    await admin.get(f"{recordings}/night/uses")
    await admin.put(f"{recordings}/night/published", version=1)


def _tone() -> bytes:
    """Two seconds as somebody might hum them."""
    time = np.arange(44_100 * 2) / 44_100
    swell = np.sin(2 * np.pi * 3 * time) ** 2
    samples = (np.sin(2 * np.pi * 220 * time) * swell * 12_000).astype("<i2")
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(44_100)
        file.writeframes(samples.tobytes())
    return out.getvalue()
