"""Kind: real. The dialplan supervisor with voice processes that refuse, hang, crash, finish, and with none at all."""

from __future__ import annotations

import contextlib
import json
import queue
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.asterisk.render import EmergencyRoute, NativeQueue
from tests.asterisk_config.voice_peer import Session, VoicePeer
from tests.asterisk_fixtures import LiveAsterisk, answer_calls, place_call, sipp, start_asterisk, until

pytestmark = pytest.mark.real

NATIVE = NativeQueue(tries=2, slice_seconds=4, slices=10)
EMERGENCY = (EmergencyRoute("110", "police", "1101", 10), EmergencyRoute("110", "branch", "1102", 10))


@pytest.fixture(scope="module")
def asterisk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveAsterisk]:
    var = tmp_path_factory.mktemp("supervisor")
    # A phone that lets it ring stays a member: the order of callers can be watched for longer.
    yield from start_asterisk(var, native=NATIVE, emergency=EMERGENCY, acd={"no_answer_not_ready": False})


@pytest.fixture
def ports(asterisk: LiveAsterisk) -> tuple[int, int]:
    first = asterisk.settings.voice.fastagi_port
    return first, first + 1


@pytest.fixture
def calls(asterisk: LiveAsterisk) -> Iterator[list[subprocess.Popen[bytes]]]:
    """SIPp processes of the test; whatever still lives ends with it, and so do its channels."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for call in started:
        call.kill()
        call.wait()
    asterisk.cli("queue remove member PJSIP/member from hl-native")
    asterisk.cli("channel request hangup all")
    until(lambda: "0 active channels" in asterisk.cli("core show channels count"), "all channels gone")


class Told:
    """What the voice processes saw, in order."""

    def __init__(self) -> None:
        self._sessions: queue.Queue[Session] = queue.Queue()

    def add(self, session: Session) -> None:
        self._sessions.put(session)

    def next(self, seconds: float = 10) -> Session:
        return self._sessions.get(timeout=seconds)

    def empty(self) -> bool:
        return self._sessions.empty()


def test_with_no_process_and_no_agent_the_caller_is_written_down_and_told(
    asterisk: LiveAsterisk, calls: list[subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    calls.append(place_call(asterisk, tmp_path, "12333", seconds=60))
    channel = until(asterisk.channel, "the caller's channel")
    call = asterisk.variable(channel, "HL_CALL")

    calls[0].wait(20)

    request = json.loads((asterisk.layout.callbacks / f"{call}.json").read_text())
    assert (request["call"], request["dialled"], request["reason"]) == (call, "12333", "no_agent")
    assert re.fullmatch(r"ast1-\d{10}\.\d+", str(call))
    assert abs(request["requested_ms"] - request["entered_ms"] - 1500) < 1500  # one second of music, an answer
    assert "BYE sip:" in (tmp_path / "caller.log").read_text()


def test_a_call_back_that_cannot_be_written_down_is_not_promised_and_the_search_goes_on(
    asterisk: LiveAsterisk, ports: tuple[int, int], calls: list[subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    ends: queue.Queue[str] = queue.Queue()
    told = Told()

    def play(session: Session) -> None:
        told.add(session)
        ends.put(session.wait_for_end())

    asterisk.layout.callbacks.chmod(0o500)
    try:
        calls.append(place_call(asterisk, tmp_path, "12333", seconds=60))
        channel = until(asterisk.channel, "the caller's channel")
        until(lambda: asterisk.variable(channel, "HL_CALLBACK") == "failed", "the script was tried")
        with VoicePeer(ports[0], play), VoicePeer(ports[1], play):
            assert told.next().arguments[3] == "waiting"
            # The script's own wish not to be disturbed is over: this session is told of the hang-up.
            asterisk.cli(f"channel request hangup {channel}")
            assert ends.get(timeout=5) == "HANGUP"
    finally:
        asterisk.layout.callbacks.chmod(0o750)


def test_a_process_that_refuses_costs_one_second(
    asterisk: LiveAsterisk, ports: tuple[int, int], calls: list[subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    told = Told()

    def play(session: Session) -> None:
        told.add(session)
        session.ask("SET VARIABLE HL_PHASE done")

    entries = set()
    with VoicePeer(ports[1], play):
        while entries != {"1", "2"}:  # the first one tried is drawn
            calls.append(place_call(asterisk, tmp_path, "+8639812333", seconds=60, name=f"caller-{len(calls)}"))
            session = told.next()
            calls[-1].wait(10)
            _, entered, entry, phase, did = session.arguments
            entries.add(entry)
            assert (phase, did) == ("entered", "+8639812333")
            assert re.fullmatch(r"\d{13}", entered)
    assert told.empty()


@pytest.mark.parametrize("phase", ["done", "survey"])
def test_a_call_that_is_finished_or_asked_about_is_never_entered_again(
    asterisk: LiveAsterisk, ports: tuple[int, int], calls: list[subprocess.Popen[bytes]], tmp_path: Path, phase: str
) -> None:
    told = Told()

    def play(session: Session) -> None:
        told.add(session)
        session.ask("ANSWER")
        session.ask(f"SET VARIABLE HL_PHASE {phase}")

    with VoicePeer(ports[0], play), VoicePeer(ports[1], play):
        calls.append(place_call(asterisk, tmp_path, "12345", seconds=60))
        told.next()
        calls[0].wait(10)
    assert told.empty()


def test_after_a_talk_one_process_may_ask_how_it_was_once(
    asterisk: LiveAsterisk, ports: tuple[int, int], calls: list[subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    told = Told()

    def play(session: Session) -> None:
        told.add(session)
        session.ask("ANSWER")
        session.ask("SET VARIABLE HL_PHASE talked")  # and is gone, the second one too: before it has asked anything

    with VoicePeer(ports[0], play), VoicePeer(ports[1], play):
        calls.append(place_call(asterisk, tmp_path, "12345", seconds=60))
        first, second = told.next(), told.next()
        calls[0].wait(10)
    assert (first.arguments[2:4], second.arguments[2:4]) == (["1", "entered"], ["2", "talked"])
    assert second.arguments[:2] == first.arguments[:2]
    assert told.empty()


def test_after_a_talk_with_nobody_to_ask_there_is_goodbye(
    asterisk: LiveAsterisk, ports: tuple[int, int], calls: list[subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    told = Told()

    def play(session: Session) -> None:
        told.add(session)
        session.ask("ANSWER")
        session.ask("SET VARIABLE HL_PHASE talked")
        until(gone.is_set, "the processes have stopped listening")

    gone = threading.Event()
    with VoicePeer(ports[0], play) as first, VoicePeer(ports[1], play) as second:
        calls.append(place_call(asterisk, tmp_path, "12345", seconds=60))
        told.next()
        channel = until(asterisk.channel, "the caller's channel")
        until(lambda: asterisk.variable(channel, "HL_PHASE") == "talked", "the talk is on the channel")
        # Neither listens any more when the first of them drops the session.
        first.refuse()
        second.refuse()
    gone.set()
    calls[0].wait(10)  # neither music nor the native queue: thanks, and out
    assert told.empty()


def test_a_crash_while_waiting_brings_the_caller_to_a_process_with_place_and_phase(
    asterisk: LiveAsterisk, ports: tuple[int, int], calls: list[subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    told = Told()

    def play(session: Session) -> None:
        told.add(session)
        if session.arguments[2] == "1":
            session.ask("ANSWER")
            session.ask("SET VARIABLE HL_PHASE waiting")
            return  # and is gone
        session.ask("SET VARIABLE HL_PHASE done")

    with VoicePeer(ports[0], play), VoicePeer(ports[1], play):
        calls.append(place_call(asterisk, tmp_path, "12345", seconds=60))
        first, second = told.next(), told.next()
        calls[0].wait(10)

    assert second.arguments[:2] == first.arguments[:2]
    assert (first.arguments[2:4], second.arguments[2:4]) == (["1", "entered"], ["2", "waiting"])


def test_a_process_that_dies_while_its_caller_talks_is_no_reason_to_queue_again(
    asterisk: LiveAsterisk, ports: tuple[int, int], calls: list[subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    told = Told()

    def play(session: Session) -> None:
        told.add(session)
        session.ask("ANSWER")
        session.ask("SET VARIABLE HL_PHASE ringing")
        session.ask('EXEC Dial "PJSIP/branch,20,gm(hl)U(hl-answered)"')

    with contextlib.ExitStack() as peers:
        for port in ports:
            peers.enter_context(VoicePeer(port, play))
        calls.append(answer_calls(asterisk, tmp_path, "branch"))
        calls.append(place_call(asterisk, tmp_path, "12345", seconds=60))
        told.next()
        caller = until(lambda: asterisk.channel("carrier"), "the caller's channel")
        until(lambda: asterisk.variable(caller, "HL_PHASE") == "talked", "the answer mark on the caller's channel")
        assert "!Dial!" in next(row for row in asterisk.cli("core show channels concise").splitlines() if caller in row)
    # The processes are dead; the call goes on until the agent's side hangs up. Then new ones may ask how it was.
    with VoicePeer(ports[0], told.add), VoicePeer(ports[1], told.add):
        agent = until(lambda: asterisk.channel("PJSIP/branch-"), "the agent's channel")
        asterisk.cli(f"channel request hangup {agent}")
        assert told.next().arguments[3] == "talked"
        calls[1].wait(10)
        assert told.empty()


def test_the_native_queue_serves_in_order_of_entry_and_marks_the_answer(
    asterisk: LiveAsterisk, calls: list[subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    asterisk.cli("queue add member PJSIP/member to hl-native")
    callers = []
    for name in ("first", "second"):
        calls.append(place_call(asterisk, tmp_path, "12345", seconds=60, name=name))
        callers.append(until(lambda: _newest(asterisk, callers), f"the channel of the {name}"))

    def in_queue() -> bool:
        shown = asterisk.cli("queue show hl-native")
        return all(caller in shown for caller in callers) and shown.index(callers[0]) < shown.index(callers[1])

    until(in_queue, "both in the native queue, the earlier one first")
    # In its second slice the first one is still ahead of the second one, whatever slice that one is in.
    until(lambda: asterisk.variable(callers[0], "HL_NATIVE_SLICES") == "2" and in_queue(), "order kept in slice 2")
    calls.append(answer_calls(asterisk, tmp_path, "member"))

    until(lambda: asterisk.variable(callers[0], "HL_PHASE") == "talked", "the first one is answered", seconds=20)

    assert asterisk.variable(callers[1], "HL_PHASE") == "waiting"
    asterisk.cli(f"channel request hangup {asterisk.channel('member')}")
    calls[0].wait(10)  # thanks, and out: not back into the queue


def test_an_emergency_call_goes_out_at_once_with_everything_of_ours_dead(
    asterisk: LiveAsterisk, calls: list[subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    calls.append(answer_calls(asterisk, tmp_path, "police"))
    calls.append(place_call(asterisk, tmp_path, "0398110", seconds=1))

    assert calls[0].wait(10) == 0
    assert calls[1].wait(10) == 0
    assert "INVITE sip:1101@" in (tmp_path / "police.log").read_text()


def test_an_emergency_target_that_is_gone_gives_way_to_the_next(
    asterisk: LiveAsterisk, calls: list[subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    calls.append(answer_calls(asterisk, tmp_path, "branch"))
    calls.append(place_call(asterisk, tmp_path, "110", seconds=1))

    assert calls[0].wait(20) == 0
    assert "INVITE sip:1102@" in (tmp_path / "branch.log").read_text()


def test_a_stranger_is_asked_for_a_password_and_gets_nowhere(
    asterisk: LiveAsterisk, calls: list[subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    host, port = asterisk.sip
    stranger = sipp(
        tmp_path, "stranger", "-sn", "uac", "-i", "127.0.0.3", "-p", "5999", "-s", "12345", "-m", "1", f"{host}:{port}"
    )
    calls.append(stranger)

    assert stranger.wait(10) != 0
    assert "SIP/2.0 401 Unauthorized" in (tmp_path / "stranger.log").read_text()


def _newest(asterisk: LiveAsterisk, known: list[str]) -> str | None:
    for line in asterisk.cli("core show channels concise").splitlines():
        name = line.partition("!")[0]
        if "carrier" in name and name not in known:
            return name
    return None
