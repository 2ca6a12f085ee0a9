"""Staff (人员): who works here, with which roles, unit and seat; entered, changed and disabled by administrators."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Self

from fastapi import APIRouter, Path, Response, status
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from acd import presence
from acd.presence import Presence
from acd.states import AgentState
from directory import staff
from directory.models import Role
from directory.staff import Member
from directory.users import Agent, NewUser, Person
from hotline.errors import Conflict, InvalidInput, PartUnavailable
from ticketing.people import OF_A_UNIT
from web import conditional
from web.access import CurrentSession, Parts, Transaction, Work, roles
from web.administration import Administration, Name
from web.conditional import Expected, IfNoneMatch
from web.problems import DOCUMENTED
from web.routes.agents import in_epoch
from web.routes.auth import close_screen

router = APIRouter(prefix="/api/staff", tags=["staff"], responses=DOCUMENTED)

_READERS = (Role.ADMIN, Role.AUDITOR)
_SEATS = (Role.AGENT, Role.EXPERT)
_PLANNERS = (Role.SUPERVISOR, Role.UNIT_HANDLER, Role.UNIT_HEAD)
"""Who lays down shifts and levels: they are told of those who take calls, a unit's people of their own experts."""

_LOGIN = r"^[a-z0-9][a-z0-9._-]{0,31}$"
Login = Annotated[str, Path(pattern=_LOGIN)]
UnitId = Annotated[int, Field(ge=1, lt=2**31)]
Password = Annotated[
    SecretStr, Field(max_length=128, description="8 to 128 characters; to be changed at the next sign-in.")
]
BodyVersion = Annotated[
    int | None, Field(ge=0, lt=2**31, description="The version that was read; may be named by If-Match instead.")
]


class StaffOut(BaseModel):
    """A person. `first_password`: an administrator chose it, and it must be changed at the next sign-in. `locked`:
    after wrong passwords or codes, at this moment."""

    login: str
    name: str
    roles: list[Role]
    unit_id: int | None
    work_number: str | None
    extension: str | None
    levels: dict[str, int]
    disabled: bool
    first_password: bool
    locked: bool
    version: int

    @classmethod
    def of(cls, member: Member) -> Self:
        """As the API tells of a person."""
        person = member.person
        return cls(
            login=person.login,
            name=person.name,
            roles=sorted(person.roles),
            unit_id=person.unit_id,
            work_number=person.agent.work_number if person.agent else None,
            extension=person.agent.extension if person.agent else None,
            levels=dict(person.agent.groups) if person.agent else {},
            disabled=person.disabled,
            first_password=member.first_password,
            locked=member.locked,
            version=member.version,
        )


