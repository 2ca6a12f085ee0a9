"""A real Chromium, and what must never happen in it: errors on the console, refused content, requests that fail."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, Request, Response, async_playwright

DEADLINE_MS: Final = 30_000
"""For everything a page is waited for: the machine may be busy."""

DESK: Final = {"width": 1366, "height": 768}
ZOOMED: Final = {"width": 683, "height": 384}
"""The same window at 200 %."""
PHONE: Final = {"width": 360, "height": 740}
"""A citizen's telephone."""

_GLANCE_SECONDS: Final = 0.05

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
_LEFT_BEHIND: Final = "net::ERR_ABORTED"
"""A request that its page no longer wants."""


def executable() -> str:
    """The system's Chromium; set-up installs it."""
    for name in _NAMES:
        if found := shutil.which(name):
            return found
    raise FileNotFoundError("no Chromium on this machine: `make setup` installs it")


@asynccontextmanager
async def chromium(*, headless: bool = True) -> AsyncIterator[Browser]:
    """One browser, whose microphone hums and asks nobody."""
    flags = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", "--disable-dev-shm-usage"]
    if os.geteuid() == 0:
        flags.append("--no-sandbox")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=executable(), args=flags, headless=headless, timeout=60_000
        )
        try:
            yield browser
        finally:
            await browser.close()


class Watch:
    """What went wrong on a page, and what of it was expected."""

    def __init__(self, page: Page) -> None:
        self._expected: list[re.Pattern[str]] = []
        self._seen: list[str] = []
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self._seen.append(f"page error: {error.stack or error.message}"))
        page.on("requestfailed", self._on_failed)
        page.on("response", self._on_response)
        page.on("crash", lambda _page: self._seen.append("the page crashed"))

    def expect(self, pattern: str) -> None:
        """Say that trouble that matches will come, or came, on purpose. Answers read `403 GET /api/...`."""
        self._expected.append(re.compile(pattern))

    def trouble(self) -> list[str]:
        """What nobody expected."""
        return [line for line in self._seen if not any(pattern.search(line) for pattern in self._expected)]

    def _on_console(self, message: ConsoleMessage) -> None:
        # An answer that is an error is noted where it comes, with its method and status.
        if message.type in {"error", "warning", "assert"} and "Failed to load resource" not in message.text:
            self._seen.append(f"console {message.type}: {message.text} ({_path(message.location.get('url', ''))})")

    def _on_failed(self, request: Request) -> None:
        if _LEFT_BEHIND not in (request.failure or ""):
            self._seen.append(f"request failed: {request.method} {_path(request.url)}: {request.failure}")

    def _on_response(self, response: Response) -> None:
        if response.status >= 400:
            self._seen.append(f"{response.status} {response.request.method} {_path(response.url)}")


async def holds(page: Page, expression: str, arg: object = None) -> None:
    """Wait until `expression` is true in the page. Raises TimeoutError after DEADLINE_MS.

    Playwright's own `wait_for_function` asks again with `eval`, which the pages' policy forbids: it fails whenever the
    first answer is no.
    """
    async with asyncio.timeout(DEADLINE_MS / 1000):
        while not await page.evaluate(expression, arg):
            await asyncio.sleep(_GLANCE_SECONDS)


def _path(url: str) -> str:
    return re.sub(r"^\w+://[^/]+", "", url)


def screenshots() -> Path:
    """Where this run keeps its pictures: `HOTLINE_SCREENSHOTS`, else a folder under the temporary one."""
    folder = Path(os.environ.get("HOTLINE_SCREENSHOTS") or Path(tempfile.gettempdir()) / "hotline-screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


async def shoot(page: Page, name: str) -> Path:
    """Keep a picture of the window; `name` without slashes, e.g. `agent-desk-1366`."""
    plain = re.sub(r"[^\w.-]+", "-", name).strip("-")
    path = screenshots() / f"{plain}.png"
    await page.screenshot(path=path, animations="disabled", timeout=DEADLINE_MS)
    return path


def verdict(watches: list[Watch]) -> None:
    """Fail the test for whatever nobody expected."""
    if trouble := [line for watch in watches for line in watch.trouble()]:
        pytest.fail("the pages are not clean:\n" + "\n".join(trouble))
