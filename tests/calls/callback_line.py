"""Calling back in tests: the agents' phones that are called, and the citizens who are dialled from them."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from ami.events import BridgeEnter, BridgeLeave, DialBegin, DialEnd, Hangup
from calls.callback_models import CallbackAttemptRow, CallbackRow
from calls.voice import VoiceProcess
from tests.agi.peer import AsteriskPeer, header
from tests.calls.asterisk import Called
from tests.calls.line import CallLine, Citizen


class AgentLeg:
    """An agent's phone that was called to call a citizen back. The names of its channels are as Asterisk makes them."""

    def __init__(self, line: CallLine, called: Called) -> None:
        self._line = line
        self.called = called
        self.leg = called.leg
        self.channel = f"{called.phone}-0000001"
        self.peer: AsteriskPeer

    @property
    def call(self) -> str:
        return self.leg.removesuffix("-agent")

    async def answers(self, *, port: int | None = None) -> None:
        """The agent takes the phone off the hook: the leg enters the route it was told."""
        at = port if port is not None else int(self.called.variables["HL_AT"].partition(":")[2])
        opening = header(
            (self.called.variables["HL_LEG"],),
            agi_network_script="callback",
            agi_request=f"agi://127.0.0.1:{at}/callback",
            agi_uniqueid=self.leg,
            agi_channel=self.channel,
        )
        self.peer = await AsteriskPeer.connect(at, opening)
        self.peer.hold("EXEC Dial")
        self._line.peers.append(self.peer)

    async def dials(self) -> list[str]:
        """The Dial of the citizen: destination, seconds, options."""
        return (await self.peer.command("EXEC Dial"))[2].split(",")

    async def citizen_answers(self) -> None:
        line, leg = self._line.asterisk, self.leg
        await line.say(DialBegin(self.channel, leg, leg, "PJSIP/carrier-9", f"{leg}9", "x@carrier", {}, {}))
        await line.say(BridgeEnter(f"b-{leg}", "basic", 2, self.channel, leg, leg, {}))

    async def citizen_hangs_up(self) -> None:
        line, leg = self._line.asterisk, self.leg
        await line.say(BridgeLeave(f"b-{leg}", "basic", 1, self.channel, leg, leg, {}))
        await line.say(Hangup("PJSIP/carrier-9", f"{leg}9", leg, 16, "", {}))
        self._dial_over("ANSWER", 16)

    async def citizen_fails(self, status: str, cause: int = 0) -> None:
        """Busy, no answer, switched off."""
        line, leg = self._line.asterisk, self.leg
        await line.say(DialBegin(self.channel, leg, leg, "PJSIP/carrier-9", f"{leg}9", "x@carrier", {}, {}))
        await line.say(DialEnd(self.channel, leg, leg, "PJSIP/carrier-9", f"{leg}9", status, {}, {}))
        await line.say(Hangup("PJSIP/carrier-9", f"{leg}9", leg, cause, "", {}))
        self._dial_over(status, cause)

    def _dial_over(self, status: str, cause: int) -> None:
        self.peer.variables |= {"DIALSTATUS": status, "HANGUPCAUSE": str(cause)}
        self.peer.reply("200 result=0")

    async def agent_fails(self, status: str, cause: int = 0) -> None:
        """The agent's phone is busy, rejects, or rings out."""
        await self._line.asterisk.say(
            DialEnd("", "", self.leg, self.channel, self.leg, status, {}, {}),
            Hangup(self.channel, self.leg, self.leg, cause, "", {}),
        )

    async def agent_hangs_up(self) -> None:
        """In a Dial."""
        self.peer.reply("200 result=-1")
        self.peer.send(b"HANGUP\n")
        await self._line.asterisk.say(Hangup(self.channel, self.leg, self.leg, 16, "", {}))
        await self.peer.close()

    async def is_hung_up(self) -> None:
        """Our side hangs the agent's phone up, or asks Asterisk to."""
        await self.peer.command("HANGUP")
        await self._line.asterisk.say(Hangup(self.channel, self.leg, self.leg, 16, "", {}))


async def called(line: CallLine) -> AgentLeg:
    """The next agent's phone that rings for a callback."""
    async with asyncio.timeout(20):
        return AgentLeg(line, await line.asterisk.called.get())


async def callbacks(line: CallLine) -> list[CallbackRow]:
    """Every promise, oldest first."""
    async with line.database.transaction() as session:
        return list(await session.scalars(select(CallbackRow).order_by(CallbackRow.id)))


async def callback_is(line: CallLine, state: str, *, index: int = 0) -> CallbackRow:
    """A promise once it is in this state."""
    async with asyncio.timeout(20):
        while True:
            found = await callbacks(line)
            if len(found) > index and found[index].state == state:
                return found[index]
            await asyncio.sleep(0.01)


async def attempts(line: CallLine) -> list[tuple[int, str | None]]:
    """Numbers and outcomes of all attempts."""
    async with line.database.transaction() as session:
        rows = await session.scalars(select(CallbackAttemptRow).order_by(CallbackAttemptRow.call_id))
        return [(row.number, row.outcome) for row in rows]


async def promise(line: CallLine, **columns: Any) -> int:
    """An open promise for a citizen who gave up, due now."""
    now = line.clock.now()
    values = {
        "kind": "missed",
        "caller": "+8613812345678",
        "line": "12300",
        "dialled": "12300",
        "queue": "",
        "call_id": "ast1-1763761000.900",
        "entered_ms": line.clock.now_ms() - 60_000,
        "head_start_ms": 0,
        "requested_at": now - timedelta(seconds=30),
        "state": "open",
        "attempts": 0,
        "next_at": now,
        # At whatever hour the tests run.
        "at_once": True,
    } | columns
    row = CallbackRow(**values)
    async with line.database.transaction() as session:
        session.add(row)
    return row.id


async def waits(line: CallLine, voice: VoiceProcess, number: str = "13812345678", **more: Any) -> Citizen:
    """A citizen in the queue of this process."""
    citizen = line.citizen(**more)
    citizen.number = number
    await citizen.enter(voice)
    async with asyncio.timeout(20):
        while (live := voice.board.live.get(citizen.call)) is None or live.queued_ms is None:
            await asyncio.sleep(0.005)
    return citizen
