"""Item 7: one recording of a talk with hold, consultation, three-way and a blind transfer; pauses; a flipped byte; a
full disk."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray

from calls.recording.files import Vault
from calls.recording.room import free_bytes
from directory.models import Role
from directory.passwords import Passwords
from directory.users import NewUser, add_user
from hotline.clock import SystemClock
from server.asterisk.layout import find
from tests.accept.first_call.basics import ended
from tests.accept.line import PASSWORD, Line, database_rows, eventually
from tests.accept.people import log_in
from tests.accept.scenario import Scale
from tests.accept.talk.parties import AGENT, CITIZEN, THIRD, Talk, hears_exactly, rung, talking, third

_RATE = 8_000
_FRAME = 160
_GAP_MS = 50
_SETTLED_MS = 600
"""From asking for something until it is heard."""


@dataclass
class Scenes:
    """What happened when, in milliseconds since 1970."""

    at: dict[str, int] = field(default_factory=dict)

    def now(self, name: str) -> None:
        self.at[name] = time.time_ns() // 1_000_000


@dataclass
class Heard:
    """A recording as a player has it, in columns of one for each channel, and when it begins."""

    samples: NDArray[np.int16]
    started_ms: int

    def tone(self, side: int, frequency: float) -> NDArray[np.bool_]:
        """In which 20 ms a tone is heard on a side."""
        whole = self.samples[:, side]
        frames = whole[: len(whole) // _FRAME * _FRAME].reshape(-1, _FRAME).astype(np.float64)
        turning = np.exp(-2j * np.pi * frequency * np.arange(_FRAME) / _RATE)
        present: NDArray[np.bool_] = 2 * np.abs((frames * turning).mean(axis=1)) > 2_000
        return present

    def between(self, present: NDArray[np.bool_], since_ms: int, until_ms: int) -> NDArray[np.bool_]:
        """Those between two times of the wall clock, but for what needs its time to be heard."""
        first, last = ((at - self.started_ms) // 20 for at in (since_ms + _SETTLED_MS, until_ms - 100))
        return present[max(0, first) : last]


def _gap_ms(present: NDArray[np.bool_]) -> int:
    places = np.flatnonzero(present)
    return int((np.diff(places).max(initial=1) - 1) * 20)


async def _recording(line: Line, call: str) -> dict[str, Any]:
    async def look() -> Any:
        rows = await database_rows(line, "SELECT * FROM recording WHERE call_id = $1 ORDER BY segment", call)
        return rows if rows and all(row["state"] != "recording" for row in rows) else None

    rows = await eventually(look, f"the recording of {call} is sealed", seconds=30)
    assert len(rows) == 1, f"{len(rows)} segments"
    return dict(rows[0])


async def _auditor(line: Line) -> httpx.AsyncClient:
    now = SystemClock().now()
    async with line.database.transaction() as session:
        known = await database_rows(line, "SELECT id FROM users WHERE login = 'accept.auditor'")
        if not known:
            person = NewUser("accept.auditor", "审计", frozenset({Role.AUDITOR}), None)
            await add_user(session, person, PASSWORD, Passwords(), now=now)
    http = httpx.AsyncClient(base_url=line.web, timeout=20.0, trust_env=False)
    line.cleanup.append(http.aclose)
    await log_in(http, "accept.auditor")
    return http


async def _played(line: Line, row: dict[str, Any]) -> Heard:
    """By HTTP, as a page's player does: a reason, a ticket, ranges one after the other."""
    http = await _auditor(line)
    answer = await http.post(f"/api/recordings/{row['id']}/playbacks", json={"reason": "验收"})
    assert answer.status_code == 201, answer.text
    address, content = answer.json()["sound"], b""
    while True:
        part = await http.get(address, headers={"Range": f"bytes={len(content)}-{len(content) + 99_999}"})
        assert part.status_code == 206, f"{part.status_code} {part.text}"
        content += part.content
        if len(content) == int(part.headers["Content-Range"].rpartition("/")[2]):
            break
    audited = await database_rows(
        line,
        "SELECT count(*) FROM audit_log WHERE action = 'recording.heard' AND subject = $1",
        f"recording:{row['id']}",
    )
    assert audited[0][0] == 1, "the hearing is not in the audit log"
    return await asyncio.to_thread(_decoded, content, row["started_ms"])


