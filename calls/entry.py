"""What is written of a call's entry, when it is not a session of ours that writes it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from directory.numbers import caller
from directory.snapshot import DirectorySnapshot, UnknownLine
from hotline.clock import from_ms


def entry_facts(
    directory: DirectorySnapshot, *, presented: str, dialled: str, entered_ms: int, diverted: Iterable[str] = ()
) -> dict[str, Any]:
    """The attributes of `entered`: who called, and which line as the directory had it at the moment of entry.

    `presented` is the caller's number as the network gave it, `diverted` what the headers say of forwarding.
    """
    at = from_ms(entered_ms)
    try:
        plan = directory.plan_for(dialled, diverted, at)
    except UnknownLine:
        # No caller is turned away because nobody has entered the number yet.
        plan = directory.main_plan(at)
    return {
        "caller": caller(presented, directory.area_code).number,
        "dialled": dialled,
        "line": plan.number,
        "unit": plan.unit,
        "mode": plan.mode.value,
        "platform": plan.platform.value,
        "path": plan.path.value,
        "known_by": plan.known_by.value,
    }
