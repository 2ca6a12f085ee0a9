"""Versions of a city's policy (办件规则): laid down for days to come, taken back before they begin.

A version that has begun is never changed: tickets run under it. One that was taken back keeps its number and its rules,
so that a number always means the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from hotline.errors import Conflict, InvalidInput, NotFound, Stale
from hotline.locks import Lock, one_at_a_time
from ticketing import clocks
from ticketing.catalogue import categories
from ticketing.catalogue.errors import CategoryNotFound
from ticketing.clock_tables import TicketPolicyRow
from ticketing.models import TicketRow
from ticketing.policy import Policies, PolicyVersion, TicketPolicy


class PolicyNotFound(NotFound):
    """No version has this number."""

    code = "ticket_policy.unknown"


class PolicyTooEarly(InvalidInput):
    """A version begins on a day to come: tickets of today began under the one in force."""

    code = "ticket_policy.too_early"


class PolicyOutOfOrder(Conflict):
    """A version begins after every other one, planned ones included."""

    code = "ticket_policy.out_of_order"


class PolicyUnchanged(Conflict):
    """The rules are those of the version before."""

    code = "ticket_policy.unchanged"


class PolicyBegun(Conflict):
    """The version has begun: it is not taken back, another one takes its place."""

    code = "ticket_policy.begun"


class PolicyWithdrawn(Conflict):
    """The version was taken back already."""

    code = "ticket_policy.withdrawn"


class PolicyUsed(Conflict):
    """A ticket began under the version."""

    code = "ticket_policy.used"


class StalePolicies(Stale):
    """A version was laid down or taken back since the list was read. Nothing was changed; read it again."""

    code = "ticket_policy.stale"


class PolicyState(StrEnum):
    """Where a version stands in time."""

    PAST = "past"
    IN_FORCE = "in_force"
    PLANNED = "planned"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A rule that is another one than before, as JSON has it; sets in order."""

    field: str
    before: Any
    after: Any


async def rows(session: AsyncSession) -> Sequence[TicketPolicyRow]:
    """Every version that was laid down, by number, those taken back included."""
    return (await session.scalars(select(TicketPolicyRow).order_by(TicketPolicyRow.number))).all()


async def row(session: AsyncSession, number: int) -> TicketPolicyRow | None:
    """A version that was laid down; None for the regulation and for one there is not."""
    return await session.get(TicketPolicyRow, number)


async def edition(session: AsyncSession) -> int:
    """How often versions were laid down and taken back: what a change of them rests on."""
    counts = select(func.count() + func.count(TicketPolicyRow.withdrawn_at)).select_from(TicketPolicyRow)
    return (await session.execute(counts)).scalar_one()


def state(version: PolicyVersion, versions: Policies, today: date) -> PolicyState:
    """Where it stands on the city's day `today`."""
    if version.withdrawn:
        return PolicyState.WITHDRAWN
    if version.first_day > today:
        return PolicyState.PLANNED
    in_force = versions.in_force(today).number == version.number
    return PolicyState.IN_FORCE if in_force else PolicyState.PAST


def changes(before: TicketPolicy, after: TicketPolicy) -> list[FieldChange]:
    """Where one differs from the other, in the order of the fields."""
    return [
        FieldChange(name, _plain(before, name), _plain(after, name))
        for name in TicketPolicy.model_fields
        if getattr(before, name) != getattr(after, name)
    ]


async def lay_down(
    session: AsyncSession,
    policy: TicketPolicy,
    first_day: date,
    note: str,
    *,
    rests_on: int,
    by: str,
    today: date,
    at: datetime,
) -> TicketPolicyRow:
    """A new version, for tickets that begin on `first_day` or later; `rests_on` is the edition that was read.

    Raises StalePolicies, PolicyTooEarly unless that is after `today`, PolicyOutOfOrder, PolicyUnchanged,
    CategoryNotFound. The caller commits.
    """
    await _alone(session, rests_on)
    if first_day <= today:
        raise PolicyTooEarly(f"{first_day}", remedy="a version begins tomorrow at the earliest")
    newest = (await clocks.policies(session)).newest()
    if first_day <= newest.first_day:
        raise PolicyOutOfOrder(f"version {newest.number} begins on {newest.first_day}")
    if policy == newest.policy:
        raise PolicyUnchanged(f"version {newest.number} has the same rules")
    if missing := await categories.unknown(session, policy.pass_on_categories - newest.policy.pass_on_categories):
        raise CategoryNotFound(", ".join(sorted(missing)))
    last = await session.scalar(select(func.max(TicketPolicyRow.number)))
    version = TicketPolicyRow(
        number=(last or 0) + 1,
        first_day=first_day,
        policy=policy.model_dump(mode="json"),
        note=note,
        made_by=by,
        made_at=at,
    )
    session.add(version)
    await session.flush()
    return version


async def take_back(
    session: AsyncSession, number: int, *, rests_on: int, by: str, zone: ZoneInfo, at: datetime
) -> TicketPolicyRow:
    """A planned version will not begin; `zone` is the city's, `rests_on` the edition that was read.

    Raises StalePolicies, PolicyNotFound, PolicyBegun, PolicyWithdrawn, PolicyUsed. The caller commits.
    """
    await _alone(session, rests_on)
    version = await row(session, number)
    if version is None and number:
        raise PolicyNotFound(str(number))
    if version is None or version.first_day <= at.astimezone(zone).date():
        raise PolicyBegun(str(number), remedy="lay down another version")
    if version.withdrawn_at is not None:
        raise PolicyWithdrawn(str(number))
    # By a clock that once ran ahead. Only tickets from the first day on can have begun under it; the index finds those.
    begins = datetime.combine(version.first_day, time(), zone)
    used = select(TicketRow.id).where(TicketRow.registered_at >= begins, TicketRow.policy == number).limit(1)
    if await session.scalar(used) is not None:
        raise PolicyUsed(str(number))
    version.withdrawn_at, version.withdrawn_by = at, by
    await session.flush()
    return version


async def _alone(session: AsyncSession, rests_on: int) -> None:
    """Whoever changes versions does so alone until the transaction ends, and on what they have read."""
    await one_at_a_time(session, Lock.POLICY_VERSIONS)
    if (now := await edition(session)) != rests_on:
        raise StalePolicies(f"edition {now}, not {rests_on}")


def _plain(policy: TicketPolicy, name: str) -> Any:
    value = policy.model_dump(mode="json", include={name})[name]
    return sorted(value) if isinstance(getattr(policy, name), frozenset) else value