def _decoded(content: bytes, started_ms: int) -> Heard:
    done = subprocess.run(
        ["ffmpeg", "-loglevel", "error", "-i", "pipe:0", "-f", "s16le", "-ar", str(_RATE), "pipe:1"],
        input=content,
        capture_output=True,
        check=True,
    )
    return Heard(np.frombuffer(done.stdout, "<i2").reshape(-1, 2), started_ms)


async def _pause(talk: Talk, scenes: Scenes, begins: str, ends: str) -> None:
    """The citizen keys in a number that is nobody's business."""

    async def told() -> list[str]:
        story = await talk.line.story_of(talk.id)
        return [event.attributes["state"] for event in story.events if event.kind == "recording"]

    before = len(await told())
    await talk.ask("pause")

    async def begun() -> bool:
        return len(await told()) > before

    await eventually(begun, "the pause is in the journal")
    scenes.now(begins)
    for key in "110101":
        await talk.citizen.audio.press(key)
    await asyncio.sleep(1)
    scenes.now(ends)
    await talk.ask("resume")
    await asyncio.sleep(1.5)


async def _scenes(line: Line) -> tuple[Talk, Scenes]:
    """Talk, a pause with keys, hold, consultation, three-way, taken back, and passed on without a word."""
    scenes = Scenes()
    branch = await third(line)
    talk = await talking(line)
    scenes.now("talk")
    await asyncio.sleep(1.5)
    await _pause(talk, scenes, "paused", "resume")
    scenes.now("hold")
    await talk.ask("hold")
    await talk.state("held")
    await asyncio.sleep(1.5)
    scenes.now("retrieve")
    await talk.ask("retrieve")
    await talk.apart_never()
    scenes.now("consult")
    await talk.ask("consult", target="line:12366")
    there = await rung(branch)
    await hears_exactly(talk.agent, THIRD, who="the agent")
    await talk.state("consult")
    scenes.now("join")
    await talk.ask("join")
    await hears_exactly(talk.citizen, AGENT, THIRD, who="the citizen")
    scenes.now("three")
    await asyncio.sleep(1.5)
    scenes.now("drop")
    await talk.ask("drop")
    await ended(there)
    await talk.apart_never()
    scenes.now("together")
    await asyncio.sleep(1.5)
    # In a conference a key takes the place of sound.
    await _pause(talk, scenes, "paused again", "resume again")
    scenes.now("blind")
    await talk.ask("blind", target="line:12366")
    there = await rung(branch)
    await hears_exactly(talk.citizen, THIRD, who="the citizen")
    scenes.now("passed")
    await asyncio.sleep(1.5)
    scenes.now("over")
    await talk.citizen.hang_up()
    await ended(there)
    await talk.seat.leave()
    return talk, scenes


