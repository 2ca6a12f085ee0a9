"""Two Asterisk hosts of one site behind Kamailio, each with processes of its own, on one PostgreSQL and one Redis."""

from __future__ import annotations

import asyncio
import json
import os
import secrets as token_source
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hotline.database import Database
from hotline.sealed import key_file
from server.processes import Stack
from server.provision import kamailio, proc
from tests.accept.line import (
    CARRIER,
    Keys,
    Line,
    adjacent_ports,
    eventually,
    free_port_of,
    free_ports,
    prepared,
    running_line,
)

ADDRESSES = ("127.0.0.11", "127.0.0.12")
"""The hosts' own: a call from one to the other is known by it."""

KAMAILIO = "127.0.0.13"


@dataclass
class TwoHosts:
    """`line` is the site as carriers and phones see it, behind Kamailio; `first` and `second` are its hosts themselves.
    PostgreSQL, Redis, web and Kamailio belong to the first."""

    line: Line
    first: Line
    second: Line

    def host_of(self, call: str) -> Line:
        """The host a call came to; it is in its id."""
        name = call.partition("-")[0]
        return next(host for host in (self.first, self.second) if host.settings.asterisk.systemname == name)

    async def kill_second(self) -> None:
        """The second host loses its power: every process of it is gone at once."""

        def kill() -> None:
            # The supervisor first: it would start again what it sees die.
            pids = proc.of_line(self.second.settings.var_dir)
            pids.sort(key=lambda pid: "supervisor.supervisord" not in proc.words(pid))
            proc.end(pids, number=signal.SIGKILL, seconds=5.0)

        await asyncio.to_thread(kill)

    async def start_second(self) -> None:
        """The second host is switched on (again). The site has one web process here."""
        await asyncio.to_thread(self.second.stack.start, [name for name in self.second.stack.names if name != "web"])

    async def kamailio_sees(self, **wanted: bool) -> None:
        """Wait until Kamailio sends calls to exactly the hosts wanted: `first=True, second=False`."""
        names = {side: getattr(self, side).settings.asterisk.systemname for side in wanted}

        async def look() -> bool:
            seen = await kamailio.hosts_seen(self.line.settings)
            return seen == {names[side]: there for side, there in wanted.items()}

        await eventually(look, f"Kamailio sees {wanted}", seconds=15)


@asynccontextmanager
async def two_host_line(*, changes: Keys | None = None) -> AsyncIterator[TwoHosts]:
    """Start both hosts and Kamailio, and leave nothing of them behind. `changes` replace settings on both."""
    sip = [free_port_of(address) for address in ADDRESSES]
    front, trunk = free_port_of(KAMAILIO), free_port_of(KAMAILIO)
    # Names and ports of sound that no other line of this process has.
    names = [f"{letter}{os.getpid() % 100_000}" for letter in "pq"]
    rtp = 22_000 + os.getpid() % 4 * 2_000
    secret = token_source.token_hex(16)

    def asterisk(n: int) -> dict[str, Any]:
        other = 1 - n
        return {
            "systemname": names[n],
            "bind": ADDRESSES[n],
            "sip_port": sip[n],
            "phone_secret": secret,
            "rtp_start": rtp + n * 1_000,
            "rtp_end": rtp + n * 1_000 + 999,
            "peers": [{"systemname": names[other], "sip": f"{ADDRESSES[other]}:{sip[other]}"}],
        }

    more = {section: dict(values) for section, values in (changes or {}).items()}
    first_keys = {
        **more,
        "asterisk": asterisk(0) | more.get("asterisk", {}),
        "kamailio": {
            "private": True,
            "bind": KAMAILIO,
            "sip_port": front,
            "trunk_port": trunk,
            "carriers": [CARRIER],
            "seats": ["127.0.0.1"],
            "probe_seconds": 1,
        },
    }
    carrier = {"identify": [f"{KAMAILIO}:{trunk}"]}
    async with running_line(changes=first_keys, carrier=carrier) as first:
        folder = Path(tempfile.mkdtemp(prefix="hotline-accept-"))
        second_keys = _second(first, folder, asterisk(1), more)
        config = os.environ["HOTLINE_CONFIG"]
        with prepared(folder, second_keys) as (settings, file):
            # The site's own file again: what is asked here is asked of the first host.
            os.environ["HOTLINE_CONFIG"] = config
            database = Database(settings.postgres.url)
            second = Line(settings, file, Stack(settings, config=file), database, first.trunk_ports)
            site = TwoHosts(replace(first, front=(KAMAILIO, front)), first, second)
            try:
                await site.start_second()
                await site.kamailio_sees(first=True, second=True)
                yield site
            finally:
                for clean in reversed(second.cleanup):
                    await clean()
                await database.close()
                await asyncio.to_thread(second.stack.stop)


def _second(first: Line, folder: Path, asterisk: dict[str, Any], more: dict[str, dict[str, Any]]) -> Keys:
    """The second host's settings: the first one's, with addresses and ports of its own and the same stores."""
    keys = first.settings
    ami, http = free_ports(2)
    same = json.loads(keys.model_dump_json())
    own = same["asterisk"] | asterisk | {"ami_port": ami, "http_port": http}
    return {
        "": {"var_dir": str(folder / "var"), "log_level": keys.log_level},
        "postgres": same["postgres"] | {"private": False},
        "redis": same["redis"] | {"private": False},
        "asterisk": own | more.get("asterisk", {}),
        "voice": same["voice"] | {"fastagi_port": adjacent_ports(keys.voice.processes)},
        "acd": same["acd"],
        "web": same["web"],
        # What is sealed on one host is read on the other.
        "privacy": {"key_file": str(key_file(keys))},
        **{name: same[name] for name in ("callbacks", "survey", "recording") if name in same},
    }
