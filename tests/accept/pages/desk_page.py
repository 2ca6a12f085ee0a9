"""An agent at the desk in a real Chromium: what the page shows, and what comes out of its headset, measured."""

from __future__ import annotations

import itertools
import os
import tempfile
import time
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from playwright.async_api import Browser, BrowserContext, Page, ViewportSize, async_playwright

from tests.accept.line import PASSWORD, Line, eventually
from tests.accept.talk.parties import AGENT, CITIZEN, THIRD
from tests.pages.browsing import DESK, executable
from tests.pages.people import sign_in

TONES: Final = (CITIZEN, AGENT, THIRD)
_HEARD_DB, _SILENT_DB = -45.0, -70.0
_SAMPLE_RATE = 48_000
_seats = itertools.count(0)

SOCKET: Final = """
(() => {
  const Socket = window.WebSocket;
  window.WebSocket = class extends Socket {
    constructor(...given) {
      super(...given);
      if (!String(given[0]).includes('/ws/agent')) return;
      this.addEventListener('message', (event) => window.__heard(JSON.parse(event.data)));
    }
  };
})();
"""
"""Gives each frame that comes to an agent's page to `window.__heard`, which a probe sets."""

PROBE: Final = (
    SOCKET
    + """
(() => {
  const probe = window.__probe = { frames: [], first: {}, analyser: null, painted: null };
  window.__heard = ({ kind, body }) => probe.frames.push({ kind, body, at: Date.now() });
  // A steady tone is what a microphone's filters take for noise.
  const media = navigator.mediaDevices;
  if (media) {
    const open = media.getUserMedia.bind(media);
    media.getUserMedia = (wanted) => open({ ...wanted, audio: {
      ...(typeof wanted.audio === 'object' ? wanted.audio : {}),
      echoCancellation: false, noiseSuppression: false, autoGainControl: false,
    } });
  }
  const Connection = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Connection {
    constructor(...given) {
      super(...given);
      this.addEventListener('track', ({ track }) => {
        const context = new AudioContext();
        const analyser = context.createAnalyser();
        analyser.fftSize = 8192;
        analyser.smoothingTimeConstant = 0;
        const source = context.createMediaStreamSource(new MediaStream([track]));
        source.connect(analyser);
        probe.analyser = analyser;
        probe.context = context;
        // What is given out begins with the oldest of its samples: a long one would hear late.
        const ear = context.createAnalyser();
        ear.fftSize = 512;
        source.connect(ear);
        const samples = new Float32Array(ear.fftSize);
        const began = Date.now();
        const timer = setInterval(() => {
          ear.getFloatTimeDomainData(samples);
          if (samples.some((one) => Math.abs(one) > 0.01)) {
            probe.first.heard = Date.now();
            clearInterval(timer);
          } else if (Date.now() - began > 60000) clearInterval(timer);
        }, 5);
      });
    }
  };
  // When what the pop says is on the screen: the frame after the one in which it is in the page.
  const watch = () => {
    const seen = document.querySelector('.who .number');
    if (seen && probe.painted === null) requestAnimationFrame(() => setTimeout(() => {
      probe.painted ??= Date.now();
    }));
    if (!seen) probe.painted = null;
  };
  new MutationObserver(watch).observe(document, { subtree: true, childList: true, characterData: true });
})();
"""
)

_LEVELS = """
(tones) => {
  const { analyser, context } = window.__probe;
  if (!analyser) return null;
  const bins = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(bins);
  const width = context.sampleRate / analyser.fftSize;
  return tones.map((tone) => {
    const at = Math.round(tone / width);
    return Math.max(...bins.slice(at - 2, at + 3));
  });
}
"""


def tone_file(frequency: float = AGENT) -> Path:
    """What a page's microphone takes: a tone for as long as Chromium asks."""
    seconds = 2.0
    at = np.arange(int(_SAMPLE_RATE * seconds)) / _SAMPLE_RATE
    samples = (0.5 * 32_767 * np.sin(2 * np.pi * frequency * at)).astype("<i2")
    path = Path(tempfile.gettempdir()) / f"hotline-tone-{os.getpid()}-{frequency:g}.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_SAMPLE_RATE)
        file.writeframes(samples.tobytes())
    return path


