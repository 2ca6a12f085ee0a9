"""`hotline exchange ...`: who is told of tickets, what they refuse, and telling it again."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncSession

from calls.handover_keys import FILE, PartnerKeys
from directory import audit
from hotline.database import Database
from hotline.errors import InvalidInput
from hotline.settings import Settings
from server.commands import key_changing
from server.commands.on_database import on_database
from ticketing.exchange import open311_keys, receivers
from ticketing.exchange.words import Personal, Scope
from ticketing.vocabulary import Source

app = typer.Typer(help="数据推送: who is told of tickets, and how far they have come.", no_args_is_help=True)

_OPERATOR = "operator"
"""Who acts, in the audit log: a shell has no work number."""

Code = Annotated[str, typer.Argument(help="The receiver's code.")]
Position = Annotated[int, typer.Argument(help="Position in its feed, as `parked` shows it.", min=1)]


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else 200)


def _moment(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds")


async def _record(session: AsyncSession, action: str, subject: str, after: object) -> None:
    await audit.record(
        session, at=datetime.now(UTC), actor=_OPERATOR, action=action, subject=subject, before=None, after=after
    )


@app.command("receivers")
def show_receivers() -> None:
    """Every receiver: whose tickets it is told of, where to, how far it has come, and what is in the way."""

    async def work(database: Database, settings: Settings) -> None:
        async with database.transaction() as session:
            found = await receivers.standing(session)
        known = PartnerKeys(settings.var_dir / FILE).partners()
        table = Table(
            "code",
            "name",
            "scope",
            "personal",
            "webhook",
            "last",
            "waiting",
            "parked",
            "failing since",
            "key",
            "in use",
        )
        for one in found:
            row = one.row
            table.add_row(
                row.code,
                row.name,
                Scope(row.scope).term,
                Personal(row.personal).term,
                row.webhook,
                str(row.last),
                str(one.waiting) if row.webhook else "",
                str(one.parked),
                _moment(row.failing_since),
                "yes" if receivers.key_name(row) in known else "no",
                "yes" if row.enabled else "no",
            )
        _console().print(table)

    on_database(work)


@app.command("status")
def show_status() -> None:
    """Whether everybody has been told: one line, and status 1 while a receiver is silent or an event is parked."""

    async def work(database: Database, _settings: Settings) -> bool:
        async with database.transaction() as session:
            found = await receivers.standing(session)
        pushed = [one for one in found if one.row.webhook and one.row.enabled]
        silent = [one.row.code for one in pushed if one.row.alarmed_at is not None]
        parked = [f"{one.row.code} ({one.parked})" for one in pushed if one.parked]
        typer.echo(f"{len(found)} receivers, {sum(one.waiting for one in pushed)} events under way")
        if silent:
            typer.echo(f"silent: {', '.join(silent)}; nothing is lost, it is told once they answer")
        if parked:
            typer.echo(f"parked: {', '.join(parked)}; `hotline exchange parked` shows what and why")
        return bool(silent or parked)

    if on_database(work):
        raise typer.Exit(1)


@app.command("parked")
def show_parked(code: Annotated[str | None, typer.Argument(help="Of this receiver alone.")] = None) -> None:
    """Events that receivers refuse. Later ones of the same ticket wait behind them."""

    async def work(database: Database, _settings: Settings) -> None:
        async with database.transaction() as session:
            found = await receivers.parked(session, code)
        if not found:
            typer.echo("nothing is parked")
            return
        table = Table("receiver", "position", "event", "action", "attempts", "since", "why")
        for row, uid, action in found:
            since = _moment(row.failing_since)
            table.add_row(row.receiver, str(row.position), uid, action, str(row.attempts), since, row.why)
        _console().print(table)
        typer.echo("`hotline exchange retry CODE POSITION` tries one again, `skip` leaves it out")

    on_database(work)


@app.command("retry")
def retry(code: Code, position: Position) -> None:
    """Try a parked event again, and what waits behind it after it."""
    _release(code, position, skip=False)
    typer.echo(f"{code} is sent {position} again")


@app.command("skip")
def skip(code: Code, position: Position) -> None:
    """Leave a parked event out; what waits behind it goes on."""
    _release(code, position, skip=True)
    typer.echo(f"{code} is not sent {position}")


@app.command("replay")
def replay(
    code: Code,
    position: Annotated[int | None, typer.Option("--from", min=1, help="Position in its feed.")] = None,
    since: Annotated[
        datetime | None,
        typer.Option(help="The first event at or after this moment, UTC.", formats=["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"]),
    ] = None,
) -> None:
    """Push everything from a position, or a moment, on again, under the same event ids."""
    if (position is None) == (since is None):
        raise InvalidInput("from where?", remedy="give --from or --since")

    async def work(database: Database, _settings: Settings) -> tuple[int, int]:
        async with database.transaction() as session:
            await receivers.one(session, code)
            if since is not None:
                first = await receivers.position_at(session, code, since.replace(tzinfo=UTC))
            else:
                first = position or 1
            row = await receivers.replay(session, code, first)
            await _record(session, "exchange.replayed", f"receiver:{code}", {"position": first})
            return first, row.last

    first, last = on_database(work)
    typer.echo(f"{code} is told {first} to {last} again")


@app.command("key")
def change_key(
    code: Code,
    key_stdin: Annotated[bool, typer.Option("--stdin", help="Read the key the other side made.")] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Take every key away.")] = False,
) -> None:
    """Give a receiver a new key and show it this once. The former one is accepted until the next change."""

    async def work(database: Database, settings: Settings) -> None:
        keys = PartnerKeys(settings.var_dir / FILE)
        if forget:
            keys.forget(receivers.name_of_key(code))
            typer.echo(f"{code} has no key any more: nothing is sent to it or given out")
            return
        async with database.transaction() as session:
            row = await receivers.one(session, code)
        if row.partner is not None:
            raise InvalidInput("a platform has one key for everything", remedy=f"hotline partners key {row.partner}")
        key_changing.change(keys, receivers.key_name(row), from_stdin=key_stdin)

    on_database(work)


@app.command("open311")
def show_open311() -> None:
    """Apps that may write requests by Open311."""

    async def work(database: Database, _settings: Settings) -> None:
        async with database.transaction() as session:
            found = await open311_keys.listed(session)
        table = Table("app", "source", "since", "ended")
        for row in found:
            table.add_row(row.name, Source(row.source).term, _moment(row.made_at), _moment(row.ended_at))
        _console().print(table)

    on_database(work)


@app.command("open311-key")
def change_open311_key(
    name: Annotated[str, typer.Argument(help="The app's name: small letters, digits, '-'.")],
    source: Annotated[Source, typer.Option(help="The source (诉求来源) of its tickets.")] = Source.APP,
    end: Annotated[bool, typer.Option("--end", help="Accept its key no more.")] = False,
) -> None:
    """Give an app a key (api_key) and show it this once, or end it."""

    async def work(database: Database, _settings: Settings) -> str:
        async with database.transaction() as session:
            now = datetime.now(UTC)
            if end:
                await open311_keys.end(session, name, at=now)
                made = f"the key of {name} is accepted no more"
            else:
                made = await open311_keys.add(session, name, source, by=_OPERATOR, at=now)
            what = "exchange.open311_key_ended" if end else "exchange.open311_key_given"
            await _record(session, what, f"open311:{name}", {"source": source.value})
            return made

    typer.echo(on_database(work))


def _release(code: str, position: int, *, skip: bool) -> None:
    async def work(database: Database, _settings: Settings) -> None:
        async with database.transaction() as session:
            await receivers.release(session, code, position, now=datetime.now(UTC), skip=skip)
            what = "exchange.skipped" if skip else "exchange.retried"
            await _record(session, what, f"receiver:{code}", {"position": position})

    on_database(work)
