"""`hotline directory ...`: the lines, their modes, and the people who sign in."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncSession

from directory import account_repository, audit, lines, repository, second_steps, users
from directory.demo import seed_demo
from directory.importer import SANMENXIA, ImportRefused, import_hotlines
from directory.loader import load_snapshot
from directory.models import Role
from directory.modes import Mode, Platform, path_of
from directory.passwords import Passwords
from directory.users import Agent, NewUser
from hotline import ids
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.errors import InvalidInput
from hotline.settings import Settings
from server.commands.on_database import on_database

app = typer.Typer(help="Hotline numbers, their modes and units; users.", no_args_is_help=True)
users_app = typer.Typer(help="The people who sign in.", no_args_is_help=True)
app.add_typer(users_app, name="users")

_From = Annotated[
    datetime | None,
    typer.Option("--from", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="Takes effect then, local time; default now."),
]
_Password = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


def _moment(local: datetime | None, settings: Settings, now: datetime) -> datetime:
    return local.replace(tzinfo=ZoneInfo(settings.site.timezone)).astimezone(UTC) if local else now


@app.command("import")
def import_list(
    file: Annotated[Path, typer.Argument(help="CSV in UTF-8; default: Sanmenxia's list.", exists=True)] = SANMENXIA,
    effective_from: _From = None,
    good_rows_only: Annotated[
        bool, typer.Option("--good-rows-only", help="Import the good rows all the same.")
    ] = False,
) -> None:
    """Bring a list of hotlines into the directory. A bad row refuses the whole file; a second run changes nothing."""

    async def work(database: Database, settings: Settings) -> None:
        now = SystemClock().now()
        try:
            async with database.transaction() as session:
                report = await import_hotlines(
                    session,
                    file.read_bytes(),
                    settings.site,
                    now=now,
                    effective_from=_moment(effective_from, settings, now),
                    good_rows_only=good_rows_only,
                )
        except ImportRefused as error:
            for row in error.bad:
                typer.echo(f"refused: {row}", err=True)
            typer.echo(f"nothing was imported: {error.remedy}", err=True)
            raise typer.Exit(1) from None
        for row in report.bad:
            typer.echo(f"refused: {row}", err=True)
        for warning in report.warnings:
            typer.echo(f"warning: {warning}", err=True)
        counts = len(report.added), len(report.changed), len(report.unchanged), len(report.bad)
        typer.echo("{} added, {} changed, {} unchanged, {} refused".format(*counts))

    on_database(work)


@app.command("list")
def list_lines() -> None:
    """Every line with the mode in force now."""

    async def work(database: Database, settings: Settings) -> None:
        async with database.transaction() as session:
            snapshot = await load_snapshot(session, settings)
        now = SystemClock().now()
        units = {unit.id: unit.name for unit in snapshot.units}
        table = Table("number", "name 播报名称", "unit 责任单位", "mode 归并方式", "platform", "path", "targets")
        for line in snapshot.lines:
            mode = line.mode_at(now)
            table.add_row(
                line.number,
                line.name_spoken + ("" if line.name_confirmed else " (unconfirmed)"),
                units.get(line.unit_id or 0, ""),
                f"{mode.mode} {mode.mode.chinese}" if mode else "not yet in service",
                mode.platform if mode else "",
                path_of(mode.mode, mode.platform).kind if mode else "",
                ", ".join(target.dial.endpoint for target in line.targets),
            )
        Console(width=None if sys.stdout.isatty() else 160).print(table)

    on_database(work)


@app.command("show")
def show_line(number: Annotated[str, typer.Argument(help="In any form a citizen would dial.")]) -> None:
    """One line: its plan for a call now, its targets, and every mode it had or will have."""

    async def work(database: Database, settings: Settings) -> None:
        async with database.transaction() as session:
            snapshot = await load_snapshot(session, settings)
            line = await lines.get(session, number, settings.site.area_code)
            modes = await repository.modes(session, line.id)
        now = SystemClock().now()
        zone = ZoneInfo(settings.site.timezone)
        typer.echo(f"{line.number}  {line.name_spoken}" + ("" if line.name_confirmed else " (unconfirmed)"))
        typer.echo(f"source name: {line.name_source}")
        for mode in modes:
            when = mode.effective_from.astimezone(zone).isoformat(timespec="seconds")
            experts = " with expert seats" if mode.expert_seats else ""
            typer.echo(
                f"from {when}: {mode.mode} {mode.mode.chinese}, {mode.platform}{experts} (by {mode.recorded_by})"
            )
        plan = snapshot.plan(line.number, now)
        typer.echo(f"unit: {plan.unit or '-'}")
        typer.echo(f"a call now: {plan.path}, groups {', '.join(plan.groups_first)}, else {plan.fallback}")
        for target in plan.targets:
            typer.echo(f"  target: {target.user}@{target.endpoint}, rings {target.ring_seconds} s")

    on_database(work)


@app.command("confirm")
def confirm(
    number: str,
    name: Annotated[str | None, typer.Option(help="The right spoken name, if the proposed one is not.")] = None,
) -> None:
    """Confirm the name citizens hear for a line."""

    async def work(database: Database, settings: Settings) -> None:
        async with database.transaction() as session:
            line = await lines.get(session, number, settings.site.area_code)
            await lines.confirm_name(session, line, name, now=SystemClock().now())
        typer.echo(f"{line.number} is announced as {line.name_spoken}")

    on_database(work)


@app.command("mode")
def change_mode(
    number: str,
    mode: Mode,
    platform: Annotated[Platform, typer.Option(help="Whose seats answer.")] = Platform.OURS,
    experts: Annotated[bool, typer.Option(help="Whether it has expert seats here.")] = False,
    effective_from: _From = None,
) -> None:
    """Change a line's mode from a moment on. Calls that entered before keep their path; history keeps both."""

    async def work(database: Database, settings: Settings) -> None:
        now = SystemClock().now()
        async with database.transaction() as session:
            line = await lines.get(session, number, settings.site.area_code)
            changed = await lines.change_mode(
                session,
                line,
                mode,
                platform,
                expert_seats=experts,
                effective_from=_moment(effective_from, settings, now),
                actor="cli",
                now=now,
            )
        typer.echo("changed" if changed else "it is so already")

    on_database(work)


