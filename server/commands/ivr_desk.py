"""What the commands of `hotline ivr` share: the database and the world, moments, and findings in the terminal."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncSession

from calls.menu_world import MenuWorld, load_world
from directory import audit
from directory.loader import load_snapshot
from directory.snapshot import DirectorySnapshot
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.settings import Settings
from ivr import drafts
from ivr.coverage import Coverage, coverage
from ivr.flow import Flow
from ivr.judging import id_of, told
from ivr.menu_errors import BadMoment
from ivr.releases import text_of
from server.commands.on_database import on_database

BY: Final = "cli"
_WIDE: Final = 160


@dataclass(frozen=True, slots=True)
class Desk:
    """The configured database at one moment."""

    database: Database
    settings: Settings
    now: datetime

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.settings.site.timezone)

    async def directory(self) -> DirectorySnapshot:
        # In a transaction of its own: the snapshot's sees one moment only, and what follows must see others' changes.
        async with self.database.transaction() as session:
            return await load_snapshot(session, self.settings)

    async def lines(self) -> frozenset[str]:
        """The numbers of all lines."""
        return frozenset(line.number for line in (await self.directory()).lines)

    async def world(self) -> MenuWorld:
        """The world that menus are judged and simulated in."""
        directory = await self.directory()
        async with self.database.transaction() as session:
            return await load_world(session, directory, self.settings, self.now)

    async def flow(self, flow: str, version: int | None) -> Flow:
        """A version of a flow, or its draft. Raises UnknownMenu, UnknownVersion."""
        async with self.database.transaction() as session:
            if version is None:
                return (await drafts.draft(session, flow)).flow
            return await text_of(session, flow, version)

    async def record(
        self, session: AsyncSession, action: str, subject: str, before: Any = None, after: Any = None
    ) -> None:
        """Append a change to the audit log, as the last step of its transaction."""
        await audit.record(session, at=self.now, actor=BY, action=action, subject=subject, before=before, after=after)

    def show(self, shown: Table) -> None:
        """A table, wide enough for a file too."""
        Console(width=None if sys.stdout.isatty() else _WIDE).print(shown)


def on_desk(work: Callable[[Desk], Awaitable[bool | None]]) -> None:
    """Do `work` on the configured database; the command ends with status 1 if it says False."""

    async def with_desk(database: Database, settings: Settings) -> bool | None:
        return await work(Desk(database, settings, SystemClock().now()))

    if on_database(with_desk) is False:
        raise typer.Exit(1)


def table(*columns: str) -> Table:
    """An empty table; what must be copied is not cut."""
    shown = Table()
    for column in columns:
        shown.add_column(column, overflow="fold")
    return shown


def moment(text: str, desk: Desk) -> datetime | None:
    """A time a person typed, at the city's clocks unless it has a zone; "" is none. Raises BadMoment."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadMoment(f"“{text}”不是时间", remedy="写成 2026-10-01T08:00") from None
    return at if at.tzinfo else at.replace(tzinfo=desk.zone)


def when(at: datetime, desk: Desk) -> str:
    """A moment at the city's clocks."""
    return f"{at.astimezone(desk.zone):%Y-%m-%d %H:%M}"


async def judged(desk: Desk, flow: Flow) -> bool:
    """Say everything that is to be said of a flow; whether it may be published once its warnings are acknowledged."""
    world = await desk.world()
    verdict = await world.judge(flow)
    for finding in verdict.findings:
        kind = "错误" if finding in verdict.errors else "提醒"
        typer.echo(f"{kind} [{id_of(finding)}] {told(finding)}")
    for case in verdict.cases:
        typer.echo(
            f"用例 {'通过' if case.passed else '未通过'}: {case.name}" + "".join(f"\n  {why}" for why in case.reasons)
        )
    for key, why in verdict.led_here.items():
        typer.echo(f"错误 引用本菜单的 {key}: {'；'.join(why)}")
    say_coverage(coverage(flow, [one.simulation for one in verdict.cases if one.simulation]))
    sound = not (verdict.errors or verdict.failed or verdict.led_here)
    typer.echo(
        f"{flow.flow}: "
        + ("可以发布" if sound else "不能发布，请先改正")
        + (f"，{len(verdict.warnings)} 条提醒须确认" if sound and verdict.warnings else "")
    )
    return sound


def say_coverage(covered: Coverage) -> None:
    """Which nodes and branches were walked, and which were not."""
    nodes = len(covered.nodes) + len(covered.nodes_left)
    branches = len(covered.branches) + len(covered.branches_left)
    typer.echo(
        f"覆盖: 节点 {len(covered.nodes)}/{nodes}，分支 {len(covered.branches)}/{branches}（{covered.share:.0%}）"
    )
    if covered.nodes_left:
        typer.echo(f"  未到达的节点: {'、'.join(sorted(covered.nodes_left))}")
    if covered.branches_left:
        left = sorted(f"{step.node}→{step.branch}" for step in covered.branches_left)
        typer.echo(f"  未走过的分支: {'、'.join(left)}")
