"""The shell: signing in, who sees what, every page of every role as axe and the console see it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pyotp
import pytest
from playwright.async_api import Page
from playwright.async_api import expect as see

from directory.models import Role
from tests.pages.accessibility import check_page
from tests.pages.conftest import PageOf
from tests.pages.walking import own_paths, refused, walk
from tests.web.people import PASSWORD

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

Expect = Callable[[Page, str], None]


async def test_an_agent_signs_in_and_out_with_the_keyboard_alone(new_page: PageOf) -> None:
    page = await new_page()
    await page.goto("/account")
    await see(page).to_have_url(re.compile(r"/login\?back=/account$"))
    await see(page.get_by_label("用户名")).to_be_focused()
    await check_page(page, "login")
    await page.keyboard.type("agent")
    await page.keyboard.press("Tab")
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")
    await see(page.get_by_role("heading", level=1, name="我的账号")).to_be_visible()
    await see(page).to_have_title(re.compile("^我的账号"))
    await page.reload()
    await see(page.get_by_role("grid", name="我的登录").locator("tbody tr")).to_have_count(1)
    await page.get_by_role("button", name="退出登录").press("Enter")
    await see(page.get_by_role("heading", level=1, name="登录")).to_be_visible()
    await page.goto("/account")
    await see(page.get_by_role("heading", level=1, name="登录")).to_be_visible()


async def test_a_wrong_password_says_what_to_do(new_page: PageOf, expect: Expect) -> None:
    page = await new_page()
    expect(page, "401 POST /api/session$")
    await page.goto("/login")
    await page.get_by_label("用户名").fill("agent")
    await page.get_by_label("密码", exact=True).fill("not-the-password")
    await page.keyboard.press("Enter")
    await see(page.get_by_role("alert")).to_contain_text("用户名、密码或验证码不正确")
    await see(page.get_by_label("密码", exact=True)).to_be_focused()
    await check_page(page, "login-refused")


async def test_a_supervisor_sets_up_a_second_step_and_signs_in_with_it(new_page: PageOf) -> None:
    page = await new_page()
    await page.goto("/login")
    await page.get_by_label("用户名").fill("supervisor")
    await page.get_by_label("密码", exact=True).fill(PASSWORD)
    await page.keyboard.press("Enter")
    await see(page.get_by_role("heading", level=1, name="绑定动态口令")).to_be_visible()
    secret = await page.locator(".secret code").inner_text()
    await check_page(page, "second-step-setup")
    totp = pyotp.TOTP(secret.replace(" ", ""))
    await page.get_by_label(re.compile("六位数字")).fill(totp.now())
    await page.keyboard.press("Enter")
    codes = page.locator(".codes li")
    await see(codes).to_have_count(10)
    recovery = await codes.first.inner_text()
    await check_page(page, "recovery-codes")
    await page.get_by_text("我已妥善保存备用码").click()
    # What the first page asks for is answered before the session ends.
    async with (
        page.expect_response(re.compile(r"/api/centre-desk$")),
        page.expect_response(re.compile("/api/tickets[?]")),
    ):
        await page.get_by_role("button", name="继续").click()
    await page.get_by_role("button", name="退出登录").click()

    await page.get_by_label("用户名").fill("supervisor")
    await page.get_by_label("密码", exact=True).fill(PASSWORD)
    await page.keyboard.press("Enter")
    await see(page.get_by_role("heading", level=1, name="输入动态口令")).to_be_visible()
    await check_page(page, "second-step")
    await page.get_by_label(re.compile("备用码")).fill(recovery)
    await page.keyboard.press("Enter")
    await see(page.get_by_role("button", name="退出登录")).to_be_visible()


async def test_one_sees_and_ends_ones_sessions_and_changes_the_password(page_of: PageOf, expect: Expect) -> None:
    here = await page_of(Role.DISPATCHER)
    there = await page_of(Role.DISPATCHER)
    await there.goto("/account")
    await here.goto("/account")
    rows = here.get_by_role("grid", name="我的登录").locator("tbody tr")
    await see(rows).to_have_count(2)
    await check_page(here, "account")
    await here.get_by_role("button", name="结束", exact=True).click()
    await check_page(here, "account-end-session")
    await here.get_by_role("button", name="结束登录").click()
    await see(rows).to_have_count(1)
    expect(there, "^401 ")
    await there.get_by_role("button", name="绑定动态口令…").click()
    await check_page(there, "account-second-step")
    await there.get_by_label("当前密码").last.fill(PASSWORD)
    await there.get_by_role("button", name="开始绑定").click()
    await see(there).to_have_url(re.compile("/login"))
    await see(there.get_by_role("status").last).to_contain_text("登录已结束")

    await here.get_by_label("当前密码").fill(PASSWORD)
    await here.get_by_label("新密码", exact=True).fill("short")
    await see(here.get_by_text("至少 8 个字符")).to_be_visible()
    await here.get_by_label("新密码", exact=True).fill("another-good-one")
    await here.get_by_label("再次输入新密码").fill("another-good-one")
    await here.get_by_role("button", name="修改密码").click()
    await see(here.get_by_text("密码已修改")).to_be_visible()


async def test_a_stranger_page_an_own_page_and_one_without_the_role(page_of: PageOf) -> None:
    page = await page_of(Role.KNOWLEDGE_EDITOR)
    await page.goto("/no/such/page")
    await see(page.get_by_role("heading", level=1, name="没有这个页面")).to_be_visible()
    await check_page(page, "unknown")
    await page.goto("/account")
    await see(page.get_by_role("grid", name="我的登录").locator("tbody tr")).to_have_count(1)
    await page.keyboard.press("Control+k")
    await see(page.get_by_role("combobox", name="输入命令或页面名称")).to_be_focused()
    await check_page(page, "palette")
    await page.keyboard.type("退出")
    await page.keyboard.press("Enter")
    await see(page.get_by_role("heading", level=1, name="登录")).to_be_visible()


@pytest.mark.parametrize("role", list(Role))
async def test_every_page_of_a_role(role: Role, page_of: PageOf) -> None:
    page = await page_of(role)
    await walk(page, role, await own_paths(page))


async def test_pages_of_other_roles_are_refused_in_words(page_of: PageOf) -> None:
    agent, admin = await page_of(Role.AGENT), await page_of(Role.ADMIN)
    of_agent, of_admin = await own_paths(agent), await own_paths(admin)
    assert of_agent
    assert of_admin
    await refused(agent, "agent", [path for path in of_admin if path not in of_agent])
    await refused(admin, "admin", [path for path in of_agent if path not in of_admin])
