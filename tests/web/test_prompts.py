"""The prompts studio over REST: texts ordered, recordings uploaded, published, heard, and where each is used."""

from __future__ import annotations

import io
import wave
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from directory.models.audit import AuditRow
from hotline.database import Database
from ivr import drafts
from ivr.flow import Flow
from media import kokoro
from media.sound import TELEPHONE_HZ
from media.spoken import text_key
from media.studio_decode import LARGEST_BYTES
from tests.media.uploads import encoded, speech, wav
from tests.web.conftest import Caller, Units
from tests.web.test_knowledge import publish
from web.services import Services

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
RECORDINGS = "/api/prompts/recordings"


@pytest.fixture
async def admin(nobody: Caller) -> Caller:
    return await nobody.as_("admin")


async def send(caller: Caller, content: bytes, code: str = "night", **params: str) -> httpx.Response:
    described = {"name": "夜间", "text": "现在是夜间。"} | params
    return await caller.request("POST", f"{RECORDINGS}/{code}/versions", params=described, content=content)


async def audited(database: Database) -> list[tuple[str, str]]:
    async with database.transaction() as session:
        rows = await session.execute(select(AuditRow.action, AuditRow.subject).order_by(AuditRow.seq))
        return [(action, subject) for action, subject in rows]


async def with_flow(database: Database, *, text: str = "您好，请稍候。", recording: str | None = None) -> None:
    prompt = {"recording": recording} if recording else text
    nodes = {
        "start": {"type": "entry", "next": "hello"},
        "hello": {"type": "say", "prompt": prompt, "next": "human"},
        "human": {"type": "queue"},
    }
    flow = Flow.model_validate({"flow": "main", "name": "主流程", "entry": "start", "nodes": nodes})
    async with database.transaction() as session:
        await drafts.save(session, flow, revision=0, editor="1001", now=NOW)


async def test_an_upload_is_heard_once_it_is_published_and_everything_is_audited(
    admin: Caller, services: Services, tmp_path: Path
) -> None:
    answer = await send(admin, encoded(tmp_path / "a.mp3", speech("night.greeting")).read_bytes())
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["version"], made["kind"]) == (1, "mp3")
    assert 800 <= made["trimmed_ms"] <= 1_100
    (listed,) = (await admin.get(RECORDINGS)).json()
    assert (listed["code"], listed["published"]) == ("night", None)
    answer = await send(admin, wav(tmp_path / "b.wav", speech("bye.thanks")).read_bytes())
    assert answer.json()["version"] == 2
    published = await admin.request("PUT", f"{RECORDINGS}/night/published", json={"version": 1})
    assert published.status_code == 204
    assert [one["version"] for one in (await admin.get(f"{RECORDINGS}/night/versions")).json()] == [2, 1]
    heard = await admin.get(f"{RECORDINGS}/night/versions/1/sound")
    with wave.open(io.BytesIO(heard.content)) as file:
        assert file.getframerate() == TELEPHONE_HZ
        assert file.getnframes() * 1_000 // TELEPHONE_HZ == made["duration_ms"]
    mp3 = await admin.get(f"{RECORDINGS}/night/versions/1/sound", format="mp3")
    assert mp3.headers["content-type"] == "audio/mpeg"
    assert mp3.content[:3] == b"ID3" or mp3.content[0] == 0xFF
    assert await audited(services.database) == [
        ("recording_prompt.uploaded", "prompt:night"),
        ("recording_prompt.uploaded", "prompt:night"),
        ("recording_prompt.published", "prompt:night"),
    ]


