"""Calling out in tests: tickets, clicks, agents' phones that are called, and parties who are dialled from them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from acd.service import Acd
from calls import calls_out
from calls.call_out_models import CallOutRow
from calls.call_out_policy import OutPolicy
from calls.call_out_states import Purpose, Whom
from calls.callback_ids import call_out_id
from calls.calls_out import Wanted
from hotline.clock import to_ms
from hotline.feed import AgentFeed
from hotline.redis import key
from hotline.settings import Settings
from tests.agi.peer import AsteriskPeer, header
from tests.calls.asterisk import Called
from tests.calls.callback_line import AgentLeg
from tests.calls.line import DIRECTORY, SITE, CallLine
from ticketing.models import TicketRow
from ticketing.vocabulary import State


class JumpingClock:
    """The machine's clock with its wall hands put forward: what lies between two calls of a day need not be waited."""

    def __init__(self) -> None:
        self._ahead = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def now_ms(self) -> int:
        return to_ms(self.now())

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def set(self, moment: datetime) -> None:
        self._ahead = moment - datetime.now(UTC)


class OutLine(CallLine):
    """A line on which citizens may be called at any hour, unless `keys` says otherwise: sections of the settings."""

    def __init__(self, redis_url: str, database_url: str, folder: Path, **keys: dict[str, Any]) -> None:
        self.keys: dict[str, Any] = {"calls_out": {"opens": "00:00", "closes": "00:00"}} | keys
        super().__init__(redis_url, database_url, folder)
        self.clock = JumpingClock()  # type: ignore[assignment]
        self.feed = AgentFeed(self.redis, SITE, self.clock)
        self.acd: Acd = self._acd(self.redis, "ast1/web", self.settings())
        self._tickets = 0

    def settings(self, **voice: Any) -> Settings:
        made = super().settings(**voice)
        return made.model_copy(
            update={name: getattr(Settings(**{name: value}), name) for name, value in self.keys.items()}
        )

    async def jump(self, moment: datetime) -> None:
        """The wall clock is put forward, and the line has noticed: processes and hosts have renewed their leases."""
        self.clock.set(moment)  # type: ignore[attr-defined]
        meta = key(SITE, "acd", "meta")
        async with asyncio.timeout(20):
            for name in ("asterisk|ast1", "ast1/voice-1"):
                while int(await self.redis.hget(meta, f"lease|{name}") or 0) <= self.clock.now_ms():
                    await asyncio.sleep(0.01)
        # What a host said that nobody saw for so long counts no more: it says it again.
        for device in self.asterisk.devices:
            await self.acd.device_state(device.removeprefix("PJSIP/"), reachable=True, in_use=False)

    async def ticket(self, number: str = "+8613812345678", *, state: State = State.REPLIED, **columns: Any) -> str:
        """A ticket in the middle of its life."""
        self._tickets += 1
        now = self.clock.now()
        values = {
            "number": f"SMX20261123{self._tickets:06d}",
            "type": "complaint",
            "title": "路灯不亮",
            "content": "",
            "source": "phone",
            "caller_number": number,
            "caller_name": "",
            "address": "",
            "area_code": "",
            "urgency": "general",
            "confidentiality": "open",
            "hotline": "12300",
            "unit_tag": "",
            "state": state.value,
            "version": 1,
            "registered_by": "1001",
            "registered_at": now,
            "updated_at": now,
        } | columns
        row = TicketRow(**values)
        async with self.database.transaction() as session:
            session.add(row)
        return str(values["number"])

    async def click(
        self, agent: str, ticket: str, *, whom: Whom = Whom.CITIZEN, roles: tuple[str, ...] = ("agent",), **wanted: Any
    ) -> CallOutRow:
        """The agent presses the button, and PostgreSQL has it."""
        settings = self.settings()
        purpose = Purpose.CONTACT if whom in (Whom.CONTACT, Whom.DUTY) else Purpose.VISIT
        async with self.database.transaction() as session:
            return await calls_out.request(
                session,
                Wanted(purpose, whom, ticket, **wanted),
                agent=agent,
                roles=roles,
                directory=DIRECTORY,
                keys=settings.calls_out,
                policy=OutPolicy.of(settings),
                now=self.clock.now(),
            )

    async def call_out(self, call_out: int, *states: str) -> CallOutRow:
        """A call out once it is in one of these states."""
        async with asyncio.timeout(20):
            while True:
                async with self.database.transaction() as session:
                    row = await session.scalar(select(CallOutRow).where(CallOutRow.id == call_out))
                if row is not None and row.state in states:
                    return row
                await asyncio.sleep(0.01)

    async def told(self, agent: str, state: str) -> dict[str, Any]:
        """The frame `call_out` of this state on the agent's screen."""
        async with asyncio.timeout(20):
            while True:
                for frame in self.frames.get(agent, []):
                    if frame.kind == "call_out" and frame.body["state"] == state:
                        return frame.body
                await asyncio.sleep(0.01)


class CitizensLeg:
    """A citizen whose phone a machine has called."""

    def __init__(self, line: CallLine, called: Called) -> None:
        self._line = line
        self.called = called
        self.leg = called.leg
        self.peer: AsteriskPeer

    async def answers(self) -> None:
        at = int(self.called.variables["HL_AT"].partition(":")[2])
        opening = header(
            (self.called.variables["HL_LEG"],),
            agi_network_script="callback",
            agi_request=f"agi://127.0.0.1:{at}/callback",
            agi_uniqueid=self.leg,
            agi_channel="PJSIP/carrier-7",
        )
        self.peer = await AsteriskPeer.connect(at, opening)
        self._line.peers.append(self.peer)

    async def presses(self, digit: str) -> None:
        await self._line.asterisk.presses(self.leg, digit)


async def called_phone(line: CallLine) -> Called:
    """The next phone that rings by an originate."""
    async with asyncio.timeout(20):
        return await line.asterisk.called.get()


async def agents_phone(line: CallLine) -> AgentLeg:
    """The next agent's phone that rings for a call out."""
    return AgentLeg(line, await called_phone(line))


def story_of(row: CallOutRow) -> str:
    """The call id of a call out."""
    return call_out_id(row.id)
