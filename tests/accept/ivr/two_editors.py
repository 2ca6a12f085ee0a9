"""Item 5: two people edit the same menu, and the process dies while one of them publishes."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import time
from dataclasses import dataclass
from typing import Any

import httpx

from tests.accept.ivr.editors import Document, Editor, Refused, editor, say_then
from tests.accept.ivr.sounds import Sounds, short_greetings
from tests.accept.ivr.ways import way_until
from tests.accept.line import Line, database_rows, eventually
from tests.accept.people import citizen
from tests.accept.scenario import Scale

_TEXT = "两人编辑"
TEXTS = {_TEXT: 0.4}
_FLOW, _KILLED, _LINE = "edited", "killed", "12301"
_NODES = 80
"""Of the flow that is published under a kill: each carries its version, so that half of one would show."""


def _edited(**notes: str) -> Document:
    """The flow with a remark at some of its nodes."""
    document = say_then(_FLOW, _TEXT)
    for node, note in notes.items():
        document["nodes"][node]["note"] = note
    return document


def _notes(document: Document) -> dict[str, str]:
    return {key: node["note"] for key, node in document["nodes"].items() if node.get("note")}


async def _conflict(first: Editor, second: Editor) -> None:
    """The second one to save is shown both sides, loses nothing, and both texts are there after the merge."""
    begun = await first.save(_edited(start="起点"))
    read = [await one.ask("GET", f"/menus/flows/{_FLOW}/draft") for one in (first, second)]
    assert read[0] == read[1]
    theirs, mine = _edited(start="起点", hello="先存的"), _edited(start="起点", human="后存的")
    saved = await first.save(theirs, begun["revision"])
    refused = await second.save(mine, begun["revision"])
    assert isinstance(refused, Refused), f"the second editor overwrote the first: {refused}"
    assert (refused.status, refused.code) == (412, "menu.stale"), refused
    sides = {name: _notes(refused.told[name]) for name in ("base", "mine")}
    assert sides == {"base": _notes(_edited(start="起点")), "mine": _notes(mine)}, sides
    assert _notes(refused.told["theirs"]["document"]) == _notes(theirs), refused.told["theirs"]
    assert refused.told["theirs"]["saved_by"] == first.login
    draft = await second.ask("GET", f"/menus/flows/{_FLOW}/draft")
    assert _notes(draft["document"]) == _notes(theirs), "the first editor's text is not the draft"
    kept = await second.ask("GET", f"/menus/flows/{_FLOW}/stashes")
    assert refused.told["stash"] in [one["id"] for one in kept], kept
    # Whoever looked at the draft before publishes nothing else than what they looked at.
    stale = await second.publish(_FLOW, begun)
    assert isinstance(stale, Refused), f"a draft was published that nobody looked at: {stale}"
    assert stale.code == "menu.stale", stale
    merged = await second.save(_edited(start="起点", hello="先存的", human="后存的"), saved["revision"])
    assert not isinstance(merged, Refused), merged
    await second.ask("DELETE", f"/menus/flows/{_FLOW}/stashes/{refused.told['stash']}")
    assert merged["revision"] == saved["revision"] + 1


async def _at_once(line: Line, editors: tuple[Editor, Editor], rounds: int) -> None:
    """Both save at the same instant: one of them is first, and every text is a revision or a stash."""
    sent = []
    for number in range(rounds):
        draft = await editors[0].ask("GET", f"/menus/flows/{_FLOW}/draft")
        texts = [f"{number} {one.login}" for one in editors]
        answers = await asyncio.gather(
            *(one.save(_edited(hello=text), draft["revision"]) for one, text in zip(editors, texts, strict=True))
        )
        refused = [answer for answer in answers if isinstance(answer, Refused)]
        assert [one.code for one in refused] == ["menu.stale"], f"round {number}: {answers}"
        sent += texts
    rows = await database_rows(
        line,
        "select document from menu_revisions where flow = $1 union all "
        "select document from menu_stashes where flow = $1",
        _FLOW,
    )
    there = {json.loads(row["document"])["nodes"]["hello"].get("note") for row in rows}
    lost = [text for text in sent if text not in there]
    assert not lost, f"{len(lost)} of {len(sent)} texts are lost"


def _whole(mark: str) -> Document:
    """The flow of one version: a long chain, each of whose nodes carries its mark."""
    chain = {
        f"step_{number}": {
            "type": "set",
            "values": {"mark": mark},
            "note": mark,
            "next": f"step_{number + 1}" if number + 1 < _NODES else "hello",
        }
        for number in range(_NODES)
    }
    document = say_then(_KILLED, _TEXT, **chain)
    document["nodes"]["start"]["next"] = "step_0"
    for node in document["nodes"].values():
        node["note"] = mark
    return document


def _mark_of(document: Document) -> str:
    """The mark of a flow that is whole; fails for one that is made of two."""
    marks = {node["note"] for node in document["nodes"].values()}
    assert len(marks) == 1, f"a version is half of {sorted(marks)}"
    assert len(document["nodes"]) == _NODES + 3, f"a version has {len(document['nodes'])} nodes"
    return str(marks.pop())


@dataclass(frozen=True)
class _Kept:
    """What PostgreSQL has: the newest version, its mark, and the count that processes follow."""

    version: int
    mark: str
    count: int


async def _kept(line: Line) -> _Kept:
    (row,) = await database_rows(
        line,
        "select version, document, (select version from menu_state) as count from menu_versions "
        "where flow = $1 order by version desc limit 1",
        _KILLED,
    )
    return _Kept(row["version"], _mark_of(json.loads(row["document"])), row["count"])


async def _voices_agree(line: Line, kept: _Kept) -> None:
    """Every voice process has that version, whole, within a second of the web process' death and some for the look."""
    copies = [line.settings.var_dir / f"menus-voice-{n + 1}.json" for n in range(line.settings.voice.processes)]
    seen: list[Any] = []

    async def agree() -> bool:
        seen[:] = [json.loads(copy.read_text()) for copy in copies]
        for one in seen:
            for version in one["versions"][_KILLED]:
                _mark_of(version["document"])
        newest = [(one["version"], one["versions"][_KILLED][-1]["version"]) for one in seen]
        return newest == [(kept.count, kept.version)] * len(copies)

    await eventually(agree, f"every voice process has version {kept.version}", seconds=3)


