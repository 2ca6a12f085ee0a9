"""The directory as one frozen value: what a voice process asks for each call, without a database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType

from directory.hours import WeeklyHours
from directory.models.targets import PartnerKind
from directory.modes import (
    EMERGENCY_NUMBERS,
    GENERAL_GROUP,
    MAIN_LINE,
    Fallback,
    Mode,
    PathKind,
    Platform,
    expert_group,
    path_of,
)
from directory.numbers import InvalidNumber, normalise
from hotline.errors import NotFound


class UnknownLine(NotFound):
    """The dialled number is none of our lines at that moment."""

    code = "line.unknown"


class KnownBy(StrEnum):
    """How we know which line the citizen dialled."""

    DIALLED = "dialled"
    HEADER = "header"
    """Diversion or History-Info."""
    ACCESS_NUMBER = "access_number"
    """The rule for the number the call landed on."""
    TRUNK = "trunk"
    """The platform that answers the line called us."""


@dataclass(frozen=True, slots=True)
class DialTarget:
    """Where a transfer goes: `PJSIP/<user>@<endpoint>`; both come from the directory, never from a caller."""

    endpoint: str
    user: str
    ring_seconds: int


@dataclass(frozen=True, slots=True)
class Target:
    """A line's target with its opening hours; None: always open."""

    dial: DialTarget
    hours: WeeklyHours | None = None

    def is_open(self, at: datetime) -> bool:
        return self.hours is None or self.hours.is_open(at)


@dataclass(frozen=True, slots=True)
class ModeInForce:
    """How a line is handled from `effective_from` (UTC, inclusive) until the next of its modes."""

    mode: Mode
    platform: Platform
    expert_seats: bool
    effective_from: datetime


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit (责任单位) as far as calls need it."""

    id: int
    name: str
    level: str
    parent_id: int | None = None


@dataclass(frozen=True, slots=True)
class UnitContact:
    """A named contact (联络员) of a unit. `hours` None: answers always."""

    id: int
    unit_id: int
    name: str
    duty: str
    dial: DialTarget
    hours: WeeklyHours | None = None


@dataclass(frozen=True, slots=True)
class OnDuty:
    """A unit's number on duty (值班电话) on the local days `first` to `last`, both in."""

    unit_id: int
    first: date
    last: date
    dial: DialTarget


@dataclass(frozen=True, slots=True)
class PartnerPlatform:
    """A platform (对接平台) we exchange calls and data with. `line`: the number of ours it answers, or empty: then it
    has `numbers` of its own. `trunk`: where its calls to us come in."""

    code: str
    name: str
    kind: PartnerKind
    line: str = ""
    trunk: str = ""
    takes_data: bool = False
    numbers: tuple[DialTarget, ...] = ()
    hours: WeeklyHours | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A hotline number with all its modes, oldest first."""

    number: str
    name_source: str
    name_spoken: str
    name_confirmed: bool
    unit_id: int | None
    modes: tuple[ModeInForce, ...]
    targets: tuple[Target, ...] = ()
    hours: WeeklyHours | None = None
    general_after_ms: int | None = None

    def mode_at(self, at: datetime) -> ModeInForce | None:
        """The mode in force at the aware moment `at`; None before the first."""
        return next((mode for mode in reversed(self.modes) if mode.effective_from <= at), None)

    def is_open(self, at: datetime) -> bool:
        return self.hours is None or self.hours.is_open(at)


@dataclass(frozen=True, slots=True)
class LinePlan:
    """What happens to one call, decided at its entry.

    `groups_first` are asked at once, general agents too from `general_after_ms` (milliseconds after entry into the
    queue). `targets` are those to try now, in order; when none is left or took the call, `fallback` applies.
    """

    number: str
    name_spoken: str
    unit: str
    unit_id: int | None
    mode: Mode
    platform: Platform
    path: PathKind
    fallback: Fallback
    groups_first: tuple[str, ...]
    general_after_ms: int
    targets: tuple[DialTarget, ...]
    greeting: str
    """Prompt key of the line's own greeting."""
    greet_first: bool
    """False for emergencies: dial at once, without a word before."""
    with_data: bool
    open_now: bool
    known_by: KnownBy = KnownBy.DIALLED


