"""The default menus (默认菜单) of the project, entered when a line is set up. They are assigned to no line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import select

from calls.menu_world import MenuWorld, load_world
from directory import audit
from directory.loader import load_snapshot
from directory.snapshot import DirectorySnapshot
from hotline.clock import Clock, SystemClock
from hotline.database import Database
from hotline.settings import Settings, project_root
from ivr import drafts, exchange, releases
from ivr.drafts import Clash
from ivr.flow import Flow
from ivr.judging import Verdict, id_of
from ivr.menu_errors import NotSound
from ivr.published import called_by
from ivr.releases import Release
from ivr.store import begin_change
from ivr.tables import MenuFlowRow

_log = structlog.get_logger(__name__)

FLOWS: Final = project_root() / "ivr" / "flows"
_BY: Final = "setup"
_COMMENT: Final = "随系统安装的默认菜单"


async def enter_default_menus(settings: Settings, folder: Path = FLOWS) -> int:
    """Enter every default menu whose key is not taken, as version 1; returns how many came in.

    A menu that is there stays as it is, whatever was made of it. One that does not fit this city (another city's lines
    or queues) is entered as a draft only. Safe to call twice, and from two processes at once.
    """
    database = Database.of(settings)
    clock = SystemClock()
    try:
        async with database.transaction() as session:
            taken = set(await session.scalars(select(MenuFlowRow.flow)))
        missing = {key: text for key, text in _files(folder).items() if key not in taken}
        if not missing:
            return 0
        async with database.transaction() as session:
            directory = await load_snapshot(session, settings)
        world = await _world(database, directory, settings, clock)
        entered = 0
        for flow in _innermost_first([exchange.read(text) for text in missing.values()]):
            if await _enter(database, flow, world, clock):
                world = world.with_flow(flow)
                entered += 1
            else:
                # Another process may be entering them too: those that follow lead into what is there.
                world = await _world(database, directory, settings, clock)
        return entered
    finally:
        await database.close()


def _files(folder: Path) -> dict[str, str]:
    """Texts of the default menus by their keys, which are their files' names."""
    return {file.stem: file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.yaml"))}


def _innermost_first(flows: Iterable[Flow]) -> Iterator[Flow]:
    """A flow after those it leads into."""
    left = {flow.flow: flow for flow in flows}
    while left:
        ready = [key for key, flow in left.items() if not left.keys() & set(called_by(flow)) - {key}]
        for key in ready or list(left):
            yield left.pop(key)


async def _world(database: Database, directory: DirectorySnapshot, settings: Settings, clock: Clock) -> MenuWorld:
    async with database.transaction() as session:
        return await load_world(session, directory, settings, clock.now())


async def _enter(database: Database, flow: Flow, world: MenuWorld, clock: Clock) -> bool:
    """Whether the menu is published now."""
    now = clock.now()
    verdict = await world.judge(flow)

    async def judge(_flow: Flow) -> Verdict:
        return verdict

    async with database.transaction() as session:
        await begin_change(session, now)
        if await session.get(MenuFlowRow, flow.flow) is not None:
            return False
        saved = await drafts.save(session, flow, revision=0, editor=_BY, now=now)
        if isinstance(saved, Clash):
            # Somebody made a menu of this key in this very moment: theirs stands.
            return False
        release = Release(flow.flow, saved.revision, _COMMENT, _BY, frozenset(map(id_of, verdict.warnings)))
        try:
            row = await releases.publish(session, release, judge, now=now)
        except NotSound as error:
            _log.warning("menus.default_is_a_draft", flow=flow.flow, wrong=[where for where, _ in error.wrong])
            return False
        told = {"version": row.version}
        await audit.record(session, at=now, actor=_BY, action="menu.published", subject=f"menu:{flow.flow}", after=told)
    return True
