"""A real, throw-away Asterisk on free ports, for tests of every package.

The root is HOTLINE_ASTERISK_ROOT or var/asterisk-root of the checkout, else the system's Asterisk. Without any of them
a test that asks for one fails; it is never skipped.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets as random
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hotline.settings import Settings, project_root
from server.asterisk import secrets
from server.asterisk.check import on_free_ports
from server.asterisk.instance import prepare
from server.asterisk.layout import ROOT_DIRECTORY, Layout, find
from server.asterisk.process import cli, running
from server.asterisk.render import EmergencyRoute, NativeQueue
from tests.ports import free_port

CARRIER = "127.0.0.2"
"""Address citizens' calls come from: the trunk `carrier` knows it. Phones use other addresses of the loopback net."""

A_LAW_SILENCE = b"\xd5"


def free_pair() -> int:
    """The first of two adjacent loopback ports nobody uses now: FastAGI of two voice processes."""
    while True:
        first = free_port()
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", first + 1))
            return first


def until(found: Callable[[], Any], what: str, *, seconds: float = 15.0) -> Any:
    """Wait for something to be so and return it; fails the test, naming it, when time is up."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := found():
            return value
        time.sleep(0.02)
    return pytest.fail(f"not within {seconds} s: {what}")


@dataclass(frozen=True)
class Ami:
    """How to reach the running instance's manager interface."""

    host: str
    port: int
    user: str
    secret: str


@dataclass(frozen=True)
class LiveAsterisk:
    """A running instance. Trunks: `carrier` (citizens, from CARRIER), `police`, `branch` and `member` (calls out)."""

    settings: Settings
    layout: Layout
    pid: int

    @property
    def sip(self) -> tuple[str, int]:
        """Address of its SIP listener."""
        return self.settings.asterisk.bind, self.settings.asterisk.sip_port

    def cli(self, command: str) -> str:
        """What the command line of Asterisk answers."""
        return cli(self.layout, command)

    def trunk_port(self, name: str) -> int:
        """UDP port at which the far side of a trunk is expected."""
        return next(int(t.contact.rpartition(":")[2]) for t in self.settings.asterisk.trunks if t.name == name)

    def channel(self, contains: str = "carrier") -> str | None:
        """Name of a live channel."""
        for line in self.cli("core show channels concise").splitlines():
            if contains in line:
                return line.partition("!")[0]
        return None

    def variable(self, channel: str, name: str) -> str | None:
        """A variable of a live channel."""
        shown = self.cli(f"core show channel {channel}")
        found = re.search(rf"^\s*{name}=(.*)$", shown, re.MULTILINE)
        return found.group(1) if found else None


def asterisk_settings(var: Path, **changes: Any) -> Settings:
    """Settings for a throw-away instance under `var`, on free ports."""
    link = var / ROOT_DIRECTORY
    root = Path(os.environ.get("HOTLINE_ASTERISK_ROOT", project_root() / "var" / ROOT_DIRECTORY))
    if root.is_dir() and not link.exists():
        link.symlink_to(root.resolve())
    trunks = [
        {
            "name": "carrier",
            "contact": f"{CARRIER}:{free_port(socket.SOCK_DGRAM)}",
            "identify": [CARRIER],
            "inbound": True,
        },
        *(
            {"name": name, "contact": f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}"}
            for name in ("police", "branch", "member")
        ),
    ]
    asterisk = {"systemname": "ast1", "extensions_count": 4, "webrtc_count": 2, "trunks": trunks}
    changes.setdefault("voice", {"fastagi_port": free_pair()})
    settings = Settings(var_dir=var, asterisk=asterisk, **changes)  # type: ignore[arg-type]
    return on_free_ports(settings)


def make_media(folder: Path) -> Path:
    """Prompts and music that are silent: what is said does not matter here."""
    for name in ("music/silence", "prompts/zh/bye.thanks", "prompts/zh/bye.callback_promised"):
        path = folder / f"{name}.alaw"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(A_LAW_SILENCE * 2000)
    return folder


def start_asterisk(
    var: Path, *, native: NativeQueue | None = None, emergency: tuple[EmergencyRoute, ...] = (), **changes: Any
) -> Iterator[LiveAsterisk]:
    """A running instance, gone with its folder when the iterator is closed."""
    settings = asterisk_settings(var, **changes)
    layout = find(settings, f"test-{random.token_hex(4)}")
    argv = prepare(settings, emergency, layout=layout, media=make_media(var / "media"), native=native or NativeQueue())
    try:
        with running(layout, argv) as process:
            yield LiveAsterisk(settings, layout, process.pid)
    finally:
        shutil.rmtree(layout.home, ignore_errors=True)


@pytest.fixture(scope="session")
def live_asterisk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveAsterisk]:
    """One Asterisk for all tests that leave it as they found it."""
    yield from start_asterisk(tmp_path_factory.mktemp("asterisk"))


@pytest.fixture
def asterisk_ami(live_asterisk: LiveAsterisk) -> Ami:
    """Host, port, user and secret of a running instance's AMI."""
    settings = live_asterisk.settings
    return Ami("127.0.0.1", settings.asterisk.ami_port, settings.asterisk.ami_user, secrets.load(settings).ami)


def sipp(folder: Path, name: str, *arguments: str) -> subprocess.Popen[bytes]:
    """SIPp in the background; its traffic is in `<folder>/<name>.log`."""
    return subprocess.Popen(
        ["sipp", *arguments, "-trace_msg", "-message_file", str(folder / f"{name}.log"), "-nostdin"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=(folder / f"{name}.out").open("wb"),
        stderr=subprocess.STDOUT,
    )


def place_call(
    asterisk: LiveAsterisk, folder: Path, dialled: str, *, seconds: float, name: str = "caller"
) -> subprocess.Popen[bytes]:
    """A citizen's call over the trunk `carrier`, hung up by the caller after `seconds` of being answered."""
    host, port = asterisk.sip
    return sipp(
        folder, name, "-sn", "uac", "-i", CARRIER, "-p", str(free_port(socket.SOCK_DGRAM, CARRIER)), "-s", dialled,
        "-m", "1", "-d", str(int(seconds * 1000)), f"{host}:{port}",
    )  # fmt: skip


def answer_calls(asterisk: LiveAsterisk, folder: Path, trunk: str, *, calls: int = 1) -> subprocess.Popen[bytes]:
    """The far side of an outgoing trunk: rings, answers, stays until we hang up."""
    port = str(asterisk.trunk_port(trunk))
    return sipp(folder, trunk, "-sn", "uas", "-i", "127.0.0.1", "-p", port, "-m", str(calls))
