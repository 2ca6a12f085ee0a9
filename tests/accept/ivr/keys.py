"""Keys as telephones send them: RFC 4733 events, SIP INFO, and both for one press, as some gateways do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from server.demo.phone import PhoneCall

_BETWEEN_SECONDS = 0.12

Press = Callable[[PhoneCall, str], Awaitable[None]]
"""Presses one key."""


async def event(call: PhoneCall, key: str, *, ms: int = 100) -> None:
    """An RTP event (RFC 4733)."""
    await call.audio.press(key, ms=ms)


async def short_event(call: PhoneCall, key: str) -> None:
    """The same, of 30 ms."""
    await event(call, key, ms=30)


async def info(call: PhoneCall, key: str, *, ms: int = 100) -> None:
    """SIP INFO with application/dtmf-relay, as most phones and gateways send it."""
    call.cseq += 1
    message = call.request("INFO", call.cseq)
    message.headers.append(("content-type", "application/dtmf-relay"))
    message.body = f"Signal={key}\r\nDuration={ms}\r\n"
    answer = await call.phone._ask(message)
    assert answer.status == 200, f"INFO is answered {answer.status}"


async def short_info(call: PhoneCall, key: str) -> None:
    """The same, of 30 ms."""
    await info(call, key, ms=30)


async def both(call: PhoneCall, key: str) -> None:
    """One press, sent both ways at once."""
    await asyncio.gather(event(call, key), info(call, key))


KINDS: tuple[Press, ...] = (event, info, both, short_event, short_info)


async def press_all(call: PhoneCall, keys: str, kinds: Iterable[Press], *, between: float = _BETWEEN_SECONDS) -> None:
    """Press one key after the other, each in the next of these kinds."""
    for key, press in zip(keys, kinds, strict=False):
        await press(call, key)
        await asyncio.sleep(between)
