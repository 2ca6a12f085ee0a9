"""The snapshot as a JSON document, so that a voice process can start while PostgreSQL is away."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import orjson

from directory.hours import Span, SpecialDay, WeeklyHours
from directory.models.targets import PartnerKind
from directory.modes import Mode, Platform
from directory.snapshot import (
    DialTarget,
    DirectorySnapshot,
    Line,
    ModeInForce,
    OnDuty,
    PartnerPlatform,
    Target,
    Unit,
    UnitContact,
)
from hotline.errors import HotlineError, InvalidInput

_SCHEMA = 3


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
            "contacts": snapshot.contacts,
            "duties": snapshot.duties,
            "partners": snapshot.partners,
            "timezone": snapshot.timezone,
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
            contacts=tuple(_contact(contact) for contact in data["contacts"]),
            duties=tuple(_duty(duty) for duty in data["duties"]),
            partners=tuple(_partner(partner) for partner in data["partners"]),
            timezone=data["timezone"],
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


def _contact(data: dict[str, Any]) -> UnitContact:
    return UnitContact(**{**data, "dial": DialTarget(**data["dial"]), "hours": _hours(data["hours"])})


def _duty(data: dict[str, Any]) -> OnDuty:
    days = {name: date.fromisoformat(data[name]) for name in ("first", "last")}
    return OnDuty(**{**data, **days, "dial": DialTarget(**data["dial"])})


def _partner(data: dict[str, Any]) -> PartnerPlatform:
    numbers = tuple(DialTarget(**number) for number in data["numbers"])
    kind = PartnerKind(data["kind"])
    return PartnerPlatform(**{**data, "kind": kind, "numbers": numbers, "hours": _hours(data["hours"])})


def _hours(data: dict[str, Any] | None) -> WeeklyHours | None:
    if data is None:
        return None
    special = (
        SpecialDay(date.fromisoformat(one["day"]), tuple((opens, closes) for opens, closes in one["spans"]))
        for one in data["special"]
    )
    return WeeklyHours(
        data["timezone"],
        tuple(Span(**span) for span in data["spans"]),
        tuple(special),
        date.fromisoformat(data["known_until"]) if data["known_until"] else None,
    )
