"""受理渠道: gateways, mailboxes and the form on the web; which sources each may claim, and which take nothing now."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select

from directory.models import Role
from ticketing.channels import registry
from ticketing.channels.registry import CODE, Channel
from ticketing.channels.tables import IntakeRequestRow, MailRow
from ticketing.channels.words import CLAIMABLE, MailOutcome
from ticketing.schemas import Moment
from ticketing.vocabulary import Source
from web.access import Parts, Transaction, roles
from web.administration import Administration, Change, Name, Reason
from web.problems import DOCUMENTED

router = APIRouter(prefix="/api/channels", tags=["channels"], responses=DOCUMENTED)

_READERS = (Role.SUPERVISOR, Role.AUDITOR, Role.ADMIN)
_KEEPERS = (Role.SUPERVISOR, Role.ADMIN)

Code = Annotated[str, Path(pattern=f"^{CODE}$")]


class SourceOut(BaseModel):
    """A source of demands (诉求来源)."""

    code: Source
    term: str
    claimable: bool
    """Whether a channel may be given it; the others are told by the telephone system, or by which platform signs."""


class ChannelIn(BaseModel):
    """A channel as administrators enter it."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    sources: Annotated[list[Source], Field(min_length=1, max_length=len(Source))]


class ChannelOut(ChannelIn):
    """A channel as it stands."""

    code: str
    suspended_at: datetime | None
    suspended_why: str
    has_key: bool
    """Whether this host has a key that it may sign with: `hotline channels key`."""


class SuspensionIn(BaseModel):
    """Why a channel takes nothing for now."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason


class CountOut(BaseModel):
    """How many demands came."""

    channel: str
    source: Source
    demands: int


class MailCountOut(BaseModel):
    """What became of how many mails."""

    channel: str
    outcome: MailOutcome
    mails: int


class CountsOut(BaseModel):
    """What channels brought in a time."""

    demands: list[CountOut]
    mails: list[MailCountOut]


@router.get("/sources", dependencies=[roles(*Role)])
async def sources() -> list[SourceOut]:
    """Every source of demands there is."""
    return [SourceOut(code=source, term=source.term, claimable=source in CLAIMABLE) for source in Source]


@router.get("", dependencies=[roles(*_READERS)])
async def listed(session: Transaction, services: Parts) -> list[ChannelOut]:
    """Every channel by its code."""
    keys = services.channel_keys.partners()
    return [_out(one, keys) for one in await registry.listed(session)]


@router.get("/counts", dependencies=[roles(*_READERS)])
async def counts(
    session: Transaction,
    since: Annotated[Moment, Query(description="From this moment on.")],
    before: Annotated[Moment, Query(description="Until before this one.")],
) -> CountsOut:
    """How many demands each channel brought, by source, and what became of mails."""
    during = (IntakeRequestRow.received_at >= since) & (IntakeRequestRow.received_at < before)
    keys = (IntakeRequestRow.channel, IntakeRequestRow.source)
    demands = await session.execute(select(*keys, func.count()).where(during).group_by(*keys).order_by(*keys))
    looked_at = (MailRow.received_at >= since) & (MailRow.received_at < before)
    ends = (MailRow.channel, MailRow.outcome)
    mails = await session.execute(select(*ends, func.count()).where(looked_at).group_by(*ends).order_by(*ends))
    return CountsOut(
        demands=[CountOut(channel=one, source=source, demands=count) for one, source, count in demands],
        mails=[MailCountOut(channel=one, outcome=outcome, mails=count) for one, outcome, count in mails],
    )


@router.put("/{code}", dependencies=[roles(Role.ADMIN)])
async def save(code: Code, body: ChannelIn, change: Administration) -> ChannelOut:
    """Enter a channel, or change it. Its key is given on the host: `hotline channels key`."""
    before = {one.code: one for one in await registry.listed(change.session)}.get(code)
    entry = Channel(code, body.name, tuple(body.sources))
    if before is not None:
        entry = replace(entry, suspended_at=before.suspended_at, suspended_why=before.suspended_why)
    await registry.save(change.session, entry)
    await change.record("channel.saved", f"channel:{code}", before, entry)
    return _out(await registry.one(change.session, code), change.services.channel_keys.partners())


@router.post("/{code}/suspend", dependencies=[roles(*_KEEPERS)])
async def suspend(code: Code, body: SuspensionIn, change: Administration) -> ChannelOut:
    """Take nothing more from a channel; what was taken is answered again. 404 for one that is not there."""
    return await _set(change, code, change.services.clock.now(), body.reason, "channel.suspended")


@router.post("/{code}/resume", dependencies=[roles(*_KEEPERS)])
async def resume(code: Code, change: Administration) -> ChannelOut:
    """Take demands from a channel again."""
    return await _set(change, code, None, "", "channel.resumed")


async def _set(change: Change, code: str, at: datetime | None, why: str, action: str) -> ChannelOut:
    before = await registry.one(change.session, code)
    entry = replace(before, suspended_at=at, suspended_why=why)
    await registry.save(change.session, entry)
    await change.record(action, f"channel:{code}", before, entry)
    return _out(entry, change.services.channel_keys.partners())


def _out(channel: Channel, with_key: set[str]) -> ChannelOut:
    return ChannelOut(
        code=channel.code,
        name=channel.name,
        sources=list(channel.sources),
        suspended_at=channel.suspended_at,
        suspended_why=channel.suspended_why,
        has_key=channel.code in with_key,
    )
