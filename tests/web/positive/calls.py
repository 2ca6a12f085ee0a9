"""What is kept of calls, and the calls we make: recordings, promises, rounds, callers, data handed over."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import numpy as np
import orjson

from calls import handover_store
from calls.call_out_models import CallOutRow
from calls.callback_models import CallbackRow, VoiceMessageRow
from calls.facts import Entry, Kind
from calls.handover_signature import Signed, headers
from calls.ingest import insert_entries
from calls.intervals import Intervals
from calls.models import CallRow
from calls.recording.files import Vault
from calls.recording.states import RecordingState
from calls.recording.tables import RecordingRow
from calls.round_models import VisitItemRow
from directory import partners
from directory.models import Contact, PartnerKind
from directory.partners import PartnerEntry
from hotline.clock import to_ms
from hotline.keys import own_keys
from media.recording import seal
from tests.web.positive.recorder import Recorder
from tests.web.positive.tickets import act, dispatched

CALL = "ast1-1763761000.60"
SEGMENT = 1_763_761_005_000

LOOKUP = {
    "code": "social-card",
    "name": "社保卡状态",
    "department": "市人社局",
    "url": "https://department.example/cards",
    "fields": [{"name": "card", "label": "社保卡号"}],
    "shown": [{"label": "状态", "at": "/state"}],
}
"""A query of the line that these stories are told of."""


async def calls(r: Recorder) -> None:
    """A call and what was answered after it."""
    at_ms = to_ms(r.services.clock.now())

    def fact(nth: int, kind: Kind, agent: str | None = "1001", **attributes: Any) -> Entry:
        return Entry(CALL, at_ms * 1000 + nth, kind.value, kind.value, at_ms, "ast1/voice-1", agent, attributes)

    facts = [
        fact(0, Kind.ENTERED, None, caller="+8613812345678", line="12333", dialled="12333"),
        fact(1, Kind.ANSWERED),
        fact(2, Kind.SURVEY, outcome="rated", level=1, source="ivr", queue="general"),
    ]
    async with r.services.database.transaction() as session:
        await insert_entries(session, facts)
    agent, supervisor = await r.at("agent"), await r.at("supervisor")
    await agent.get("/api/calls/recent")
    await agent.get(f"/api/calls/{CALL}")
    await agent.get(f"/api/calls/{CALL}/survey")
    await Intervals(r.services.database).step()
    await agent.get("/api/agents/me/calls")
    await agent.get("/api/agents/me/calls/sums")
    await supervisor.get("/api/surveys")


async def lookups(r: Recorder) -> None:
    """A department is asked for a ticket."""
    agent = await r.at("agent")
    ticket = (await agent.post("/api/tickets", title="社保卡补办"))["number"]
    await agent.get("/api/lookups")
    await agent.post("/api/lookups/social-card", fields={"card": "A12345678"}, ticket=ticket)
    await agent.post("/api/lookups/social-card", fields={"card": "B12345678"}, ticket=ticket)


async def recordings(r: Recorder) -> None:
    """A sealed recording, and a message."""
    services = r.services
    settings = services.settings
    vault = Vault.of(settings)
    raw = settings.var_dir / "raw"
    raw.parent.mkdir(parents=True, exist_ok=True)
    raw.write_bytes(np.random.default_rng(1).integers(-8_000, 8_000, (16_000, 2)).astype("<i2").tobytes())
    sealed = seal(raw, vault.sealed(CALL, SEGMENT), own_keys(vault.key_file), subject=f"{CALL}/{SEGMENT}", sound="mp3")
    now = services.clock.now()
    async with services.database.transaction() as session:
        row = RecordingRow(
            call_id=CALL,
            segment=SEGMENT,
            host="ast1",
            state=RecordingState.SEALED.value,
            started_ms=SEGMENT,
            length_ms=sealed.length_ms,
            sound="mp3",
            size=sealed.size,
            sha256=sealed.sha256,
            key_id=sealed.key_id,
            peaks_citizen=sealed.peaks[0],
            peaks_others=sealed.peaks[1],
            sealed_at=now,
            retain_until=now + timedelta(days=30),
        )
        session.add(row)
        await session.flush()
        recording = row.id
    supervisor, citizen = await r.at("supervisor"), await r.at("")
    await supervisor.get("/api/recordings")
    await supervisor.get(f"/api/calls/{CALL}/recordings")
    await supervisor.get(f"/api/recordings/{recording}/peaks")
    played = await supervisor.post(f"/api/recordings/{recording}/playbacks", reason="投诉核查")
    await citizen.ask("GET", played["sound"])
    await supervisor.post(f"/api/recordings/{recording}/hold", reason="依法保全")
    await supervisor.post(f"/api/recordings/{recording}/hold/lift", reason="保全期满")

    sound = bytes(range(256)) * 40
    folder = settings.var_dir / "messages"
    folder.mkdir(exist_ok=True)
    (folder / f"{CALL}.alaw").write_bytes(sound)
    message = VoiceMessageRow(
        call_id=CALL,
        caller="+8613812345678",
        line="12345",
        left_at=now,
        duration_ms=1280,
        host="ast1",
        sha256=hashlib.sha256(sound).hexdigest(),
    )
    async with services.database.transaction() as session:
        session.add(message)
    await supervisor.get("/api/messages")
    await supervisor.get(f"/api/messages/{message.id}/sound")


async def promises(r: Recorder) -> None:
    """Promises to call back."""
    now = r.services.clock.now()
    made = []
    async with r.services.database.transaction() as session:
        for number in range(2):
            call = f"ast1-1763761000.7{number}"
            session.add(CallRow(call_id=call, entered_at=now, caller="+8613812345678"))
            row = CallbackRow(
                kind="missed",
                caller=f"+861381234567{number}",
                line="12345",
                dialled="12345",
                queue="",
                call_id=call,
                entered_ms=to_ms(now),
                head_start_ms=0,
                requested_at=now,
                state="open",
                attempts=0,
                next_at=now + timedelta(minutes=15),
                at_once=False,
            )
            session.add(row)
            await session.flush()
            made.append(row.id)
    supervisor = await r.at("supervisor")
    await supervisor.get("/api/callbacks")
    await supervisor.get(f"/api/callbacks/{made[0]}")
    await supervisor.post(f"/api/callbacks/{made[0]}/now")
    await supervisor.post(f"/api/callbacks/{made[1]}/cancel")


async def rounds(r: Recorder) -> None:
    """Calls out, and a round of visits from its making to its report."""
    visitor, supervisor = await r.at("visitor"), await r.at("supervisor")
    handler, head = await r.at("unit_handler"), await r.at("unit_head")
    numbers = []
    for last in range(4):
        number = await dispatched(r, type="help", caller_number=f"1380000000{last}")
        await act(handler, number, "sign_for")
        at = r.services.clock.now().isoformat()
        spoken = {"at": at, "way": "phone", "by": "张工", "outcome": "answered"}
        await handler.post(f"/api/tickets/{number}/contacts", **spoken)
        await act(handler, number, "reply", note="已修复")
        await act(head, number, "approve_reply")
        numbers.append(number)
    out = await visitor.post("/api/calls-out", ticket=numbers[3])
    await visitor.get("/api/calls-out", ticket=numbers[3])
    await visitor.get(f"/api/calls-out/{out['id']}")
    await visitor.post(f"/api/calls-out/{out['id']}/withdraw")
    barred = {"number": "13999999999", "reason": "本人要求"}
    await visitor.post("/api/calls-out/not-called", **barred)
    await supervisor.get("/api/calls-out/not-called")
    await supervisor.post("/api/calls-out/not-called/remove", **barred)

    made = await supervisor.post("/api/rounds", name="回访", tickets=numbers[:3])
    path = f"/api/rounds/{made['id']}"
    await supervisor.get("/api/rounds")
    await supervisor.get(path)
    items = await supervisor.get(f"{path}/items")
    await supervisor.post(f"{path}/start")
    item = await visitor.post("/api/rounds/next")
    await visitor.get(f"/api/rounds/items/{item['id']}")
    call = await visitor.post(f"/api/rounds/items/{item['id']}/start")
    await _talked(r, call["id"], item["id"])
    await visitor.post(f"/api/rounds/items/{item['id']}/outcome", result="satisfied", note="已修好")
    second = await visitor.post("/api/rounds/next")
    await visitor.post(f"/api/rounds/items/{second['id']}/skip", reason="已当面答复")
    async with r.services.database.transaction() as session:
        row = await session.get(VisitItemRow, items[2]["id"])
        assert row is not None
        row.state, row.closed_at, row.sms_due_at = "unreachable", r.services.clock.now(), r.services.clock.now()
    await supervisor.get("/api/rounds/sms")
    await supervisor.post(f"/api/rounds/items/{items[2]['id']}/sms-sent")
    await supervisor.post(f"{path}/pause")
    await supervisor.post(f"{path}/close")
    await supervisor.get(f"{path}/report")


async def masked(r: Recorder) -> None:
    """隐号通话: a unit's handler calls a confidential caller by way of 12345."""
    handler = await r.at("unit_handler")
    async with r.services.database.transaction() as session:
        session.add(Contact(unit_id=r.units.labour, name="办公室", number="03982812345"))
    number = await dispatched(r, type="help", caller_number="13800000009", confidentiality="confidential")
    await act(handler, number, "sign_for")
    phones = await handler.get("/api/unit-phones")
    await handler.post(f"/api/tickets/{number}/masked-calls", contact=phones[0]["id"])
    await handler.get(f"/api/tickets/{number}/masked-calls")


