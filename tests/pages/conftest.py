"""`site`: the real application on real PostgreSQL and Redis, with people of every role. `page_of(role)`: a page of
somebody who is signed in there; the test fails for every error on its console, refused content and failed request that
it did not expect."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from fastapi import FastAPI
from playwright.async_api import Browser, Page
from playwright.async_api import expect as see

from acd.service import Acd
from directory.models import Role
from directory.sessions import SessionPolicy, Sessions
from tests.pages.browsing import DEADLINE_MS, DESK, Watch, chromium, verdict
from tests.pages.people import sign_in
from tests.web.conftest import app, line, served, units
from tests.web.conftest import services as plain_services
from tests.web.people import Units, quick_passwords
from web.pages import BUILT
from web.services import Services

__all__ = ["app", "line", "plain_services", "units"]

see.set_options(timeout=DEADLINE_MS)

PageOf = Callable[..., Awaitable[Page]]


@dataclass(frozen=True)
class Site:
    """The application as browsers reach it, and what it works with, for arranging a test."""

    origin: str
    app: FastAPI
    services: Services
    units: Units
    line: Acd


@pytest.fixture
def services(plain_services: Services) -> Services:
    """With the policy of sessions that a line has: some roles need a second step."""
    known = plain_services
    sessions = Sessions(known.database, quick_passwords(), known.clock, SessionPolicy.of(known.settings))
    return replace(known, sessions=sessions)


@pytest.fixture
async def site(app: FastAPI, services: Services, units: Units, line: Acd) -> AsyncIterator[Site]:
    assert (BUILT / "index.html").is_file(), "the pages are not built: `make pages`"
    async with served(app) as port:
        yield Site(f"http://127.0.0.1:{port}", app, services, units, line)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as started:
        yield started


@pytest.fixture
async def watched() -> AsyncIterator[dict[Page, Watch]]:
    """The watch of every page of the test; at its end whatever nobody expected fails it."""
    watches: dict[Page, Watch] = {}
    yield watches
    verdict(list(watches.values()))


@pytest.fixture
async def new_page(site: Site, browser: Browser, watched: dict[Page, Watch]) -> AsyncIterator[PageOf]:
    """`await new_page()`: a page in a context of its own, of nobody who is signed in; options go to the context."""
    contexts = []

    async def make(**options: Any) -> Page:
        settings = {"locale": "zh-CN", "viewport": DESK, "base_url": site.origin, "permissions": ["microphone"]}
        context = await browser.new_context(**{**settings, **options})
        contexts.append(context)
        context.set_default_timeout(DEADLINE_MS)
        page = await context.new_page()
        watched[page] = Watch(page)
        return page

    yield make
    for context in contexts:
        await context.close()


@pytest.fixture
def page_of(site: Site, new_page: PageOf) -> PageOf:
    """`await page_of(Role.AGENT)` or `await page_of("login")`: a page of that person, at no address yet."""

    async def make(who: Role | str, **options: Any) -> Page:
        page = await new_page(**options)
        await sign_in(page.context, site.origin, str(who))
        return page

    return make


@pytest.fixture
def expect(watched: dict[Page, Watch]) -> Callable[[Page, str], None]:
    """`expect(page, r"409 POST /api/tickets")`: trouble that belongs to the test."""
    return lambda page, pattern: watched[page].expect(pattern)
