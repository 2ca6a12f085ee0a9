"""`hotline channels ...`: ways in for demands without a call, their keys, and the mail."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import func, select

from calls.handover_keys import CHANNEL_KEYS, PartnerKeys
from directory import audit
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.errors import InvalidInput, NotFound
from hotline.settings import Settings
from server.commands import key_changing
from server.commands.on_database import on_database
from server.runtime.intake import boxes
from ticketing.channels import registry
from ticketing.channels.errors import ChannelNotFound
from ticketing.channels.registry import Channel
from ticketing.channels.tables import IntakeRequestRow
from ticketing.vocabulary import Source

app = typer.Typer(help="Channels 受理渠道 that demands come in by without a call.", no_args_is_help=True)

Code = Annotated[str, typer.Argument(help="The channel's code.")]

_COUNTED_DAYS = 7
_OPERATOR = "operator"
"""Who acts, in the audit log: a shell has no work number."""


@app.command("list")
def list_channels() -> None:
    """Every channel: its sources, whether it is open, whether this host has its key, and what it brought in a week."""

    async def work(database: Database, settings: Settings) -> None:
        since = SystemClock().now() - timedelta(days=_COUNTED_DAYS)
        brought = select(IntakeRequestRow.channel, func.count()).where(IntakeRequestRow.received_at >= since)
        async with database.transaction() as session:
            found = await registry.listed(session)
            rows = await session.execute(brought.group_by(IntakeRequestRow.channel))
            counts = dict(rows.all())
        with_key = _keys(settings).partners()
        table = Table("code", "name", "sources", "open", "key", f"demands in {_COUNTED_DAYS} days")
        for one in found:
            table.add_row(
                one.code,
                one.name,
                " ".join(one.sources),
                "yes" if one.suspended_at is None else f"no: {one.suspended_why}",
                "yes" if one.code in with_key else "no",
                str(counts.get(one.code, 0)),
            )
        Console(width=None if sys.stdout.isatty() else 160).print(table)

    on_database(work)


@app.command("add")
def add_channel(
    code: Code,
    name: Annotated[str, typer.Argument(help="Its name, as clerks read it.")],
    source: Annotated[list[str], typer.Option("--source", help="A source it may claim; may be given again.")],
) -> None:
    """Enter a channel, or change its name and sources. A gateway then needs a key: `hotline channels key CODE`."""

    async def work(database: Database, settings: Settings) -> None:  # noqa: ARG001
        async with database.transaction() as session:
            before = {one.code: one for one in await registry.listed(session)}.get(code)
            entry = Channel(code, name, tuple(_source(one) for one in source))
            if before is not None:
                entry = replace(entry, suspended_at=before.suspended_at, suspended_why=before.suspended_why)
            await registry.save(session, entry)
            await audit.record(
                session,
                at=SystemClock().now(),
                actor=_OPERATOR,
                action="channel.saved",
                subject=f"channel:{code}",
                before=before,
                after=entry,
            )

    on_database(work)


@app.command("key")
def change_key(
    code: Code,
    key_stdin: Annotated[bool, typer.Option("--stdin", help="Read the key the other side made.")] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Take every key away.")] = False,
) -> None:
    """Give a gateway a new key and show it this once. The former one is accepted until the next change."""

    async def work(database: Database, settings: Settings) -> None:
        keys = _keys(settings)
        if forget:
            keys.forget(code)
            typer.echo(f"{code} has no key any more: nothing is taken from it")
            return
        async with database.transaction() as session:
            try:
                await registry.one(session, code)
            except ChannelNotFound:
                raise ChannelNotFound("no such channel", remedy="`hotline channels list` shows them") from None
        key_changing.change(keys, code, from_stdin=key_stdin)

    on_database(work)


@app.command("suspend")
def suspend(code: Code, reason: Annotated[str, typer.Argument(help="Why; clerks read it.")]) -> None:
    """Take nothing more from a channel until `hotline channels resume`."""
    _set(code, reason)


@app.command("resume")
def resume(code: Code) -> None:
    """Take demands from a channel again."""
    _set(code, "")


@app.command("check-mail")
def check_mail() -> None:
    """Open every mailbox of mail.boxes and say how many mails wait; nothing is read."""

    async def work(database: Database, settings: Settings) -> None:
        found = boxes(settings)
        if not found:
            raise NotFound("no mailbox is read", remedy="enter one into mail.boxes of hotline.toml")
        for box in found:
            async with database.transaction() as session:
                channel = await registry.one(session, box.channel)
            mailbox = box.open()
            try:
                waiting = len(mailbox.waiting(1_000))
            finally:
                mailbox.close()
            typer.echo(f"{channel.code}: {waiting} mails wait" + (", it is suspended" if channel.suspended_at else ""))

    on_database(work)


def _keys(settings: Settings) -> PartnerKeys:
    return PartnerKeys(settings.var_dir / CHANNEL_KEYS)


def _source(code: str) -> Source:
    try:
        return Source(code)
    except ValueError:
        raise InvalidInput(f"no source {code[:24]}", remedy="one of: " + ", ".join(Source)) from None


def _set(code: str, reason: str) -> None:
    async def work(database: Database, settings: Settings) -> None:  # noqa: ARG001
        now = SystemClock().now()
        async with database.transaction() as session:
            before = await registry.one(session, code)
            entry = replace(before, suspended_at=now if reason else None, suspended_why=reason)
            await registry.save(session, entry)
            action = "channel.suspended" if reason else "channel.resumed"
            await audit.record(
                session, at=now, actor=_OPERATOR, action=action, subject=f"channel:{code}", before=before, after=entry
            )

    on_database(work)
