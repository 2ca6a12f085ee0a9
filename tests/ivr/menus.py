"""Small flows, and what tests of menus in PostgreSQL share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from hotline.database import Database
from ivr import drafts, releases
from ivr.drafts import Draft
from ivr.flow import Flow
from ivr.judging import Judge, Verdict
from ivr.menu_errors import UnknownMenu
from ivr.releases import Release
from ivr.tables import MenuVersionRow
from ivr.validation.finding import Finding, Severity

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


def flow(key: str = "main", text: str = "您好", *, sub: str | None = None) -> Flow:
    """Something said, another flow if there is one, then a human."""
    nodes: dict[str, Any] = {
        "start": {"type": "entry", "next": "hello"},
        "hello": {"type": "say", "prompt": text, "next": "sub" if sub else "human"},
        "human": {"type": "queue"},
    }
    if sub:
        nodes["sub"] = {"type": "subflow", "flow": sub, "next": "human"}
    return Flow.model_validate({"flow": key, "name": "测试", "entry": "start", "nodes": nodes})


def says(*findings: Finding) -> Judge:
    """A judge who finds this, whatever the flow."""

    async def judge(_flow: Flow) -> Verdict:
        return Verdict(findings)

    return judge


sound = says()


def remark(rule: str, severity: Severity) -> Finding:
    """A finding at the node that says something."""
    return Finding(rule, severity, "hello", "prompt", "不妥", "改一改")


async def saved(database: Database, wanted: Flow, now: datetime = NOON, *, editor: str = "li") -> Draft:
    """The flow as the newest draft, whatever was there."""
    async with database.transaction() as session:
        revision = await newest(session, wanted.flow)
        draft = await drafts.save(session, wanted, revision=revision, editor=editor, now=now)
    assert isinstance(draft, Draft)
    return draft


async def newest(session: AsyncSession, key: str) -> int:
    """The draft's revision; 0: no such flow."""
    try:
        return (await drafts.draft(session, key)).revision
    except UnknownMenu:
        return 0


async def published(
    database: Database, wanted: Flow, now: datetime = NOON, *, effective_at: datetime | None = None
) -> MenuVersionRow:
    """The flow as a new version."""
    draft = await saved(database, wanted, now)
    release = Release(wanted.flow, draft.revision, "试", "li", effective_at=effective_at)
    async with database.transaction() as session:
        return await releases.publish(session, release, sound, now=now)
