"""Commands and replies of one call, against a peer that plays Asterisk."""

from __future__ import annotations

import asyncio

import pytest

import agi.connection
from agi.counters import Oddity
from agi.errors import (
    AgiCommandFailed,
    AgiConnectionLost,
    AgiHangup,
    AgiProtocolError,
    AgiRefusedValue,
    AgiTimeout,
)
from agi.grammar import Argument, Grammar, dial_string
from agi.variables import PHASE, Phase
from tests.agi.conftest import Line, Serve
from tests.agi.peer import ARGS, header, until


async def test_a_call_arrives_with_its_header_and_arguments(line: Line) -> None:
    session, _ = await line.call()
    assert session.env["agi_uniqueid"] == "ast1-1763761000.12"
    assert session.env["agi_callerid"] == "13812345678"
    assert session.args == ARGS
    assert not session.hung_up.is_set()


async def test_every_command_is_written_as_asterisk_reads_it(line: Line) -> None:
    session, peer = await line.call()
    peer.variables["HL_PHASE"] = "waiting"
    await session.answer()
    await session.set_variable(PHASE, Phase.RINGING)
    await session.set_variable("HL_NOTE", 'a "quoted" back\\slash, comma & 中文')
    assert await session.get_full_variable("${HL_PHASE}") == "ringing"
    assert await session.get_full_variable("${NOT_SET}") is None
    await session.control_stream_file("hotline/greeting.12333")
    await session.set_music(True)
    await session.set_music(False)
    await session.verbose("phase ringing", 3)
    await session.exec("Dial", dial_string("PJSIP/8001"), "20", "gm(hl)U(hl-answered)")
    await session.exec("Wait")
    await session.hangup()
    asked = peer.commands.pop(3)
    assert asked[3].endswith(asked[3][:16])
    assert asked[3][16:-16] == "${HL_PHASE}"
    assert peer.commands.pop(3)[3][16:-16] == "${NOT_SET}"
    assert peer.commands == [
        ["ANSWER"],
        ["SET", "VARIABLE", "HL_PHASE", "ringing"],
        ["SET", "VARIABLE", "HL_NOTE", 'a "quoted" back\\slash, comma & 中文'],
        ["CONTROL", "STREAM", "FILE", "hotline/greeting.12333", ""],
        ["SET", "MUSIC", "ON", "hl"],
        ["SET", "MUSIC", "OFF"],
        ["VERBOSE", "phase ringing", "3"],
        ["EXEC", "Dial", "PJSIP/8001,20,gm(hl)U(hl-answered)"],
        ["EXEC", "Wait", ""],
        ["HANGUP"],
    ]


async def test_hangup_before_the_pending_reply_does_not_shift_replies(line: Line) -> None:
    session, peer = await line.call()
    peer.hold("EXEC Dial")
    dial = asyncio.create_task(session.exec("Dial", "PJSIP/8001", "20", "g"))
    await peer.command("EXEC Dial")
    peer.reply("HANGUP")
    async with asyncio.timeout(5):
        await session.hung_up.wait()
    assert not dial.done()
    peer.reply("200 result=-1")
    assert (await dial).value == -1
    with pytest.raises(AgiHangup):
        await session.set_music(True)
    assert [command[0] for command in peer.commands] == ["EXEC"], "nothing is asked of a channel that is gone"


async def test_hangup_while_idle_wakes_who_waits_for_it(line: Line) -> None:
    session, peer = await line.call()
    peer.reply("HANGUP")
    async with asyncio.timeout(5):
        await session.hung_up.wait()
    with pytest.raises(AgiHangup):
        await session.answer()


async def test_eof_ends_a_pending_command(line: Line) -> None:
    session, peer = await line.call()
    peer.hold("EXEC")
    dial = asyncio.create_task(session.exec("Dial", "PJSIP/8001"))
    await peer.command("EXEC")
    await peer.close(reset=True)
    with pytest.raises(AgiConnectionLost):
        await dial
    assert session.hung_up.is_set()
    with pytest.raises(AgiConnectionLost):
        await session.answer()


