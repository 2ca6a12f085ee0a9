"""Through every page of somebody's navigation, and to the doors of pages that are not theirs."""

from __future__ import annotations

from collections.abc import Iterable

from playwright.async_api import Page
from playwright.async_api import expect as see

from tests.pages.accessibility import check_page

_NAVIGATION = "功能导航"
_REFUSED = "无权查看"


async def own_paths(page: Page) -> list[str]:
    """The paths in the navigation of whoever is signed in on this page."""
    await page.goto("/account")
    await see(page.get_by_role("heading", level=1, name="我的账号")).to_be_visible()
    links = page.get_by_role("navigation", name=_NAVIGATION).get_by_role("link")
    return [path for link in await links.all() if (path := await link.get_attribute("href"))]


async def walk(page: Page, name: str, paths: Iterable[str]) -> None:
    """Open each, see that it is there for this person, and check it; pictures are named after `name` and the path."""
    for path in paths:
        await page.goto(path)
        await see(page.locator("#page").get_by_role("heading", level=1).first).to_be_visible()
        await see(page.get_by_role("heading", name=_REFUSED)).to_have_count(0)
        await check_page(page, f"{name}{path.replace('/', '-')}")


async def refused(page: Page, name: str, paths: Iterable[str]) -> None:
    """Each of these says that it is not for this person."""
    for path in paths:
        await page.goto(path)
        await see(page.get_by_role("heading", level=1, name=_REFUSED)).to_be_visible()
    await check_page(page, f"{name}-refused")
