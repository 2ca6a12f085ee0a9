"""From bytes to messages. Kind: unit tests."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from panoramisk.ami_protocol import AMIProtocol

from ami.counters import AmiCounters
from ami.events import SUBSCRIBED, AmiEvent, DTMFEnd, Hangup
from ami.message import Message
from ami.protocol import AmiStream
from tests.ami.peer import block, hangup

BANNER = b"Asterisk Call Manager/11.0.0\r\n"


class Wire(asyncio.Transport):
    """A transport that leads nowhere."""

    def abort(self) -> None:
        pass


class Recorder:
    """The connection a stream belongs to, writing down what it is told."""

    def __init__(self) -> None:
        self.events: list[AmiEvent] = []
        self.dropped: list[str] = []
        self.greetings = 0
        self.counters = AmiCounters()
        self.stream = AmiStream(self, self.counters, 100_000)
        self.stream.connection_made(Wire())

    def greeted(self) -> None:
        self.greetings += 1

    def drop(self, reason: str) -> None:
        self.dropped.append(reason)
        self.stream.close()

    def received(self, event: AmiEvent) -> None:
        self.events.append(event)

    def connection_lost(self, exc: object) -> None:
        self.dropped.append("lost")


CHINESE = hangup(1, variables=("HL_CALL=三门峡市12345热线", "HL_PHASE=", "HL_VOICE=voice-1"))


def test_characters_cut_by_chunk_borders_survive() -> None:
    for size in (1, 2, 3, 7):
        recorder = Recorder()
        data = BANNER + CHINESE.encode()
        for start in range(0, len(data), size):
            recorder.stream.data_received(data[start : start + size])
        (event,) = recorder.events
        assert isinstance(event, Hangup)
        assert event.variables == {"HL_CALL": "三门峡市12345热线", "HL_VOICE": "voice-1"}
        assert recorder.greetings == 1


def test_mutant_plain_panoramisk_loses_them() -> None:
    heard: list[Any] = []

    class Factory:
        save_stream = None
        dispatch = staticmethod(heard.append)

    protocol = AMIProtocol()
    protocol.connection_made(Wire())
    protocol.factory, protocol.encoding = Factory(), "utf8"
    data = CHINESE.encode()
    middle = data.index("门".encode()) + 1
    protocol.data_received(data[:middle])
    protocol.data_received(data[middle:])
    assert "门" not in heard[0]["ChanVariable"][0]


@given(st.lists(st.integers(1, 40), min_size=1, max_size=60))
def test_any_cut_gives_the_same_messages(sizes: list[int]) -> None:
    recorder = Recorder()
    data = BANNER + (CHINESE + hangup(2) + block("Event: VarSet", "Privilege: dialplan,all") + hangup(3)).encode()
    position = 0
    for size in [*sizes, len(data)]:
        recorder.stream.data_received(data[position : position + size])
        position += size
    assert [event.channel for event in recorder.events if isinstance(event, Hangup)] == [
        "PJSIP/t-1",
        "PJSIP/t-2",
        "PJSIP/t-3",
    ]


@given(st.binary(max_size=400))
def test_no_bytes_break_the_reader(noise: bytes) -> None:
    recorder = Recorder()
    recorder.stream.data_received(noise)
    greeted = Recorder()
    greeted.stream.data_received(BANNER + noise)
    greeted.stream.data_received(b"\r\n\r\n" + hangup(5).encode())
    if not greeted.dropped:
        assert isinstance(greeted.events[-1], Hangup)


@pytest.mark.parametrize("greeting", [b"HTTP/1.1 400 Bad Request\r\n", b"x", b"Asterisk Call Manager/" + b"1" * 300])
def test_a_banner_of_somebody_else(greeting: bytes) -> None:
    recorder = Recorder()
    recorder.stream.data_received(greeting)
    assert recorder.dropped == ["not_ami"]
    assert recorder.greetings == 0


def test_bytes_that_are_no_utf8_spoil_only_themselves() -> None:
    recorder = Recorder()
    gbk = hangup(1, variables=("HL_CALL=ast1-1.1", "HL_PHASE=热线")).encode("gbk")
    recorder.stream.data_received(BANNER + gbk + hangup(2).encode())
    first, second = recorder.events
    assert isinstance(first, Hangup)
    assert first.variables["HL_CALL"] == "ast1-1.1"
    assert "\N{REPLACEMENT CHARACTER}" in first.variables["HL_PHASE"]
    assert isinstance(second, Hangup)


def test_events_nobody_reads_cost_no_parsing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: str) -> Message:
        raise AssertionError("parsed")

    monkeypatch.setattr(Message, "parse", fail)
    recorder = Recorder()
    recorder.stream.data_received(BANNER + block("Event: Newexten", "Privilege: dialplan,all", "X: y").encode())
    with pytest.raises(AssertionError):
        recorder.stream.data_received(hangup(1).encode())


def test_nothing_is_read_after_the_end() -> None:
    recorder = Recorder()
    shutdown = block("Event: Shutdown", "Privilege: system,all", "Shutdown: Cleanly")
    recorder.stream.data_received(BANNER + (shutdown + hangup(1)).encode())
    assert recorder.dropped == ["shutdown"]
    assert recorder.events == []


def test_an_event_says_when_it_was_made() -> None:
    recorder = Recorder()
    stamped = hangup(1).replace("Event: Hangup", "Event: Hangup\r\nTimestamp: 1795318660.123456")
    recorder.stream.data_received(BANNER + (stamped + hangup(2)).encode())
    assert [event.at_ms for event in recorder.events] == [1_795_318_660_123, None]


def test_a_digit_has_no_repr() -> None:
    event = DTMFEnd(
        channel="PJSIP/t-1", uniqueid="1.1", linkedid="1.1", digit="8", direction="Received", variables={"A": "8"}
    )
    assert "8" not in repr(event)


def test_the_list_for_the_event_filter_names_each_event_once() -> None:
    assert len(set(SUBSCRIBED)) == len(SUBSCRIBED)
    assert all(name.isalpha() for name in SUBSCRIBED)
