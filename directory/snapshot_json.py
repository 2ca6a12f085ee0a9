"""The snapshot as a JSON document, so that a voice process can start while PostgreSQL is away."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson

from directory.hours import Span, WeeklyHours
from directory.modes import Mode, Platform
from directory.snapshot import DialTarget, DirectorySnapshot, Line, ModeInForce, Target, Unit
from hotline.errors import HotlineError, InvalidInput

_SCHEMA = 1


class DamagedSnapshot(HotlineError):
    """The document is not a snapshot that this version can read."""

    code = "snapshot.damaged"


def to_json(snapshot: DirectorySnapshot) -> bytes:
    """UTF-8 JSON; `from_json` gives an equal snapshot back."""
    return orjson.dumps(
        {
            "schema": _SCHEMA,
            "version": snapshot.version,
            "area_code": snapshot.area_code,
            "general_after_ms": snapshot.general_after_ms,
            # orjson writes dataclasses, enums and aware datetimes itself.
            "lines": snapshot.lines,
            "units": snapshot.units,
            "access_numbers": snapshot.access_numbers,
        },
        option=orjson.OPT_INDENT_2,
    )


def from_json(document: bytes) -> DirectorySnapshot:
    """Read what `to_json` wrote; raises DamagedSnapshot."""
    try:
        data = orjson.loads(document)
        if data["schema"] != _SCHEMA:
            raise DamagedSnapshot("a snapshot of another schema")
        return DirectorySnapshot(
            version=data["version"],
            area_code=data["area_code"],
            general_after_ms=data["general_after_ms"],
            lines=tuple(_line(line) for line in data["lines"]),
            units=tuple(Unit(**unit) for unit in data["units"]),
            access_numbers=tuple((access, line) for access, line in data["access_numbers"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, InvalidInput) as error:
        raise DamagedSnapshot(f"not a snapshot: {type(error).__name__}") from None


def _line(data: dict[str, Any]) -> Line:
    modes = (
        ModeInForce(
            mode=Mode(mode["mode"]),
            platform=Platform(mode["platform"]),
            expert_seats=mode["expert_seats"],
            effective_from=datetime.fromisoformat(mode["effective_from"]).astimezone(UTC),
        )
        for mode in data["modes"]
    )
    targets = (Target(DialTarget(**target["dial"]), _hours(target["hours"])) for target in data["targets"])
    return Line(**{**data, "modes": tuple(modes), "targets": tuple(targets), "hours": _hours(data["hours"])})


def _hours(data: dict[str, Any] | None) -> WeeklyHours | None:
    if data is None:
        return None
    return WeeklyHours(data["timezone"], tuple(Span(**span) for span in data["spans"]))
