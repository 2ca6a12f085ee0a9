"""What a menu's nodes do with the world: numbers elsewhere, promises, messages, the survey, queues."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from acd.states import CallState
from agi.variables import Phase
from calls.callback_models import CallbackRow
from calls.message_files import MessageFolders
from calls.voice import VoiceProcess
from tests.agi.peer import until
from tests.calls.line import CallLine, Citizen
from tests.calls.menu.flows import flow, install


async def called(line: CallLine, voice: VoiceProcess, node: dict[str, Any], *, phase: str = "greeting") -> Citizen:
    """A citizen whose line's menu is this one node, with a goodbye behind it and a human behind its failure."""
    if "next" in node or node["type"] == "survey":
        node = {**node, "next": "bye"}
    if node["type"] in ("transfer", "callback", "message"):
        node = {**node, "on_failure": "people"}
    install(line, flow(top=node, people={"type": "queue"}, bye={"type": "hangup", "prompt": "再见"}))
    citizen = line.citizen()
    await citizen.enter(voice, phase, hold=("EXEC Dial", "RECORD FILE"))
    return citizen


async def waits(line: CallLine, citizen: Citizen, queue: str = "general") -> None:
    await line.call_is(citizen.call, CallState.WAITING)
    view = await line.acd.call(citizen.call)
    assert view is not None
    assert view.queue == queue


async def test_a_talk_elsewhere_is_the_end_and_is_never_queued(line: CallLine, voice: VoiceProcess) -> None:
    citizen = await called(line, voice, {"type": "transfer", "target": "line:12366"})
    assert (await citizen.dialled_out())[0] == "PJSIP/99012366@branch-12366"
    assert citizen.phases[-1] == Phase.ROUTING
    await line.asterisk.rings(citizen.call, "branch")
    await line.asterisk.bridges(citizen.call)
    await until(lambda: voice.board.live[citizen.call].answered)
    await line.asterisk.parts(citizen.call)
    citizen.dial_ends("ANSWER", 16)
    await citizen.session_over()
    assert citizen.phases[-1] == Phase.DONE
    assert (await line.fact(citizen.call, "ended")).attributes["outcome"] == "routed"
    assert (await line.fact(citizen.call, "menu_left")).attributes["end"] == "talked"
    assert await line.acd.call(citizen.call) is None


async def test_nobody_elsewhere_is_the_way_of_failure(line: CallLine, voice: VoiceProcess) -> None:
    citizen = await called(line, voice, {"type": "transfer", "target": "12366"})
    await citizen.dialled_out()
    citizen.dial_ends("BUSY", 17)
    await waits(line, citizen)
    assert (await line.fact(citizen.call, "route_failed")).attributes["outcome"] == "BUSY"
    branches = [row.attributes["branch"] for row in await line.facts(citizen.call) if row.kind == "menu"]
    assert branches[0] == "on_failure"


@pytest.mark.parametrize("target", ["line:99999", "contact:7"])
async def test_a_target_that_is_not_there_is_the_way_of_failure(
    line: CallLine, voice: VoiceProcess, target: str
) -> None:
    citizen = await called(line, voice, {"type": "transfer", "target": target})
    await waits(line, citizen)
    assert Phase.ROUTING not in citizen.phases


async def test_a_group_of_ours_is_a_queue(line: CallLine, voice: VoiceProcess) -> None:
    citizen = await called(line, voice, {"type": "transfer", "target": "queue:expert-12333"})
    await waits(line, citizen, "expert-12333")


async def test_who_hangs_up_while_it_rings_elsewhere_is_on_record_once(line: CallLine, voice: VoiceProcess) -> None:
    citizen = await called(line, voice, {"type": "transfer", "target": "line:12366"})
    await citizen.dialled_out()
    await citizen.hangs_up(in_dial=True)
    await line.fact(citizen.call, "abandoned")
    assert (await line.kinds(citizen.call)).count("abandoned") == 1


async def test_an_emergency_desk_hears_no_music_and_a_human_follows_it(line: CallLine, voice: VoiceProcess) -> None:
    citizen = await called(line, voice, {"type": "emergency", "number": "120"})
    destination, _, options = await citizen.dialled_out()
    assert (destination, options) == ("PJSIP/990120@emergency-120", "gU(hl-answered)")
    citizen.dial_ends("CONGESTION", 34)
    await waits(line, citizen)


