"""`hotline partners ...`: the platforms we exchange calls and data with, and the keys both sides sign with."""

from __future__ import annotations

import re
import sys
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from calls.handover_keys import FILE, PartnerKeys
from calls.web_request import key_name
from directory import partners
from directory.partners import UnknownPartner
from hotline.database import Database
from hotline.errors import InvalidInput
from hotline.settings import Settings, load_settings
from server.commands import key_changing
from server.commands.on_database import on_database

app = typer.Typer(help="Platforms 对接平台 that calls and data come from and go to.", no_args_is_help=True)

_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45}")

Code = Annotated[str, typer.Argument(help="The platform's code.")]


def _keys(settings: Settings) -> PartnerKeys:
    return PartnerKeys(settings.var_dir / FILE)


@app.command("list")
def list_partners() -> None:
    """Every platform: what it is, where its data go, and whether this host has its key."""

    async def work(database: Database, settings: Settings) -> None:
        async with database.transaction() as session:
            found = await partners.listed(session)
        with_key = _keys(settings).partners()
        table = Table("code", "name", "kind", "line or numbers", "trunk", "webhook", "key", "in use")
        for code, one in found.items():
            reached = one.line or ", ".join(f"{number.user}@{number.endpoint}" for number in one.numbers)
            table.add_row(
                code,
                one.name,
                one.kind,
                reached,
                one.trunk,
                one.webhook,
                "yes" if code in with_key else "no",
                "yes" if one.enabled else "no",
            )
        Console(width=None if sys.stdout.isatty() else 160).print(table)

    on_database(work)


@app.command("key")
def change_key(
    code: Code,
    key_stdin: Annotated[bool, typer.Option("--stdin", help="Read the key the other side made.")] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Take every key away.")] = False,
) -> None:
    """Give a platform a new key and show it this once. The former one is accepted until the next change."""

    async def work(database: Database, settings: Settings) -> None:
        async with database.transaction() as session:
            known = code in await partners.listed(session)
        keys = _keys(settings)
        if forget:
            keys.forget(code)
            typer.echo(f"{code} has no key any more: nothing is taken from it or sent to it")
            return
        if not known:
            raise UnknownPartner("no such platform", remedy="`hotline partners list` shows them")
        key_changing.change(keys, code, from_stdin=key_stdin)

    on_database(work)


@app.command("web-key")
def change_web_key(
    host: Annotated[str, typer.Argument(help="The host as it stands in the menu's URL, without scheme and port.")],
    key_stdin: Annotated[bool, typer.Option("--stdin", help="Read the key the other side made.")] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Take every key away.")] = False,
) -> None:
    """Give a host that menus ask (网络请求) a new key and show it this once."""
    if not _HOST.fullmatch(host):
        raise InvalidInput("a host is its name or address, without scheme and port")
    keys = _keys(load_settings())
    if forget:
        keys.forget(key_name(host))
        typer.echo(f"{host} has no key any more: no menu asks it anything")
        return
    key_changing.change(keys, key_name(host), from_stdin=key_stdin)
