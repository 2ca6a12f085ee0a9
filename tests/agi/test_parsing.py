"""Headers and replies of any bytes, and pyst2 as a second opinion on replies."""

from __future__ import annotations

import asyncio
import contextlib
import io
import signal
from collections.abc import Callable, Iterator

import pytest
from asterisk.agi import AGI, AGIAppError, AGIException
from hypothesis import example, given
from hypothesis import strategies as st

from agi.connection import AgiConnection
from agi.counters import AgiCounters, Oddity
from agi.env import EnvReader
from agi.errors import AgiBadEnvironment, AgiError, AgiHangup, AgiHeaderTooLarge, AgiProtocolError, AgiRefusedValue
from agi.grammar import DIAL_STRING, EXPRESSION, NUMBER, PROMPT, VARIABLE, Argument, command_line, quoted, safe_argument
from agi.limits import AgiLimits
from agi.reply import AgiReply, parse_reply
from tests.agi.peer import ARGS, header, words

ANY_LINE = st.binary(max_size=200).map(lambda line: line.replace(b"\n", b""))
LIKELY = st.one_of(
    ANY_LINE,
    st.sampled_from([b"HANGUP", b"", b"200 result=0", b"200 result=", b"511 dead", b"520-usage", b"520 End", b"100 x"]),
    st.builds(
        lambda name, value: b"agi_%s: %s" % (name, value), st.sampled_from([b"arg_1", b"x", b"threadid"]), ANY_LINE
    ),
)


@pytest.fixture
def second_opinion() -> Iterator[Callable[[bytes], dict[str, tuple[str, str]]]]:
    before = signal.getsignal(signal.SIGHUP)  # pyst2 takes the signal for itself

    def read(reply: bytes) -> dict[str, tuple[str, str]]:
        lines = io.TextIOWrapper(io.BytesIO(b"agi_x: y\n\n" + reply + b"\n"), newline="\n")
        found: dict[str, tuple[str, str]] = AGI(lines, io.StringIO(), io.StringIO()).get_result()
        return found

    yield read
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(
    "reply",
    [
        b"200 result=0",
        b"200 result=1",
        b"200 result=-2",
        b"200 result=1 (13812345678)",
        b"200 result=1 (a value, with spaces)",
        b"200 result=1 (<sip:12333@carrier>;index=1)",
        b"200 result=1 ()",
        b"200 result=0 endpos=15360",
        b"200 result=49 endpos=800",
        b"200 result=1000",
        b"200 result=12*# (timeout)",
        b"200 result=1 (speech) endpos=77 results=0",
    ],
)
def test_replies_read_as_pyst2_reads_them(
    reply: bytes, second_opinion: Callable[[bytes], dict[str, tuple[str, str]]]
) -> None:
    ours, theirs = parse_reply(reply), second_opinion(reply)
    assert (ours.result, ours.data or "") == theirs["result"]
    assert (str(ours.endpos) if ours.endpos is not None else "") == theirs.get("endpos", ("", ""))[0]


@pytest.mark.parametrize("reply", [b"510 Invalid or unknown command", b"520-x\nusage\n520 End", b"511 Dead", b"503 x"])
def test_refusals_are_refusals_to_pyst2_too(
    reply: bytes, second_opinion: Callable[[bytes], dict[str, tuple[str, str]]]
) -> None:
    with pytest.raises(AGIException):
        second_opinion(reply)
    with pytest.raises((AgiProtocolError, AgiHangup)):
        parse_reply(reply)


def test_where_we_differ_from_pyst2(second_opinion: Callable[[bytes], dict[str, tuple[str, str]]]) -> None:
    with pytest.raises(AGIAppError):  # it raises for -1, we let the command decide
        second_opinion(b"200 result=-1")
    assert parse_reply(b"200 result=-1").value == -1
    # No digits at all: it finds no result.
    assert second_opinion(b"200 result= (timeout)")["result"] == ("", "")
    assert parse_reply(b"200 result= (timeout)") == AgiReply("", "timeout")
    # A value that looks like one more key: ours is the text in parentheses.
    assert parse_reply(b"200 result=1 (a=b (c) d) endpos=5") == AgiReply("1", "a=b (c) d", 5)


@given(st.binary(max_size=300))
@example(b"200 result=")
@example(b"200 result=1 (")
@example(b"200 result=1 )(")
@example(b"200 result=1 endpos=99999999999999999999999999")
def test_any_bytes_are_a_reply_or_a_typed_error(line: bytes) -> None:
    try:
        reply = parse_reply(line)
    except (AgiProtocolError, AgiHangup):
        return
    assert line.startswith(b"200 result=")
    assert isinstance(reply.result, str)


@given(st.lists(LIKELY, max_size=60))
def test_any_lines_are_a_header_or_a_typed_error(lines: list[bytes]) -> None:
    reader = EnvReader(AgiLimits(env_lines=50, env_bytes=2_000))
    try:
        for line in lines:
            reader.take(line)
    except AgiHeaderTooLarge:
        assert len(lines) > 50 or sum(map(len, lines)) + len(lines) > 2_000
        return
    except AgiBadEnvironment:
        assert any(b"\0" in line for line in lines)
        return
    assert all(isinstance(value, str) for value in (*reader.env.values(), *reader.args))


