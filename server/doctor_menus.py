"""What is seen of menus (菜单): whether those that lines use can be read, and still fit what there is."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from calls.menu_world import MenuWorld, load_world
from directory.loader import load_snapshot
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.settings import Settings
from ivr.published import Snapshot
from ivr.published_rows import load
from ivr.tables import EVERY_LINE
from server.doctor_findings import Finding, fail, ok, warn

_PART = "menus"


async def menus(settings: Settings) -> Finding:
    """Every line's menu is there, and nothing it names has gone since it was published."""
    database = Database(settings.postgres.url)
    now = SystemClock().now()
    try:
        async with database.transaction() as session:
            directory = await load_snapshot(session, settings)
        async with database.transaction() as session:
            snapshot = Snapshot(await load(session, now))
        async with database.transaction() as session:
            world = await load_world(session, directory, settings, now)
    except (SQLAlchemyError, OSError, TimeoutError):
        return warn(_PART, "not seen: PostgreSQL does not serve us", "look at postgres first")
    finally:
        await database.close()
    return await _seen(snapshot, world, now)


async def _seen(snapshot: Snapshot, world: MenuWorld, now: datetime) -> Finding:
    used = {line: flow for line in snapshot.rows.assigned if (flow := snapshot.assigned(line, now)) is not None}
    lost = sorted(line for line, flow in used.items() if snapshot.of(flow, now) is None)
    if lost:
        return fail(
            _PART,
            f"{_lines(lost)} cannot use the menu and go to a human directly",
            f"`hotline ivr history {used[lost[0]]}`, then publish or roll back",
        )
    for flow in sorted(set(used.values())):
        verdict = await world.judge(world.flows[flow])
        if verdict.errors or verdict.failed:
            return warn(
                _PART,
                f"{flow} does not fit any more what there is: {len(verdict.errors)} errors, "
                f"{len(verdict.failed)} failing cases",
                f"`hotline ivr check {flow} --version {snapshot.version(flow, now)}` names them",
            )
    if snapshot.rows.off:
        off = "every line" if EVERY_LINE in snapshot.rows.off else _lines(sorted(snapshot.rows.off))
        return warn(_PART, f"switched off for {off}", "`hotline ivr on` when they are wanted again")
    return ok(_PART, f"{len(used)} lines use one" if used else "no line uses one")


def _lines(lines: list[str]) -> str:
    return ", ".join(lines)
