"""The menu editor beyond its main way: every type of node by its published schema, the prompts studio with its
refusals, lines and the switch, a second approver, a file in and out, and what somebody who may only read sees."""

from __future__ import annotations

import io
import wave
from typing import Any

import numpy as np
import pytest
from playwright.async_api import expect as see

from directory.models import Role
from ivr import exchange
from ivr.nodes import TYPE_NAMES
from tests.pages.accessibility import check_page, violations
from tests.pages.conftest import PageOf, Site
from tests.pages.test_menus import Expect, lines, opened, row, save, saved, two_keys

__all__ = ["lines"]

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

_TESTS: dict[str, dict[str, Any]] = {
    "time": {"opens": "08:30", "closes": "17:30"},
    "day": {"kinds": ["workday"]},
    "calendar": {"first": "2026-10-01", "last": "2026-10-07"},
    "hours": {"of": "office"},
    "line": {"lines": ["12345"]},
    "tag": {"tags": ["repeat"]},
    "queue": {"queue": "night", "waiting": 5},
    "language": {"language": "en"},
    "answer": {"variable": "digits", "values": ["1"]},
}
_NODES: dict[str, dict[str, Any]] = {
    "entry": {},
    "say": {"prompt": "您好。"},
    "menu": {"prompt": "请按键", "options": {"1": {"label": "甲"}}, "wrong": "按错了"},
    "collect": {"prompt": "请输入", "variable": "digits", "max_digits": 8},
    "condition": {"cases": [{"when": {"test": name, **test}} for name, test in _TESTS.items()]},
    "set": {"values": {"greeting": "您好"}, "language": "en"},
    "queue": {"queue": "night", "skills": [{"skill": "general", "level": 2}]},
    "transfer": {"target": "line:12366"},
    "emergency": {"number": "110"},
    "progress": {"number": "digits", "code": "digits"},
    "knowledge": {"entry": "K1"},
    "callback": {},
    "message": {},
    "survey": {},
    "subflow": {"flow": "survey"},
    "return": {},
    "web": {"url": "https://unit.example/state", "send": {"number": "{digits}"}, "save": {"state": "/state"}},
    "hangup": {"prompt": "再见"},
}


def _everything() -> dict[str, Any]:
    nodes = {f"a_{kind}": {"type": kind, **fields} for kind, fields in _NODES.items()}
    return {"flow": "all", "name": "所有节点", "entry": "a_entry", "nodes": nodes, "cases": []}


async def test_every_field_of_every_type_is_there_and_named(site: Site, page_of: PageOf) -> None:
    assert set(_NODES) == set(TYPE_NAMES), "a type of nodes is not looked at here"
    parts = exchange.schema()["$defs"].values()
    fields_of = [part["properties"] for part in parts if "const" in part.get("properties", {}).get("type", {})]
    wanted = {fields["type"]["const"]: fields for fields in fields_of}
    page = await page_of(Role.ADMIN)
    await save(page, site, _everything())
    await page.goto("/menus/flows/all")
    for kind, fields in wanted.items():
        await row(page, f"a_{kind}").click()
        await see(page.get_by_role("heading", level=2, name=TYPE_NAMES[kind], exact=True)).to_be_visible()
        for field in fields.keys() - {"type"}:
            at = page.locator(f'#me-pane [data-field="{field}"], #me-pane [data-field^="{field}."]')
            assert await at.count() > 0, f"{kind} has no field for {field}"
        assert await violations(page) == [], kind
    await row(page, "a_condition").click()
    await check_page(page, "menu-conditions")


