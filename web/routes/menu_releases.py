"""Versions of menus: published by one person or two, at once or at a time, read again, and brought back."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response, status
from pydantic import BaseModel, ConfigDict, Field

from calls.menu_world import MenuWorld, load_world
from directory.models import Role
from ivr import history, releases
from ivr.history import Standing
from ivr.releases import Release
from ivr.tables import MenuVersionRow
from web.access import Parts, Transaction, roles
from web.administration import Administration, Change
from web.menu_schemas import (
    Comment,
    Key,
    Number,
    ProposalOut,
    RecordId,
    Revision,
    Soon,
    VersionOut,
    WholeVersionOut,
)
from web.problems import DOCUMENTED
from web.routes.menus import READERS

router = APIRouter(prefix="/api/menus", tags=["menus"], responses=DOCUMENTED)


class ReleaseIn(BaseModel):
    """Which draft, and why. Warnings are acknowledged by their ids."""

    model_config = ConfigDict(extra="forbid")

    revision: Revision
    comment: Comment = ""
    acknowledged: list[Annotated[str, Field(max_length=200)]] = Field(default=[], max_length=1000)
    effective_at: Soon = None


class ReleasedOut(BaseModel):
    """A new version, or the proposal that waits for a second person."""

    version: VersionOut | None = None
    proposal: ProposalOut | None = None


class RollbackIn(BaseModel):
    """Back from the version that is seen in force; `to` none: to the one before it."""

    model_config = ConfigDict(extra="forbid")

    from_version: Annotated[int, Field(ge=1, lt=2**31)]
    to: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    comment: Comment = ""


class DeclineIn(BaseModel):
    """Why not."""

    model_config = ConfigDict(extra="forbid")

    reason: Comment = ""


class HistoryOut(BaseModel):
    """A version and how it stands."""

    version: VersionOut
    standing: Standing
    withdrawn_by: str | None
    withdrawn_at: datetime | None


@router.get("/flows/{flow}/versions", dependencies=[roles(*READERS)])
async def list_versions(flow: Key, session: Transaction, services: Parts) -> list[HistoryOut]:
    """Every version, newest first."""
    return [
        HistoryOut(
            version=VersionOut.model_validate(one.row),
            standing=one.standing,
            withdrawn_by=one.withdrawal.by if one.withdrawal else None,
            withdrawn_at=one.withdrawal.at if one.withdrawal else None,
        )
        for one in await history.versions(session, flow, services.clock.now())
    ]


@router.get("/flows/{flow}/versions/{version}", dependencies=[roles(*READERS)])
async def get_version(flow: Key, version: Number, session: Transaction) -> WholeVersionOut:
    """A version with its content, which never changes."""
    return WholeVersionOut.of(await releases.one_version(session, flow, version))


@router.post(
    "/flows/{flow}/versions",
    status_code=status.HTTP_201_CREATED,
    dependencies=[roles(Role.ADMIN)],
    responses={202: {"model": ReleasedOut, "description": "It waits for the second person"}},
)
async def publish(flow: Key, body: ReleaseIn, change: Administration, response: Response) -> ReleasedOut:
    """Publish the draft of that revision; where two persons publish, have it wait for the second (202).

    409 `menu.not_sound` for errors and failing cases, `menu.not_acknowledged` for warnings nobody took note of: `wrong`
    lists them by id. The next call on every line that uses the flow has the version, within a second.
    """
    session, services = change.session, change.services
    now = services.clock.now()
    release = Release(flow, body.revision, body.comment, change.actor, frozenset(body.acknowledged), body.effective_at)
    world = await _world(change, body.effective_at)
    if services.settings.menus.second_approver:
        proposal = await releases.propose(session, release, world.judge, now=now)
        await change.record("menu.proposed", f"menu:{flow}", after=ProposalOut.of(proposal).model_dump(mode="json"))
        response.status_code = status.HTTP_202_ACCEPTED
        return ReleasedOut(proposal=ProposalOut.of(proposal))
    row = await releases.publish(session, release, world.judge, now=now)
    await _record(change, "menu.published", row)
    return ReleasedOut(version=VersionOut.model_validate(row))


@router.delete(
    "/flows/{flow}/versions/{version}", status_code=status.HTTP_204_NO_CONTENT, dependencies=[roles(Role.ADMIN)]
)
async def withdraw(flow: Key, version: Number, change: Administration) -> None:
    """Take a scheduled version back before its time."""
    now = change.services.clock.now()
    await releases.withdraw(change.session, flow, version, by=change.actor, now=now)
    await change.record("menu.withdrawn", f"menu:{flow}", {"version": version})


@router.post("/flows/{flow}/rollback", status_code=status.HTTP_201_CREATED, dependencies=[roles(Role.ADMIN)])
async def roll_back(flow: Key, body: RollbackIn, change: Administration) -> VersionOut:
    """Bring an older version back, as a new one and at once. One person's, whatever the policy: it was in force."""
    row = await releases.roll_back(
        change.session,
        flow,
        from_version=body.from_version,
        to=body.to,
        author=change.actor,
        comment=body.comment,
        now=change.services.clock.now(),
    )
    await _record(change, "menu.rolled_back", row, {"version": body.from_version})
    return VersionOut.model_validate(row)


@router.get("/proposals", dependencies=[roles(*READERS)])
async def list_proposals(session: Transaction, limit: Annotated[int, Query(ge=1, le=500)] = 100) -> list[ProposalOut]:
    """Drafts that wait for a second approver, then those that were decided on, newest first."""
    return [ProposalOut.of(row) for row in await history.proposals(session, limit=limit)]


@router.post("/proposals/{proposal}/approve", dependencies=[roles(Role.ADMIN)])
async def approve(proposal: RecordId, change: Administration) -> VersionOut:
    """Publish what somebody else proposed; nobody approves what they wrote."""
    world = await _world(change, None)
    now = change.services.clock.now()
    row = await releases.approve(change.session, proposal, world.judge, approver=change.actor, now=now)
    await _record(change, "menu.published", row)
    return VersionOut.model_validate(row)


@router.post("/proposals/{proposal}/decline", dependencies=[roles(Role.ADMIN)])
async def decline(proposal: RecordId, body: DeclineIn, change: Administration) -> ProposalOut:
    """Refuse what somebody proposed, or take one's own back."""
    now = change.services.clock.now()
    row = await releases.decline(change.session, proposal, by=change.actor, reason=body.reason, now=now)
    out = ProposalOut.of(row)
    await change.record(f"menu.{row.decision}", f"menu:{row.flow}", after=out.model_dump(mode="json"))
    return out


async def _world(change: Change, at: datetime | None) -> MenuWorld:
    """The world a version will be in force in: other flows are those in force by then."""
    services = change.services
    at = at or services.clock.now()
    return await load_world(change.session, services.directory.snapshot, services.settings, at)


async def _record(change: Change, action: str, row: MenuVersionRow, before: object = None) -> None:
    after = VersionOut.model_validate(row).model_dump(mode="json")
    await change.record(action, f"menu:{row.flow}", before, after)
