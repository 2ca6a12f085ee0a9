"""Calls that belong elsewhere: a branch centre, an emergency desk."""

from __future__ import annotations

from acd.states import CallState
from calls.voice import VoiceProcess
from tests.calls.line import CallLine, until


async def test_a_branch_takes_its_call(line: CallLine, voice: VoiceProcess) -> None:
    citizen = line.citizen("12366")
    await citizen.enter(voice)
    assert await citizen.dialled_out() == ["PJSIP/99012366@branch-12366", "15", "gm(hl)U(hl-answered)"]
    assert citizen.phases == ["greeting", "routing"]
    await line.asterisk.rings(citizen.call, "99012366")
    await line.asterisk.bridges(citizen.call)
    await until(lambda: voice.board.live[citizen.call].answered)
    await line.asterisk.parts(citizen.call)
    citizen.dial_ends("ANSWER", 16)
    await citizen.peer.command("HANGUP")
    assert citizen.heard[-1] == "hotline/bye.thanks"
    row = await line.summary(citizen.call)
    assert (row.outcome, row.answered_at is not None) == ("routed", True)
    assert await line.kinds(citizen.call) == ["entered", "greeted", "routed", "answered", "ended"]


async def test_a_busy_branch_gives_the_citizen_to_an_agent_here(line: CallLine, voice: VoiceProcess) -> None:
    seat = await line.agent("1001")
    citizen = line.citizen("12366")
    await citizen.enter(voice)
    await citizen.dialled_out()
    await line.asterisk.rings(citizen.call, "99012366")
    await line.asterisk.fails(citizen.call, "99012366", "BUSY", 17)
    citizen.dial_ends("BUSY", 17)
    assert (await citizen.dialled_out())[0] == f"PJSIP/{seat}"
    assert citizen.heard[-1] == "hotline/transfer.busy_back"
    failed = next(row for row in await line.facts(citizen.call) if row.kind == "route_failed")
    assert failed.attributes["outcome"] == "BUSY"


async def test_a_transfer_cut_short_by_a_crash_is_not_tried_again(line: CallLine, voice: VoiceProcess) -> None:
    seat = await line.agent("1001")
    citizen = line.citizen("12366")
    await citizen.enter(voice, "routing")
    assert (await citizen.dialled_out())[0] == f"PJSIP/{seat}"


async def test_the_caller_gives_up_while_the_branch_rings(line: CallLine, voice: VoiceProcess) -> None:
    citizen = line.citizen("12366")
    await citizen.enter(voice)
    await citizen.dialled_out()
    await citizen.hangs_up(in_dial=True)
    await until(lambda: not voice.board.live)
    assert (await line.kinds(citizen.call))[-1] == "abandoned"
    assert await line.acd.call(citizen.call) is None


async def test_an_emergency_whose_desk_does_not_answer_comes_before_everybody(
    line: CallLine, voice: VoiceProcess
) -> None:
    """Redialled at once, without a word and without music (the dialplan has tried before); then an agent, before those
    who came earlier."""
    earlier = line.citizen(entered_ms=line.clock.now_ms() - 300_000)
    await earlier.enter(voice)
    await line.call_is(earlier.call, CallState.WAITING)
    citizen = line.citizen("120")
    await citizen.enter(voice)
    assert await citizen.dialled_out() == ["PJSIP/990120@emergency-120", "15", "gU(hl-answered)"]
    await line.asterisk.rings(citizen.call, "990120")
    await line.asterisk.fails(citizen.call, "990120", "NOANSWER")
    citizen.dial_ends("NOANSWER")
    await line.call_is(citizen.call, CallState.WAITING)
    assert citizen.phases[0] == "routing"
    assert await line.acd.position(citizen.call) == 1
    assert await line.acd.position(earlier.call) == 2
    seat = await line.agent("1001")
    assert (await citizen.dialled_out())[0] == f"PJSIP/{seat}"
