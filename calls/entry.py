"""What is written of a call's entry, when it is not a session of ours that writes it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from calls import web_calls
from calls.handover_arrivals import trunk_of
from directory.numbers import caller
from directory.snapshot import DirectorySnapshot
from hotline.clock import from_ms


def entry_facts(
    directory: DirectorySnapshot,
    *,
    presented: str,
    dialled: str,
    entered_ms: int,
    diverted: Iterable[str] = (),
    channel: str = "",
) -> dict[str, Any]:
    """The attributes of `entered`: who called, and which line as the directory had it at the moment of entry.

    `presented` is the caller's number as the network gave it, `diverted` what the headers say of forwarding,
    `channel` Asterisk's name of the citizen's channel where it is known.
    """
    plan = directory.plan_or_main(dialled, diverted, from_ms(entered_ms))
    return {
        "caller": caller(presented, directory.area_code).number,
        "dialled": dialled,
        "line": plan.number,
        "unit": plan.unit,
        "mode": plan.mode.value,
        "platform": plan.platform.value,
        "path": plan.path.value,
        "known_by": plan.known_by.value,
        **web_calls.access(trunk_of(channel)),
    }
