"""Item 6: twelve agents at their pages for ten minutes of calls: every pop seen, the wallboard true, nothing leaks."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from playwright.async_api import Browser, CDPSession, Page
from playwright.async_api import TimeoutError as Late

from directory.models import Role
from directory.passwords import Passwords
from directory.users import NewUser, add_user
from hotline.clock import SystemClock
from tests.accept.line import PASSWORD, Line, eventually
from tests.accept.pages.desk_page import SOCKET, DeskPage, chromium, desk_page
from tests.accept.scenario import Item, Scale
from tests.accept.sipp import SippCallers, sipp_callers
from tests.pages.browsing import DESK, Watch
from tests.pages.people import sign_in

_TALK_SECONDS: Final = 8.0
_TURN_SECONDS: Final = 16.0
"""From one call of an agent to the next; what the ring, the answer and the work after it take is in it."""

_HOLD_SECONDS: Final = 120.0
"""Longer than anybody waits here: no caller gives up."""

_LOOKS: Final = 4
"""At the heap, the first after everybody has had a few calls."""

_MOST_GROWN: Final = 1.10
_NOISE_BYTES: Final = 1_500_000
"""Of a heap after a collection: compiled code and caches of the browser come and go."""

_NOISE_NODES: Final = 400

# Only what is counted: a probe that keeps every frame would be the leak.
_POPS: Final = (
    SOCKET
    + """
(() => {
  const pops = window.__pops = [];
  window.__heard = ({ kind, body }) => { if (kind === 'pop') pops.push(body.call); };
})();
"""
)


@dataclass
class Memory:
    """What a page holds: bytes of its heap after a collection, and nodes of its document."""

    bytes: int
    nodes: int

    def grown_from(self, first: Memory) -> str | None:
        """What has grown since; None: nothing that counts."""
        if self.bytes > first.bytes * _MOST_GROWN + _NOISE_BYTES:
            return f"heap {first.bytes / 1e6:.1f} MB, then {self.bytes / 1e6:.1f} MB"
        if self.nodes > first.nodes * _MOST_GROWN + _NOISE_NODES:
            return f"{first.nodes} nodes, then {self.nodes}"
        return None


@dataclass
class Seat:
    """An agent at the page, who takes whatever rings."""

    desk: DeskPage
    watch: Watch
    cdp: CDPSession
    painted: list[str] = field(default_factory=list)
    """Numbers that the page showed while it rang."""

    async def works(self, over: asyncio.Event) -> None:
        """Take calls until `over`."""
        while not over.is_set():
            try:
                await self.desk.rings(seconds=1)
            except Late:
                continue
            self.painted.append(await self.desk.page.locator(".who .number").inner_text())
            await self.desk.press("F2")
            await self.desk.shows("通话中")
            await asyncio.sleep(_TALK_SECONDS)
            await self.desk.press("F4")
            await self.desk.shows("话后整理")
            await self.desk.press("F8")
            await self.desk.page.locator(".status-bar .state", has_text="话后整理").wait_for(state="hidden")

    async def pops(self) -> Counter[str]:
        """Calls whose pop came to the page."""
        return Counter(await self.desk.page.evaluate("window.__pops"))

    async def memory(self) -> Memory:
        await self.cdp.send("HeapProfiler.collectGarbage")
        heap = await self.cdp.send("Runtime.getHeapUsage")
        counted = await self.cdp.send("Memory.getDOMCounters")
        return Memory(int(heap["usedSize"]), int(counted["nodes"]))


async def a_shift(line: Line, scale: Scale) -> str:
    """Item 6."""
    agents, seconds = scale(12, 3), scale(600, 24)
    rate = agents / _TURN_SECONDS
    async with chromium() as browser:
        board = await _wallboard(line, browser)
        seats = await asyncio.gather(*(_seat(line, browser, index) for index in range(agents)))
        over = asyncio.Event()
        working = [asyncio.create_task(seat.works(over)) for seat in seats]
        calls = max(agents, int(seconds * rate))
        try:
            async with sipp_callers(
                line, number="12345", calls=calls, rate=rate, hold_seconds=_HOLD_SECONDS
            ) as callers:
                looks, equal = await _while_calls_come(seats, board, callers, working, seconds=seconds)
                assert await callers.over(seconds=seconds + 180) == 0, callers.said()
            over.set()
            await asyncio.gather(*working)
            await board.equal(seconds=20)
            told = await _compared(line, seats, callers)
        finally:
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)
            for seat in seats:
                await seat.desk.leave()
    trouble = [what for watch in (board.watch, *(seat.watch for seat in seats)) for what in watch.trouble()]
    assert not trouble, "\n".join(trouble)
    for index, seat in enumerate(seats):
        if what := looks[-1][index].grown_from(looks[0][index]):
            raise AssertionError(f"the page of {seat.desk.agent} leaks: {what}")
    first, last = (max(one.bytes for one in look) / 1e6 for look in (looks[0], looks[-1]))
    return f"{agents} agents, {told}; wallboard equal {equal} times; largest heap {first:.1f} MB, then {last:.1f} MB"


async def _while_calls_come(
    seats: list[Seat], board: Wallboard, callers: SippCallers, working: list[asyncio.Task[None]], *, seconds: float
) -> tuple[list[list[Memory]], int]:
    """Look at every page's memory from time to time, and at the wallboard all the time; how often it was equal."""
    looks: list[list[Memory]] = []
    equal = 0
    await callers.until("dialled", len(seats), seconds=60)
    began = asyncio.get_running_loop().time()
    while len(looks) < _LOOKS:
        at = began + seconds * (len(looks) + 1) / (_LOOKS + 1)
        while asyncio.get_running_loop().time() < at:
            for task in working:
                if task.done():
                    await task
            await board.equal(seconds=20)
            equal += 1
            await asyncio.sleep(0.5)
        looks.append([await seat.memory() for seat in seats])
        print(f"  {len(callers.who('released'))} calls over, heaps {_spread(looks[-1])} MB", flush=True)
    return looks, equal