class StaffIn(BaseModel):
    """What a person is to be. A work number (工号) stays once it was given; agents and experts need one, and roles of a
    unit need the unit."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    roles: Annotated[list[Role], Field(min_length=1, max_length=len(Role))]
    unit_id: UnitId | None = None
    work_number: Annotated[str | None, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")] = None
    extension: Annotated[str | None, Field(pattern=r"^[0-9]{2,8}$")] = None

    def user(self, login: str) -> NewUser:
        """The value; raises InvalidInput."""
        wanted = frozenset(self.roles)
        if self.unit_id is None and wanted & OF_A_UNIT:
            raise InvalidInput("roles of a unit need the unit")
        if self.work_number is None and self.extension is not None:
            raise InvalidInput("an extension is of somebody with a work number")
        agent = Agent(self.work_number, {}, self.extension) if self.work_number is not None else None
        return NewUser(login, self.name, wanted, self.unit_id, agent, first_password=True)


class StaffNew(StaffIn):
    """A person to enter, with the first password (初始密码)."""

    login: Annotated[str, Field(pattern=_LOGIN)]
    password: Password


class StaffChange(StaffIn):
    """What a person is to be from now on."""

    version: BodyVersion = None


class Seen(BaseModel):
    """The version that a decision rests on."""

    model_config = ConfigDict(extra="forbid")

    version: BodyVersion = None


class FirstPassword(BaseModel):
    """A password that must be changed at the next sign-in."""

    model_config = ConfigDict(extra="forbid")

    password: Password


@router.get("", dependencies=[roles(*_READERS, *_PLANNERS)])
async def list_staff(session: Transaction, services: Parts, signed_in: CurrentSession) -> list[StaffOut]:
    """Everybody by login, for administrators and auditors. Supervisors are told of those who take calls, a unit's
    people of those of their own unit who do."""
    found = await staff.members(session, now=services.clock.now())
    return [StaffOut.of(one) for one in found if _concerns(signed_in.person, one.person)]


@router.get("/{login}", dependencies=[roles(*_READERS)], response_model=StaffOut)
async def one_person(
    login: Login, session: Transaction, services: Parts, if_none_match: IfNoneMatch = None
) -> Response:
    """One person."""
    found = await staff.member(session, login, now=services.clock.now())
    return conditional.answer(StaffOut.of(found), found.version, if_none_match)


@router.post("", status_code=status.HTTP_201_CREATED, dependencies=[roles(Role.ADMIN)])
async def enter(body: StaffNew, change: Administration, response: Response) -> StaffOut:
    """Enter a person, who chooses a password of their own at the first sign-in."""
    made = await staff.enter(
        change.session,
        body.user(body.login),
        body.password.get_secret_value(),
        change.services.sessions.passwords,
        now=change.services.clock.now(),
    )
    return await _kept(change, "staff.entered", None, made, response)


@router.put("/{login}", dependencies=[roles(Role.ADMIN)])
async def save(
    login: Login, body: StaffChange, expected: Expected, change: Administration, *, work: Work, response: Response
) -> StaffOut:
    """Change a person. Other roles, another unit and a first work number end the person's sessions; the last
    administrator stays one."""
    version, wanted, now = expected.version(body.version), body.user(login), change.services.clock.now()
    before = await staff.member(change.session, login, now=now)
    open_before = await _live(change, before.person)
    after = await staff.change(change.session, wanted, version=version, now=now)
    _close(change, work, after.person, open_before - await _live(change, after.person))
    if not before.person.roles.isdisjoint(_SEATS) and after.person.roles.isdisjoint(_SEATS):
        await _sign_out(change, work, after.person)
    return await _kept(change, "staff.changed", before, after, response)


@router.post("/{login}/disable", dependencies=[roles(Role.ADMIN)])
async def disable(
    login: Login, body: Seen, expected: Expected, change: Administration, *, work: Work, response: Response
) -> StaffOut:
    """停用: no sign-in any more; sessions and screens end at once. The last administrator stays."""
    version, now = expected.version(body.version), change.services.clock.now()
    before = await staff.member(change.session, login, now=now)
    _close(change, work, before.person, await _live(change, before.person))
    after = await staff.disable(change.session, login, version=version, now=now)
    await _sign_out(change, work, after.person)
    return await _kept(change, "staff.disabled", before, after, response)


@router.post("/{login}/enable", dependencies=[roles(Role.ADMIN)])
async def enable(login: Login, body: Seen, expected: Expected, change: Administration, response: Response) -> StaffOut:
    """启用: a person signs in again, with the password there was."""
    version, now = expected.version(body.version), change.services.clock.now()
    before = await staff.member(change.session, login, now=now)
    after = await staff.enable(change.session, login, version=version, now=now)
    return await _kept(change, "staff.enabled", before, after, response)


@router.put("/{login}/password", status_code=status.HTTP_204_NO_CONTENT, dependencies=[roles(Role.ADMIN)])
async def give_password(login: Login, body: FirstPassword, change: Administration, work: Work) -> None:
    """For a forgotten password. Lifts a lock, ends the person's sessions, and must be changed at the next sign-in."""
    now = change.services.clock.now()
    person = (await staff.member(change.session, login, now=now)).person
    _close(change, work, person, await _live(change, person))
    passwords = change.services.sessions.passwords
    await staff.give_password(change.session, login, body.password.get_secret_value(), passwords, now=now)
    await change.record("staff.password_given", f"user:{login}")


def _concerns(reader: Person, one: Person) -> bool:
    """Whether this reader is told of this person."""
    if not reader.roles.isdisjoint(_READERS):
        return True
    if one.agent is None:
        return False
    return Role.SUPERVISOR in reader.roles or (reader.unit_id is not None and reader.unit_id == one.unit_id)


async def _live(change: Administration, person: Person) -> set[int]:
    return {row.id for row in await change.services.sessions.live(change.session, person.id)}


def _close(change: Administration, work: Work, person: Person, ended: set[int]) -> None:
    for session_id in sorted(ended):
        work.afterwards(lambda ended=session_id: close_screen(change.services, person, ended))  # type: ignore[misc]


async def _sign_out(change: Administration, work: Work, person: Person) -> None:
    """Distribution offers this person nothing any more; a call that goes on is ended first."""
    if person.agent is None:
        return
    acd, number = change.services.acd, person.agent.work_number
    await presence.save(change.session, Presence(number, "", {}, AgentState.SIGNED_OUT), change.services.clock)

    async def tell() -> None:
        # Not signed in, or nobody to tell: the sessions have ended, and a new epoch does not know the agent.
        with suppress(Conflict, PartUnavailable):
            await in_epoch(acd, lambda: acd.sign_out(number))

    work.afterwards(tell)


async def _kept(
    change: Administration, action: str, before: Member | None, after: Member, response: Response
) -> StaffOut:
    now = StaffOut.of(after)
    await change.record(action, f"user:{now.login}", _told(before) if before else None, _told(after))
    conditional.tagged(response, after.version)
    return now


def _told(member: Member) -> dict[str, object]:
    return StaffOut.of(member).model_dump(
        mode="json", include={"name", "roles", "unit_id", "work_number", "extension", "disabled"}
    )