async def _killed_once(line: Line, admin: Editor, number: int, delay: float) -> bool:
    """Publish, and kill the process `delay` seconds later. Returns whether the new version is there."""
    before, mark = await _kept(line), f"第{number}轮"
    saved = await admin.save(_whole(mark))
    assert not isinstance(saved, Refused), saved
    pid = await line.in_thread(line.stack.pid, "web")
    asked = asyncio.create_task(admin.publish(_KILLED, saved))
    await asyncio.sleep(delay)
    os.kill(pid, signal.SIGKILL)
    try:
        told = await asked
    except httpx.TransportError:
        told = None
    try:
        return await _old_or_new(line, before, mark, told)
    finally:
        await line.in_thread(line.stack.wait_ready, "web")


async def _old_or_new(line: Line, before: _Kept, mark: str, told: Any) -> bool:
    """What was `before`, or all of what has this mark, which `told` is the answer about; True for the new version."""
    # PostgreSQL may still be busy with what the dead process had sent.
    await _settled(line)
    after = await _kept(line)
    new = after.mark == mark
    assert new or after == before, f"{mark}: {before} became {after}"
    assert not new or (after.version, after.count) == (before.version + 1, before.count + 1), (
        f"{mark}: half a publication: {before} became {after}"
    )
    assert told is None or (not isinstance(told, Refused) and new), f"{mark}: {told} was told, {after} is kept"
    await _voices_agree(line, after)
    return new


async def _settled(line: Line) -> None:
    """Wait until nothing of a process that is gone goes on in PostgreSQL."""

    async def idle() -> bool:
        (row,) = await database_rows(
            line,
            "select count(*) as busy from pg_stat_activity where state <> 'idle' and query ilike '%menu%' "
            "and pid <> pg_backend_pid()",
        )
        return bool(row["busy"] == 0)

    await eventually(idle, "PostgreSQL is done with the dead process", seconds=10)


async def killed(line: Line, admin: Editor, rounds: int) -> str:
    """Rounds of it; each next kill is closer to the moment at which old becomes new."""
    await admin.release(_whole("第一版"))
    saved = await admin.save(_whole("试一次"))
    began = time.monotonic()
    assert not isinstance(await admin.publish(_KILLED, saved), Refused)
    delay = took = time.monotonic() - began
    await admin.assign(_LINE, _KILLED)
    chance = random.Random(5)
    outcomes = []
    for number in range(rounds):
        new = await _killed_once(line, admin, number, max(0.0, delay + chance.uniform(-0.1, 0.1) * took))
        outcomes.append(new)
        delay += (-0.15 if new else 0.15) * took
        await _next_call_has(line, await _kept(line))
    assert len(set(outcomes)) == 2, f"every kill was {'too late' if outcomes[0] else 'too early'}"
    late = sum(outcomes)
    return f"{len(outcomes)} kills while publishing: {len(outcomes) - late} times the old version, {late} times the new"


async def _next_call_has(line: Line, kept: _Kept) -> None:
    """A citizen calls, and is in that version from the first node to the last."""
    who = await citizen(line)
    call = await who.dial(_LINE)
    way = await way_until(line, who.e164, "menu_left")
    versions = {left.version for left in way.nodes}
    assert versions == {kept.version}, f"a call went through versions {versions}, not {kept.version}"
    assert len(way.nodes) == _NODES + 3, f"a call went through {len(way.nodes)} nodes"
    await call.hang_up()


async def two_editors(line: Line, scale: Scale) -> str:
    """Item 5."""
    await Sounds().speak(line, TEXTS)
    await short_greetings(line)
    first, second = await editor(line), await editor(line, "admin-2")
    await _conflict(first, second)
    rounds = scale(20, 4)
    await _at_once(line, (first, second), rounds)
    struck = await killed(line, first, scale(40, 5))
    return f"a conflict with both sides, {rounds} saves at one instant without a loss; {struck}"
