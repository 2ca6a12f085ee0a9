"""Recordings over HTTP: who may hear which, ranges, a reason in the audit log, holds, damage."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import select

from calls.models import JournalRow
from calls.recording.files import Vault
from calls.recording.states import RecordingState
from calls.recording.tables import RecordingRow
from directory.models.audit import AuditRow
from hotline.clock import from_ms
from hotline.keys import own_keys
from media.cipher import CHUNK, SealedFile
from media.recording import seal
from tests.web.conftest import CALL, Caller
from web.byte_range import RangeNotSatisfiable, byte_range
from web.services import Services

SEGMENT = 1_763_761_005_000


@dataclass(frozen=True)
class Kept:
    id: int
    content: bytes
    vault: Vault


@pytest.fixture
async def kept(services: Services, units: object) -> Kept:
    """A sealed recording of 20 s of a call that agent 1001 answered; noise, so that it is longer than a chunk."""
    settings = services.settings
    vault = Vault.of(settings)
    raw = settings.var_dir / "raw"
    noise = np.random.default_rng(1).integers(-8_000, 8_000, (8_000 * 20, 2)).astype("<i2")
    raw.write_bytes(noise.tobytes())
    keys = own_keys(vault.key_file)
    path = vault.sealed(CALL, SEGMENT)
    sealed = seal(raw, path, keys, subject=f"{CALL}/{SEGMENT}", sound="mp3")
    with SealedFile(path, keys, sealed.key_id, f"{CALL}/{SEGMENT}") as file:
        content = b"".join(file.read(0, file.size))
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
            sealed_at=services.clock.now(),
            retain_until=services.clock.now() + timedelta(days=30),
        )
        session.add(row)
        session.add(
            JournalRow(
                call_id=CALL,
                seq=1,
                fact="answered",
                kind="answered",
                at=from_ms(SEGMENT),
                process="x",
                agent="1001",
                attributes={},
            )
        )
        await session.flush()
        number = row.id
    assert len(content) > 2 * CHUNK
    return Kept(number, content, vault)


async def ticket(caller: Caller, kept: Kept, reason: str = "投诉核查") -> str:
    answer = await caller.post(f"/api/recordings/{kept.id}/playbacks", reason=reason)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["sound"])


async def test_a_supervisor_hears_it_and_the_reason_is_in_the_audit_log(
    services: Services, nobody: Caller, kept: Kept
) -> None:
    supervisor = await nobody.as_("supervisor")
    (shown,) = (await supervisor.get(f"/api/calls/{CALL}/recordings")).json()
    assert (shown["id"], shown["state"], shown["length_ms"], shown["held_at"]) == (kept.id, "sealed", 20_000, None)
    assert shown["started_at"] == "2025-11-21T21:36:45Z"
    address = await ticket(supervisor, kept)
    # A page's player sends no token: the address is enough.
    whole = await nobody.request("GET", address)
    assert (whole.status_code, whole.content) == (200, kept.content)
    assert whole.headers["content-type"] == "audio/mpeg"
    assert whole.headers["accept-ranges"] == "bytes"
    assert whole.headers["cache-control"] == "no-store"
    async with services.database.transaction() as session:
        (row,) = await session.scalars(select(AuditRow).where(AuditRow.action == "recording.heard"))
    assert (row.actor, row.subject) == ("supervisor", f"recording:{kept.id}")
    assert row.after == {"call": CALL, "reason": "投诉核查"}


async def test_ranges(nobody: Caller, kept: Kept) -> None:
    address = await ticket(await nobody.as_("auditor"), kept)
    size = len(kept.content)
    etag = (await nobody.request("HEAD", address)).headers["etag"]
    for asked, start, end in (
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        (f"bytes={CHUNK - 5}-{CHUNK + 4}", CHUNK - 5, CHUNK + 5),
        (f"bytes={size - 10}-", size - 10, size),
        ("bytes=-10", size - 10, size),
        (f"bytes=5-{size * 2}", 5, size),
    ):
        part = await nobody.request("GET", address, extra={"Range": asked})
        assert part.status_code == 206, asked
        assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
        assert part.headers["content-length"] == str(end - start)
        assert part.content == kept.content[start:end]
        same = await nobody.request("GET", address, extra={"Range": asked, "If-Range": etag})
        assert (same.status_code, same.content) == (206, part.content)
        other = await nobody.request("GET", address, extra={"Range": asked, "If-Range": '"other"'})
        assert (other.status_code, len(other.content)) == (200, size)
    beyond = await nobody.request("GET", address, extra={"Range": f"bytes={size}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}")
    head = await nobody.request("HEAD", address, extra={"Range": "bytes=0-9"})
    assert (head.status_code, head.headers["content-length"], head.content) == (206, "10", b"")


@pytest.mark.parametrize(
    ("header", "size", "part"),
    [
        (None, 10, None),
        ("bytes=0-", 10, (0, 10)),
        ("bytes=3-3", 10, (3, 4)),
        ("bytes=-3", 10, (7, 10)),
        ("bytes=-30", 10, (0, 10)),
        ("bytes=4-2", 10, None),
        ("bytes=-", 10, None),
        ("bytes=0-1,4-5", 10, None),
        ("items=0-1", 10, None),
        ("bytes=a-b", 10, None),
    ],
)
def test_what_a_range_header_means(header: str | None, size: int, part: tuple[int, int] | None) -> None:
    assert byte_range(header, size) == part


@pytest.mark.parametrize(
    ("header", "size"), [("bytes=10-", 10), ("bytes=10-20", 10), ("bytes=-0", 10), ("bytes=0-", 0)]
)
def test_a_range_outside_is_refused(header: str, size: int) -> None:
    with pytest.raises(RangeNotSatisfiable):
        byte_range(header, size)


async def test_without_a_ticket_of_its_own_there_is_no_sound(nobody: Caller, kept: Kept) -> None:
    address = await ticket(await nobody.as_("auditor"), kept)
    assert (await nobody.get(f"/api/recordings/{kept.id}/sound")).status_code == 422
    assert (await nobody.get(f"/api/recordings/{kept.id}/sound", ticket="x" * 43)).status_code == 403
    other = address.replace(f"/{kept.id}/", f"/{kept.id + 1}/")
    assert (await nobody.request("GET", other)).status_code == 403


async def test_an_agent_hears_own_talks_only_and_only_if_that_is_the_policy(
    services: Services, nobody: Caller, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, second = await nobody.as_("agent"), await nobody.as_("second")
    assert (await agent.get(f"/api/calls/{CALL}/recordings")).status_code == 403
    allowed = services.settings.model_copy(
        update={"recording": services.settings.recording.model_copy(update={"agents_may_hear": True})}
    )
    object.__setattr__(services, "settings", allowed)
    assert (await agent.get(f"/api/calls/{CALL}/recordings")).status_code == 200
    assert (await nobody.request("GET", await ticket(agent, kept))).status_code == 200
    for path in (f"/api/calls/{CALL}/recordings", f"/api/recordings/{kept.id}/peaks"):
        assert (await second.get(path)).status_code == 403
    assert (await second.post(f"/api/recordings/{kept.id}/playbacks", reason="x")).status_code == 403
    assert (await agent.post(f"/api/recordings/{kept.id}/hold", reason="x")).status_code == 403


@pytest.mark.parametrize("role", ["dispatcher", "unit_handler", "admin", "knowledge_editor"])
async def test_others_do_not_hear_it(nobody: Caller, kept: Kept, role: str) -> None:
    somebody = await nobody.as_(role)
    assert (await somebody.post(f"/api/recordings/{kept.id}/playbacks", reason="x")).status_code == 403
    assert (await nobody.post(f"/api/recordings/{kept.id}/playbacks", reason="x")).status_code == 401


async def test_a_reason_is_needed(nobody: Caller, kept: Kept) -> None:
    auditor = await nobody.as_("auditor")
    for reason in ("", " ", "x" * 65):
        assert (await auditor.post(f"/api/recordings/{kept.id}/playbacks", reason=reason)).status_code == 422


async def test_peaks_are_a_byte_for_each_tenth_of_a_second(nobody: Caller, kept: Kept) -> None:
    shown = (await (await nobody.as_("auditor")).get(f"/api/recordings/{kept.id}/peaks")).json()
    assert shown["a_second"] == 10
    assert len(shown["citizen"]) == len(shown["others"]) == 200
    assert all(40 < peak < 70 for peak in shown["citizen"])


async def test_what_was_changed_is_not_given_out_and_is_noted(services: Services, nobody: Caller, kept: Kept) -> None:
    auditor = await nobody.as_("auditor")
    address = await ticket(auditor, kept)
    path = kept.vault.sealed(CALL, SEGMENT)
    content = bytearray(path.read_bytes())
    content[40] ^= 1
    path.write_bytes(content)
    answer = await nobody.request("GET", address)
    assert (answer.status_code, answer.json()["code"]) == (500, "recording.damaged")
    (shown,) = (await auditor.get(f"/api/calls/{CALL}/recordings")).json()
    assert (shown["state"], shown["why"]) == ("damaged", "changed")
    refused = await auditor.post(f"/api/recordings/{kept.id}/playbacks", reason="x")
    assert (refused.status_code, refused.json()["code"]) == (404, "recording.not_to_be_heard")


async def test_a_file_that_is_gone_or_elsewhere(services: Services, nobody: Caller, kept: Kept) -> None:
    auditor = await nobody.as_("auditor")
    kept.vault.sealed(CALL, SEGMENT).unlink()
    async with services.database.transaction() as session:
        (row,) = await session.scalars(select(RecordingRow))
        row.host = "ast2"
    answer = await auditor.post(f"/api/recordings/{kept.id}/playbacks", reason="x")
    assert (answer.status_code, answer.json()["code"]) == (404, "recording.elsewhere")
    async with services.database.transaction() as session:
        (row,) = await session.scalars(select(RecordingRow))
        row.host = "ast1"
    answer = await auditor.post(f"/api/recordings/{kept.id}/playbacks", reason="x")
    assert (answer.status_code, answer.json()["code"]) == (500, "recording.damaged")


async def test_a_hold_is_set_and_lifted_and_audited(services: Services, nobody: Caller, kept: Kept) -> None:
    auditor = await nobody.as_("auditor")
    assert (await auditor.post(f"/api/recordings/{kept.id}/hold", reason="法院调取")).status_code == 204
    assert (await auditor.post(f"/api/recordings/{kept.id}/hold", reason="again")).status_code == 409
    (shown,) = (await auditor.get(f"/api/calls/{CALL}/recordings")).json()
    assert (shown["held_by"], shown["hold_reason"]) == ("auditor", "法院调取")
    assert (await auditor.post(f"/api/recordings/{kept.id}/hold/lift", reason="结案")).status_code == 204
    assert (await auditor.post(f"/api/recordings/{kept.id}/hold/lift", reason="again")).status_code == 409
    async with services.database.transaction() as session:
        rows = list(await session.scalars(select(AuditRow).order_by(AuditRow.seq)))
    told = [(row.action, row.after) for row in rows if row.subject == f"recording:{kept.id}"]
    assert told == [("recording.held", {"reason": "法院调取"}), ("recording.hold_lifted", {"reason": "结案"})]