async def test_a_promise_takes_the_place_and_the_call_ends(line: CallLine, voice: VoiceProcess) -> None:
    citizen = await called(line, voice, {"type": "callback"})
    await citizen.session_over()
    assert citizen.heard[-1] == "hotline/wait.callback.accepted"
    assert (await line.fact(citizen.call, "ended")).attributes["outcome"] == "callback_promised"
    async with line.database.transaction() as session:
        row = await session.scalar(select(CallbackRow))
    assert row is not None
    assert (row.call_id, row.entered_ms) == (citizen.call, citizen.entered_ms)


async def test_no_promise_to_a_withheld_number(line: CallLine, voice: VoiceProcess) -> None:
    install(
        line, flow(top={"type": "callback", "on_failure": "people"}, people={"type": "queue", "queue": "expert-12333"})
    )
    citizen = line.citizen()
    citizen.number = "unknown"
    await citizen.enter(voice, "greeting")
    await waits(line, citizen, "expert-12333")


async def test_a_message_is_the_end_and_silence_is_not(line: CallLine, voice: VoiceProcess) -> None:
    recorded = line.folder / "recorded"
    recorded.mkdir()
    voice.board.messages = MessageFolders(recorded=recorded, inside=str(recorded), kept=line.folder / "kept")
    left = await called(line, voice, {"type": "message"})
    await left.peer.command("RECORD FILE")
    (recorded / f"{left.call}.alaw").write_bytes(b"\x2a" * 24_000)
    left.peer.reply("200 result=0 endpos=24000")
    await left.session_over()
    assert left.heard[-1] == "hotline/wait.message.thanks"
    assert (await line.fact(left.call, "ended")).attributes["outcome"] == "message"
    silent = await called(line, voice, {"type": "message"})
    await silent.peer.command("RECORD FILE")
    silent.peer.reply("200 result=0 endpos=0")
    await waits(line, silent)


async def test_the_survey_in_a_menu_is_asked_once(line: CallLine, voice: VoiceProcess) -> None:
    citizen = await called(line, voice, {"type": "survey"})
    await until(lambda: "hotline/survey.levels" in citizen.heard)
    assert citizen.phases[-1] == Phase.MENU, "a crash now leads to a human, not to goodbye"
    await line.asterisk.presses(citizen.call, "1")
    await citizen.session_over()
    assert (await line.fact(citizen.call, "survey")).attributes["level"] == 1
    assert (await line.fact(citizen.call, "ended")).attributes["outcome"] == "menu"


@pytest.mark.parametrize(("agents", "queue"), [(("expert-12333",), "expert-12333"), ((), "general")])
async def test_a_queue_is_looked_at(line: CallLine, voice: VoiceProcess, agents: tuple[str, ...], queue: str) -> None:
    if agents:
        await line.agent("1001", *agents, screen=False)
        other = line.citizen("12333")
        await other.enter(voice, "greeting")
        await other.dialled_out()
    install(
        line,
        flow(
            top={
                "type": "condition",
                "cases": [{"when": {"test": "queue", "queue": "expert-12333", "nobody_ready": True}, "next": "people"}],
                "otherwise": "experts",
            },
            people={"type": "queue", "queue": "general"},
            experts={"type": "queue", "queue": "expert-12333"},
        ),
    )
    citizen = line.citizen()
    await citizen.enter(voice, "greeting")
    await waits(line, citizen, queue)


async def test_skills_lead_to_the_queue_whose_calls_ask_for_them(line: CallLine, voice: VoiceProcess) -> None:
    citizen = await called(line, voice, {"type": "queue", "skills": [{"skill": "expert-12333"}]})
    await waits(line, citizen, "expert-12333")


async def test_a_queue_that_is_not_there_is_the_lines_own(line: CallLine, voice: VoiceProcess) -> None:
    citizen = await called(line, voice, {"type": "queue", "queue": "no-such-queue"})
    await waits(line, citizen)
