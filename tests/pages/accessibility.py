"""axe over a page as it stands, at the sizes people work with (WCAG 2.2, A and AA)."""

from __future__ import annotations

import contextlib
import json
from functools import cache
from typing import Any, Final

from playwright.async_api import Page
from playwright.async_api import TimeoutError as PlaywrightTimeout

from hotline.settings import project_root
from tests.pages.browsing import DESK, PHONE, ZOOMED, shoot

_AXE: Final = project_root() / "web" / "ui" / "node_modules" / "axe-core" / "axe.min.js"
_TAGS: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_SIZES: Final = {"1366": DESK, "200": ZOOMED}

_SETTLED: Final = """async () => {
    await document.fonts.ready
    await Promise.all(document.getAnimations().filter((one) => one.effect?.getTiming().iterations !== Infinity)
        .map((one) => one.finished.catch(() => undefined)))
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))
}"""

_BEYOND: Final = "() => document.scrollingElement.scrollWidth - document.documentElement.clientWidth"


@cache
def _source() -> str:
    return _AXE.read_text()


async def violations(page: Page) -> list[str]:
    """What axe finds wrong with the page as it stands: rule, element, why."""
    await page.evaluate(_SETTLED)
    devtools = await page.context.new_cdp_session(page)
    try:
        # Through the debugger: the page's own policy refuses scripts from elsewhere, and is to stay in force.
        await devtools.send("Runtime.evaluate", {"expression": _source()})
        asked = {"runOnly": {"type": "tag", "values": _TAGS}, "resultTypes": ["violations"]}
        run = f"axe.run(document, {json.dumps(asked)}).then((found) => JSON.stringify(found.violations))"
        answer: dict[str, Any] = await devtools.send(
            "Runtime.evaluate",
            {
                "expression": run,
                "awaitPromise": True,
                "returnByValue": True,
            },
        )
    finally:
        await devtools.detach()
    assert "exceptionDetails" not in answer, answer["exceptionDetails"]
    return [
        f"{rule['id']}: {rule['help']}: {node['target']} {node['html'][:160]} {node.get('failureSummary', '')}"
        for rule in json.loads(answer["result"]["value"])
        for node in rule["nodes"]
    ]


async def check_page(page: Page, name: str, *, on_phones: bool = False) -> None:
    """No violation and nothing cut off at either size, and `on_phones` at theirs; a picture of each is kept under
    `name`. The size of before is set again."""
    # An address is reached before its page is drawn. Where no heading comes axe says so.
    with contextlib.suppress(PlaywrightTimeout):
        await page.locator("h1").first.wait_for(state="attached")
    before = page.viewport_size
    found: list[str] = []
    try:
        for size, window in (_SIZES | ({"phone": PHONE} if on_phones else {})).items():
            await page.set_viewport_size(window)  # type: ignore[arg-type]
            found += [f"{name} at {size}: {line}" for line in await violations(page)]
            beyond = await page.evaluate(_BEYOND)
            if beyond > 0:
                found.append(f"{name} at {size}: {beyond} px lie beyond the right edge")
            await shoot(page, f"{name}-{size}")
    finally:
        if before:
            await page.set_viewport_size(before)
    assert not found, "\n".join(found)