def _wav(samples: Any) -> bytes:
    """Samples (full scale 32,767) at 8 kHz as a file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8_000)
        out.writeframes(samples.astype("<i2").tobytes())
    return file.getvalue()


async def test_a_recording_is_refused_with_the_reason_and_taken_when_mended(
    site: Site, page_of: PageOf, expect: Expect
) -> None:
    page = await page_of(Role.ADMIN)
    expect(page, "422 POST /api/prompts/recordings/welcome/versions")
    await page.goto("/menus/prompts")
    await see(page.get_by_text("感谢来电，再见。")).to_be_visible()
    await page.get_by_role("button", name="“感谢来电，再见。”的用处").click()
    await see(page.get_by_text("没有流程用到")).to_be_visible()
    await check_page(page, "prompts-texts")
    await page.get_by_role("button", name="录音", exact=True).click()
    await page.get_by_label("编号").fill("welcome")
    await page.get_by_label("名称").fill("欢迎词")
    await page.get_by_label("内容").fill("欢迎致电。")
    silence = np.zeros(16_000)
    file = {"name": "welcome.wav", "mimeType": "audio/wav", "buffer": _wav(silence)}
    await page.get_by_label("文件").set_input_files([file])
    await page.get_by_role("button", name="上传", exact=True).click()
    await see(page.get_by_role("alert")).to_contain_text("没有声音")
    await check_page(page, "prompts-refused")
    # Spread as speech is: a tone dwells at its tops like one that is clipped.
    loud = np.random.default_rng(1).laplace(0, 1_200, 16_000).clip(-20_000, 20_000)
    await page.get_by_label("文件").set_input_files([{**file, "buffer": _wav(loud)}])
    await page.get_by_role("button", name="上传", exact=True).click()
    await see(page.get_by_text("已收下第 1 版")).to_be_visible()
    await page.get_by_role("button", name="启用", exact=True).click()
    await see(page.get_by_role("cell", name="第 1 版")).to_be_visible()
    await check_page(page, "prompts-recordings")


async def test_lines_use_what_is_published_and_the_switch_turns_it_off(site: Site, page_of: PageOf) -> None:
    page = await page_of(Role.ADMIN)
    whole = two_keys()
    whole["nodes"]["choose"]["options"]["2"]["next"] = "citizens"
    kept = await save(page, site, whole)
    await opened(page)
    await page.get_by_role("button", name="发布…").click()
    dialog = page.get_by_role("dialog")
    await see(dialog.locator(".changes")).to_be_visible()
    for box in await dialog.get_by_role("checkbox").all():
        await box.check()
    await dialog.get_by_role("button", name="发布", exact=True).click()
    await see(page.get_by_text("第 1 版已发布")).to_be_visible()
    assert kept["revision"] == 1
    await page.goto("/menus/lines")
    await page.get_by_role("button", name="更改 12345 的菜单").click()
    await page.get_by_label("来电人进入").select_option("main")
    await check_page(page, "menu-lines-change")
    await dialog.get_by_role("button", name="保存").click()
    await see(page.get_by_role("link", name="主菜单")).to_be_visible()
    await page.get_by_role("button", name="停用全部菜单").click()
    await page.get_by_label("原因").fill("演练")
    await check_page(page, "menu-lines-switch")
    await dialog.get_by_role("button", name="停用", exact=True).click()
    await see(page.get_by_role("alert")).to_contain_text("全部菜单已停用")
    await check_page(page, "menu-lines-off")
    await page.get_by_role("button", name="恢复全部菜单").click()
    await see(page.get_by_role("alert")).to_have_count(0)


async def test_a_file_comes_in_and_what_is_wrong_with_it_is_said(site: Site, page_of: PageOf, expect: Expect) -> None:
    page = await page_of(Role.ADMIN)
    expect(page, "422 PUT /api/menus/flows/main/yaml")
    await save(page, site, two_keys())
    await opened(page)
    await page.get_by_role("button", name="导入").click()
    wrong = "flow: main\nname: 主菜单\nentry: start\nnodes:\n  start:\n    type: hologram\n"
    await page.get_by_label("或粘贴内容").fill(wrong)
    await page.get_by_role("button", name="导入为草稿").click()
    await see(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("hologram")
    await check_page(page, "menu-import-refused")
    whole = two_keys()
    whole["nodes"]["choose"]["options"]["2"]["label"] = "来自文件"
    await page.get_by_label("或粘贴内容").fill(exchange.write(exchange.of_document(whole)))
    await page.get_by_role("button", name="导入为草稿").click()
    await see(row(page, "choose/options.2.next")).to_contain_text("来自文件")
    await saved(page)


async def test_who_may_only_read_changes_nothing(site: Site, page_of: PageOf) -> None:
    admin = await page_of(Role.ADMIN)
    await save(admin, site, two_keys())
    page = await page_of(Role.SUPERVISOR)
    await opened(page)
    await see(page.get_by_text("只读：您可以查看和模拟")).to_be_visible()
    await row(page, "choose").click()
    await see(page.get_by_label("按键 1 的含义")).to_have_attribute("readonly", "")
    await see(page.get_by_role("button", name="发布…")).to_have_count(0)
    await row(page, "citizens").focus()
    await page.keyboard.press("Delete")
    await see(row(page, "citizens")).to_be_visible()
    await check_page(page, "menu-read-only")
