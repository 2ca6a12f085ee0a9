"""`hotline ivr`: menus (菜单) from files and into them, published, brought back, assigned, tried out."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from hotline.errors import InvalidInput
from ivr import assignments, drafts, exchange, history, releases, visits
from ivr.drafts import Draft
from ivr.history import Standing
from ivr.judging import id_of
from ivr.menu_errors import UnknownMenu
from ivr.releases import Release
from ivr.tables import EVERY_LINE
from server.commands.ivr_desk import BY, Desk, judged, moment, on_desk, table, when
from server.commands.ivr_simulate import simulate

app = typer.Typer(help="菜单 (menus)：编写、检查、试听、发布、回退、分配到热线。", no_args_is_help=True)
app.command("simulate")(simulate)

_STANDINGS = {
    Standing.IN_FORCE: "生效",
    Standing.SCHEDULED: "待生效",
    Standing.PAST: "已过期",
    Standing.WITHDRAWN: "已撤回",
}

_Flow = Annotated[str, typer.Argument(help="菜单的键，见 `hotline ivr list`。", metavar="FLOW")]
_At = Annotated[str, typer.Option(help="生效时间，如 2026-10-01T08:00；不填立即生效。")]
_Comment = Annotated[str, typer.Option(help="说明：改了什么，为什么。")]


@app.command("list")
def list_flows() -> None:
    """全部菜单：草稿、生效的版本、待生效的版本、使用的热线。"""

    async def work(desk: Desk) -> None:
        async with desk.database.transaction() as session:
            found = await history.overview(session, desk.now)
            off = await assignments.switched_off(session)
        shown = table("菜单", "名称", "草稿", "生效版本", "待生效", "热线")
        for one in found:
            shown.add_row(
                one.flow,
                one.name,
                f"第 {one.revision} 稿" + ("（未发布）" if one.changed else ""),
                str(one.version or "-"),
                "\n".join(f"第 {row.version} 版 {when(row.effective_at, desk)}" for row in one.scheduled)
                + (f"待复核（{one.proposal.id}）" if one.proposal else ""),
                " ".join(one.lines) or "-",
            )
        desk.show(shown)
        for switch in off:
            line = "全部热线" if switch.line == EVERY_LINE else f"热线 {switch.line}"
            typer.echo(f"{line}的菜单已停用（{switch.by}，{when(switch.at, desk)}）: {switch.reason}")

    on_desk(work)


@app.command("export")
def export(
    flow: _Flow,
    version: Annotated[int | None, typer.Option(help="哪一版；不填则为草稿。", min=1)] = None,
) -> None:
    """把菜单写成 YAML，输出到标准输出。"""

    async def work(desk: Desk) -> None:
        typer.echo(exchange.write(await desk.flow(flow, version)), nl=False)

    on_desk(work)


@app.command("import")
def import_files(
    files: Annotated[list[Path], typer.Argument(help="YAML 文件，如 `hotline ivr export` 所写。", exists=True)],
) -> None:
    """把 YAML 文件存为草稿，并检查。原有草稿留在历史中；内容相同则不变。"""

    async def work(desk: Desk) -> bool:
        wanted = [exchange.read(file.read_text(encoding="utf-8")) for file in files]
        for flow in wanted:
            async with desk.database.transaction() as session:
                before = await _revision(session, flow.flow)
                saved = await drafts.save(session, flow, revision=before, editor=BY, now=desk.now)
                if not isinstance(saved, Draft):
                    raise InvalidInput(f"{flow.flow} 的草稿刚被别人改过", remedy="再执行一次")
                if saved.revision != before:
                    await desk.record(session, "menu.saved", f"menu:{flow.flow}", after={"revision": saved.revision})
            typer.echo(f"{flow.flow}: 第 {saved.revision} 稿" + ("（内容未变）" if saved.revision == before else ""))
        return all([await judged(desk, flow) for flow in wanted])

    on_desk(work)


@app.command("check")
def check(
    flow: Annotated[str, typer.Argument(help="菜单的键，或 YAML 文件。", metavar="FLOW|FILE")],
    version: Annotated[int | None, typer.Option(help="哪一版；不填则为草稿。", min=1)] = None,
) -> None:
    """检查菜单并运行其用例；有错误或用例未通过时以状态 1 结束。"""

    file = Path(flow)
    written = file.read_text(encoding="utf-8") if file.is_file() else None

    async def work(desk: Desk) -> bool:
        wanted = await desk.flow(flow, version) if written is None else exchange.read(written)
        return await judged(desk, wanted)

    on_desk(work)


@app.command("publish")
def publish(
    flow: _Flow,
    comment: _Comment = "",
    at: _At = "",
    acknowledge: Annotated[list[str] | None, typer.Option(help="确认的提醒（check 所列编号），可多次。")] = None,
    acknowledge_all: Annotated[bool, typer.Option("--acknowledge-all", help="确认全部提醒。")] = False,
) -> None:
    """发布草稿为新版本。有错误或用例未通过则不发布；提醒须确认。需双人复核时提交复核。"""

    async def work(desk: Desk) -> None:
        world = await desk.world()
        async with desk.database.transaction() as session:
            draft = await drafts.draft(session, flow)
            taken = frozenset(acknowledge or ())
            if acknowledge_all:
                taken |= {id_of(one) for one in (await world.judge(draft.flow)).warnings}
            release = Release(flow, draft.revision, comment, BY, taken, moment(at, desk))
            if desk.settings.menus.second_approver:
                proposal = await releases.propose(session, release, world.judge, now=desk.now)
                await desk.record(session, "menu.proposed", f"menu:{flow}", after={"proposal": proposal.id})
                told = f"已提交复核（{proposal.id}），由另一位管理员复核后发布"
            else:
                row = await releases.publish(session, release, world.judge, now=desk.now)
                await desk.record(session, "menu.published", f"menu:{flow}", after={"version": row.version})
                told = f"已发布第 {row.version} 版，{when(row.effective_at, desk)} 生效"
        typer.echo(told)

    on_desk(work)


@app.command("approve")
def approve(proposal: Annotated[int, typer.Argument(help="待复核的编号，见 `hotline ivr list`。", min=1)]) -> None:
    """复核并发布别人提交的草稿。"""

    async def work(desk: Desk) -> None:
        world = await desk.world()
        async with desk.database.transaction() as session:
            row = await releases.approve(session, proposal, world.judge, approver=BY, now=desk.now)
            await desk.record(session, "menu.published", f"menu:{row.flow}", after={"version": row.version})
        typer.echo(f"{row.flow}: 已发布第 {row.version} 版，{when(row.effective_at, desk)} 生效")

    on_desk(work)


@app.command("rollback")
def rollback(
    flow: _Flow,
    to: Annotated[int | None, typer.Option(help="回到哪一版；不填则为上一个生效的版本。", min=1)] = None,
    comment: _Comment = "",
) -> None:
    """立即回退：把以前生效过的版本作为新版本发布。"""

    async def work(desk: Desk) -> None:
        async with desk.database.transaction() as session:
            past = await releases.in_force_so_far(session, flow, desk.now)
            row = await releases.roll_back(
                session,
                flow,
                from_version=past[0].version if past else 0,
                to=to,
                author=BY,
                comment=comment,
                now=desk.now,
            )
            after = {"version": row.version, "restores": row.restores}
            await desk.record(session, "menu.rolled_back", f"menu:{flow}", after=after)
        typer.echo(f"第 {row.version} 版已生效，内容同第 {row.restores} 版")

    on_desk(work)


@app.command("withdraw")
def withdraw(flow: _Flow, version: Annotated[int, typer.Argument(help="待生效的版本。", min=1)]) -> None:
    """撤回尚未生效的版本。"""

    async def work(desk: Desk) -> None:
        async with desk.database.transaction() as session:
            await releases.withdraw(session, flow, version, by=BY, now=desk.now)
            await desk.record(session, "menu.withdrawn", f"menu:{flow}", {"version": version})
        typer.echo(f"第 {version} 版已撤回，不会生效")

    on_desk(work)


@app.command("history")
def show_history(flow: _Flow) -> None:
    """菜单的全部版本，新的在前。"""

    async def work(desk: Desk) -> None:
        async with desk.database.transaction() as session:
            found = await history.versions(session, flow, desk.now)
        shown = table("版本", "状态", "生效时间", "提交", "复核", "说明")
        for one in found:
            row = one.row
            shown.add_row(
                str(row.version),
                _STANDINGS[one.standing],
                when(row.effective_at, desk),
                row.author,
                row.approved_by or "-",
                (f"回退到第 {row.restores} 版 " if row.restores else "") + row.comment,
            )
        desk.show(shown)

    on_desk(work)


@app.command("assign")
def assign(
    lines: Annotated[list[str], typer.Argument(help="热线号码，可多个。")],
    flow: Annotated[str, typer.Option(help="菜单的键。")] = "",
    direct: Annotated[bool, typer.Option("--direct", help="不用菜单，直接转人工。")] = False,
    at: _At = "",
) -> None:
    """让热线使用菜单，或恢复直接转人工；立即或到时生效。"""
    if bool(flow) == direct:
        raise typer.BadParameter("请指定 --flow 或 --direct 之一")

    async def work(desk: Desk) -> None:
        known = await desk.lines()
        if unknown := [line for line in lines if line not in known]:
            raise InvalidInput(f"没有热线 {'、'.join(unknown)}", remedy="`hotline directory list` 列出全部热线")
        async with desk.database.transaction() as session:
            for line in lines:
                row = await assignments.assign(
                    session, line, flow or None, effective_at=moment(at, desk), by=BY, now=desk.now
                )
                after = {"flow": row.flow, "effective_at": row.effective_at}
                await desk.record(session, "menu.assigned", f"menu_line:{line}", after=after)
        told = f"使用菜单 {flow}" if flow else "直接转人工"
        typer.echo(f"热线 {'、'.join(lines)} 自 {when(row.effective_at, desk)} 起{told}")

    on_desk(work)


@app.command("off")
def switch_off(
    line: Annotated[str, typer.Argument(help="热线号码；不填则为全部热线。")] = EVERY_LINE,
    reason: Annotated[str, typer.Option(help="原因，记入审计。")] = "停用",
) -> None:
    """停用菜单：下一个来电起直接转人工。"""

    async def work(desk: Desk) -> None:
        async with desk.database.transaction() as session:
            await assignments.switch_off(session, line, by=BY, reason=reason, now=desk.now)
            await desk.record(session, "menu.switched_off", f"menu_line:{_shown(line)}", after={"reason": reason})
        typer.echo("已停用；恢复: hotline ivr on" + ("" if line == EVERY_LINE else f" {line}"))

    on_desk(work)


@app.command("on")
def switch_on(line: Annotated[str, typer.Argument(help="热线号码；不填则为全部热线。")] = EVERY_LINE) -> None:
    """恢复菜单：按已分配的菜单接听。"""

    async def work(desk: Desk) -> None:
        async with desk.database.transaction() as session:
            await assignments.switch_on(session, line, now=desk.now)
            await desk.record(session, "menu.switched_on", f"menu_line:{_shown(line)}")
        typer.echo("已恢复")

    on_desk(work)


@app.command("figures")
def figures(
    flow: _Flow,
    days: Annotated[int, typer.Option(help="最近多少天。", min=1, max=366)] = 7,
    version: Annotated[int | None, typer.Option(help="只看这一版。", min=1)] = None,
) -> None:
    """菜单使用情况：每版多少来电，每个节点从哪个分支离开、多少次、停留多久。"""

    async def work(desk: Desk) -> None:
        begin, end = desk.now - timedelta(days=days), desk.now
        async with desk.database.transaction() as session:
            await drafts.draft(session, flow)
            counted = await visits.calls(session, flow, begin=begin, end=end)
            found = await visits.figures(session, flow, begin=begin, end=end, version=version)
        typer.echo("来电: " + ("，".join(f"第 {one} 版 {counted[one]}" for one in sorted(counted)) or "无"))
        shown = table("版本", "节点", "分支", "次数", "平均秒", "中位秒", "95% 秒")
        for one in found:
            seconds = (f"{ms / 1000:.1f}" for ms in (one.mean_ms, one.p50_ms, one.p95_ms))
            shown.add_row(str(one.version), one.node, one.branch, str(one.visits), *seconds)
        desk.show(shown)

    on_desk(work)


async def _revision(session: AsyncSession, flow: str) -> int:
    """The draft's; 0 for a flow that is new."""
    try:
        return (await drafts.draft(session, flow)).revision
    except UnknownMenu:
        return 0


def _shown(line: str) -> str:
    return "all" if line == EVERY_LINE else line