async def _talked(r: Recorder, call_out: int, item: int) -> None:
    """What a voice process writes."""
    now = r.services.clock.now()
    async with r.services.database.transaction() as session:
        call = await session.get(CallOutRow, call_out)
        row = await session.get(VisitItemRow, item)
        assert call is not None
        assert row is not None
        call.state, call.outcome, call.dialled_at, call.closed_at = "ended", "answered", now, now
        row.state, row.attempts, row.first_at, row.last_at = "talked", 1, now, now
        row.lease_until = now + timedelta(days=1)


async def callers(r: Recorder) -> None:
    """Callers with a mark."""
    agent, supervisor = await r.at("agent"), await r.at("supervisor")
    until = (r.services.clock.now() + timedelta(days=30)).isoformat()
    flag = {"caller": "13812345678", "reason": "反复辱骂话务员", "evidence": [CALL], "expires_at": until}
    made = await agent.post("/api/callers/nuisance", **flag)
    await supervisor.get("/api/callers/nuisance")
    await agent.post(f"/api/callers/nuisance/{made['id']}/evidence", call=CALL, note="再次辱骂")
    await supervisor.post(f"/api/callers/nuisance/{made['id']}/lift")
    await supervisor.post("/api/callers/vulnerable", caller="13812345678", reason="独居老人")
    await supervisor.get("/api/callers/vulnerable")
    await supervisor.post("/api/callers/vulnerable/unmark", caller="13812345678")


async def handovers(r: Recorder) -> None:
    """Data that go with calls, both ways."""
    services = r.services
    now = services.clock.now()
    async with services.database.transaction() as session:
        police = PartnerEntry("110指挥中心", PartnerKind.POLICE, line="110", trunk="emergency-110")
        await partners.save(session, "police-110", police, now=now)
        sent = {"partner": "police-110", "target": "line:110", "caller": "+8613812345678"}
        row = handover_store.order_row("0" * 32, call=CALL, agent="1001", at=now, told=sent)
        assert row is not None
        await handover_store.keep(session, [row])
    await services.directory.refresh()
    key = services.partner_keys.change("police-110")
    supervisor, citizen = await r.at("supervisor"), await r.at("")
    await supervisor.get("/api/handovers")
    await supervisor.post(f"/api/handovers/{'0' * 32}/now")
    body = orjson.dumps({"case_number": "JJ-1", "summary": "路灯不亮，非警务诉求", "caller": "13812345678"})
    signed = Signed("police-110", services.clock.now_ms() // 1000, "a-1")
    words = headers(key.encode(), signed, body) | {"Content-Type": "application/json"}
    await citizen.ask("POST", "/api/handovers", content=body, headers=words)
    await supervisor.get("/api/handovers/received")
