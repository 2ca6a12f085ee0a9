"""Every Asterisk file from its template, the settings and the emergency routes. Nothing is written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final

import jinja2

from ami.events import SUBSCRIBED
from calls import web_calls
from directory.models.lines import RING_SECONDS, TARGET_USER
from directory.modes import MAIN_LINE
from hotline.errors import InvalidInput, SettingsError
from hotline.settings import Peer, Settings, Trunk, project_root
from server.asterisk.layout import Layout
from server.asterisk.secrets import Secrets

_JITTER_BUFFER: Final = "60"
"""Milliseconds by which a recorded citizen is heard later: three frames. Asterisk's default is 200."""
_SUFFIX: Final = ".j2"
_NUMBER: Final = re.compile(r"[0-9]{2,15}")
_USER: Final = re.compile(TARGET_USER)
# A line end would start a line of its own, a semicolon would hide the rest of one.
_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f;]")


@dataclass(frozen=True)
class EmergencyRoute:
    """Where an emergency number (紧急类 110 119 120 122) goes: `user` at the endpoint of `trunk`.

    Several routes of one number are tried in the order given. Raises InvalidInput for what the directory
    would not take as a target either.
    """

    number: str
    trunk: str
    user: str
    ring_seconds: int = 30

    def __post_init__(self) -> None:
        # Exactly what the directory takes: whatever an operator may enter there must never keep Asterisk from starting.
        if not _NUMBER.fullmatch(self.number) or not _USER.fullmatch(self.user):
            raise InvalidInput("an emergency route takes digits only")
        if self.ring_seconds not in RING_SECONDS:
            raise InvalidInput(f"an emergency target rings {RING_SECONDS[0]} to {RING_SECONDS[-1]} seconds")


@dataclass(frozen=True)
class NativeQueue:
    """How the dialplan and the native queue look after callers while no voice process is there. Seconds."""

    tries: int = 6
    """Voice processes tried before the native queue, a second of music between two: 5 s and more."""
    stay_seconds: int = 10
    """A session that lasted this long was a working one: the search for another begins anew."""
    slice_seconds: int = 20
    """Stay in the native queue before the voice processes are tried again."""
    slices: int = 30
    """Slices without an answer before the caller is promised a call back (回拨)."""


@dataclass(frozen=True)
class EmergencyEntry:
    """One emergency number with each spelling it may arrive under and its routes in order."""

    number: str
    spellings: tuple[str, ...]
    routes: tuple[EmergencyRoute, ...]


def render(
    settings: Settings,
    secrets: Secrets,
    layout: Layout,
    emergency: Sequence[EmergencyRoute] = (),
    *,
    native: NativeQueue = NativeQueue(),
    templates: Path | None = None,
) -> dict[str, str]:
    """File name -> text, the same for the same input. Raises SettingsError for what Asterisk could not run on."""
    _check(settings, emergency)
    folder = templates or templates_folder()
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - not HTML; `finalize` refuses what could leave its line
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_plain,
    )
    values = _values(settings, secrets, layout, emergency, native)
    return {
        path.name.removesuffix(_SUFFIX): environment.get_template(path.name).render(values)
        for path in sorted(folder.glob(f"*{_SUFFIX}"))
    }


def templates_folder() -> Path:
    """`asterisk-config/` of the checkout, or the copy inside the installed package."""
    checkout = project_root() / "asterisk-config"
    return checkout if checkout.is_dir() else Path(__file__).resolve().parent.parent / "asterisk_config"


def voices(settings: Settings) -> str:
    """HL_VOICES as it is at start: every voice process of this host, `voice-1@127.0.0.1:14573,...`."""
    voice = settings.voice
    return ",".join(
        f"voice-{n}@{voice.fastagi_bind}:{voice.fastagi_port + n - 1}" for n in range(1, voice.processes + 1)
    )


def desk_extensions(settings: Settings) -> list[str]:
    """Extensions of desk phones (话机)."""
    first = settings.asterisk.extensions_from
    return [str(n) for n in range(first, first + settings.asterisk.extensions_count)]


def browser_extensions(settings: Settings) -> list[str]:
    """Extensions of browser phones (网页话机)."""
    first = settings.asterisk.webrtc_from
    return [str(n) for n in range(first, first + settings.asterisk.webrtc_count)]


def _values(
    settings: Settings,
    secrets: Secrets,
    layout: Layout,
    emergency: Sequence[EmergencyRoute],
    native: NativeQueue,
) -> Mapping[str, Any]:
    return {
        "settings": settings,
        "asterisk": settings.asterisk,
        "secrets": secrets,
        "layout": layout,
        "inside": layout.inside,
        "voices": voices(settings),
        "desk": desk_extensions(settings),
        "browser": browser_extensions(settings),
        "identifiers": _identifiers(settings.asterisk.trunks, settings.asterisk.peers),
        "emergency": list(_entries(emergency, settings.site.area_code)),
        "native": native,
        "jitter_buffer": _JITTER_BUFFER,
        "events": sorted(SUBSCRIBED),
        "web_call": web_calls.ENDPOINT,
        "main_line": MAIN_LINE,
    }


def _plain(value: object) -> object:
    if isinstance(value, str) and _UNSAFE.search(value):
        raise SettingsError("a setting used in Asterisk's files holds a control character or a semicolon")
    return value


def _check(settings: Settings, emergency: Sequence[EmergencyRoute]) -> None:
    asterisk = settings.asterisk
    trunks = [trunk.name for trunk in asterisk.trunks]
    if len(set(trunks)) != len(trunks):
        raise SettingsError("asterisk.trunks: each trunk needs a name of its own")
    if {f"host-{peer.systemname}" for peer in asterisk.peers} & set(trunks):
        raise SettingsError("asterisk.trunks: host-<systemname> is the name of the trunk to a peer")
    if web_calls.ENDPOINT in trunks:
        raise SettingsError(f"asterisk.trunks: {web_calls.ENDPOINT} is the name of the citizens' page")
    shared = set(desk_extensions(settings)) & set(browser_extensions(settings))
    if shared:
        raise SettingsError("asterisk: desk and browser extensions overlap")
    for route in emergency:
        if route.trunk not in trunks:
            raise SettingsError(f"emergency number {route.number} goes to a trunk that is not in asterisk.trunks")


def _identifiers(trunks: Sequence[Trunk], peers: Sequence[Peer]) -> str:
    """Order in which PJSIP asks whose request it is.

    Trunks go before user names, so that a caller whose number reads like an extension is not asked for a password and
    lost. Where a trunk shares our own host (demo, tests) that would swallow the phones' REGISTER: then names go first.
    """
    addresses = [address for trunk in trunks for address in trunk.identify] + [peer.address for peer in peers]
    local = any(_loopback(address) for address in addresses)
    return "auth_username,username,ip" if local else "auth_username,ip,username"


def _loopback(address: str) -> bool:
    try:
        # A trunk may be told by address and source port: `10.0.0.5:5070`.
        return ip_network(address.partition(":")[0] if address.count(":") == 1 else address, strict=False).is_loopback
    except ValueError:
        return address == "localhost"


def _entries(routes: Sequence[EmergencyRoute], area_code: str) -> Iterator[EmergencyEntry]:
    by_number: dict[str, list[EmergencyRoute]] = {}
    for route in routes:
        by_number.setdefault(route.number, []).append(route)
    for number, own in sorted(by_number.items()):
        national = f"{area_code}{number}"
        abroad = f"86{national.removeprefix('0')}"
        yield EmergencyEntry(number, (number, national, f"+{abroad}", f"00{abroad}"), tuple(own))
