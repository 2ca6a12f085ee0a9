"""Calls for the desk's page, said through distribution: no Asterisk is needed to see what the page makes of them."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import orjson

from acd.model import CallRequest, Offer
from hotline.feed import inbox_key
from tests.pages.conftest import Site

VOICE = "ast1/voice-1"
AGENT = "1001"


@dataclass
class DeskCall:
    """A call that is with agent 1001, as a voice process tells of it."""

    site: Site
    call: str
    offer: Offer

    async def answered(self) -> None:
        self.offer = await self.site.line.answered(self.offer)

    async def tell(self, kind: str, **body: Any) -> None:
        """A frame on the agent's screen."""
        await self.site.services.feed.publish(AGENT, kind, {"call": self.call, **body})

    async def talk(self, state: str, third: str = "", **more: Any) -> None:
        await self.tell("talk", state=state, third=third, **more)

    async def over(self, wrap_up_ms: int = 60_000) -> None:
        await self.site.line.finished(self.offer, wrap_up_ms, phone_free=True)
        await self.tell("call_ended", ended_by="caller")

    async def asked(self, *, seconds: float = 30.0) -> dict[str, Any]:
        """What the page asks of the process that has the call, waited for; empty: nothing."""
        inbox = inbox_key(self.site.services.settings.site.id, VOICE)
        deadline = time.monotonic() + seconds
        while True:
            while text := await self.site.services.redis.rpop(inbox):
                message: dict[str, Any] = orjson.loads(str(text))
                if message["type"] == "talk":
                    return message
            if time.monotonic() > deadline:
                return {}
            await asyncio.sleep(0.05)


async def offered(site: Site, call: str, **pop: Any) -> DeskCall:
    """A call that rings at agent 1001, its pop on the screen."""
    services = site.services
    now = services.clock.now_ms()
    await site.line.enqueue(CallRequest(call=call, entered_ms=now, owner=VOICE, queue="general", hotline="12345"))
    offer = None
    while text := await services.redis.rpop(inbox_key(services.settings.site.id, VOICE)):
        message = orjson.loads(str(text))
        offer = Offer.from_message(message) if message["type"] == "offer" else offer
    assert offer is not None, "nobody was ready"
    offer = await site.line.ringing(offer, 600_000)
    body: dict[str, Any] = {
        "reservation": offer.reservation,
        "call": call,
        "caller": "+8613800000001",
        "dialled": "12345",
        "line": "三门峡12345政务服务便民热线",
        "unit": "",
        "waited_ms": 1200,
        "group": "general",
        "open_tickets": [],
        "earlier_calls": [],
        "vulnerable": False,
        "nuisance": None,
    }
    await services.feed.publish(AGENT, "pop", body | pop)
    return DeskCall(site, call, offer)
