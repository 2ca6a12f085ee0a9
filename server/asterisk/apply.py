"""`hotline asterisk apply`: write what changed and reload only that, without touching a call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hotline.errors import Conflict, PartUnavailable
from hotline.settings import Settings
from server.asterisk import secrets
from server.asterisk.dialplan import steps
from server.asterisk.instance import write
from server.asterisk.layout import Layout, find
from server.asterisk.process import cli
from server.asterisk.render import EmergencyRoute, render

RELOADS: Final[Mapping[str, str]] = {
    "extensions.conf": "dialplan reload",
    # Not `pjsip reload`: that reloads some of its modules only.
    "pjsip.conf": "module reload res_pjsip.so",
    "queues.conf": "queue reload all",
    "queuerules.conf": "queue reload all",
    "confbridge.conf": "module reload app_confbridge.so",
    "musiconhold.conf": "moh reload",
    "manager.conf": "manager reload",
    "logger.conf": "logger reload",
    "features.conf": "module reload features",
    "http.conf": "module reload http",
    "cdr.conf": "module reload cdr",
    "cdr_custom.conf": "module reload cdr_custom.so",
    "cel.conf": "module reload cel",
    "cel_custom.conf": "module reload cel_custom.so",
    "rtp.conf": "module reload res_rtp_asterisk.so",
    "indications.conf": "module reload indications",
    "acl.conf": "module reload acl",
    "ccss.conf": "module reload ccss",
    "udptl.conf": "module reload udptl",
}
"""File -> CLI command that reads it again. What is not here needs a restart."""


@dataclass(frozen=True)
class Applied:
    """What an apply did. `restart` names files that take effect at the next start only."""

    changed: tuple[str, ...]
    reloaded: tuple[str, ...]
    restart: tuple[str, ...]


def apply(settings: Settings, emergency: Sequence[EmergencyRoute] = (), *, layout: Layout | None = None) -> Applied:
    """Render, write what differs, reload it in the running instance; one that does not run just gets its files.

    Raises PartUnavailable when there is no Asterisk at all, Conflict when it would drop every emergency route.
    """
    place = layout or find(settings)
    place.etc.mkdir(parents=True, exist_ok=True)
    if not emergency and _has_emergency_routes(place):
        # A directory that cannot be read must not take 110 away.
        raise Conflict(
            "the directory names no emergency route, but the running dialplan has some",
            remedy="see `hotline directory`; to drop them on purpose, remove extensions.conf of the instance first",
        )
    changed = write(place, render(settings, secrets.load(settings), place, emergency))
    commands = list(dict.fromkeys(RELOADS[name] for name in changed if name in RELOADS))
    restart = tuple(name for name in changed if name not in RELOADS)
    try:
        cli(place, "core show uptime")
    except PartUnavailable:
        return Applied(tuple(changed), (), ())
    for command in commands:
        cli(place, command)
    return Applied(tuple(changed), tuple(commands), restart)


def _has_emergency_routes(layout: Layout) -> bool:
    path = layout.etc / "extensions.conf"
    if not path.exists():
        return False
    text = path.read_text(encoding="utf-8")
    return any(step.context == "hl-emergency" and step.application == "Dial" for step in steps(text))
