"""Whom a call can be transferred to (转接对象), and the numbers to try, as values: branch centres, dual lines, expert
groups, utilities, the province, units' contacts with who is on duty, emergency desks, agents.

Pure functions over the snapshot. Only directory values ever become a dial string.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from directory.models.accounts import Role
from directory.models.targets import PartnerKind
from directory.modes import GENERAL_GROUP, Mode, Platform, expert_group
from directory.snapshot import DialTarget, DirectorySnapshot, Line, PartnerPlatform, UnitContact
from hotline.errors import InvalidInput, NotFound
from hotline.ids import agent_id


class UnknownTarget(NotFound):
    """Nobody a call can be transferred to has this key, or not at that moment."""

    code = "target.unknown"


class TargetKind(StrEnum):
    """What a target is."""

    BRANCH = "branch"
    DUAL = "dual"
    """A dual number (双号并行) on its own platform."""
    QUEUE = "queue"
    """A group on our platform: experts of a line, or the general agents."""
    UTILITY = "utility"
    PROVINCE = "province"
    PARTNER = "partner"
    """Another platform: another city's or a county's."""
    EXCLUDED = "excluded"
    """A line that province or above answers."""
    CONTACT = "contact"
    EMERGENCY = "emergency"
    AGENT = "agent"
    EXPERT = "expert"
    SUPERVISOR = "supervisor"

    @property
    def chinese(self) -> str:
        """The field's own word."""
        return _CHINESE[self]

    @property
    def ours(self) -> bool:
        """Whether it is reached through distribution and not by a number."""
        return self in _OURS


_CHINESE: Final = MappingProxyType(
    {
        TargetKind.BRANCH: "分中心",
        TargetKind.DUAL: "双号并行热线",
        TargetKind.QUEUE: "座席组",
        TargetKind.UTILITY: "公共事业",
        TargetKind.PROVINCE: "省级平台",
        TargetKind.PARTNER: "其他平台",
        TargetKind.EXCLUDED: "不纳入归并热线",
        TargetKind.CONTACT: "单位联络员",
        TargetKind.EMERGENCY: "紧急类",
        TargetKind.AGENT: "话务员",
        TargetKind.EXPERT: "专家座席",
        TargetKind.SUPERVISOR: "班长",
    }
)

_OURS: Final = frozenset({TargetKind.QUEUE, TargetKind.AGENT, TargetKind.EXPERT, TargetKind.SUPERVISOR})

_OF_MODE: Final = MappingProxyType(
    {
        Mode.BRANCH: TargetKind.BRANCH,
        Mode.DUAL: TargetKind.DUAL,
        Mode.UTILITY: TargetKind.UTILITY,
        Mode.EMERGENCY: TargetKind.EMERGENCY,
        Mode.EXCLUDED: TargetKind.EXCLUDED,
    }
)

_OF_PARTNER: Final = MappingProxyType(
    {
        PartnerKind.BRANCH: TargetKind.BRANCH,
        PartnerKind.POLICE: TargetKind.EMERGENCY,
        PartnerKind.EMERGENCY: TargetKind.EMERGENCY,
        PartnerKind.PROVINCE: TargetKind.PROVINCE,
        PartnerKind.UTILITY: TargetKind.UTILITY,
        PartnerKind.OTHER: TargetKind.PARTNER,
    }
)


@dataclass(frozen=True, slots=True)
class Destination:
    """Whom a call can be transferred to, at one moment."""

    key: str
    """As `line:12366`, `queue:expert-12333`, `contact:7`, `partner:province`, `agent:1002`."""
    kind: TargetKind
    name: str
    """As shown to agents."""
    numbers: tuple[DialTarget, ...] = ()
    """To try now, in order, each for its `ring_seconds`; none for our own people, and for who is closed."""
    open_now: bool = True
    queue: str = ""
    """Of the ACD, where it is a group of ours."""
    agent: str = ""
    """Work number (工号), where it is one person of ours."""
    partner: str = ""
    """Code of the platform that the data go to with the call; empty: none takes them."""
    unit: str = ""
    """Name of the unit it belongs to; empty: none."""

    @property
    def ring_seconds(self) -> int:
        """How long all of its numbers ring one after the other; 0 for our own people, whose queue decides."""
        return sum(number.ring_seconds for number in self.numbers)


@dataclass(frozen=True, slots=True)
class Seat:
    """Somebody of ours who takes calls (`directory.users.seats`)."""

    work_number: str
    name: str
    roles: frozenset[Role]


def targets(
    snapshot: DirectorySnapshot,
    at: datetime,
    *,
    seats: Collection[Seat] = (),
    queues: Mapping[str, str] = MappingProxyType({}),
) -> list[Destination]:
    """Everybody a call can be transferred to at the aware moment `at`, closed ones included: emergency desks first,
    then lines, platforms, groups, contacts, people.

    `queues` are names of further queues by id, as the ACD has them; the general one and those of experts need none.
    """
    found = [
        *(_line(snapshot, line, at) for line in snapshot.lines),
        *(_partner(partner, at) for partner in snapshot.partners if not partner.line),
        *_queues(snapshot, at, queues),
        *(_contact(snapshot, contact, at) for contact in snapshot.contacts),
        *(_seat(seat) for seat in seats),
    ]
    there = [one for one in found if one is not None]
    return sorted(there, key=lambda one: one.kind is not TargetKind.EMERGENCY)


