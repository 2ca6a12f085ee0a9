"""Callbacks and messages over REST: what a supervisor sees and does."""

from __future__ import annotations

import hashlib
import io
import wave
from datetime import timedelta
from typing import Any

import pytest

from calls.callback_models import CallbackAttemptRow, CallbackRow, VoiceMessageRow
from tests.web.conftest import CALL, Caller
from web.services import Services


@pytest.fixture
async def supervisor(nobody: Caller) -> Caller:
    return await nobody.as_("supervisor")


async def _promise(services: Services, **columns: Any) -> int:
    now = services.clock.now()
    row = CallbackRow(
        **{
            "kind": "missed",
            "caller": "+8613812345678",
            "line": "12345",
            "dialled": "12345",
            "queue": "",
            "call_id": CALL,
            "entered_ms": 1763761000123,
            "head_start_ms": 0,
            "requested_at": now,
            "state": "open",
            "attempts": 0,
            "next_at": now + timedelta(minutes=15),
            "at_once": False,
        }
        | columns
    )
    async with services.database.transaction() as session:
        session.add(row)
    return row.id


async def test_open_and_closed_ones_are_listed_apart(services: Services, supervisor: Caller) -> None:
    later = await _promise(services, caller="+8613800000001", next_at=services.clock.now() + timedelta(hours=2))
    sooner = await _promise(services)
    kept = await _promise(
        services, kind="queued", caller="+8613800000002", state="answered", closed_at=services.clock.now()
    )
    answer = (await supervisor.get("/api/callbacks")).json()
    assert [one["id"] for one in answer] == [sooner, later]
    assert answer[0]["caller"] == "+8613812345678"
    assert [one["id"] for one in (await supervisor.get("/api/callbacks", closed=True)).json()] == [kept]
    assert (await supervisor.get("/api/callbacks", kind="spool")).json() == []


async def test_one_with_its_attempts(services: Services, supervisor: Caller) -> None:
    callback = await _promise(services, attempts=1, outcome="busy")
    async with services.database.transaction() as session:
        session.add(
            CallbackAttemptRow(
                callback_id=callback, number=1, call_id=f"call-back-{callback}.1", caller_index="+8613812345678",
                agent="1001", dialled_at=services.clock.now(), outcome="busy",
            )
        )  # fmt: skip
    told = (await supervisor.get(f"/api/callbacks/{callback}")).json()
    assert [(one["number"], one["agent"], one["outcome"]) for one in told["tried"]] == [(1, "1001", "busy")]


async def test_cancel_is_for_good_and_on_the_record(services: Services, supervisor: Caller) -> None:
    callback = await _promise(services)
    answer = await supervisor.post(f"/api/callbacks/{callback}/cancel")
    assert (answer.status_code, answer.json()["state"], answer.json()["closed_by"]) == (200, "cancelled", "supervisor")
    again = await supervisor.post(f"/api/callbacks/{callback}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "callback.moved")


async def test_a_talk_is_not_cancelled(services: Services, supervisor: Caller) -> None:
    callback = await _promise(services, state="talking", owner="ast1/voice-1", lease_until=services.clock.now())
    assert (await supervisor.post(f"/api/callbacks/{callback}/cancel")).status_code == 409


async def test_now_does_not_wait_for_its_time(services: Services, supervisor: Caller) -> None:
    callback = await _promise(services)
    answer = await supervisor.post(f"/api/callbacks/{callback}/now")
    assert answer.status_code == 200
    async with services.database.transaction() as session:
        row = await session.get(CallbackRow, callback)
        assert row is not None
        assert (row.at_once, row.next_at <= services.clock.now()) == (True, True)


async def test_a_message_is_heard_as_wav_and_each_hearing_is_recorded(services: Services, supervisor: Caller) -> None:
    sound = bytes(range(256)) * 40
    folder = services.settings.var_dir / "messages"
    folder.mkdir()
    (folder / f"{CALL}.alaw").write_bytes(sound)
    row = VoiceMessageRow(
        call_id=CALL, caller="+8613812345678", line="12345", left_at=services.clock.now(), duration_ms=1280,
        host="ast1", sha256=hashlib.sha256(sound).hexdigest(),
    )  # fmt: skip
    async with services.database.transaction() as session:
        session.add(row)
    assert [one["id"] for one in (await supervisor.get("/api/messages", unheard=True)).json()] == [row.id]
    answer = await supervisor.get(f"/api/messages/{row.id}/sound")
    assert answer.headers["content-type"] == "audio/wav"
    with wave.open(io.BytesIO(answer.content)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate(), file.getnframes()) == (1, 2, 8000, 10240)
    assert (await supervisor.get("/api/messages", unheard=True)).json() == []
    heard = (await supervisor.get("/api/messages")).json()[0]
    assert heard["heard_by"] == "supervisor"
    (folder / f"{CALL}.alaw").write_bytes(sound[1:])
    assert (await supervisor.get(f"/api/messages/{row.id}/sound")).json()["code"] == "message.damaged"
    (folder / f"{CALL}.alaw").unlink()
    assert (await supervisor.get(f"/api/messages/{row.id}/sound")).status_code == 404
