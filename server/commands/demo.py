"""`hotline demo`: one real call from a citizen's ring to a ticket, and its journey as the journal tells it."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.status import Status
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from calls.story import Event
from hotline.database import Database
from hotline.errors import NotSignedIn, PartUnavailable
from hotline.settings import Settings, load_settings
from server.commands.agent_requests import Requests
from server.demo import people
from server.demo.journey import LINE, Journey, Tell, by_hand, carrier_address, worked
from server.demo.seat import web_address
from server.provision.programs import web_answers

_STATIONS = {
    "entered": "拨入 dialled",
    "greeted": "问候 greeted",
    "queued": "排队 queued",
    "reserved": "预留 reserved",
    "popped": "弹屏 pop",
    "ringing": "振铃 rang",
    "answered": "接听 answered",
    "offer_failed": "未接 offer failed",
    "adopted": "接管 adopted",
    "ticket": "工单 ticket",
    "ended": "结束 ended",
    "abandoned": "放弃 abandoned",
}
"""Kinds of fact a journey shows; what distribution notes after it (wrap-up) is not part of it."""

_Talk = Annotated[float, typer.Option(min=0.5, max=3600, help="Seconds that citizen and agent talk.")]


def demo(
    talk: _Talk = 2.0,
    hand: Annotated[
        bool, typer.Option("--by-hand", help="Be the agent yourself: work as 2001 in `hotline agent` meanwhile.")
    ] = False,
) -> None:
    """Place one real call to 12333 on the running line, answer it, write a ticket, and print the journey.

    On a line without people it first makes the demonstration's logins; their password is kept under var_dir.
    """
    settings = load_settings()
    console = Console(highlight=False, soft_wrap=True)
    with console.status(f"a test call to {LINE}") as status:
        journey = asyncio.run(_journey(settings, console, status, talk_seconds=talk, hand=hand))
    console.print(_table(journey, settings))
    if journey.ticket is None:
        console.print("no ticket 工单 was written")
    for line in _next(settings):
        console.print(line, markup=False)


async def _journey(settings: Settings, console: Console, status: Status, *, talk_seconds: float, hand: bool) -> Journey:
    def tell(line: str) -> None:
        console.print(f"  {line}", markup=False)

    carrier_address(settings)
    if await web_answers(settings) == 0:
        raise PartUnavailable("the line is not up", remedy="start it: make run, or hotline up")
    database = Database(settings.postgres.url)
    try:
        password, extension = await _expert(database, settings, tell)
        if hand:
            status.update("waiting for you: ready in `hotline agent`")
            tell(f"in another terminal: hotline agent -u {people.EXPERT} -e {extension}, password {password}")
            return await by_hand(settings, database, extension=extension, talk_seconds=talk_seconds, tell=tell)
        async with Requests(web_address(settings)) as requests, AsyncExitStack() as leaving:
            await _log_in(requests, password)
            leaving.push_async_callback(requests.post, "/api/auth/logout")
            return await worked(settings, database, requests, extension=extension, talk_seconds=talk_seconds, tell=tell)
    finally:
        await database.close()


async def _expert(database: Database, settings: Settings, tell: Tell) -> tuple[str, str]:
    """Password and extension of the demonstration's expert, who is entered if need be."""
    try:
        if await people.seeded(database, settings):
            tell("the directory has the demonstration's agents, targets and counties now")
        return people.password(settings), await people.extension(database)
    except (SQLAlchemyError, OSError) as error:
        raise PartUnavailable(
            f"PostgreSQL does not serve us ({type(error).__name__})", remedy="hotline doctor"
        ) from None


async def _log_in(requests: Requests, password: str) -> None:
    try:
        await requests.login(people.EXPERT, password)
    except NotSignedIn:
        raise NotSignedIn(
            f"the kept password is not the one of {people.EXPERT} any more",
            remedy=f"set {people.PASSWORD_VARIABLE}, or give a new one: hotline directory users password "
            f"{people.EXPERT}",
        ) from None


def _table(journey: Journey, settings: Settings) -> Table:
    zone = ZoneInfo(settings.site.timezone)
    title = f"call {journey.story.summary.call_id}: a citizen's way from {LINE} to a ticket"
    table = Table(title=title, title_justify="left")
    table.add_column("station 环节")
    table.add_column("time 时刻")
    table.add_column("ms since entry", justify="right")
    table.add_column("seen 详情")
    for event in journey.story.events:
        if event.kind in _STATIONS:
            at = event.at.astimezone(zone)
            clock = f"{at:%H:%M:%S}.{at.microsecond // 1000:03}"
            table.add_row(_STATIONS[event.kind], clock, f"{event.since_entry_ms:,}", _seen(event))
    return table


def _seen(event: Event) -> str:
    told = event.attributes
    match event.kind:
        case "entered":
            return f"{told.get('line')} {told.get('unit') or ''}".strip()
        case "queued":
            return ", ".join(told.get("groups", ()))
        case "reserved" | "answered":
            return f"agent 工号 {event.agent}"
        case "popped":
            return "on the agent's screen" if told.get("written") else f"not shown: {told.get('why_not')}"
        case "ringing":
            return f"extension 分机 {told.get('extension', '')}"
        case "offer_failed":
            return str(told.get("outcome", ""))
        case "adopted":
            return f"by {event.process}"
        case "ticket":
            return str(told["ticket"])
        case "ended":
            return f"by the {told.get('ended_by', '')}"
        case _:
            return ""


def _next(settings: Settings) -> list[str]:
    kept = people.password_file(settings)
    password = f"; its password is in {kept}" if kept.exists() else ""
    return [
        "Where to go next:",
        f"  REST, tried from the browser  {web_address(settings)}/docs",
        "  be the agent yourself         .venv/bin/hotline demo --by-hand, and in another terminal",
        f"                                .venv/bin/hotline agent -u {people.EXPERT}{password}",
        "  is every part well?           .venv/bin/hotline doctor",
        "  end the line                  make stop",
    ]
