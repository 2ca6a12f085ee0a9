"""The classic script `callback-request` as Asterisk runs it, and the reading side of its spool."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agi.classic import script_files
from agi.routes import CLASSIC_SCRIPTS
from agi.spool import CallbackRequest, CallbackSpool, SpoolFileRefused
from tests.agi.peer import header, words

CALL = "ast1-1763761000.12"
VARIABLES = {"HL_CALL": CALL, "HL_ENTERED": "1763761000123", "HL_DID": "12333"}


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """An agi-bin folder with the files the script needs, and no other package in reach."""
    folder = tmp_path / "agi-bin"
    for name, source in script_files().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, folder / name)
    return folder / "callback_request.py"


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir()
    return folder


class Channel:
    """Asterisk with one channel, running the script."""

    def __init__(self, script: Path, *arguments: str) -> None:
        self.set: dict[str, str] = {}
        self.overlapped = False
        """Whether a command came before the answer to the one before: Asterisk would read it never."""
        self._process = subprocess.Popen(
            # -S -s: without site-packages, as on an Asterisk host.
            [sys.executable, "-S", "-s", str(script), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env={"LC_ALL": "C"},
        )

    def run(self, opening: bytes, variables: dict[str, str], *, gone: bool = False, hangup: bool = False) -> int:
        """The whole session; `gone`: the channel ends with the header; `hangup`: SIGHUP comes at the first command."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(opening)
        process.stdin.flush()
        if gone:
            process.stdin.close()
        for raw in process.stdout:
            line = words(raw.decode().rstrip("\n"))
            if gone:
                continue
            self.overlapped |= bool(select.select([process.stdout], [], [], 0.05)[0])
            if hangup:
                process.send_signal(signal.SIGHUP)
                hangup = False
            if line[:3] == ["GET", "FULL", "VARIABLE"]:
                value = re.sub(r"\$\{(\w+)\}", lambda name: variables.get(name[1], ""), line[3])
                reply = f"200 result=1 ({value})\n".encode()
            elif line[:2] == ["SET", "VARIABLE"]:
                self.set[line[2]] = line[3]
                reply = b"200 result=1\n"
            else:
                reply = b"510 Invalid or unknown command\n"
            # A script that has given up no longer reads.
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(reply)
                process.stdin.flush()
        with process:
            self.errors = process.stderr.read().decode() if process.stderr else ""
            if not gone:
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.close()
        return process.wait(10)


def only(spool: Path) -> dict[str, object]:
    [path] = spool.iterdir()
    assert path.name == f"{CALL}.json"
    found: dict[str, object] = json.loads(path.read_text())
    return found


def test_a_request_is_recorded_and_may_be_promised(installed: Path, spool: Path) -> None:
    channel = Channel(installed, str(spool))
    assert channel.run(header(()), VARIABLES) == 0
    assert channel.set == {"HL_CALLBACK": "recorded"}
    found = only(spool)
    assert isinstance(found.pop("requested_ms"), int)
    assert found == {
        "schema": 1,
        "call": CALL,
        "entered_ms": 1763761000123,
        "dialled": "12333",
        "caller": "13812345678",
        "reason": "no_agent",
    }
    assert "13812345678" not in channel.errors, "no personal data in Asterisk's log"
    [(path, request)] = CallbackSpool(spool).requests()
    assert request.call == CALL
    assert request.caller == "13812345678"
    CallbackSpool(spool).remove(path)
    assert CallbackSpool(spool).requests() == []


def test_a_second_run_changes_nothing(installed: Path, spool: Path) -> None:
    Channel(installed, str(spool)).run(header(()), VARIABLES)
    first = (spool / f"{CALL}.json").read_bytes()
    again = Channel(installed, str(spool))
    assert again.run(header(()), VARIABLES) == 0
    assert again.set == {"HL_CALLBACK": "recorded"}
    assert (spool / f"{CALL}.json").read_bytes() == first


@pytest.mark.parametrize(
    "sent",
    [
        b"138&PJSIP/110@carrier",
        b"138,20,U(evil)",
        "张三".encode("gbk"),
        b"unknown",
        b"",
        b"138\rEXEC System id",
        b"\xff\xfe",
        b"138 ",
        b'138"}',
    ],
)
def test_an_odd_number_is_nobodys_number_but_the_call_is_kept(installed: Path, spool: Path, sent: bytes) -> None:
    channel = Channel(installed, str(spool))
    assert channel.run(header((), agi_callerid=sent, agi_calleridname=sent), VARIABLES) == 0
    expected = "138" if sent == b"138 " else ""  # pyst2 strips
    assert only(spool)["caller"] == expected
    assert CallbackSpool(spool).requests()[0][1].caller == expected


@pytest.mark.parametrize(
    "sent",
    [
        b"1\nagi_uniqueid: ast1-1.1\n\n200 result=1 (x)\n",
        b"1\n\n520-usage",
        b"1\nagi_threadid: 5\nagi_arg_1: evil\n\n200 result=1 (evil)\n511 x\nHANGUP",
        b"1\n\nHANGUP\n\n\nagi_uniqueid: ast1-1.1",
        b"1\nagi_uniqueid: ast1-1.1",
    ],
)
def test_a_line_feed_from_the_caller_forges_nothing(installed: Path, spool: Path, sent: bytes) -> None:
    channel = Channel(installed, str(spool))
    channel.run(header((), agi_callerid=sent), VARIABLES)
    assert not channel.overlapped
    assert only(spool)["call"] == CALL
    assert only(spool)["entered_ms"] == 1763761000123