async def test_hangup_then_eof_is_a_hangup(line: Line) -> None:
    session, peer = await line.call()
    peer.hold("EXEC")
    dial = asyncio.create_task(session.exec("Dial", "PJSIP/8001"))
    await peer.command("EXEC")
    peer.reply("HANGUP")
    await peer.close()
    with pytest.raises(AgiHangup):
        await dial


async def test_511_says_that_the_channel_is_gone(line: Line) -> None:
    session, peer = await line.call()
    peer.answers["SET MUSIC"] = "511 Command Not Permitted on a dead channel or intercept routine"
    with pytest.raises(AgiHangup):
        await session.set_music(True)
    assert session.hung_up.is_set()


@pytest.mark.parametrize(
    "reply",
    [
        "510 Invalid or unknown command",
        "520 Invalid command syntax.  Proper usage not available.",
        "520-Invalid command syntax.  Proper usage follows:\nUsage: ANSWER\n200 result=0\nHANGUP\n520 End of usage.",
        "503 result=-2 Memory allocation failure",
    ],
)
async def test_refused_commands_are_typed_and_leave_the_session_in_step(line: Line, reply: str) -> None:
    session, peer = await line.call()
    peer.answers["ANSWER"] = reply
    with pytest.raises(AgiProtocolError):
        await session.answer()
    assert not session.hung_up.is_set()
    peer.variables["A"] = "1"
    assert await session.get_full_variable("${A}") == "1"
    assert line.counters.count(Oddity.PROTOCOL_ERROR) == 1
    assert line.counters.count(Oddity.STRAY_LINE) == 0


async def test_trying_is_not_the_reply(line: Line) -> None:
    session, peer = await line.call()
    peer.answers["EXEC"] = "100 result=0 Trying...\n200 result=5"
    assert (await session.exec("Wait", "1")).value == 5


async def test_result_minus_one_is_a_failure_or_a_hangup(line: Line) -> None:
    session, peer = await line.call()
    peer.answers["CONTROL"] = "200 result=-1 endpos=0"
    with pytest.raises(AgiCommandFailed):
        await session.control_stream_file("hotline/missing")
    peer.answers["CONTROL"] = "200 result=-1 endpos=0\nHANGUP"
    with pytest.raises(AgiHangup):
        await session.control_stream_file("hotline/missing")


async def test_an_application_asterisk_has_not(line: Line) -> None:
    session, peer = await line.call()
    peer.answers["EXEC"] = "200 result=-2"
    with pytest.raises(AgiCommandFailed):
        await session.exec("Nosuch")


async def test_a_cancelled_command_never_leaves_its_reply_to_the_next(line: Line) -> None:
    session, peer = await line.call()
    peer.variables["A"] = "mine"
    peer.hold("EXEC Dial")
    dial = asyncio.create_task(session.exec("Dial", "PJSIP/8001", "20"))
    await peer.command("EXEC Dial")
    dial.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dial
    following = asyncio.create_task(session.get_full_variable("${A}"))
    await asyncio.sleep(0)
    assert [command[0] for command in peer.commands] == ["EXEC"], "the next one waits its turn"
    peer.reply("200 result=1 (stale)")
    assert await following == "mine"
    assert line.counters.count(Oddity.LATE_REPLY) == 1


