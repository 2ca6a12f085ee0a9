"""A voice process of ours before a real Asterisk, with a phone that presses keys in every way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from agi.counters import AgiCounters
from ami.client import AmiClient
from calls.voice import VoiceProcess
from server.asterisk import secrets
from server.asterisk.render import voices
from server.demo.phone import Phone, PhoneCall
from tests.asterisk_fixtures import CARRIER, LiveAsterisk
from tests.calls.line import CallLine
from tests.calls.menu.flows import install


async def _unregister(_: str) -> None:
    """No phones here."""


class RealLine(CallLine):
    """The site, with a real Asterisk instead of one that is played."""

    def __init__(self, redis_url: str, database_url: str, folder: Path, live: LiveAsterisk) -> None:
        super().__init__(redis_url, database_url, folder)
        self.live = live
        ami = live.settings.asterisk
        self.ami = AmiClient(
            host="127.0.0.1", port=ami.ami_port, user=ami.ami_user, secret=secrets.load(live.settings).ami
        )
        self.asterisk = cast(Any, self.ami)
        sounds = live.layout.sounds
        (sounds / "hotline").mkdir(parents=True, exist_ok=True)
        (sounds / "menus").mkdir(parents=True, exist_ok=True)
        if not (folder / "sounds").exists():
            (folder / "sounds").symlink_to(sounds)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[VoiceProcess]:
        """The one voice process that the dialplan knows of."""
        port = self.live.settings.voice.fastagi_port
        self.live.cli(f"dialplan set global HL_VOICES voice-1@127.0.0.1:{port}")
        process = VoiceProcess(
            self.board(), host="127.0.0.1", port=port, counters=AgiCounters(), unregister=_unregister
        )
        ready = asyncio.Event()

        async def tell() -> None:
            ready.set()

        running = asyncio.create_task(process.run(ready=tell))
        try:
            async with asyncio.timeout(30):
                await ready.wait()
                await self.ami.wait_connected(30)
                while (await self.acd.stored_epoch() or 0) == 0 or process.board.acd.epoch == 0:
                    await asyncio.sleep(0.01)
                await self.join()
            self._running[process] = running
            yield process
        finally:
            self._running.pop(process, None)
            self.live.cli(f"dialplan set global HL_VOICES {voices(self.live.settings)}")
            running.cancel()
            await asyncio.wait({running})


def press_by_info(call: PhoneCall, key: str, ms: int = 100) -> None:
    """A key as SIP INFO (application/dtmf-relay)."""
    call.cseq += 1
    message = call.request("INFO", call.cseq)
    message.headers.append(("content-type", "application/dtmf-relay"))
    message.body = f"Signal={key}\r\nDuration={ms}\r\n"
    call.phone.send(message)


@asynccontextmanager
async def calling(live: LiveAsterisk, dialled: str) -> AsyncIterator[PhoneCall]:
    """A citizen on the line."""
    phone = await Phone("13800000001", server=live.sip, host=CARRIER).start()
    try:
        call = await phone.call(dialled)
        await asyncio.wait_for(call.answered.wait(), 20)
        # Sound goes both ways: before that Asterisk takes no packet of anybody's.
        await call.audio.hear(0.3)
        yield call
    finally:
        await phone.close()


__all__ = ["RealLine", "calling", "install", "press_by_info"]
