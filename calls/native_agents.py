"""Which agent the native queue connected a call to, from its own log (queue_log)."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Final

from hotline.errors import InvalidInput
from hotline.ids import agent_id

_CONNECT: Final = re.compile(
    rb"[0-9]+\|(?P<call>[^|\n]{1,80})\|[^|\n]*\|(?P<agent>[^|\n]{1,64})\|CONNECT\|[0-9]*\|(?P<leg>[^|\n]{1,80})\|"
)
_BACK_SECONDS: Final = 60.0
"""A log last written to this long before the oldest answer asked for has nothing to say of it."""


def connected_agents(queue_log: Path, calls: Collection[str], since_ms: int) -> dict[tuple[str, str], str]:
    """Work numbers by call and unique id of the agent's channel, for talks that began at `since_ms` or later.

    Reads the log and those put aside before it; blocks on the disk. Raises OSError.
    """
    wanted = {call.encode() for call in calls}
    found: dict[tuple[str, str], str] = {}
    for path in sorted(queue_log.parent.glob(f"{queue_log.name}*")):
        try:
            if path.stat().st_mtime < since_ms / 1000 - _BACK_SECONDS:
                continue
            with path.open("rb") as lines:
                for line in lines:
                    connect = _CONNECT.match(line)
                    if connect and connect["call"] in wanted:
                        _note(found, connect)
        except FileNotFoundError:
            # Put aside, or removed as too old, at this moment.
            continue
    return found


def _note(found: dict[tuple[str, str], str], connect: re.Match[bytes]) -> None:
    try:
        found[connect["call"].decode(), connect["leg"].decode()] = agent_id(connect["agent"].decode())
    except (InvalidInput, UnicodeDecodeError):
        # A member that is none of ours: the talk is told without a name.
        return
