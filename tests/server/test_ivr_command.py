"""`hotline ivr` as an operator types it, on a real database; and the default menus that a line is set up with."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog
from sqlalchemy import func, make_url, select
from typer.testing import CliRunner, Result

from directory import audit
from directory.importer import SANMENXIA, import_hotlines
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.settings import Settings, Site
from ivr import exchange, history, releases, visits
from ivr.history import Standing
from ivr.releases import Release
from ivr.tables import MenuAssignmentRow, MenuRevisionRow
from ivr.visits import Visit
from server.commands.ivr import app
from server.provision.menus import FLOWS, enter_default_menus
from tests.ivr.menus import sound

Hotline = Callable[..., Result]

FILE = """
flow: main
name: 直达
entry: start
nodes:
  start: {type: entry, next: human}
  human: {type: queue}
cases:
  - name: 到人工
    at: 2026-11-23T10:00
    line: "12345"
    expect: {at: queue, within_seconds: 12}
"""
MENU = """
flow: main
name: 两键
entry: ask
nodes:
  ask:
    type: menu
    prompt: 您好，欢迎致电12345政务服务便民热线，正在为您转接人工服务。
    options: {"1": {label: 社保, next: experts}}
    on_timeout: human
    on_wrong: human
  experts: {type: queue, queue: expert-12333}
  human: {type: queue}
"""


@pytest.fixture
def settings(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Of a line with the city's numbers."""
    url = make_url(database_url)
    monkeypatch.setenv("HOTLINE_CONFIG", os.devnull)
    monkeypatch.setenv("HOTLINE_POSTGRES__PORT", str(url.port))
    monkeypatch.setenv("HOTLINE_POSTGRES__DATABASE", str(url.database))

    async def fill() -> None:
        database, now = Database(database_url), SystemClock().now()
        async with database.transaction() as session:
            await import_hotlines(session, SANMENXIA.read_bytes(), Site(), now=now)
        await database.close()

    asyncio.run(fill())
    return Settings()


@pytest.fixture
def ivr(settings: Settings) -> Hotline:
    def typed(*arguments: str) -> Result:
        # As on a terminal, where only warnings are logged.
        with structlog.testing.capture_logs():
            return CliRunner().invoke(app, arguments)

    return typed


def _file(folder: Path, text: str) -> str:
    file = folder / "main.yaml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_from_a_file_to_a_line_and_back(ivr: Hotline, tmp_path: Path) -> None:
    imported = ivr("import", _file(tmp_path, FILE))
    assert imported.exit_code == 0, imported.output
    for words in ("main: 第 1 稿", "用例 通过: 到人工", "覆盖: 节点 2/2，分支 2/2（100%）", "可以发布"):
        assert words in imported.output
    assert "内容未变" in ivr("import", _file(tmp_path, FILE)).output
    assert "已发布第 1 版" in ivr("publish", "main", "--comment", "首次").output
    assert "热线 12345、12333 自" in ivr("assign", "12345", "12333", "--flow", "main").output
    exported = ivr("export", "main").output
    assert exchange.read(exported) == exchange.read(FILE)
    ivr("import", _file(tmp_path, FILE.replace("直达", "直接")))
    assert "第 2 稿（未发布）" in ivr("list").output
    assert "已发布第 2 版" in ivr("publish", "main").output
    assert "第 3 版已生效，内容同第 1 版" in ivr("rollback", "main").output
    told = ivr("history", "main").output
    for words in ("回退到第 1 版", "生效", "已过期", "首次"):
        assert words in told
    assert exchange.read(ivr("export", "main", "--version", "3").output).name == "直达"
    assert "热线 12333 自" in ivr("assign", "12333", "--direct").output
    shown = ivr("list").output
    assert "12345" in shown
    assert "12333" not in shown


def test_what_is_wrong_is_said_and_nothing_is_published(ivr: Hotline, tmp_path: Path) -> None:
    broken = _file(tmp_path, FILE.replace("next: human", "next: nowhere"))
    checked = ivr("check", broken)
    assert checked.exit_code == 1
    for words in ("错误 [", "nowhere", "用例 未通过: 到人工", "不能发布，请先改正"):
        assert words in checked.output
    assert ivr("import", broken).exit_code == 1
    refused = ivr("publish", "main")
    assert refused.exit_code == 1
    assert "menu.not_sound" in refused.output
    assert "改正后再发布" in refused.output


def test_warnings_are_acknowledged(ivr: Hotline, tmp_path: Path) -> None:
    plain = FILE.replace("next: human}", "next: ask}").replace(
        "  human:", "  ask: {type: web, url: 'http://unit.example/', next: human, on_failure: human}\n  human:"
    )
    ivr("import", _file(tmp_path, plain.partition("cases:")[0]))
    refused = ivr("publish", "main")
    assert refused.exit_code == 1
    assert "menu.not_acknowledged" in refused.output
    assert "已发布第 1 版" in ivr("publish", "main", "--acknowledge-all").output


def test_a_caller_in_the_terminal(ivr: Hotline, tmp_path: Path) -> None:
    ivr("import", _file(tmp_path, MENU))
    played = ivr("simulate", "main", "--draft", "--keys", "1", "--at", "2026-11-23T10:00", "--caller", "repeat")
    assert played.exit_code == 0, played.output
    for words in (
        "播放 您好，欢迎致电",
        "按键 1",
        "进入队列 expert-12333",
        "ask[key 1]",
        "未走过的分支",
        "ask→on_timeout",
    ):
        assert words in played.output
    silent = ivr("simulate", "main", "--at", "2026-11-23T10:00")
    assert "没有生效的版本，用草稿" in silent.output
    assert "ask[on_timeout]" in silent.output