@dataclass(frozen=True, slots=True)
class DirectorySnapshot:
    """Everything a call needs to know of the directory, at one version. Times are UTC."""

    version: int
    area_code: str
    general_after_ms: int
    lines: tuple[Line, ...]
    units: tuple[Unit, ...]
    access_numbers: tuple[tuple[str, str], ...] = ()
    """Pairs (number that stands for a line, the line's number)."""
    contacts: tuple[UnitContact, ...] = ()
    """By unit, in the order to try them."""
    duties: tuple[OnDuty, ...] = ()
    """The shortest duty, the most particular, first."""
    partners: tuple[PartnerPlatform, ...] = ()
    """Those in use."""
    timezone: str = "Asia/Shanghai"
    """IANA zone of the city, whose days are those of `duties`."""
    _lines: Mapping[str, Line] = field(init=False, repr=False, compare=False)
    _units: Mapping[int, Unit] = field(init=False, repr=False, compare=False)
    _access: Mapping[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_lines", MappingProxyType({line.number: line for line in self.lines}))
        object.__setattr__(self, "_units", MappingProxyType({unit.id: unit for unit in self.units}))
        object.__setattr__(self, "_access", MappingProxyType(dict(self.access_numbers)))

    def line(self, number: str) -> Line | None:
        """The line of a normalised number."""
        return self._lines.get(number)

    def unit(self, unit_id: int) -> Unit | None:
        """The unit of that id."""
        return self._units.get(unit_id)

    def contact(self, contact_id: int) -> UnitContact | None:
        """The unit's contact of that id."""
        return next((one for one in self.contacts if one.id == contact_id), None)

    def on_duty(self, unit_id: int, day: date) -> tuple[DialTarget, ...]:
        """A unit's numbers on duty on a local day, the most particular first."""
        return tuple(one.dial for one in self.duties if one.unit_id == unit_id and one.first <= day <= one.last)

    def partner(self, code: str) -> PartnerPlatform | None:
        """The platform of that code."""
        return next((one for one in self.partners if one.code == code), None)

    def partner_of_line(self, number: str) -> PartnerPlatform | None:
        """The platform that answers a line."""
        return next((one for one in self.partners if one.line == number), None)

    def partner_of_trunk(self, trunk: str) -> PartnerPlatform | None:
        """The platform whose calls come in on a trunk."""
        return next((one for one in self.partners if one.trunk and one.trunk == trunk), None)

    def expert_lines(self) -> list[tuple[str, int]]:
        """Lines that have expert seats at some time, with when general agents are asked too (milliseconds)."""
        return [
            (line.number, self.general_after_ms if line.general_after_ms is None else line.general_after_ms)
            for line in self.lines
            if any(mode.expert_seats for mode in line.modes)
        ]

    def plan(self, did: str, at: datetime) -> LinePlan:
        """The plan for a call to `did` (in any form) that entered at the aware moment `at`; raises UnknownLine."""
        return self.plan_for(did, (), at)

    def plan_for(self, dialled: str, diverted_from: Iterable[str], at: datetime, *, trunk: str = "") -> LinePlan:
        """The plan for the line the citizen really dialled; raises UnknownLine.

        `diverted_from` is what `directory.forwarding` read from the headers, first dialled first. In this order: an
        emergency number that was dialled; the first diverting number that is a line or stands for one; the rule for
        the access number the call landed on; the dialled line. A number of the headers that is not ours (a citizen's
        own forwarding) counts for nothing.

        A forwarded call is never sent to the line's own targets: it is they who forwarded it (电话转接机制 works both
        ways), and it would come back for ever. An agent here takes it under the line's name. The same holds for a call
        on the `trunk` of the platform that answers the line.
        """
        number = self._number(dialled)
        platform = self.partner_of_trunk(trunk)
        if platform and platform.line and platform.line == self._standing_for(number):
            return self._plan(platform.line, at, KnownBy.TRUNK)
        if number in EMERGENCY_NUMBERS:
            return self._plan(number, at, KnownBy.DIALLED)
        for address in diverted_from:
            diverting = self._number(address)
            line = self._standing_for(diverting)
            if line and diverting != number and self._lines[line].mode_at(at):
                return self._plan(line, at, KnownBy.HEADER)
        if number in self._access:
            return self._plan(self._access[number], at, KnownBy.ACCESS_NUMBER)
        return self._plan(number, at, KnownBy.DIALLED)

    def plan_or_main(self, dialled: str, diverted_from: Iterable[str], at: datetime, *, trunk: str = "") -> LinePlan:
        """As `plan_for`, or the plan for 12345 itself: no caller is turned away because nobody has entered the number
        yet."""
        try:
            return self.plan_for(dialled, diverted_from, at, trunk=trunk)
        except UnknownLine:
            return self.main_plan(at)

    def main_plan(self, at: datetime) -> LinePlan:
        """The plan for 12345 itself, for calls to a number nobody has entered: no caller is turned away for that."""
        return self._plan(MAIN_LINE, at, KnownBy.DIALLED)

    def _number(self, text: str) -> str:
        try:
            return normalise(text, self.area_code)
        except InvalidNumber:
            return ""

    def _standing_for(self, number: str) -> str | None:
        standing = self._access.get(number, number)
        return standing if standing in self._lines else None

    def _plan(self, number: str, at: datetime, known_by: KnownBy) -> LinePlan:
        line = self._lines.get(number)
        mode = line.mode_at(at) if line else None
        if line is None or mode is None:
            raise UnknownLine("no such line at that moment")
        path = path_of(mode.mode, mode.platform)
        # An emergency desk never closes, whatever somebody has entered.
        always = mode.mode is Mode.EMERGENCY
        targets: tuple[DialTarget, ...] = ()
        open_now = always or line.is_open(at)
        kind, fallback, groups, general_after = path.kind, path.fallback, (GENERAL_GROUP,), 0
        if kind is PathKind.TRANSFER:
            open_targets = tuple(t.dial for t in line.targets if always or (open_now and t.is_open(at)))
            open_now = open_now and (always or not line.targets or bool(open_targets))
            if known_by is not KnownBy.DIALLED:
                kind, fallback = PathKind.DIRECT, Fallback.AGENT
            else:
                targets = open_targets
        elif kind is PathKind.EXPERTS:
            if mode.expert_seats and open_now:
                groups = (expert_group(number),)
                general_after = self.general_after_ms if line.general_after_ms is None else line.general_after_ms
            else:
                kind = PathKind.DIRECT
        unit = self._units.get(line.unit_id) if line.unit_id is not None else None
        return LinePlan(
            number=number,
            name_spoken=line.name_spoken,
            unit=unit.name if unit else "",
            unit_id=line.unit_id,
            mode=mode.mode,
            platform=mode.platform,
            path=kind,
            fallback=fallback,
            groups_first=groups,
            general_after_ms=general_after,
            targets=targets,
            greeting=f"greeting.{number}",
            greet_first=path.greet_first or kind is not PathKind.TRANSFER,
            with_data=path.with_data,
            open_now=open_now,
            known_by=known_by,
        )