def target(
    snapshot: DirectorySnapshot,
    key: str,
    at: datetime,
    *,
    seats: Collection[Seat] | None = None,
    queues: Mapping[str, str] = MappingProxyType({}),
) -> Destination:
    """The one of that key. Raises UnknownTarget.

    Without `seats` a work number is taken as it stands, of an agent: whether anybody has it the ACD knows.
    """
    kind, _, rest = key.partition(":")
    found: Destination | None = None
    match kind:
        case "line":
            line = snapshot.line(rest)
            found = _line(snapshot, line, at) if line else None
        case "partner":
            partner = snapshot.partner(rest)
            # One with a line has one key only, so that the live state of both is not told apart.
            found = _partner(partner, at) if partner and not partner.line else None
        case "contact":
            contact = snapshot.contact(int(rest)) if rest.isascii() and rest.isdecimal() else None
            found = _contact(snapshot, contact, at) if contact else None
        case "queue":
            found = next((one for one in _queues(snapshot, at, queues) if one.queue == rest), None)
        case "agent":
            found = _person(rest, seats)
        case _:
            found = None
    if found is None:
        raise UnknownTarget("no such transfer target now")
    return found


def emergency(snapshot: DirectorySnapshot, number: str, at: datetime) -> Destination:
    """The desk of 110, 119, 120 or 122. Raises UnknownTarget."""
    found = target(snapshot, f"line:{number}", at)
    if found.kind is not TargetKind.EMERGENCY:
        raise UnknownTarget("not an emergency number")
    return found


def _line(snapshot: DirectorySnapshot, line: Line, at: datetime) -> Destination | None:
    """A line whose seats are elsewhere; its targets as the plan of a call to it has them."""
    mode = line.mode_at(at)
    kind = _OF_MODE.get(mode.mode) if mode else None
    if mode is None or kind is None or mode.platform is not Platform.OWN:
        return None
    if kind is TargetKind.EXCLUDED and not line.targets:
        return None
    # An emergency desk never closes, whatever somebody has entered.
    always = kind is TargetKind.EMERGENCY
    open_now = always or line.is_open(at)
    numbers = tuple(one.dial for one in line.targets if always or (open_now and one.is_open(at)))
    partner = snapshot.partner_of_line(line.number)
    unit = snapshot.unit(line.unit_id) if line.unit_id is not None else None
    return Destination(
        key=f"line:{line.number}",
        kind=kind,
        name=f"{line.number} {line.name_spoken}",
        numbers=numbers,
        open_now=bool(numbers),
        partner=partner.code if partner and partner.takes_data else "",
        unit=unit.name if unit else "",
    )


def _partner(partner: PartnerPlatform, at: datetime) -> Destination | None:
    if not partner.numbers:
        return None
    open_now = partner.hours is None or partner.hours.is_open(at)
    return Destination(
        key=f"partner:{partner.code}",
        kind=_OF_PARTNER[partner.kind],
        name=partner.name,
        numbers=partner.numbers if open_now else (),
        open_now=open_now,
        partner=partner.code if partner.takes_data else "",
    )


def _queues(snapshot: DirectorySnapshot, at: datetime, queues: Mapping[str, str]) -> Iterator[Destination]:
    yield Destination(f"queue:{GENERAL_GROUP}", TargetKind.QUEUE, "综合座席", queue=GENERAL_GROUP)
    known = {GENERAL_GROUP}
    for line in snapshot.lines:
        mode = line.mode_at(at)
        if mode and mode.expert_seats:
            group = expert_group(line.number)
            known.add(group)
            unit = snapshot.unit(line.unit_id) if line.unit_id is not None else None
            yield Destination(
                f"queue:{group}",
                TargetKind.QUEUE,
                f"{line.number} {line.name_spoken}专家",
                open_now=line.is_open(at),
                queue=group,
                unit=unit.name if unit else "",
            )
    for queue, name in queues.items():
        if queue not in known:
            yield Destination(f"queue:{queue}", TargetKind.QUEUE, name, queue=queue)


def _contact(snapshot: DirectorySnapshot, contact: UnitContact, at: datetime) -> Destination:
    """A unit's contact (一键转接, TH 12(6)). On days for which the unit has named a number on duty (值班电话, TH 12(7))
    that one is tried first, and the contact's own only in their hours."""
    day = at.astimezone(ZoneInfo(snapshot.timezone)).date()
    own = (contact.dial,) if contact.hours is None or contact.hours.is_open(at) else ()
    numbers = tuple(dict.fromkeys((*snapshot.on_duty(contact.unit_id, day), *own)))
    unit = snapshot.unit(contact.unit_id)
    of = unit.name if unit else ""
    return Destination(
        key=f"contact:{contact.id}",
        kind=TargetKind.CONTACT,
        name=" ".join(part for part in (of, contact.duty, contact.name) if part),
        numbers=numbers,
        open_now=bool(numbers),
        unit=of,
    )


def _person(work_number: str, seats: Collection[Seat] | None) -> Destination | None:
    if seats is not None:
        return next((_seat(seat) for seat in seats if seat.work_number == work_number), None)
    try:
        known = agent_id(work_number)
    except InvalidInput:
        return None
    return Destination(f"agent:{known}", TargetKind.AGENT, known, agent=known)


def _seat(seat: Seat) -> Destination:
    if Role.SUPERVISOR in seat.roles:
        kind = TargetKind.SUPERVISOR
    elif Role.EXPERT in seat.roles:
        kind = TargetKind.EXPERT
    else:
        kind = TargetKind.AGENT
    return Destination(f"agent:{seat.work_number}", kind, f"{seat.work_number} {seat.name}", agent=seat.work_number)