def test_mutant_that_gives_up_on_a_forged_reply_overlaps_its_commands(installed: Path, spool: Path) -> None:
    source = installed.read_text()
    guard = "except (AGIException, ValueError):\n                continue"
    assert guard in source
    installed.write_text(source.replace(guard, guard.replace("continue", 'return ""')))
    channel = Channel(installed, str(spool))
    channel.run(header((), agi_callerid=b"1\n\n511 x"), VARIABLES)
    assert channel.overlapped


def test_a_caller_who_hangs_up_meanwhile_is_recorded(installed: Path, spool: Path) -> None:
    assert Channel(installed, str(spool)).run(header(()), VARIABLES, hangup=True) == 0
    assert only(spool)["entered_ms"] == 1763761000123


def test_a_channel_that_is_gone_is_recorded_from_its_header(installed: Path, spool: Path) -> None:
    assert Channel(installed, str(spool)).run(header(()), {}, gone=True) == 0
    assert only(spool)["dialled"] == "12333"


def test_nothing_is_promised_when_nothing_could_be_written(installed: Path, tmp_path: Path) -> None:
    channel = Channel(installed, str(tmp_path / "missing"))
    assert channel.run(header(()), VARIABLES) == 1
    assert channel.set == {"HL_CALLBACK": "failed"}
    channel = Channel(installed)
    assert channel.run(header(()), VARIABLES) == 1
    assert channel.set == {"HL_CALLBACK": "failed"}


def test_a_call_without_an_id_is_not_promised(installed: Path, spool: Path) -> None:
    channel = Channel(installed, str(spool))
    assert channel.run(header((), agi_uniqueid="../../x"), {"HL_CALL": "../../etc/x"}) == 1
    assert channel.set == {"HL_CALLBACK": "failed"}
    assert list(spool.iterdir()) == []


def test_started_by_hand_it_ends(installed: Path, spool: Path) -> None:
    assert Channel(installed, str(spool)).run(b"", {}, gone=True) == 1


def test_it_is_in_the_table() -> None:
    assert CLASSIC_SCRIPTS["callback-request"] == "agi.classic.callback_request"
    assert os.access(script_files()["callback_request.py"], os.X_OK)


# the reading side

GOOD = {
    "schema": 1,
    "call": CALL,
    "entered_ms": 1763761000123,
    "dialled": "12333",
    "caller": "+8613812345678",
    "reason": "no_agent",
    "requested_ms": 1763761060123,
}


def put(spool: Path, content: object, name: str = f"{CALL}.json") -> Path:
    path = spool / name
    path.write_text(json.dumps(content))
    return path


def test_unfinished_files_are_not_read(spool: Path) -> None:
    put(spool, GOOD, f".{CALL}.77.tmp")
    put(spool, GOOD, ".hidden.json")
    assert CallbackSpool(spool).pending() == []
    assert CallbackSpool(spool / "not-there").pending() == []


def test_the_oldest_comes_first(spool: Path) -> None:
    names = [f"ast1-1763761000.{number}" for number in (3, 1, 2)]
    for age, call in enumerate(names):
        path = put(spool, {**GOOD, "call": call}, f"{call}.json")
        os.utime(path, ns=(age, age))
    assert [request.call for _, request in CallbackSpool(spool).requests()] == names


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 2},
        {"call": "ast1-1763761000.13"},
        {"call": "../x"},
        {"call": 5},
        {"entered_ms": "1763761000123"},
        {"entered_ms": True},
        {"entered_ms": 1763761000},
        {"entered_ms": 1.5},
        {"requested_ms": None},
        {"requested_ms": -1},
        {"dialled": "12333&1"},
        {"caller": "138\n"},
        {"caller": "１３８"},
        {"caller": "1" * 40},
        {"reason": "because"},
    ],
)
def test_bad_files_are_moved_aside_and_the_others_read(spool: Path, change: dict[str, object]) -> None:
    bad = put(spool, {**GOOD, **change})
    put(spool, {**GOOD, "call": "ast1-1763761000.99"}, "ast1-1763761000.99.json")
    reader = CallbackSpool(spool)
    with pytest.raises(SpoolFileRefused):
        reader.read(bad)
    assert (spool / "bad" / bad.name).exists()
    assert [request.call for _, request in reader.requests()] == ["ast1-1763761000.99"]


def test_links_folders_and_monsters_are_refused(spool: Path, tmp_path: Path) -> None:
    secret = put(tmp_path, GOOD, "secret")
    (spool / "a.json").symlink_to(secret)
    (spool / "b.json").mkdir()
    (spool / "c.json").write_bytes(b"[" * 10_000)
    (spool / "d.json").write_bytes(b" " * 100_000)
    os.mkfifo(spool / "e.json")
    assert CallbackSpool(spool).requests() == []
    assert sorted(path.name for path in (spool / "bad").iterdir()) == [f"{letter}.json" for letter in "abcde"]


def test_a_file_removed_meanwhile_is_no_error(spool: Path) -> None:
    path = put(spool, GOOD)
    reader = CallbackSpool(spool)
    reader.remove(path)
    reader.remove(path)
    with pytest.raises(FileNotFoundError):
        reader.read(path)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_request_or_refused(content: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{CALL}.json"
        path.write_bytes(content)
        with pytest.raises(SpoolFileRefused):
            CallbackSpool(Path(folder)).read(path)


def test_a_good_file_is_read_whole(spool: Path) -> None:
    assert CallbackSpool(spool).read(put(spool, GOOD)) == CallbackRequest(
        CALL, 1763761000123, "12333", "+8613812345678", "no_agent", 1763761060123
    )