def _judge(heard: Heard, scenes: Scenes) -> int:
    """The right voices in the right places; the longest gap in the citizen's voice, in ms."""
    at = scenes.at
    citizen, agent, other = heard.tone(0, CITIZEN), heard.tone(1, AGENT), heard.tone(1, THIRD)
    for frequency in (AGENT, THIRD):
        assert not heard.tone(0, frequency).any(), f"{frequency} Hz on the citizen's side"
    assert not heard.tone(1, CITIZEN).any(), "the citizen on the others' side"
    gap = 0
    for since, until in (("talk", "paused"), ("resume", "paused again"), ("resume again", "over")):
        first, last = ((at[name] - heard.started_ms) // 20 for name in (since, until))
        gap = max(gap, _gap_ms(citizen[first + 25 : last - 25]))
    assert gap <= _GAP_MS, f"a gap of {gap} ms"
    for present, name, since, until, wanted in (
        (agent, "agent", "talk", "paused", True),
        (agent, "agent on hold", "hold", "retrieve", False),
        (agent, "agent back", "three", "drop", True),
        (other, "branch in the room", "three", "drop", True),
        (agent, "agent, branch dropped", "together", "paused again", True),
        (other, "branch, dropped", "together", "paused again", False),
        (citizen, "citizen in the second pause", "paused again", "resume again", False),
        (agent, "agent after the second pause", "resume again", "blind", True),
        (citizen, "citizen in the pause", "paused", "resume", False),
        (agent, "agent in the pause", "paused", "resume", False),
        (agent, "agent after the pause", "resume", "hold", True),
        (other, "branch, passed on to", "passed", "over", True),
        (agent, "agent, gone", "passed", "over", False),
    ):
        part = heard.between(present, at[since], at[until])
        share = float(part.mean()) if len(part) else -1.0
        assert len(part) > 5, f"{name}: nothing to judge by"
        assert share == wanted or abs(share - wanted) < 0.05, f"{name}: heard in {share:.0%} of it"
    for begins, ends in (("paused", "resume"), ("paused again", "resume again")):
        first, last = ((at[name] - heard.started_ms) * 8 for name in (begins, ends))
        quiet = heard.samples[first + _SETTLED_MS * 8 : last - 100 * 8]
        assert np.abs(quiet.astype(np.int32)).max() < 60, "there is sound in the pause"
    return gap


@contextlib.contextmanager
def _small_disk(folder: Path, owner: int | None) -> Iterator[None]:
    """A file system of 1 MB in the folder's place, nearly full."""
    options = "size=1m" + (f",uid={owner},gid={owner}" if owner is not None else "")
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
    try:
        (folder / "filled").write_bytes(b"x" * (free_bytes([folder]) - 64 * 1024))
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


async def recording(line: Line, scale: Scale) -> str:
    """Item 7."""
    vault, layout = Vault.of(line.settings), find(line.settings)
    gaps = []
    for _ in range(scale(3, 1)):
        talk, scenes = await _scenes(line)
        row = await _recording(line, talk.id)
        assert row["state"] == "sealed", row["why"]
        assert row["gap_ms"] <= line.settings.recording.gap_ms, f"{row['gap_ms']} ms are missing"
        gaps.append(_judge(await _played(line, row), scenes))
        await line.go_home()
    # One byte.
    path = vault.sealed(row["call_id"], row["segment"])
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    http = await _auditor(line)
    answer = await http.post(f"/api/recordings/{row['id']}/playbacks", json={"reason": "验收"})
    if answer.status_code == 201:
        answer = await http.get(answer.json()["sound"], headers={"Range": f"bytes={len(content) // 2}-"})
    assert answer.json()["code"] == "recording.damaged", answer.text
    # No room: the call goes on, and somebody is told.
    with _small_disk(layout.recordings, layout.owner):
        talk = await talking(line)
        await eventually(_full(layout.recordings), "the disk is full", seconds=20)
        await talk.apart_never()
        await talk.ask("hold")
        await talk.state("held")
        await talk.ask("retrieve")
        await talk.apart_never()
        await talk.over()
        row = await _recording(line, talk.id)
        assert row["state"] == "damaged" or row["gap_ms"] > line.settings.recording.gap_ms, row
    told = (line.settings.var_dir / "log" / "jobs.log").read_text()
    assert "recording.disk_low" in told, "no alarm"
    return f"no gap over {max(gaps)} ms in {len(gaps)} talks; a flipped byte and a full disk are seen"


def _full(folder: Path) -> Any:
    async def look() -> bool:
        return free_bytes([folder]) == 0

    return look


LINE = {"recording": {"enabled": True, "announce": False, "stop_free_mb": 0}}
"""What this item needs of the line's settings."""
