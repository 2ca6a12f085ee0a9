"""`hotline queues`: queues, skill groups and openings from a file and into one, and what holds now."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncSession

from acd import opening, queue_file, queue_store, skills
from acd.opening import StoredOpening
from acd.queue_file import OpeningLine, QueueFile
from acd.queue_store import StoredRule, UnknownQueueRule
from acd.queues import QueueRule
from directory import audit
from directory.loader import load_snapshot
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.errors import InvalidInput
from hotline.settings import Settings
from server.commands.on_database import on_database

app = typer.Typer(help="Queues (队列), skill groups (技能组), and when queues are open.", no_args_is_help=True)

_BY = "cli"
_File = Annotated[Path, typer.Argument(help="TOML, as `hotline queues export` writes it.", exists=True)]


@dataclass(slots=True)
class _Kept:
    """What holds in the database."""

    rules: dict[str, StoredRule]
    groups: dict[str, skills.SkillGroup]
    openings: dict[str, StoredOpening]
    defaults: set[str] = field(default_factory=set)
    """Queues that the directory suggests."""


@app.command("list")
def list_queues() -> None:
    """Every queue, whom it asks for, and which takes its calls now."""

    async def work(database: Database, settings: Settings) -> None:
        lines = await _lines(database, settings)
        async with database.transaction() as session:
            kept = await _kept(session, lines, settings)
            openings = await opening.load_openings(session)
        now = SystemClock().now()
        table = Table("queue 队列", "name", "steps 步骤", "hours 工作时间", "taken by now", "laid down")
        for queue, one in kept.rules.items():
            steps = (
                f"{step.after_ms / 1000:g} s: {' | '.join(need.text for need in step.needs)}" for step in one.rule.steps
            )
            hours = kept.openings.get(queue)
            table.add_row(
                queue,
                one.rule.name,
                "\n".join(steps),
                hours.schedule if hours else "always",
                opening.queue_now(queue, now, openings),
                f"version {one.version}" if one.version else "default",
            )
        Console(width=None if sys.stdout.isatty() else 160).print(table)

    on_database(work)


@app.command("show")
def show_queue(queue: str) -> None:
    """One queue as the file has it."""

    async def work(database: Database, settings: Settings) -> None:
        lines = await _lines(database, settings)
        async with database.transaction() as session:
            kept = await _kept(session, lines, settings)
        if queue not in kept.rules:
            raise UnknownQueueRule(f"no queue {queue!r}", remedy="`hotline queues list` shows them")
        typer.echo(queue_file.write(_file(kept, {queue}, groups=False)), nl=False)

    on_database(work)


@app.command("export")
def export(
    everything: Annotated[bool, typer.Option("--all", help="Defaults too, not only what was laid down.")] = False,
) -> None:
    """Write what was laid down to standard output, in a fixed order."""

    async def work(database: Database, settings: Settings) -> None:
        lines = await _lines(database, settings)
        async with database.transaction() as session:
            kept = await _kept(session, lines, settings)
        chosen = {queue for queue, one in kept.rules.items() if everything or one.version}
        typer.echo(queue_file.write(_file(kept, chosen | kept.openings.keys(), everything=everything)), nl=False)

    on_database(work)


@app.command("import")
def import_file(
    file: _File,
    prune: Annotated[
        bool, typer.Option("--prune", help="Take away what was laid down and is not in the file.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
) -> None:
    """Lay down what a file says, all or nothing. A second run changes nothing; waiting calls follow within a second."""

    async def work(database: Database, settings: Settings) -> None:
        wanted = queue_file.read(file.read_text(encoding="utf-8"))
        lines = await _lines(database, settings)
        async with database.transaction() as session:
            kept = await _kept(session, lines, settings)
            changes = await _lay_down(session, kept, wanted, prune=prune)
            if dry_run:
                await session.rollback()
        for change in changes:
            typer.echo(change)
        typer.echo(f"{len(changes)} {'would change' if dry_run else 'changed'}")

    on_database(work)


@dataclass(frozen=True, slots=True)
class _Lines:
    """Lines with expert seats: (number, milliseconds until general agents are asked too), and their spoken names."""

    relax: list[tuple[str, int]]
    names: list[tuple[str, str]]


async def _lines(database: Database, settings: Settings) -> _Lines:
    # In a transaction of its own: the snapshot's sees one moment only, and what follows must see others' changes.
    async with database.transaction() as session:
        snapshot = await load_snapshot(session, settings)
    relax = snapshot.expert_lines()
    names = {line.number: line.name_spoken for line in snapshot.lines}
    return _Lines(relax, [(number, names[number]) for number, _ in relax])


async def _kept(session: AsyncSession, lines: _Lines, settings: Settings) -> _Kept:
    return _Kept(
        await queue_store.stored_rules(session, lines.relax, wrap_up_ms=settings.acd.wrap_up_seconds * 1000),
        await skills.groups(session, lines.names),
        await opening.stored_openings(session),
        {one.queue for one in queue_store.default_rules(lines.relax)},
    )


def _file(kept: _Kept, queues: set[str], *, groups: bool = True, everything: bool = False) -> QueueFile:
    rules = {queue: kept.rules[queue] for queue in queues if queue in kept.rules}
    return QueueFile(
        # A default that only has hours is told by its hours.
        {queue: one.rule for queue, one in rules.items() if one.version or everything or not groups},
        {name: one for name, one in kept.groups.items() if groups and (one.stored or everything)},
        {queue: OpeningLine(one.schedule, one.closed_queue) for queue, one in kept.openings.items() if queue in queues},
    )


async def _lay_down(session: AsyncSession, kept: _Kept, wanted: QueueFile, *, prune: bool) -> list[str]:
    now = SystemClock().now()
    changes: list[str] = []

    async def note(action: str, subject: str, before: Any = None, after: Any = None) -> None:
        changes.append(f"{action} {subject}")
        await audit.record(session, at=now, actor=_BY, action=action, subject=subject, before=before, after=after)

    await _lay_down_groups(session, kept, wanted, note, now)
    known = kept.rules.keys() | wanted.rules.keys()
    groups = kept.groups.keys() | wanted.groups.keys()
    for queue, rule in wanted.rules.items():
        _check_groups(rule, groups)
        before = kept.rules.get(queue)
        if before is None or before.rule != rule or not before.version:
            version = before.version if before else 0
            await queue_store.save_rule(session, rule, version=version, known=known, now=now)
            await note("queue.saved", f"queue:{queue}", before.rule if before else None, rule)
    for queue, hours in wanted.openings.items():
        if queue not in known:
            raise InvalidInput(f"hours of {queue}, which is no queue")
        stored = kept.openings.get(queue)
        if stored is None or (stored.schedule, stored.closed_queue) != (hours.schedule, hours.closed_queue):
            version = stored.version if stored else 0
            await opening.save_opening(
                session, queue, hours.schedule, hours.closed_queue, version=version, known=known, now=now
            )
            await note("queue.opening_saved", f"queue:{queue}", stored, hours)
    if prune:
        await _prune(session, kept, wanted, note, now)
    return changes


async def _lay_down_groups(session: AsyncSession, kept: _Kept, wanted: QueueFile, note: Any, now: datetime) -> None:
    for name, group in wanted.groups.items():
        if kept.groups.get(name) != group:
            await skills.save_group(session, name, group.name, group.kind, now=now)
            await note("skill_group.saved", f"skill_group:{name}", kept.groups.get(name), group)


async def _prune(session: AsyncSession, kept: _Kept, wanted: QueueFile, note: Any, now: datetime) -> None:
    for queue, hours in kept.openings.items():
        if queue not in wanted.openings:
            await opening.remove_opening(session, queue, version=hours.version, now=now)
            await note("queue.opening_removed", f"queue:{queue}", hours)
    gone = {queue: one for queue, one in kept.rules.items() if one.version and queue not in wanted.rules}
    for queue in _outermost_first(gone):
        default = queue in kept.defaults
        await queue_store.remove_rule(session, queue, version=gone[queue].version, is_default=default, now=now)
        await note("queue.removed", f"queue:{queue}", gone[queue].rule)
    for name, group in kept.groups.items():
        if group.stored and name not in wanted.groups:
            await skills.remove_group(session, name, is_default=name in kept.defaults, now=now)
            await note("skill_group.removed", f"skill_group:{name}", group)


def _outermost_first(rules: dict[str, StoredRule]) -> list[str]:
    """A queue before those it overflows into: nothing that is taken away is led into at that moment."""
    left, order = dict(rules), list[str]()
    while left:
        led_into = {into.queue for one in left.values() for into in (one.rule.when_full, one.rule.when_late)}
        queue = next((name for name in left if name not in led_into), next(iter(left)))
        order.append(queue)
        del left[queue]
    return order


def _check_groups(rule: QueueRule, groups: set[str]) -> None:
    asked = {skill for step in rule.steps for need in step.needs for skill in need.skills}
    if unknown := sorted(asked - groups):
        raise InvalidInput(
            f"queue {rule.queue}: no such skill group: {', '.join(unknown)}", remedy="add it under [groups]"
        )
