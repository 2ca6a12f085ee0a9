"""`hotline asterisk check`: a throw-away Asterisk on the rendered files; any warning of ours is a failure."""

from __future__ import annotations

import contextlib
import re
import secrets as random
import shutil
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hotline.settings import Settings
from server.asterisk import secrets
from server.asterisk.dialplan import lint
from server.asterisk.instance import prepare, write
from server.asterisk.layout import Layout, find
from server.asterisk.process import cli, running
from server.asterisk.render import EmergencyRoute, render

ALLOWED: Final[Mapping[str, str]] = {
    "PBX UUID: ": "printed at every start",
    "Unable to disable core size resource limit": "it runs without privileges on purpose",
    "Could not find option 'minimum_size' with type 'threadpool' in module 'stasis'": (
        "22.10 names an option in its own defaults that it no longer has, whatever stasis.conf says"
    ),
}
"""What Asterisk may say at start, by how the message begins -> why it does not matter."""

_LOGGED: Final = re.compile(r"^\[[^]]+\] (?P<level>WARNING|ERROR)\[\d+\](?:\[C-\w+\])? (?P<message>.*)$")
_SILENT: Final = re.compile(r"^\s*$")


@dataclass(frozen=True)
class Report:
    """What a check found. Good when `faults` is empty."""

    modules: int
    faults: tuple[str, ...]


def check(
    settings: Settings,
    emergency: Sequence[EmergencyRoute] = (),
    *,
    media: Path | None = None,
    overlay: Mapping[str, str] | None = None,
) -> Report:
    """Render, lint, start on free ports, read what it logged, stop, clean up. `overlay` replaces rendered files.

    Raises PartUnavailable if there is no Asterisk or it does not come up.
    """
    with throwaway(settings) as (own, layout):
        argv = prepare(own, emergency, layout=layout, media=media)
        files = {**render(own, secrets.load(own), layout, emergency), **(overlay or {})}
        write(layout, files)
        faults = [str(finding) for finding in lint(files["extensions.conf"])]
        with running(layout, argv):
            modules = cli(layout, "module show")
        faults += [f"module not running: {line.split()[0]}" for line in modules.splitlines() if "Not Running" in line]
        faults += complaints(layout)
        counted = re.search(r"(\d+) modules loaded", modules)
        return Report(int(counted.group(1)) if counted else 0, tuple(faults))


def complaints(layout: Layout) -> list[str]:
    """Warnings and errors of an instance's logs that are not allowed for."""
    found = []
    for line in (layout.log / "messages.log").read_text(errors="replace").splitlines():
        logged = _LOGGED.match(line)
        if logged and not logged["message"].partition(": ")[2].startswith(tuple(ALLOWED)):
            found.append(f"{logged['level']} {logged['message']}")
    # Before the logger is up, and from libraries, it speaks to the terminal.
    for line in (layout.home / "console.log").read_text(errors="replace").splitlines():
        if not _SILENT.match(line) and not line.startswith(tuple(ALLOWED)):
            found.append(f"console: {line}")
    return found


@contextlib.contextmanager
def throwaway(settings: Settings) -> Iterator[tuple[Settings, Layout]]:
    """Settings on free ports and a layout of its own beside the line's; its folder is gone afterwards."""
    layout = find(settings, f"check-{random.token_hex(4)}")
    try:
        yield on_free_ports(settings), layout
    finally:
        shutil.rmtree(layout.home, ignore_errors=True)


def on_free_ports(settings: Settings) -> Settings:
    """The same settings with every listener of Asterisk moved to free ports."""
    taken = list(_free_ports(3))
    rtp = (taken[0] + 2) // 2 * 2 if taken[0] < 60000 else 40000
    moved = settings.asterisk.model_copy(
        update={
            "sip_port": taken[0],
            "http_port": taken[1],
            "ami_port": taken[2],
            "rtp_start": rtp,
            "rtp_end": rtp + 999,
        }
    )
    return settings.model_copy(update={"asterisk": moved})


def _free_ports(count: int) -> Iterator[int]:
    with contextlib.ExitStack() as held:
        for _ in range(count):
            probe = held.enter_context(socket.socket())
            probe.bind(("127.0.0.1", 0))
            yield int(probe.getsockname()[1])
