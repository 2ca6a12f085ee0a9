"""The agent desk: what it weighs, when it can be used, and how soon a pop is at the socket with 300 of them open."""

from __future__ import annotations

import asyncio
import statistics
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.async_api import Browser

from tests.accept.line import PASSWORD, Line, running_line
from tests.bench.pops import pop_latencies
from tests.bench.report import spread
from tests.pages.browsing import DESK, chromium
from tests.pages.people import sign_in
from web.pages import BUILT

DESK_PATH: Final = "/desk"
PER_SECOND: Final = 20.0
_SECONDS: Final = 60.0

# Usable: the page's heading and a control that takes input are there, and no script has held the page up since.
_WHEN_USABLE: Final = """
    window.__longest = 0
    new PerformanceObserver((list) => {
        for (const task of list.getEntries())
            window.__longest = Math.max(window.__longest, task.startTime + task.duration)
    }).observe({ type: 'longtask', buffered: true })
    const look = () => {
        const page = document.querySelector('#page')
        if (page?.querySelector('h1') && page.querySelector('button:not([disabled]), input:not([disabled])'))
            window.__usable = performance.now()
        else requestAnimationFrame(look)
    }
    requestAnimationFrame(look)
"""
# Half a second without a task that held it up; in one expression, for the page's policy refuses to compile others.
_USABLE: Final = """async () => {
    const last = () => Math.max(window.__usable, window.__longest)
    while (!window.__usable || performance.now() < last() + 500) await new Promise((go) => setTimeout(go, 50))
    return last()
}"""


async def _load(browser: Browser, line: Line) -> tuple[float, int]:
    """One cold visit: milliseconds until it can be used, bytes of its files as gzip has them."""
    context = await browser.new_context(locale="zh-CN", viewport=DESK, base_url=line.web)  # type: ignore[arg-type]
    try:
        await sign_in(context, line.web, "1001", PASSWORD)
        await context.add_init_script(_WHEN_USABLE)
        page = await context.new_page()
        paths: set[str] = set()
        page.on("response", lambda answer: paths.add(urlsplit(answer.url).path))
        await page.goto(DESK_PATH)
        async with asyncio.timeout(_SECONDS):
            usable: float = await page.evaluate(_USABLE)
        return usable, sum(map(_gzip_bytes, paths))
    finally:
        await context.close()


def _gzip_bytes(path: str) -> int:
    file = BUILT / ("index.html" if path == DESK_PATH else path.lstrip("/"))
    packed = file.with_name(f"{file.name}.gz")
    if packed.is_file():
        return packed.stat().st_size
    return file.stat().st_size if file.is_file() else 0


async def _measure(*, loads: int, screens: int, calls: int) -> dict[str, Any]:
    async with running_line(extensions=screens + 20, general_agents=screens, only=["web"]) as line:
        async with chromium() as browser:
            await _load(browser, line)  # the machine's caches are warm, the browser's are each load's own
            seen = [await _load(browser, line) for _ in range(loads)]
        usable, weight = [one[0] for one in seen], max(one[1] for one in seen) / 1000
        print(f"desk      {weight:,.1f} kB as gzip; usable after {spread(usable, 'ms')}", flush=True)
        taken = sorted(await pop_latencies(line, agents=screens, calls=calls, per_second=PER_SECOND))
    p50, p99 = statistics.median(taken), taken[max(0, -(-99 * len(taken) // 100) - 1)]
    print(f"pops      p50 {p50:.1f} ms, p99 {p99:.1f} ms of {len(taken)}, with {screens} sockets", flush=True)
    return {
        "gzip_kb": round(weight, 1),
        "interactive_ms": round(statistics.median(usable)),
        "pop_p50_ms": round(p50, 1),
        "pop_p99_ms": round(p99, 1),
    }


def run(*, loads: int = 15, screens: int = 300, calls: int = 1000) -> dict[str, Any]:
    """Keys `gzip_kb interactive_ms pop_p50_ms pop_p99_ms`."""
    return asyncio.run(_measure(loads=loads, screens=screens, calls=calls))