async def test_mutant_without_that_guard_the_stale_reply_is_taken(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask(self: agi.connection.AgiConnection, raw: bytes, timeout: float | None, mark: bytes = b"") -> object:
        pending = self._pending = agi.connection._Pending(asyncio.get_running_loop().create_future(), b"", 0.0)
        self._transport.write(raw)
        return await pending.future

    monkeypatch.setattr(agi.connection.AgiConnection, "ask", ask)
    session, peer = await line.call()
    peer.hold("EXEC")
    dial = asyncio.create_task(session.exec("Dial", "PJSIP/8001", "20"))
    await peer.command("EXEC Dial")
    dial.cancel()
    following = asyncio.create_task(session.exec("Wait", "1"))
    await peer.command("EXEC Wait")
    peer.reply("200 result=1 (stale)")
    assert (await following).data == "stale"


async def test_a_late_reply_after_a_timeout_is_dropped(serve: Serve) -> None:
    from agi.limits import AgiLimits

    line = await serve(AgiLimits(command_timeout=0.05))
    session, peer = await line.call()
    peer.hold("ANSWER")
    with pytest.raises(AgiTimeout):
        await session.answer()
    with pytest.raises(AgiTimeout):  # the reply is still due: nothing else is sent before it
        await session.set_music(True)
    assert peer.commands == [["ANSWER"]]
    peer.reply("200 result=-1")
    await until(lambda: line.counters.count(Oddity.LATE_REPLY) == 1)
    await session.set_music(True)
    assert line.counters.count(Oddity.COMMAND_TIMEOUT) == 2


async def test_commands_of_two_tasks_take_turns(line: Line) -> None:
    session, peer = await line.call()
    for number in range(50):
        peer.variables[f"V{number}"] = str(number)
    found = await asyncio.gather(*(session.get_full_variable(f"${{V{number}}}") for number in range(50)))
    assert found == [str(number) for number in range(50)]


async def test_dial_has_no_timeout_of_its_own(serve: Serve) -> None:
    from agi.limits import AgiLimits

    line = await serve(AgiLimits(command_timeout=0.01))
    session, peer = await line.call()
    peer.hold("EXEC Dial")
    dial = asyncio.create_task(session.exec("Dial", "PJSIP/8001"))
    await peer.command("EXEC Dial")
    done, _ = await asyncio.wait([dial], timeout=0.1)
    assert not done
    peer.reply("200 result=0")
    assert (await dial).value == 0
    peer.hold("EXEC Wait")
    with pytest.raises(AgiTimeout):
        await session.exec("Wait", "9", timeout=0.02)
    peer.reply("200 result=0")


async def test_a_value_of_the_callers_never_passes_for_a_reply(line: Line) -> None:
    session, peer = await line.call()
    evil = "1)\n200 result=1 (evil)\nHANGUP\n511 gone\n520-usage\n200 result=0 ("
    peer.variables["CALLERID(num)"] = evil
    peer.variables["A"] = "mine"
    assert await session.get_full_variable("${CALLERID(num)}") == evil
    assert not session.hung_up.is_set()
    assert await session.get_full_variable("${A}") == "mine"
    assert line.counters.count(Oddity.STRAY_LINE) == 0


async def test_mutant_without_marks_it_does(line: Line) -> None:
    session, peer = await line.call()
    peer.variables["CALLERID(num)"] = "1)\n200 result=1 (evil"
    plain = await session._connection.ask(b'GET FULL VARIABLE "0${CALLERID(num)}"\n', 2.0)
    assert plain.data == "01"
    peer.hold("EXEC")
    await until(lambda: line.counters.count(Oddity.STRAY_LINE) == 1)
    # Arriving a moment later it would have been the reply to a command on its way.
    dial = asyncio.create_task(session.exec("Dial", "PJSIP/8001"))
    await peer.command("EXEC")
    peer.reply("200 result=1 (evil)")
    assert (await dial).data == "evil"


async def test_lines_that_answer_nothing_are_counted_and_bounded(line: Line) -> None:
    session, peer = await line.call()
    for _ in range(50):
        peer.reply("200 result=7")
    peer.reply("nonsense")
    await until(lambda: line.counters.count(Oddity.STRAY_LINE) == 51)
    peer.variables["A"] = "mine"
    assert await session.get_full_variable("${A}") == "mine"
    for _ in range(100):
        peer.reply("")
    async with asyncio.timeout(5):
        await session.hung_up.wait()


async def test_a_reply_without_end_is_given_up(line: Line) -> None:
    session, peer = await line.call()
    peer.hold("ANSWER")
    answer = asyncio.create_task(session.answer())
    await peer.command("ANSWER")
    peer.send(b"520-usage\n" + b"x\n" * 60_000)
    with pytest.raises(AgiConnectionLost):
        await answer
    session, peer = await line.call()
    peer.send(b"x" * 100_000)
    async with asyncio.timeout(5):
        await session.hung_up.wait()


CANARY = "EXEC System touch"
EVIL = [
    f'x"\n{CANARY} "',
    f"x\r\n{CANARY}",
    f"x\r{CANARY}",
    "x\0y",
    "x" * 2100 + CANARY,
    "中" * 700 + CANARY,
    "\ud800",
    "x\x1by",
]


@pytest.mark.parametrize("value", EVIL)
async def test_a_value_that_could_become_a_command_is_refused_before_anything_is_sent(line: Line, value: str) -> None:
    session, peer = await line.call()
    before = len(peer.commands)
    commands = [
        session.set_variable("HL_NOTE", value),
        session.set_variable(value, "x"),
        session.verbose(value),
        session.control_stream_file(value),
        session.set_music(True, value),
        session.get_full_variable("${" + value + "}"),
        session.get_full_variable(Argument(value)),
        session.exec("Dial", value),
        session.exec("Dial", Argument(value)),
        session.exec(value),
    ]
    for command in commands:
        with pytest.raises(AgiRefusedValue):
            await command
    await session.answer()
    assert peer.commands[before:] == [["ANSWER"]]
    assert line.counters.count(Oddity.REFUSED_VALUE) == len(commands)


async def test_mutant_without_the_check_the_canary_is_hit(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agi.grammar.clean", lambda text: text)
    session, peer = await line.call()
    await session.set_variable("HL_NOTE", f"x\n{CANARY} sing")
    await until(lambda: peer.executed == [["System", "touch", "sing"]])


async def test_mutant_without_the_length_the_canary_is_hit(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agi.grammar.MAX_LINE", 10_000)
    session, peer = await line.call()
    start = 'SET VARIABLE HL_NOTE "'
    await session.set_variable("HL_NOTE", "x" * (2047 - len(start)) + f"{CANARY} sing")
    await until(lambda: len(peer.executed) == 1)


@pytest.mark.parametrize(
    ("app", "args"),
    [
        ("Dial", ("PJSIP/8001&PJSIP/110@carrier", "20")),
        ("Dial", ("PJSIP/8001,20,U(evil)",)),
        ("Dial", ("PJSIP/${SHELL(id)}",)),
        ("Dial", ("PJSIP/8001", "20", "g|x")),
        ("Dial", ("PJSIP/80 01",)),
        ("System", ("id",)),
        ("trysystem", ("id",)),
        ("ExternalIVR", ("x",)),
        ("Exec", ("x",)),
        ("ExecIf", ("x",)),
        ("AGI", ("x",)),
        ("Dial PJSIP/1", ()),
    ],
)
async def test_exec_takes_only_what_is_declared(line: Line, app: str, args: tuple[str, ...]) -> None:
    session, peer = await line.call()
    with pytest.raises(AgiRefusedValue):
        await session.exec(app, *args)
    assert peer.executed == []


async def test_exec_takes_what_its_author_has_checked(line: Line) -> None:
    import re

    session, peer = await line.call()
    pair = Grammar("pair of names", re.compile(r"[a-z]+,[a-z]+"))
    await session.exec("Gosub", Argument.checked("a,b", pair))
    await session.exec("Dial", dial_string("PJSIP/8001", "PJSIP/110@test", "Local/s@hl-echo"), "20", "gm(hl)")
    assert peer.executed == [
        ["Gosub", "a,b"],
        ["Dial", "PJSIP/8001&PJSIP/110@test&Local/s@hl-echo,20,gm(hl)"],
    ]
    with pytest.raises(AgiRefusedValue):
        Argument.checked("a,b,c", pair)
    for targets in [(), ("SIP/1",), ("PJSIP/1&PJSIP/2",), ("PJSIP/1,2",), ("PJSIP/${X}",), ("PJSIP/",)]:
        with pytest.raises(AgiRefusedValue):
            dial_string(*targets)


@pytest.mark.parametrize("expression", ["${SHELL(id)}", "${HL_CALL", "x", "${EVAL(${X})}", "${X}${Y}", "$[1+1]"])
async def test_only_known_expressions_are_evaluated(line: Line, expression: str) -> None:
    session, peer = await line.call()
    with pytest.raises(AgiRefusedValue):
        await session.get_full_variable(expression)
    assert peer.commands == []


@pytest.mark.parametrize("name", ["SHELL(id)", "FILE(/etc/passwd)", "A B", "", "HL_CALL,X"])
async def test_only_known_names_are_written(line: Line, name: str) -> None:
    session, peer = await line.call()
    with pytest.raises(AgiRefusedValue):
        await session.set_variable(name, "x")
    assert peer.commands == []


async def test_functions_in_use_are_allowed(line: Line) -> None:
    session, peer = await line.call()
    peer.variables["PJSIP_HEADER(read,History-Info)"] = "<sip:12333@carrier>;index=1"
    assert await session.get_full_variable("${PJSIP_HEADER(read,History-Info)}") == "<sip:12333@carrier>;index=1"
    await session.set_variable("JITTERBUFFER(fixed)", "default")
    await session.set_variable("__HL_CALL", "ast1-1.2")


@pytest.mark.parametrize(
    ("opening", "odd"),
    [
        (header(), 0),
        (header(agi_callerid="unknown", agi_calleridname='张三 "主任"'), 0),
        (header(agi_callerid="138&PJSIP/9999"), 1),
        (header(agi_callerid="138,30,g"), 1),
        (header(agi_callerid="${SHELL(id)}"), 1),
        (header(agi_calleridname="a\rb"), 1),
        (header((*ARGS, "odd"), agi_callerid="unknown"), 1),
    ],
)
async def test_a_callers_number_that_is_none_is_counted(line: Line, opening: bytes, odd: int) -> None:
    await line.call(opening)
    assert line.counters.count(Oddity.ODD_CALLER) == odd


async def test_gbk_bytes_and_carriage_return_in_the_callers_name(line: Line) -> None:
    session, peer = await line.call(header(agi_calleridname="张三".encode("gbk") + b"\rEXEC System id"))
    assert session.env["agi_calleridname"].endswith("\rEXEC System id")
    assert session.args == ARGS
    assert line.counters.count(Oddity.ODD_BYTES) == 1
    with pytest.raises(AgiRefusedValue):
        await session.set_variable("HL_NOTE", session.env["agi_calleridname"])
    assert peer.commands == []


async def test_a_command_that_gives_up_its_place_passes_the_turn_on(line: Line) -> None:
    session, peer = await line.call()
    peer.hold("EXEC")
    dial = asyncio.create_task(session.exec("Dial", "PJSIP/8001"))
    await peer.command("EXEC")
    waiting = [asyncio.create_task(session.set_variable("HL_NOTE", str(number))) for number in range(4)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    peer.reply("200 result=0")
    await dial
    waiting[1].cancel()  # its turn has come, but it has not run yet
    done = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(one) for one in done[2:]] == [type(None)] * 2
    sent = [command[3] for command in peer.commands if command[0] == "SET"]
    assert sent in (["2", "3"], ["1", "2", "3"])


async def test_a_hangup_wakes_all_who_wait_their_turn(line: Line) -> None:
    session, peer = await line.call()
    peer.hold("EXEC")
    dial = asyncio.create_task(session.exec("Dial", "PJSIP/8001"))
    await peer.command("EXEC")
    waiting = [asyncio.create_task(session.answer()) for _ in range(3)]
    await asyncio.sleep(0)
    peer.send(b"200 result=-1\nHANGUP\n")
    assert (await dial).value == -1
    async with asyncio.timeout(1.5):
        done = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(one) for one in done} == {AgiHangup}


async def test_deadlines_hold_whatever_the_order_of_commands(serve: Serve) -> None:
    from agi.limits import AgiLimits

    line = await serve(AgiLimits(command_timeout=0.1, prompt_timeout=30.0))
    session, peer = await line.call()
    await session.control_stream_file("hotline/greeting.12333")  # sets a far alarm
    await session.answer()
    peer.hold("EXEC")
    dial = asyncio.create_task(session.exec("Dial", "PJSIP/8001"))  # the near alarm rings without anyone to wake
    await peer.command("EXEC")
    done, _ = await asyncio.wait([dial], timeout=0.2)
    assert not done
    peer.reply("200 result=0")
    await dial
    peer.hold("SET MUSIC")
    with pytest.raises(AgiTimeout):
        await session.set_music(True)
