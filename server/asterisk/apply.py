"""`hotline asterisk apply`: write what changed and reload only that, without touching a call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hotline.errors import PartUnavailable
from hotline.settings import Settings
from server.asterisk import secrets
from server.asterisk.instance import write
from server.asterisk.layout import find
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


def apply(settings: Settings, emergency: Sequence[EmergencyRoute] = ()) -> Applied:
    """Render, write what differs, reload it in the running instance; one that does not run just gets its files.

    Raises PartUnavailable when there is no Asterisk at all.
    """
    layout = find(settings)
    layout.etc.mkdir(parents=True, exist_ok=True)
    changed = write(layout, render(settings, secrets.load(settings), layout, emergency))
    commands = list(dict.fromkeys(RELOADS[name] for name in changed if name in RELOADS))
    restart = tuple(name for name in changed if name not in RELOADS)
    try:
        cli(layout, "core show uptime")
    except PartUnavailable:
        return Applied(tuple(changed), (), ())
    for command in commands:
        cli(layout, command)
    return Applied(tuple(changed), tuple(commands), restart)