@app.command("demo")
def demo(password_stdin: _Password = False) -> None:
    """Fill the directory for a demonstration: Sanmenxia's list, test targets, agents, a supervisor, an admin."""
    generated = "" if password_stdin else ids.token(9)
    password = generated or sys.stdin.readline().rstrip("\n")

    async def work(database: Database, settings: Settings) -> None:
        report = await seed_demo(database, settings, Passwords(), SystemClock(), password=password)
        typer.echo(f"{len(report.hotlines.added)} lines added; logins made: {', '.join(report.logins) or 'none'}")
        if report.logins and generated:
            typer.echo(f"their password: {generated}")

    on_database(work)


@users_app.command("list")
def list_users() -> None:
    """Everybody who can sign in."""

    async def work(database: Database, _settings: Settings) -> None:
        async with database.transaction() as session:
            people = await users.people(session)
        table = Table("login", "name", "roles", "work number 工号", "groups", "extension")
        for person in people:
            agent = person.agent
            table.add_row(
                person.login + (" (disabled)" if person.disabled else ""),
                person.name,
                ", ".join(sorted(person.roles)),
                agent.work_number if agent else "",
                ", ".join(f"{group}:{level}" for group, level in agent.groups.items()) if agent else "",
                (agent.extension or "") if agent else "",
            )
        Console(width=None if sys.stdout.isatty() else 160).print(table)

    on_database(work)


@users_app.command("add")
def add_user(
    login: str,
    *,
    name: Annotated[str, typer.Option(help="The person's name.")],
    role: Annotated[list[Role], typer.Option(help="May be given more than once.")],
    work_number: Annotated[str | None, typer.Option(help="工号; for agents and experts, default the login.")] = None,
    group: Annotated[list[str] | None, typer.Option(help="Skill group, `general` or `expert-12333:2`.")] = None,
    extension: Annotated[str | None, typer.Option(help="The seat's usual extension.")] = None,
    password_stdin: _Password = False,
) -> None:
    """Enter a person. The password is asked for."""
    takes_calls = work_number is not None or not {Role.AGENT, Role.EXPERT}.isdisjoint(role)
    password = _ask_password(from_stdin=password_stdin)

    async def work(database: Database, _settings: Settings) -> None:
        agent = Agent(work_number or login, _groups(group or []), extension) if takes_calls else None
        new = NewUser(login, name, frozenset(role), agent=agent)
        async with database.transaction() as session:
            await users.add_user(session, new, password, Passwords(), now=SystemClock().now())
        typer.echo(f"{login} can sign in")

    on_database(work)


@users_app.command("password")
def set_password(login: str, password_stdin: _Password = False) -> None:
    """Give a person a new password. Lifts a lock and ends the person's sessions."""
    password = _ask_password(from_stdin=password_stdin)

    async def work(database: Database, _settings: Settings) -> None:
        async with database.transaction() as session:
            user = await users.get(session, login)
            await users.set_password(session, user, password, Passwords(), now=SystemClock().now())
        typer.echo("password changed; every session has ended")

    on_database(work)


@users_app.command("unlock")
def unlock(login: str) -> None:
    """Lift the lock that wrong passwords or codes left on a login."""

    async def work(database: Database, _settings: Settings) -> None:
        async with database.transaction() as session:
            changed = await users.unlock(session, await users.get(session, login))
            await _record(session, "login.unlocked", login)
        typer.echo("unlocked" if changed else "it was not locked")

    on_database(work)


@users_app.command("totp-reset")
def reset_second_step(login: str) -> None:
    """Take a person's second step back, for a lost phone. Ends the person's sessions."""

    async def work(database: Database, _settings: Settings) -> None:
        async with database.transaction() as session:
            user = await users.get(session, login)
            changed = await second_steps.reset(session, user.id)
            await account_repository.revoke(session, now=SystemClock().now(), user_id=user.id)
            await _record(session, "second_step.reset", login)
        typer.echo("taken back; it is set up anew at the next sign-in" if changed else "there was none")

    on_database(work)


async def _record(session: AsyncSession, action: str, login: str) -> None:
    at = SystemClock().now()
    await audit.record(session, at=at, actor="cli", action=action, subject=f"user:{login}")


def _ask_password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    return str(typer.prompt("password", hide_input=True, confirmation_prompt=True))


def _groups(texts: list[str]) -> dict[str, int]:
    groups: dict[str, int] = {}
    for text in texts:
        group, colon, level = text.partition(":")
        if colon and not (level.isascii() and level.isdigit()):
            raise InvalidInput("a group is `name` or `name:level`")
        groups[group] = int(level) if colon else 1
    return groups