async def test_a_refused_upload_says_why_in_chinese_and_leaves_nothing(admin: Caller, tmp_path: Path) -> None:
    loud = wav(tmp_path / "loud.wav", speech(peak=6.0)).read_bytes()
    for content, why in ((loud, "削波"), (loud[: len(loud) // 2], "不完整"), (b"GIF89a", "格式"), (b"", "空")):
        answer = await send(admin, content)
        assert answer.status_code == 422
        problem = answer.json()
        assert problem["code"] == "studio.upload_refused"
        assert why in problem["detail"]
        assert problem["remedy"]
    assert (await admin.get(RECORDINGS)).json() == []


async def test_an_upload_may_be_larger_than_other_requests_and_has_its_own_bound(admin: Caller, tmp_path: Path) -> None:
    long = wav(tmp_path / "a.wav", speech(around_ms=10_000)).read_bytes()
    assert len(long) > 1 << 20
    assert (await send(admin, long)).status_code == 201
    answer = await send(admin, bytes(LARGEST_BYTES + 1))
    assert (answer.status_code, answer.json()["code"]) == (422, "studio.upload_refused")
    assert (await send(admin, bytes(LARGEST_BYTES + (2 << 20)))).status_code == 413
    other = await admin.request("POST", "/api/prompts/texts", content=bytes(2 << 20))
    assert other.status_code == 413


@pytest.mark.parametrize("code", ["Night", "a.b", "-a", "x" * 61])
async def test_a_code_is_made_of_what_a_file_name_may_be(admin: Caller, tmp_path: Path, code: str) -> None:
    content = wav(tmp_path / "a.wav", speech()).read_bytes()
    assert (await send(admin, content, code)).status_code == 422


async def test_only_admins_change_prompts_and_agents_do_not_even_see_them(nobody: Caller, tmp_path: Path) -> None:
    content = wav(tmp_path / "a.wav", speech()).read_bytes()
    assert (await send(nobody, content)).status_code == 401
    for role, reads in (("agent", 403), ("supervisor", 200), ("auditor", 200)):
        caller = await nobody.as_(role)
        assert (await send(caller, content)).status_code == 403
        assert (await caller.get(RECORDINGS)).status_code == reads
        assert (await caller.get("/api/prompts/texts")).status_code == reads
        assert (await caller.post("/api/prompts/texts", texts=["您好"])).status_code == 403
        change = await caller.request("PUT", f"{RECORDINGS}/night/published", json={"version": 1})
        assert change.status_code == 403


async def test_texts_of_a_flow_are_ordered_by_one_request(
    admin: Caller, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kokoro, "is_installed", lambda: True)
    await with_flow(services.database)
    (piece,) = (await admin.get("/api/prompts/flows/main")).json()
    assert (piece["text"], piece["nodes"], piece["rendered"]) == ("您好，请稍候。", ["hello"], False)
    answer = await admin.post("/api/prompts/flows/main")
    assert answer.status_code == 202
    (row,) = answer.json()
    assert (row["key"], row["state"]) == (text_key("您好，请稍候。"), "ordered")
    assert (await admin.post("/api/prompts/flows/main")).json() == []
    (waiting,) = (await admin.get("/api/prompts/texts", state="ordered")).json()
    assert waiting["ordered_by"] == "admin"
    assert (await admin.get(f"/api/prompts/texts/{row['key']}/sound")).status_code == 404
    uses = (await admin.get(f"/api/prompts/texts/{row['key']}/uses")).json()
    assert uses == [{"flow": "main", "name": "主流程", "draft": ["hello"], "versions": {}}]
    assert await audited(services.database) == [("prompts.ordered", "prompts:menu:main")]


async def test_without_a_voice_the_answer_says_what_to_do(admin: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kokoro, "is_installed", lambda: False)
    answer = await admin.post("/api/prompts/texts", texts=["请按一。"])
    assert (answer.status_code, answer.json()["code"]) == (503, "media.speech_unavailable")
    assert "[speech]" in answer.json()["remedy"]
    assert (await admin.get("/api/prompts/texts")).json() == []
    assert (await admin.get("/api/prompts/voices")).json()["installed"] is False
    assert (await admin.post("/api/prompts/texts", texts=["press 1"])).status_code == 422


async def test_answers_that_were_published_without_a_voice_are_ordered_when_there_is_one(
    nobody: Caller, admin: Caller, units: Units, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kokoro, "is_installed", lambda: False)
    await publish(nobody, units.labour, spoken="社保卡可以在任一银行网点办理。")
    monkeypatch.setattr(kokoro, "is_installed", lambda: True)
    (row,) = (await admin.post("/api/prompts/knowledge")).json()
    assert (row["text"], row["state"]) == ("社保卡可以在任一银行网点办理。", "ordered")
    assert (await admin.post("/api/prompts/knowledge")).json() == []


async def test_where_a_recording_is_played_is_told(admin: Caller, services: Services) -> None:
    await with_flow(services.database, recording="night")
    assert (await admin.get(f"{RECORDINGS}/night/uses")).json() == [
        {"flow": "main", "name": "主流程", "draft": ["hello"], "versions": {}}
    ]
    assert (await admin.get(f"{RECORDINGS}/day/uses")).json() == []
