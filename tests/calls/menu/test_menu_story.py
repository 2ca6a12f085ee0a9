"""A citizen in a menu, from the entry to whoever is there at its end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from acd.states import AgentState, CallState
from agi.variables import Phase
from calls.voice import VoiceProcess
from ivr.interpreter import Run
from media.spoken import text_key
from tests.agi.peer import until
from tests.calls.line import CallLine, Citizen
from tests.calls.menu.flows import TWO_KEYS, flow, install

TOP, SOCIAL, WRONG = (f"menus/{text_key(text)}" for text in ("办事请按一", "社保专家请按一", "按键无效"))


async def called(
    line: CallLine, voice: VoiceProcess, dialled: str = "12300", *, phase: str = "entered", speaking: bool = False
) -> Citizen:
    """A citizen who has just called. `speaking`: prompts take as long as the test wants them to."""
    citizen = line.citizen(dialled)
    await citizen.enter(voice, phase, hold=("EXEC Dial", "CONTROL STREAM FILE") if speaking else ("EXEC Dial",))
    line.asterisk.on_stop = lambda _: citizen.peer.reply("200 result=0 endpos=0") if speaking else None
    return citizen


async def hears(citizen: Citizen, sound: str, times: int = 1) -> None:
    await until(lambda: citizen.heard.count(sound) >= times)


async def waits(line: CallLine, citizen: Citizen, queue: str = "general") -> None:
    await line.call_is(citizen.call, CallState.WAITING)
    view = await line.acd.call(citizen.call)
    assert view is not None
    assert view.queue == queue


async def branches(line: CallLine, citizen: Citizen) -> list[tuple[str, str]]:
    return [(f.attributes["node"], f.attributes["branch"]) for f in await line.facts(citizen.call) if f.kind == "menu"]


async def left(line: CallLine, citizen: Citizen) -> dict[str, Any]:
    return dict((await line.fact(citizen.call, "menu_left")).attributes)


async def test_two_keys_lead_to_the_experts(line: CallLine, voice: VoiceProcess) -> None:
    install(line, TWO_KEYS, version=7)
    citizen = await called(line, voice)
    await hears(citizen, TOP)
    assert citizen.heard[0] == "hotline/greeting.12300", "the line's own greeting comes first"
    assert citizen.phases == [Phase.GREETING, Phase.MENU]
    await line.asterisk.presses_by_events(citizen.call, "1", ends=2)
    await hears(citizen, SOCIAL)
    await line.asterisk.presses_by_events(citizen.call, "1")
    await waits(line, citizen, "expert-12333")
    assert citizen.phases[-1] == Phase.WAITING
    entered = (await line.fact(citizen.call, "menu_entered")).attributes
    assert (entered["flow"], entered["version"], entered["versions"]) == ("main", 7, {"main": 7})
    assert (await branches(line, citizen))[:2] == [("top", "key 1"), ("social", "key 1")]
    assert (await left(line, citizen))["queue"] == "expert-12333"
    kinds = await line.kinds(citizen.call)
    assert kinds.index("greeted") < kinds.index("menu_entered") < kinds.index("menu_left") < kinds.index("queued")


async def test_keys_before_the_prompt_are_not_lost_and_spare_the_prompts(line: CallLine, voice: VoiceProcess) -> None:
    install(line, TWO_KEYS)
    citizen = await called(line, voice, speaking=True)
    await citizen.peer.command("CONTROL STREAM FILE")
    # The greeting is being said.
    await line.asterisk.presses_by_events(citizen.call, "11", ends=2)
    citizen.peer.reply("200 result=0 endpos=0")
    citizen.peer.hold("EXEC Dial")
    await waits(line, citizen, "expert-12333")
    assert TOP not in citizen.heard
    assert SOCIAL not in citizen.heard


async def test_a_key_ends_the_prompt_it_is_pressed_in(line: CallLine, voice: VoiceProcess) -> None:
    install(line, TWO_KEYS)
    citizen = await called(line, voice, phase="greeting", speaking=True)
    await citizen.peer.command("CONTROL STREAM FILE")
    citizen.peer.reply("200 result=0 endpos=0")
    await hears(citizen, TOP)
    await line.asterisk.presses(citizen.call, "2")
    await waits(line, citizen)
    assert ("stop", f"PJSIP/carrier-{citizen.call.rsplit('.', 1)[1]}") in line.asterisk.done


async def test_0_is_a_human_at_once(line: CallLine, voice: VoiceProcess) -> None:
    install(line, TWO_KEYS)
    citizen = await called(line, voice)
    await hears(citizen, TOP)
    await line.asterisk.presses(citizen.call, "0")
    await waits(line, citizen)
    assert (await left(line, citizen))["why"] == "asked"


async def test_three_wrong_keys_and_silence_are_a_human(line: CallLine, voice: VoiceProcess) -> None:
    install(line, TWO_KEYS)
    wrong, silent = await called(line, voice), await called(line, voice)
    await hears(wrong, TOP)
    await line.asterisk.presses(wrong.call, "789")
    await waits(line, wrong)
    await waits(line, silent)
    assert (await left(line, silent))["end"] == "human"


async def test_a_line_without_a_menu_is_direct(line: CallLine, voice: VoiceProcess) -> None:
    install(line, TWO_KEYS, dialled="12345")
    citizen = await called(line, voice, "12300")
    await waits(line, citizen)
    assert "menu_entered" not in await line.kinds(citizen.call)


async def test_an_emergency_is_never_behind_a_menu(line: CallLine, voice: VoiceProcess) -> None:
    install(line, TWO_KEYS, dialled="120")
    citizen = await called(line, voice, "120", phase="routing")
    await citizen.dialled_out()
    assert citizen.phases == [Phase.ROUTING]


@pytest.mark.parametrize("when", ["before", "in"])
async def test_without_ami_a_human_takes_the_call(line: CallLine, voice: VoiceProcess, when: str) -> None:
    install(line, TWO_KEYS)
    line.asterisk.connected = when != "before"
    citizen = await called(line, voice)
    if when == "in":
        await hears(citizen, TOP)
        line.asterisk.connected = False
    await waits(line, citizen)
    if when == "in":
        assert (await left(line, citizen))["why"] == "ami"


async def test_who_was_in_a_menu_when_its_process_died_goes_to_a_human(line: CallLine, voice: VoiceProcess) -> None:
    install(line, TWO_KEYS)
    citizen = await called(line, voice)
    await hears(citizen, TOP)
    await line.kill(voice)
    await citizen.session_over()
    again = await line.start("voice-2")
    await citizen.enter(again, Phase.MENU)
    await waits(line, citizen)
    assert TOP not in citizen.heard[len(citizen.heard) :]
    assert (await line.kinds(citizen.call)).count("menu_entered") <= 1


async def test_a_fault_of_ours_is_a_human(line: CallLine, voice: VoiceProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    install(line, TWO_KEYS)

    def broken(*_: object) -> None:
        raise RuntimeError("no run")

    monkeypatch.setattr(Run, "on", broken)
    citizen = await called(line, voice)
    await waits(line, citizen)
    assert (await left(line, citizen))["why"] == "failure"


async def test_a_menu_has_an_end(line: CallLine, voice: VoiceProcess) -> None:
    install(line, flow(top={"type": "say", "prompt": "很长", "must_be_heard": True, "next": "top"}))
    voice.board.settings = voice.board.settings.model_copy(
        update={"menus": voice.board.settings.menus.model_copy(update={"longest_seconds": 1})}
    )
    citizen = await called(line, voice, phase="greeting", speaking=True)
    await citizen.peer.command("CONTROL STREAM FILE")
    citizen.peer.reply("200 result=0 endpos=0")
    await waits(line, citizen)
    assert (await left(line, citizen))["why"] == "too_long"


async def test_a_prompt_that_is_not_there_is_passed_over(line: CallLine, voice: VoiceProcess) -> None:
    install(line, TWO_KEYS)
    for sound in (line.folder / "sounds" / "menus").iterdir():
        sound.unlink()
    citizen = await called(line, voice)
    await until(lambda: Phase.MENU in citizen.phases)
    await line.asterisk.presses(citizen.call, "11")
    await waits(line, citizen, "expert-12333")


async def test_who_hangs_up_in_a_menu_has_left_the_line(line: CallLine, voice: VoiceProcess) -> None:
    install(line, TWO_KEYS)
    citizen = await called(line, voice)
    await hears(citizen, TOP)
    await citizen.hangs_up()
    told = await left(line, citizen)
    assert (told["end"], told["why"]) == ("gone", "hung_up")
    assert (await line.fact(citizen.call, "abandoned")).attributes["waited_ms"] >= 0
    assert (await branches(line, citizen))[-1] == ("top", "hung_up")


async def test_collected_digits_are_nowhere(line: CallLine, voice: VoiceProcess) -> None:
    secret = "4110280"
    install(
        line,
        flow(
            top={
                "type": "collect",
                "prompt": "请输入",
                "variable": "id",
                "max_digits": 7,
                "next": "back",
                "on_timeout": "bye",
                "on_wrong": "bye",
            },
            back={"type": "say", "prompt": "您输入的是{id:digits}", "next": "bye"},
            bye={"type": "hangup"},
        ),
    )
    citizen = await called(line, voice)
    await until(lambda: Phase.MENU in citizen.phases)
    await line.asterisk.presses(citizen.call, secret)
    await citizen.session_over()
    assert citizen.phases[-1] == Phase.DONE
    assert citizen.heard[-7:] == [
        "hotline/" + key for key in ("digit.4", "digit.yao", "digit.yao", "digit.0", "digit.2", "digit.8", "digit.0")
    ]
    assert (await line.fact(citizen.call, "ended")).attributes["outcome"] == "menu"
    for row in await line.facts(citizen.call):
        assert secret not in str(row.attributes)


async def test_the_agent_sees_what_was_chosen(line: CallLine, voice: VoiceProcess) -> None:
    install(line, TWO_KEYS)
    await line.agent("1001")
    citizen = await called(line, voice)
    await hears(citizen, TOP)
    await line.asterisk.presses(citizen.call, "2")
    await citizen.dialled_out()
    await line.agent_is("1001", AgentState.RINGING)
    pop = next(frame.body for frame in line.frames["1001"] if frame.kind == "pop")
    assert pop["menu"] == ["其他"]


async def test_a_new_version_is_for_the_next_call(line: CallLine, voice: VoiceProcess) -> None:
    install(line, TWO_KEYS, version=1)
    first = await called(line, voice)
    await hears(first, TOP)
    install(line, flow(top={"type": "queue"}), version=2)
    second = await called(line, voice)
    await waits(line, second)
    await line.asterisk.presses(first.call, "11")
    await waits(line, first, "expert-12333")
    assert [(await line.fact(one.call, "menu_entered")).attributes["version"] for one in (first, second)] == [1, 2]


async def test_calls_that_wait_hear_nothing_of_keys_for_the_menu(line: CallLine, voice: VoiceProcess) -> None:
    """A key goes down in the menu and comes up while the citizen waits: it is one key."""
    install(line, TWO_KEYS)
    citizen = await called(line, voice)
    await hears(citizen, TOP)
    await line.asterisk.presses_by_events(citizen.call, "2", ends=0)
    await waits(line, citizen)
    before = len(citizen.heard)
    await line.asterisk.presses(citizen.call, "2")
    await asyncio.wait_for(line.ingest(), 5)
    assert citizen.heard[before:] == []
    assert "callback_requested" not in await line.kinds(citizen.call)
