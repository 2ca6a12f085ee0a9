"""Item 2: flows with one planted fault are refused for that fault; valid ones are published, and walked completely."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Sequence

from ivr.coverage_walk import walk
from ivr.flow import Flow
from ivr.validation import findings
from tests.accept.ivr.editors import Document, Editor, Refused, editor
from tests.accept.ivr.sounds import Sounds
from tests.accept.line import Line, database_rows
from tests.accept.scenario import Scale
from tests.ivr.generated import SUB_FLOWS, TEXTS, WORLD, Broken, broken, valid
from tests.ivr.grown import RECORDINGS, SKILLS
from tests.ivr.planted import PLANTS

_OFFICE = "office"
_TARGETS = {"contact:7": "line:12367", "line:12333": "queue:expert-12333"}
_OF_EACH_RULE = 5
"""Flows for each rule, at least, in the full form."""


def document_of(flow: Flow) -> Document:
    """A flow as it is sent, with targets that this line has in place of those of the generator's world."""
    text = flow.model_dump_json(exclude_unset=True)
    for theirs, ours in _TARGETS.items():
        text = text.replace(f'"{theirs}"', f'"{ours}"')
    document: Document = json.loads(text)
    return document


async def have_world(line: Line, admin: Editor) -> Sounds:
    """Everything that generated flows name is on this line: texts, recordings, queues, skills, entries, flows below."""
    sounds = Sounds()
    await sounds.speak(line, TEXTS, RECORDINGS)
    for skill in SKILLS:
        await admin.ask("PUT", f"/skills/{skill}", json={"name": skill, "kind": "expert"})
    if isinstance(await admin.try_to("GET", f"/queues/{_OFFICE}"), Refused):
        rule = (await admin.ask("GET", "/queues/general"))["rule"] | {"name": "办公时间"}
        await admin.ask("PUT", f"/queues/{_OFFICE}", json={"version": 0, "rule": rule})
    await _answers(line, admin, sorted(WORLD.knowledge))
    for flow in SUB_FLOWS.values():
        released = await _publish(admin, document_of(flow))
        assert not isinstance(released, Refused) or released.code == "menu.nothing_new", released
    return sounds


async def _answers(line: Line, admin: Editor, codes: Iterable[str]) -> None:
    """Entries of the knowledge base, written by one and checked by another."""
    writer, checker = await editor(line, "3001"), await editor(line, "3002")
    (unit,) = await database_rows(line, "select min(id) as id from units")
    for code in codes:
        content = {"title": code, "answer": "您好", "spoken": "您好", "valid_from": "2026-01-01"}
        entry = {"code": code, "unit_id": unit["id"], "review_on": "2099-01-01", "content": content}
        made = await writer.try_to("POST", "/knowledge/entries", json=entry)
        if not isinstance(made, Refused):
            for step in ("check", "publish"):
                await checker.ask("POST", f"/knowledge/entries/{code}/versions/1/{step}", json={})


async def _publish(admin: Editor, document: Document) -> object:
    saved = await admin.save(document)
    assert not isinstance(saved, Refused), f"{document['flow']} cannot be saved: {saved}"
    return await admin.publish(document["flow"], saved)


async def _refused_for(admin: Editor, one: Broken) -> None:
    """The API refuses this flow, and names the rule and the node."""
    refused = await _publish(admin, document_of(one.flow))
    assert isinstance(refused, Refused), f"{one.rule} at {one.node!r}: {one.flow.flow} is published"
    assert (refused.status, refused.code) == (409, "menu.not_sound"), f"{one.rule}: {refused}"
    named = {tuple(wrong["where"].split(":")[:2]) for wrong in refused.told["wrong"]}
    assert (one.rule, one.node) in named, f"{one.rule} at {one.node!r} is not found: {sorted(named)}"


async def refused_for_their_faults(line: Line, admin: Editor, flows: Sequence[Broken]) -> None:
    """All of them, each with the finding of its fault; nothing of them is a version."""
    for one in flows:
        await _refused_for(admin, one)
    (row,) = await database_rows(line, "select count(*) as count from menu_versions where flow like 'broken-%'")
    assert row["count"] == 0, f"{row['count']} broken flows are published"


def _off_is_noticed(flows: Sequence[Broken]) -> None:
    """With its rule switched off a flow is no longer refused for its fault: the check above would see it."""
    for one in flows:
        found = findings(one.flow, WORLD, without={one.rule})
        assert all(finding.rule != one.rule for finding in found), f"{one.rule} cannot be switched off"


def _walked(document: Document) -> int:
    """Walk a version completely; returns how many branches it has."""
    flow = Flow.model_validate(document)
    flows = {**SUB_FLOWS, flow.flow: flow}
    walked = walk(flows, flow.flow)
    assert not walked.coverage.branches_left, f"{flow.flow}: nobody can walk {sorted(walked.coverage.branches_left)}"
    for step, way in walked.ways.items():
        played = way.play(flows, flow.flow)
        passed = {(one.node, one.branch) for one in played.path if one.flow == flow.flow}
        assert tuple(step) in passed, f"{flow.flow}: the simulator does not walk {step}"
    return len(walked.coverage.branches)


async def generated_flows(line: Line, scale: Scale) -> str:
    """Item 2."""
    admin = await editor(line)
    await have_world(line, admin)
    faults = [broken(seed) for seed in range(scale(200, len(PLANTS)))]
    of_rule = Counter(one.rule for one in faults)
    assert len(of_rule) == len(PLANTS), f"rules without a fault: {set(PLANTS) - set(of_rule)}"
    assert min(of_rule.values()) >= scale(_OF_EACH_RULE, 1), of_rule
    await refused_for_their_faults(line, admin, faults)
    await asyncio.to_thread(_off_is_noticed, faults)
    branches = 0
    good = [valid(seed) for seed in range(scale(200, 8))]
    for flow in good:
        version = await admin.release(document_of(flow))
        kept = await admin.ask("GET", f"/menus/flows/{flow.flow}/versions/{version}")
        branches += await asyncio.to_thread(_walked, kept["document"])
    return (
        f"{len(faults)} broken flows of {len(of_rule)} rules refused for their faults; {len(good)} valid ones "
        f"published, all of their {branches} branches walked"
    )
