"""The private Kamailio under `var/kamailio`, in front of the Asterisk hosts of a site."""

from __future__ import annotations

import asyncio
import os
import pwd
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import jinja2

from hotline.errors import PartUnavailable, SettingsError
from hotline.settings import Settings
from server.asterisk import secrets
from server.asterisk.render import templates_folder
from server.provision import launch

CONTROL: Final = "control"
"""Name of the socket that `kamcmd` speaks to."""

_PROGRAM: Final = "/usr/sbin/kamailio"
_ASK: Final = "/usr/sbin/kamcmd"
_ASK_SECONDS: Final = 2.0
_DESTINATION: Final = re.compile(r"URI: sip:ready@(\S+)\s+FLAGS: (\S+)")


@dataclass(frozen=True)
class Host:
    """One Asterisk host as Kamailio knows it. `sip` is address:port."""

    systemname: str
    sip: str

    @property
    def address(self) -> str:
        return self.sip.rpartition(":")[0]


def hosts(settings: Settings) -> list[Host]:
    """The site's Asterisk hosts, in an order that is the same on every machine: a seat's home follows from it."""
    own = settings.asterisk
    found = [
        Host(own.systemname, f"{own.bind}:{own.sip_port}"),
        *(Host(peer.systemname, peer.sip) for peer in own.peers),
    ]
    return sorted(found, key=lambda host: host.systemname)


def render(settings: Settings) -> dict[str, str]:
    """File name -> text. Raises SettingsError for what cannot work."""
    keys, asterisk = settings.kamailio, settings.asterisk
    site = hosts(settings)
    addresses = [host.address for host in site]
    if keys.bind in addresses or "0.0.0.0" in addresses:  # noqa: S104 - compared, not bound
        raise SettingsError(
            "kamailio.bind: Kamailio and each Asterisk host need an address of their own",
            remedy="give the machine a second address, and set asterisk.bind and kamailio.bind to one each",
        )
    if keys.sip_port == keys.trunk_port:
        raise SettingsError("kamailio.trunk_port: carriers' calls are known to the hosts by a port of their own")
    ranges = [
        (asterisk.extensions_from, asterisk.extensions_from + asterisk.extensions_count),
        (asterisk.webrtc_from, asterisk.webrtc_from + asterisk.webrtc_count),
    ]
    values = {
        "kamailio": keys,
        "hosts": site,
        "addresses": addresses,
        "ranges": ranges,
        "mask_key": secrets.load(settings).phone("kamailio"),
        "is_any": _is_any,
        "in_any": _in_any,
        "in_range": _in_range,
    }
    folder = templates_folder() / "kamailio"
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - not HTML; every value has a pattern of its own in the settings
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    return {
        path.name.removesuffix(".j2"): environment.get_template(path.name).render(values)
        for path in sorted(folder.glob("*.j2"))
    }


def _is_any(value: str, addresses: Sequence[str]) -> str:
    return " || ".join(f'{value} == "{address}"' for address in addresses)


def _in_any(value: str, networks: Sequence[str]) -> str:
    """An expression of kamailio.cfg; nobody is in no network."""
    if not networks:
        return f'{value} == ""'
    return " || ".join(f'is_in_subnet("{value}", "{net if "/" in net else f"{net}/32"}")' for net in networks)


def _in_range(value: str, ranges: Sequence[tuple[int, int]]) -> str:
    return " || ".join(f"({value} >= {first} && {value} < {end})" for first, end in ranges)


def account() -> str:
    """The unprivileged user it runs as when we are root: Debian's own for it."""
    try:
        return pwd.getpwnam("kamailio").pw_name
    except KeyError:
        return "nobody"


def folder(settings: Settings) -> Path:
    """Its configuration and its control socket."""
    return settings.var_dir / "kamailio"


def prepare(settings: Settings) -> list[str]:
    """argv that runs it in the foreground. Raises PartUnavailable, SettingsError."""
    if not Path(_PROGRAM).exists():
        raise PartUnavailable("Kamailio is not installed", remedy="make setup")
    home = folder(settings)
    launch.own(account(), home)
    for name, text in render(settings).items():
        file = home / name
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
            stream.write(text)
        launch.give(account(), file)
    (home / CONTROL).unlink(missing_ok=True)
    return launch.command(
        account(),
        home,
        # In the foreground, its log to the supervisor's. It closes what it inherits once its configuration is read, and
        # would go to `/`: everything else is named from its folder. Megabytes shared, and of each process.
        *(_PROGRAM, "-DD", "-E", "-f", f"{launch.FOLDER}/kamailio.cfg", "-w", ".", "-Y", ".", "-m", "32", "-M", "4"),
        inside=True,
    )


async def ask(settings: Settings, *words: str) -> str:
    """What it answers to a command of its control socket; empty while it does not."""
    if shutil.which(_ASK) is None:
        return ""
    process = await asyncio.create_subprocess_exec(
        *(_ASK, "-s", f"unix:{folder(settings) / CONTROL}", *words),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(_ASK_SECONDS):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return ""
    return said.decode(errors="replace") if process.returncode == 0 else ""


async def answers(settings: Settings) -> bool:
    """Whether it serves."""
    return bool(await hosts_seen(settings))


async def hosts_seen(settings: Settings) -> dict[str, bool]:
    """Systemname -> whether calls go there now; empty while Kamailio does not answer."""
    flags = dict(_DESTINATION.findall(await ask(settings, "dispatcher.list")))
    # Active, or on trial after a first bad answer; else inactive, or disabled by hand.
    return {host.systemname: flags[host.sip].startswith(("A", "T")) for host in hosts(settings) if host.sip in flags}