def _spread(look: list[Memory]) -> str:
    sizes = sorted(one.bytes / 1e6 for one in look)
    return f"{sizes[0]:.1f}-{sizes[-1]:.1f}"


async def _compared(line: Line, seats: list[Seat], callers: SippCallers) -> str:
    """Every call that was offered to somebody was told to their page and painted there, once."""
    told: dict[str, Counter[str]] = {seat.desk.agent: Counter() for seat in seats}
    numbers: dict[str, Counter[str]] = {seat.desk.agent: Counter() for seat in seats}
    for index, number in enumerate(callers.numbers):
        call = await line.call_id_of(callers.e164(index))
        story = await line.story_of(call, until="ended")
        assert story.summary.answered_at is not None, f"a caller was not served: {story.summary.outcome}"
        for event in story.events:
            if event.kind == "popped":
                assert event.agent is not None
                told[event.agent][call] += 1
                numbers[event.agent][number] += 1
    for seat in seats:
        agent = seat.desk.agent
        came = await seat.pops()
        assert came == told[agent], (
            f"{agent}: pops told and not come {told[agent] - came}, come twice {came - told[agent]}"
        )
        missed = numbers[agent] - Counter(seat.painted)
        assert not missed, f"{agent}: {sum(missed.values())} pops were never on the screen"
    return f"{len(callers.numbers)} calls, {sum(sum(one.values()) for one in told.values())} pops, all on the screen"


@dataclass
class Wallboard:
    """The hall's screen, and the interface it is to be equal to."""

    page: Page
    watch: Watch

    async def equal(self, *, seconds: float) -> None:
        """Wait until the screen shows what the interface tells, both read between the same two changes."""
        shown: dict[str, Any] = {}
        wanted: dict[str, Any] = {}

        async def look() -> bool:
            nonlocal shown, wanted
            before = await self._told()
            shown = await self._shown()
            wanted = await self._told()
            return before == wanted == shown

        with contextlib.suppress(AssertionError):
            await eventually(look, "", seconds=seconds, every=0.1)
            return
        raise AssertionError(f"the wallboard shows {shown}, the interface tells {wanted}")

    async def _told(self) -> dict[str, Any]:
        told = await (await self.page.context.request.get("/api/figures/live")).json()
        return {
            "waiting": told["line"]["waiting"],
            "offered": told["line"]["offered"],
            "answered": told["line"]["answered"],
            "queues": {queue: entry["waiting"] for queue, entry in told["queues"].items()},
            "agents": len(told["agents"]),
        }

    async def _shown(self) -> dict[str, Any]:
        shown: dict[str, Any] = await self.page.evaluate(
            """() => {
              const whole = (found) => Number(found.textContent.replace(/\\D/g, ''));
              const big = (key) => whole(document.querySelector(`.figure[data-figure="${key}"] dd`));
              const queues = {};
              for (const row of document.querySelectorAll('[data-queue]'))
                queues[row.dataset.queue] = whole(row.querySelector('[data-figure="waiting"]'));
              return { waiting: big('waiting'), offered: big('offered'), answered: big('answered'), queues,
                       agents: document.querySelectorAll('[data-agent]').length };
            }"""
        )
        return shown


async def _wallboard(line: Line, browser: Browser) -> Wallboard:
    async with line.database.transaction() as session:
        await add_user(
            session, NewUser("page-shift", "值班班长", frozenset({Role.SUPERVISOR})), PASSWORD, Passwords(),
            now=SystemClock().now(),
        )  # fmt: skip
    context = await browser.new_context(locale="zh-CN", viewport=DESK, base_url=line.web)  # type: ignore[arg-type]
    context.set_default_timeout(60_000)
    await sign_in(context, line.web, "page-shift", PASSWORD)
    page = await context.new_page()
    board = Wallboard(page, Watch(page))
    await page.goto("/wallboard")
    await page.locator('.figure[data-figure="waiting"]').wait_for()
    return board


async def _seat(line: Line, browser: Browser, index: int) -> Seat:
    desk = await desk_page(line, browser, agent=f"{1001 + index}", seat=f"{9001 + index}", probe=_POPS)
    watch = Watch(desk.page)
    await desk.work()
    return Seat(desk, watch, await desk.context.new_cdp_session(desk.page))


ITEM = Item(6, "twelve agents' pages for ten minutes of calls: no leak, no missed pop, the wallboard true", a_shift)
