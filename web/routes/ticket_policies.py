"""办件规则: versions of the city's policy, what each changes, new ones for days to come, taking a planned one back."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final, Self
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Query, Response, status
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from sqlalchemy.ext.asyncio import AsyncSession

from directory.models import Role
from ticketing import clocks, policy_versions
from ticketing.clock_tables import TicketPolicyRow
from ticketing.policy import REGULATION, Policies, PolicyVersion, TicketPolicy
from ticketing.policy_versions import PolicyNotFound, PolicyState
from ticketing.schemas import Body
from web.access import Parts, Transaction, roles
from web.administration import Administration
from web.conditional import Expected, tagged
from web.problems import DOCUMENTED
from web.services import Services

READERS: Final = (Role.SUPERVISOR, Role.DISPATCHER, Role.AUDITOR, Role.ADMIN)
_READ: Final = "The edition of the versions that was read; may be named by If-Match instead."

_TOO_LATE: Final = 2200

router = APIRouter(prefix="/api/ticket-policies", tags=["tickets"], responses=DOCUMENTED)

PolicyNumber = Annotated[int, Path(ge=0, lt=2**31, description="A version's number; 0 is the regulation.")]
Edition = Annotated[int | None, Query(ge=0, lt=2**31, description=_READ)]


def _of_our_time(day: date) -> date:
    if day.year >= _TOO_LATE:
        raise ValueError(f"no day before the year {_TOO_LATE}")
    return day


class VersionOut(BaseModel):
    """A version of the rules. `first_day` null: the regulation, which nobody laid down."""

    number: int
    state: PolicyState
    first_day: date | None
    policy: TicketPolicy
    note: str = ""
    made_by: str | None = None
    made_at: datetime | None = None
    withdrawn_by: str | None = None
    withdrawn_at: datetime | None = None


class VersionsOut(BaseModel):
    """All versions, newest first. `edition` counts how often they were changed; a new version begins on
    `earliest` or later; `newest` is the one it comes after."""

    edition: int
    earliest: date
    newest: int
    versions: list[VersionOut]


class FieldChangeOut(BaseModel):
    """A rule that differs, with its values as JSON."""

    model_config = ConfigDict(from_attributes=True)

    field: str
    before: Any
    after: Any


class ChangesOut(BaseModel):
    """What a version changes of the one `since`; null: there is none before it."""

    number: int
    since: int | None
    changes: list[FieldChangeOut]


class VersionIn(BaseModel):
    """A new version, whole, for tickets that begin on `first_day` or later."""

    model_config = ConfigDict(extra="forbid")

    edition: Annotated[int | None, Field(ge=0, lt=2**31, description=_READ)] = None
    first_day: Annotated[date, AfterValidator(_of_our_time)]
    policy: Annotated[TicketPolicy, Field(description="Every rule: one left out would not be today's, but a default.")]
    note: Annotated[Body, StringConstraints(max_length=1_000)] = ""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if missing := sorted(TicketPolicy.model_fields.keys() - self.policy.model_fields_set):
            raise ValueError(f"rules are missing: {', '.join(missing)}")
        return self


@router.get("", dependencies=[roles(*READERS)])
async def versions(session: Transaction, services: Parts, response: Response) -> VersionsOut:
    """Past, present and planned versions, those taken back, and the regulation. The ETag is the edition."""
    policies, today = await clocks.policies(session), _today(services)
    newest = policies.newest()
    told = VersionsOut(
        edition=await policy_versions.edition(session),
        earliest=max(today, newest.first_day) + timedelta(days=1),
        newest=newest.number,
        versions=[
            *(_version(row, policies, today) for row in reversed(await policy_versions.rows(session))),
            _regulation(policies, today),
        ],
    )
    tagged(response, told.edition)
    return told


@router.get("/schema", dependencies=[roles(*READERS)])
async def schema() -> dict[str, Any]:
    """JSON Schema of the rules: their ranges, and the values they may have."""
    return TicketPolicy.model_json_schema()


@router.get("/{version}", dependencies=[roles(*READERS)])
async def one(version: PolicyNumber, session: Transaction, services: Parts, response: Response) -> VersionOut:
    """One version. The ETag is the edition of all."""
    tagged(response, await policy_versions.edition(session))
    return await _told(session, services, version)


@router.get("/{version}/changes", dependencies=[roles(*READERS)])
async def changes(version: PolicyNumber, session: Transaction) -> ChangesOut:
    """What a version changes of the one that holds until it begins."""
    policies = await clocks.policies(session)
    asked = _numbered(policies, version)
    before = policies.before(asked)
    found = [] if before is None else policy_versions.changes(before.policy, asked.policy)
    return ChangesOut(
        number=asked.number,
        since=None if before is None else before.number,
        changes=[FieldChangeOut.model_validate(one) for one in found],
    )


@router.post("", status_code=status.HTTP_201_CREATED, dependencies=[roles(Role.ADMIN)])
async def lay_down(body: VersionIn, expected: Expected, change: Administration, response: Response) -> VersionOut:
    """Lay a version down. Tickets that began before its first day keep theirs."""
    session, services = change.session, change.services
    row = await policy_versions.lay_down(
        session,
        body.policy,
        body.first_day,
        body.note,
        rests_on=expected.version(body.edition),
        by=change.actor,
        today=_today(services),
        at=services.clock.now(),
    )
    tagged(response, await policy_versions.edition(session))
    told = await _told(session, services, row.number)
    await change.record("ticket_policy.laid_down", f"ticket_policy:{row.number}", after=_audited(row))
    return told


@router.delete("/{version}", status_code=status.HTTP_204_NO_CONTENT, dependencies=[roles(Role.ADMIN)])
async def take_back(version: PolicyNumber, expected: Expected, change: Administration, edition: Edition = None) -> None:
    """Take a version back that has not begun. It keeps its number and stays in the list."""
    services = change.services
    row = await policy_versions.take_back(
        change.session,
        version,
        rests_on=expected.version(edition),
        by=change.actor,
        zone=ZoneInfo(services.settings.site.timezone),
        at=services.clock.now(),
    )
    await change.record("ticket_policy.withdrawn", f"ticket_policy:{version}", _audited(row))


def _today(services: Services) -> date:
    """The day that tickets begin on now."""
    return services.clock.now().astimezone(ZoneInfo(services.settings.site.timezone)).date()


def _numbered(policies: Policies, number: int) -> PolicyVersion:
    try:
        return policies.numbered(number)
    except KeyError:
        raise PolicyNotFound(str(number)) from None


async def _told(session: AsyncSession, services: Services, number: int) -> VersionOut:
    policies, today = await clocks.policies(session), _today(services)
    _numbered(policies, number)
    row = await policy_versions.row(session, number)
    return _regulation(policies, today) if row is None else _version(row, policies, today)


def _version(row: TicketPolicyRow, policies: Policies, today: date) -> VersionOut:
    version = policies.numbered(row.number)
    return VersionOut(
        number=row.number,
        state=policy_versions.state(version, policies, today),
        first_day=row.first_day,
        policy=version.policy,
        note=row.note,
        made_by=row.made_by,
        made_at=row.made_at,
        withdrawn_by=row.withdrawn_by,
        withdrawn_at=row.withdrawn_at,
    )


def _regulation(policies: Policies, today: date) -> VersionOut:
    state = policy_versions.state(REGULATION, policies, today)
    return VersionOut(number=REGULATION.number, state=state, first_day=None, policy=REGULATION.policy)


def _audited(row: TicketPolicyRow) -> dict[str, Any]:
    return {"first_day": row.first_day.isoformat(), "note": row.note, "policy": row.policy}