@given(st.binary(max_size=400).filter(lambda value: b"\0" not in value))
@example(b"1\n\n200 result=1 (x)\nagi_threadid: 2\nagi_arg_1: evil")
def test_whatever_the_caller_sends_the_arguments_are_the_dialplans(value: bytes) -> None:
    reader = EnvReader(AgiLimits())
    for line in header(agi_callerid=value, agi_calleridname=value, agi_rdnis=value).split(b"\n"):
        if line:
            reader.take(line)
    assert reader.args == ARGS
    assert reader.route == "inbound"
    assert reader.env["agi_uniqueid"] == "ast1-1763761000.12"


class _Wire(asyncio.Transport):
    """Takes what is written; answers nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def abort(self) -> None:
        self.aborted = True


@given(st.lists(LIKELY, max_size=40), st.lists(st.integers(1, 64), min_size=1, max_size=20), st.booleans())
def test_any_bytes_in_any_pieces_keep_a_session_in_step(lines: list[bytes], sizes: list[int], asking: bool) -> None:
    async def story() -> None:
        counters = AgiCounters()
        ready: list[AgiConnection] = []
        connection = AgiConnection(
            AgiLimits(), counters, on_open=lambda _: None, on_ready=ready.append, on_lost=lambda _: None
        )
        wire = _Wire()
        connection.connection_made(wire)
        connection.data_received(header() + b"200 result=1 (%s)\n" % connection.mark.encode())
        assert ready == [connection]
        command = asyncio.create_task(connection.ask(b"ANSWER\n", None)) if asking else None
        await asyncio.sleep(0)
        data = b"".join(line + b"\n" for line in lines)
        position = 0
        while position < len(data):
            size = sizes[position % len(sizes)]
            connection.data_received(data[position : position + size])
            position += size
        answers = [line for line in lines if line[:3].isdigit() and line[3:4] in (b" ", b"-")]
        if not answers:
            assert counters.count(Oddity.PROTOCOL_ERROR) == 0
            assert command is None or not command.done()
        elif not asking:
            assert counters.count(Oddity.STRAY_LINE) >= len(answers)
        await asyncio.sleep(0)
        # Then the channel goes: nothing may be left waiting.
        connection.connection_lost(None)
        if command is not None:
            with contextlib.suppress(AgiError):
                await asyncio.wait_for(command, 1)
        assert connection.hung_up.is_set()

    asyncio.run(story())


@given(st.text(max_size=200))
def test_a_value_is_refused_or_read_back_by_asterisk_as_it_is(value: str) -> None:
    try:
        line = command_line(f"SET VARIABLE X {quoted(value)}")
    except AgiRefusedValue:
        assert any(
            ord(character) < 32 or ord(character) == 127 or 0xD800 <= ord(character) < 0xE000 for character in value
        )
        return
    assert line.count(b"\n") == 1
    assert words(line.decode()[:-1]) == ["SET", "VARIABLE", "X", value]


@given(st.text(alphabet="aZ09_./:@+^()-&,|$ {}\"'\\;!?=\n\r\0中", max_size=12))
def test_a_safe_argument_holds_nothing_but_the_safe_alphabet(text: str) -> None:
    safe = set(text) <= set("aZ09_./:@+^()-")
    try:
        assert safe_argument(text) == text
    except AgiRefusedValue:
        assert not safe
    else:
        assert safe


@given(st.text(alphabet="PJSIPLocal/8001@test.&,|${}()\n ", max_size=30))
def test_a_dial_string_has_one_target(text: str) -> None:
    try:
        DIAL_STRING.check(text)
    except AgiRefusedValue:
        return
    assert text.startswith(("PJSIP/", "Local/"))
    assert not set(text) & set("&,|${}()\n ")


@pytest.mark.parametrize("grammar", [DIAL_STRING, NUMBER, PROMPT, VARIABLE, EXPRESSION])
def test_a_trailing_line_feed_is_not_overlooked(grammar: object) -> None:
    good = {"dial string": "PJSIP/1", "number to dial": "1", "prompt": "a", "writable variable": "A"}
    text = good.get(grammar.name, "${A}")  # type: ignore[attr-defined]
    assert grammar.check(text) == text  # type: ignore[attr-defined]
    with pytest.raises(AgiRefusedValue):
        grammar.check(text + "\n")  # type: ignore[attr-defined]


def test_numbers_with_separators_are_nobodys() -> None:
    for text in ["138&PJSIP/1", "138,20", "", "+", "1 2", "１２３"]:
        with pytest.raises(AgiRefusedValue):
            Argument.checked(text, NUMBER)
    assert Argument.checked("+8613812345678", NUMBER) == "+8613812345678"
