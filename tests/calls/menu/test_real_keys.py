"""Kind: real. Keys of a real phone through Asterisk into a menu: early, short, of every kind, none lost or doubled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest

from acd.states import CallState
from server.demo import phone
from server.demo.g711 import encode
from server.demo.phone import PhoneCall
from server.demo.sip import offer_sdp
from tests.asterisk_fixtures import A_LAW_SILENCE, LiveAsterisk, live_asterisk
from tests.calls.menu.flows import flow, install
from tests.calls.menu.real_line import RealLine, calling, press_by_info

__all__ = ["live_asterisk"]

pytestmark = [pytest.mark.real, pytest.mark.timeout(150)]

DIGITS = "2100145"

FLOW = flow(
    top={"type": "menu", "prompt": "请按二", "options": {"2": {"label": "二", "next": "mid"}}, "seconds": 9},
    mid={"type": "menu", "prompt": "请按一", "options": {"1": {"label": "一", "next": "number"}}, "seconds": 9},
    number={
        "type": "collect",
        "prompt": "请输入号码",
        "variable": "number",
        "min_digits": 7,
        "max_digits": 7,
        "next": "right",
        "seconds": 9,
        "between_seconds": 6,
    },
    # One digit too many or too few is another number.
    right={
        "type": "condition",
        "cases": [{"when": {"test": "answer", "variable": "number", "values": [DIGITS]}, "next": "experts"}],
        "otherwise": "people",
    },
    experts={"type": "queue", "queue": "expert-12333"},
    people={"type": "queue"},
)


@pytest.fixture
async def line(
    redis_url: str, database_url: str, tmp_path: Path, live_asterisk: LiveAsterisk
) -> AsyncIterator[RealLine]:
    line = RealLine(redis_url, database_url, tmp_path, live_asterisk)
    install(line, FLOW, dialled="12345")
    greeting = live_asterisk.layout.sounds / "hotline" / "greeting.12345.alaw"
    greeting.write_bytes(A_LAW_SILENCE * 20_000)
    try:
        yield line
    finally:
        greeting.unlink()
        await line.close()


def dial_tone(key: str) -> bytes:
    """Both tones of a key (ITU-T Q.23), as A-law, to be repeated."""
    at = "123456789*0#".index(key)
    low, high = (697.0, 770.0, 852.0, 941.0)[at // 3], (1209.0, 1336.0, 1477.0)[at % 3]
    time = np.arange(8_000) / 8_000
    return encode(6_000 * (np.sin(2 * np.pi * low * time) + np.sin(2 * np.pi * high * time)))


def without_events(host: str, port: int) -> str:
    """A session description that knows no RTP events."""
    lines = offer_sdp(host, port).split("\r\n")
    return "\r\n".join(line.replace("RTP/AVP 8 101", "RTP/AVP 8") for line in lines if ":101 " not in line)


async def by_events(call: PhoneCall, keys: str) -> None:
    for key in keys:
        await call.audio.press(key)
        await asyncio.sleep(0.06)


async def short(call: PhoneCall, keys: str) -> None:
    for key in keys:
        await call.audio.press(key, ms=30)
        await asyncio.sleep(0.02)


async def by_info(call: PhoneCall, keys: str) -> None:
    for key in keys:
        press_by_info(call, key, 60)
        await asyncio.sleep(0.12)


async def mixed(call: PhoneCall, keys: str) -> None:
    """One kind after the other; the same key twice running by one of them."""
    for at, key in enumerate(keys):
        if at % 3 == 0:
            press_by_info(call, key, 60)
            await asyncio.sleep(0.12)
        else:
            await by_events(call, key)


async def both(call: PhoneCall, keys: str) -> None:
    """Each press is told by both kinds."""
    for key in keys:
        await call.audio.press(key)
        press_by_info(call, key)
        await asyncio.sleep(0.35)


async def by_tones(call: PhoneCall, keys: str) -> None:
    """In the sound itself, as an old exchange hands them on."""
    for key in keys:
        call.audio.play(dial_tone(key))
        await asyncio.sleep(0.14)
        call.audio.play(b"")
        await asyncio.sleep(0.12)


@pytest.mark.parametrize("press", [by_events, short, by_info, mixed, both, by_tones])
async def test_every_key_counts_once(
    line: RealLine, press: Callable[[PhoneCall, str], Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    if press is by_tones:
        monkeypatch.setattr(phone, "offer_sdp", without_events)
    async with line.serving(), calling(line.live, "12345") as call:
        # The greeting has just begun: everything is typed ahead of every prompt.
        await press(call, f"21{DIGITS}")
        async with asyncio.timeout(25):
            while not (found := await line.acd.calls()):
                await asyncio.sleep(0.02)
        assert [(one.queue, one.state) for one in found] == [("expert-12333", CallState.WAITING)]
        told = [row.attributes for row in await line.facts(found[0].call) if row.kind == "menu"]
        assert [one["branch"] for one in told][:2] == ["key 2", "key 1"]
