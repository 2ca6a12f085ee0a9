"""Two real, throw-away Asterisk hosts of one site, each on an address of its own, for tests of every package."""

from __future__ import annotations

import contextlib
import secrets as random
import shutil
from collections.abc import Generator
from pathlib import Path
from typing import Any

from hotline.settings import Asterisk, Settings
from server.asterisk.instance import prepare
from server.asterisk.layout import find
from server.asterisk.process import running
from tests.asterisk_fixtures import LiveAsterisk, asterisk_settings, make_media

ADDRESSES = ("127.0.0.11", "127.0.0.12")
"""The hosts' own: a call between them is known by where it comes from."""


def site_settings(var: Path, **asterisk: Any) -> list[Settings]:
    """Settings of `ast1` and `ast2`, each with the other as its peer. `asterisk` replaces keys on both."""
    names = ("ast1", "ast2")
    alone = []
    for name in names:
        (var / name).mkdir()
        alone.append(asterisk_settings(var / name))
    sip = [f"{address}:{settings.asterisk.sip_port}" for address, settings in zip(ADDRESSES, alone, strict=True)]
    found = []
    for n, settings in enumerate(alone):
        keys = settings.asterisk.model_dump() | {
            "systemname": names[n],
            "bind": ADDRESSES[n],
            "phone_secret": "one-for-the-site",
            "peers": [{"systemname": names[1 - n], "sip": sip[1 - n]}],
        }
        found.append(settings.model_copy(update={"asterisk": Asterisk.model_validate(keys | asterisk)}))
    return found


def start_site(var: Path, **asterisk: Any) -> Generator[tuple[LiveAsterisk, LiveAsterisk]]:
    """Both hosts, running; gone with their folders when the iterator is closed."""
    with contextlib.ExitStack() as stack:
        hosts = []
        for settings in site_settings(var, **asterisk):
            layout = find(settings, f"test-{random.token_hex(4)}")
            stack.callback(shutil.rmtree, layout.home, ignore_errors=True)
            argv = prepare(settings, layout=layout, media=make_media(settings.var_dir / "media"))
            process = stack.enter_context(running(layout, argv))
            hosts.append(LiveAsterisk(settings, layout, process.pid))
        yield hosts[0], hosts[1]
