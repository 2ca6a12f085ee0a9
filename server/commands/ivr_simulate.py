"""`hotline ivr simulate`: a caller taken through a menu as text."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from ivr.cases import WorldOfCase
from ivr.coverage import coverage
from ivr.events import CallFacts
from ivr.flow import ExpectedEnd, Flow, MenuCase
from ivr.lengths import seconds_with
from ivr.releases import in_force_so_far
from ivr.simulator import Caller, Simulation
from ivr.simulator import simulate as play
from server.commands.ivr_desk import Desk, moment, on_desk, say_coverage

_WHAT: Final = {"say": "播放", "key": "按键", "ask": "查询", "answer": "结果"}
_ENDS: Final = {
    "queue": "进入队列",
    "human": "转人工",
    "transfer": "转接",
    "emergency": "转紧急电话",
    "callback": "预约回拨",
    "message": "留言",
    "hangup": "挂机",
    "return": "返回",
}


def simulate(  # noqa: PLR0917 - a command's options
    flow: Annotated[str, typer.Argument(help="菜单的键，见 `hotline ivr list`。", metavar="FLOW")],
    at: Annotated[str, typer.Option(help="来电时间，如 2026-10-01T23:30；不填为现在。")] = "",
    line: Annotated[str, typer.Option(help="拨打的热线。")] = "12345",
    keys: Annotated[str, typer.Option(help="每次询问时的按键，以 - 分开，如 2-1；某次不按则留空，如 2--1。")] = "",
    ahead: Annotated[str, typer.Option(help="一接通就按下的键。")] = "",
    caller: Annotated[str, typer.Option(help="来电人标签，以逗号分开，如 repeat,vulnerable。")] = "",
    fails: Annotated[str, typer.Option(help="视为失败的节点，以逗号分开。")] = "",
    draft: Annotated[bool, typer.Option("--draft", help="用草稿，不用生效的版本。")] = False,
    version: Annotated[int | None, typer.Option(help="用这一版。", min=1)] = None,
) -> None:
    """在终端里走一遍菜单：播放什么、按什么、到哪里、用多少秒，以及走过的节点与分支。"""

    async def work(desk: Desk) -> None:
        wanted = await _wanted(desk, flow, draft=draft, version=version)
        world = await desk.world()
        begins = moment(at, desk) or desk.now
        case = MenuCase(
            name="试听",
            at=begins.isoformat(),
            line=line,
            answers=dict.fromkeys(filter(None, fails.split(","))),
            expect=ExpectedEnd(at="human"),
        )
        tags = frozenset(filter(None, caller.split(",")))
        played = play(
            {**world.flows, wanted.flow: wanted},
            wanted.flow,
            CallFacts(line, world.name_of(line), tags, wanted.language),
            world.days,
            at=begins,
            caller=Caller(tuple(keys.split("-")) if keys else (), ahead),
            world=WorldOfCase(case),
            seconds_of=seconds_with(world.sounds),
        )
        _say(played)
        say_coverage(coverage(wanted, [played]))

    on_desk(work)


async def _wanted(desk: Desk, flow: str, *, draft: bool, version: int | None) -> Flow:
    """The version asked for, else the one in force, else the draft."""
    if draft or version:
        return await desk.flow(flow, version)
    async with desk.database.transaction() as session:
        past = await in_force_so_far(session, flow, desk.now)
    if not past:
        typer.echo("没有生效的版本，用草稿")
    return await desk.flow(flow, past[0].version if past else None)


def _say(played: Simulation) -> None:
    for one in played.told:
        typer.echo(
            f"{one.seconds:6.1f} 秒  {one.place.flow}.{one.place.node}  {_WHAT.get(one.what, one.what)} {one.text}"
        )
    end = played.end
    typer.echo(
        f"{played.seconds:6.1f} 秒  {_ENDS.get(end.at, end.at)}"
        + (f" {end.of}" if end.of else "")
        + (f"（{end.why}）" if end.why else "")
    )
    typer.echo("路径: " + " → ".join(f"{one.node}[{one.branch}]" for one in played.path))
    if played.keys_left:
        typer.echo(f"还有 {played.keys_left} 组按键没有被用到")