def test_later_and_not_at_all(ivr: Hotline, tmp_path: Path) -> None:
    ivr("import", _file(tmp_path, FILE))
    year = SystemClock().now().year + 1
    assert "已发布第 1 版" in ivr("publish", "main").output
    ivr("import", _file(tmp_path, FILE.replace("直达", "直接")))
    at = f"{year}-01-01T08:00"
    assert f"{year}-01-01 08:00 生效" in ivr("publish", "main", "--at", at).output
    assert f"第 2 版 {year}-01-01 08:00" in ivr("list").output
    assert "已撤回" in ivr("withdraw", "main", "2").output
    assert "已停用；恢复: hotline ivr on" in ivr("off", "--reason", "演练").output
    assert "全部热线的菜单已停用" in ivr("list").output
    assert "已恢复" in ivr("on").output
    assert "已停用" not in ivr("list").output


def test_where_two_persons_publish_the_terminal_is_one_of_them(
    ivr: Hotline, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOTLINE_MENUS__SECOND_APPROVER", "true")
    ivr("import", _file(tmp_path, FILE))
    assert "已提交复核（1）" in ivr("publish", "main").output
    assert "待复核（1）" in ivr("list").output
    own = ivr("approve", "1")
    assert own.exit_code == 1
    assert "menu.own_proposal" in own.output
    assert "另一位管理员" in own.output

    async def propose() -> int:
        database, now = Database(database_url), SystemClock().now()
        async with database.transaction() as session:
            await releases.decline(session, 1, by="wang", reason="改由我提交", now=now)
            release = Release("main", 1, "请复核", "wang")
            proposal = await releases.propose(session, release, sound, now=now)
        await database.close()
        return proposal.id

    proposal = asyncio.run(propose())
    assert "main: 已发布第 1 版" in ivr("approve", str(proposal)).output
    assert "cli" in ivr("history", "main").output


def test_how_a_menu_is_used(ivr: Hotline, tmp_path: Path, database_url: str) -> None:
    ivr("import", _file(tmp_path, MENU))

    async def call() -> None:
        database = Database(database_url)
        async with database.transaction() as session:
            await visits.keep(session, [Visit("c1", 1, SystemClock().now(), "main", 1, "ask", "key 1", 2500)])
        await database.close()

    asyncio.run(call())
    told = ivr("figures", "main").output
    for words in ("第 1 版 1", "ask", "key 1", "2.5"):
        assert words in told


@pytest.mark.parametrize(
    ("arguments", "code", "remedy"),
    [
        (["export", "none"], "menu.unknown", "hotline ivr list"),
        (["history", "none"], "menu.unknown", "hotline ivr list"),
        (["publish", "none"], "menu.unknown", "hotline ivr list"),
        (["rollback", "none"], "menu.unknown", "hotline ivr list"),
        (["figures", "none"], "menu.unknown", "hotline ivr list"),
        (["simulate", "none"], "menu.unknown", "hotline ivr list"),
        (["assign", "12345", "--flow", "none"], "menu.unknown", "hotline ivr list"),
        (["assign", "99999", "--flow", "main"], "input.invalid", "hotline directory list"),
        (["export", "main", "--version", "9"], "menu.version_unknown", "hotline ivr history main"),
        (["rollback", "main"], "menu.stale", "回退"),
        (["publish", "main", "--at", "soon"], "menu.bad_moment", "2026-10-01T08:00"),
        (["withdraw", "main", "7"], "menu.version_unknown", "hotline ivr history main"),
        (["approve", "7"], "menu.draft_unknown", "可能"),
    ],
)
def test_every_error_says_what_to_do_next(
    ivr: Hotline, tmp_path: Path, arguments: list[str], code: str, remedy: str
) -> None:
    ivr("import", _file(tmp_path, FILE))
    refused = ivr(*arguments)
    assert refused.exit_code == 1
    assert f"{code}: " in refused.output
    assert remedy in refused.output


async def test_default_menus_come_once_and_for_no_line(settings: Settings, database_url: str) -> None:
    files = {file.stem for file in FLOWS.glob("*.yaml")}
    assert await enter_default_menus(settings) == len(files)
    assert await enter_default_menus(settings) == 0
    database = Database(database_url)
    async with database.transaction() as session:
        found = await history.overview(session, SystemClock().now())
        assert {one.flow for one in found} == files
        assert {(one.version, one.changed, one.revision) for one in found} == {(1, False, 1)}
        for one in found:
            (version,) = await history.versions(session, one.flow, SystemClock().now())
            assert (version.standing, version.row.author) == (Standing.IN_FORCE, "setup")
        assert await session.scalar(select(func.count()).select_from(MenuAssignmentRow)) == 0
        assert await session.scalar(select(func.count()).select_from(MenuRevisionRow)) == len(files)
        await audit.verify(session)
    await database.close()


async def test_two_set_ups_at_once_enter_each_menu_once(settings: Settings, database_url: str) -> None:
    entered = await asyncio.gather(*(enter_default_menus(settings) for _ in range(2)))
    assert sum(entered) == len(list(FLOWS.glob("*.yaml")))
    database = Database(database_url)
    async with database.transaction() as session:
        assert {one.version for one in await history.overview(session, SystemClock().now())} == {1}
    await database.close()


async def test_a_menu_that_does_not_fit_the_city_is_a_draft(
    settings: Settings, database_url: str, tmp_path: Path
) -> None:
    (tmp_path / "main.yaml").write_text(FILE.replace("type: queue", "type: queue, queue: moon"), encoding="utf-8")
    assert await enter_default_menus(settings, tmp_path) == 0
    assert await enter_default_menus(settings, tmp_path) == 0
    database = Database(database_url)
    async with database.transaction() as session:
        (main,) = await history.overview(session, SystemClock().now())
    assert (main.revision, main.version) == (1, None)
    await database.close()