@asynccontextmanager
async def chromium(frequency: float = AGENT) -> AsyncIterator[Browser]:
    """A Chromium whose microphone sends a tone, the agent's if nothing else is said, and which
    finds its way to Asterisk on this machine."""
    flags = [
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={tone_file(frequency)}",
        "--allow-loopback-in-peer-connection",
        "--autoplay-policy=no-user-gesture-required",
        "--disable-dev-shm-usage",
    ]
    if os.geteuid() == 0:
        flags.append("--no-sandbox")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable(), args=flags, timeout=120_000)
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Headset:
    """A page with `PROBE` in it, and what comes out of its headset."""

    line: Line
    context: BrowserContext
    page: Page

    async def levels(self) -> dict[float, float] | None:
        """How loud each party's tone is in the headset, in dB of full scale; None: nothing is connected."""
        found = await self.page.evaluate(_LEVELS, list(TONES))
        return (
            None
            if found is None
            else dict(zip(TONES, (one if one is not None else -200.0 for one in found), strict=True))
        )

    async def hears(self, *tones: float, seconds: float = 15.0) -> None:
        """Wait until these tones and none of the others are in the headset."""
        seen: dict[float, float] | None = None

        async def look() -> bool:
            nonlocal seen
            seen = await self.levels()
            if seen is None:
                return False
            loudest = max(seen.values())
            return all(
                seen[tone] > max(_HEARD_DB, loudest - 20)
                if tone in tones
                else seen[tone] < max(_SILENT_DB, loudest - 25 if tones else _SILENT_DB)
                for tone in TONES
            )

        try:
            await eventually(look, "", seconds=seconds, every=0.15)
        except AssertionError:
            shown = seen and {tone: round(level) for tone, level in seen.items()}
            raise AssertionError(f"{tones} alone should be heard, and is heard: {shown} dB") from None

    async def heard_at(self, *, seconds: float = 15.0) -> int:
        """When sound came out of the headset first, in ms of this machine's clock."""

        async def look() -> int | None:
            found: int | None = await self.page.evaluate("window.__probe.first.heard ?? null")
            return found

        at: int = await eventually(look, "sound in the headset", seconds=seconds)
        return at

    async def shoot(self, name: str) -> None:
        """Keep a picture where `HOTLINE_SCREENSHOTS` says."""
        folder = Path(os.environ.get("HOTLINE_SCREENSHOTS") or Path(tempfile.gettempdir()) / "hotline-screenshots")
        folder.mkdir(parents=True, exist_ok=True)
        await self.page.screenshot(path=folder / f"{name}.png", animations="disabled")


@dataclass
class DeskPage(Headset):
    """One agent's desk. `agent` is the work number, `seat` the extension of the browser phone."""

    agent: str
    seat: str

    async def work(self, *, ready: bool = True) -> float:
        """Open the desk and sign in at the browser phone; returns how long it took to be offerable, in ms."""
        await self.page.goto(f"{self.line.web}/desk")
        await self.page.get_by_label("分机").fill(self.seat)
        button = self.page.get_by_role("button", name="签入并示闲" if ready else "签入，先不接电话")
        await self.page.get_by_text("网页话机：用本机耳麦").wait_for()
        began = time.monotonic()
        await button.click()
        await self.shows("示闲" if ready else "示忙")
        await self.page.get_by_text("话机已就绪").wait_for()
        return (time.monotonic() - began) * 1000

    async def shows(self, state: str, *, seconds: float = 30.0) -> None:
        """Wait until the status bar says so."""
        await self.page.locator(".status-bar .state", has_text=state).wait_for(timeout=seconds * 1000)

    async def bar_shows(self, words: str, *, seconds: float = 30.0) -> None:
        """Wait until the call bar says so."""
        await self.page.locator(".call-bar .now", has_text=words).wait_for(timeout=seconds * 1000)

    async def rings(self, *, seconds: float = 30.0) -> None:
        """Wait until F2 would answer."""
        await self.page.locator(".call-bar button:enabled", has_text="接听").wait_for(timeout=seconds * 1000)

    async def press(self, key: str) -> None:
        """A key, wherever the focus is."""
        await self.page.keyboard.press(key)

    async def click(self, name: str) -> None:
        """A button of the call bar, by its word."""
        await self.page.locator(".call-bar button", has_text=name).first.click()

    async def frame(self, kind: str, *, after: int = 0, seconds: float = 30.0) -> dict[str, Any]:
        """The newest frame of a kind that came after `after` (ms of this machine's clock)."""

        async def look() -> dict[str, Any] | None:
            found: dict[str, Any] | None = await self.page.evaluate(
                "([kind, after]) =>"
                " window.__probe.frames.filter((one) => one.kind === kind && one.at >= after).at(-1) ?? null",
                [kind, after],
            )
            return found

        told: dict[str, Any] = await eventually(look, f"a frame {kind}", seconds=seconds)
        return told

    async def leave(self) -> None:
        """Sign out and close the page; a second time does nothing."""
        if self.page.is_closed():
            return
        await self.shoot(f"desk-left-{self.agent}")
        await self.page.evaluate(
            """async () => {
              const { csrf } = await (await fetch('/api/session')).json();
              await fetch('/api/agents/me/sign-out', { method: 'POST', headers: { 'X-CSRF-Token': csrf } });
            }"""
        )
        await self.context.close()


async def desk_page(line: Line, browser: Browser, *, agent: str = "", seat: str = "", probe: str = PROBE) -> DeskPage:
    """An agent who is signed in to the site and has not opened the desk. `probe` looks on from inside the page."""
    n = next(_seats)
    agent, seat = agent or f"{1001 + n % 20}", seat or f"{9001 + n % 8}"
    window: ViewportSize = {"width": DESK["width"], "height": DESK["height"]}
    context = await browser.new_context(locale="zh-CN", viewport=window, permissions=["microphone"])
    context.set_default_timeout(60_000)
    await sign_in(context, line.web, agent, PASSWORD)
    await context.add_init_script(probe)
    page = await context.new_page()
    made = DeskPage(line, context, page, agent, seat)
    line.cleanup.append(made.leave)
    return made
