"""What AMI tells of the legs of talks: into a bridge, out of it, gone. Each is put into the mailbox of its talk."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ami.client import AmiClient
from ami.events import AmiEvent, BridgeEnter, BridgeLeave, DialEnd, Hangup
from hotline.clock import Clock

Mailbox = asyncio.Queue[dict[str, Any]]


class LegWatches:
    """The legs this process follows, by uniqueid, and whose mailbox hears of each."""

    def __init__(self, ami: AmiClient, clock: Clock) -> None:
        self._clock = clock
        self._mailboxes: dict[str, Mailbox] = {}
        ami.subscribe(BridgeEnter, self._enter)
        ami.subscribe(BridgeLeave, self._leave)
        ami.subscribe(DialEnd, self._dial_end)
        ami.subscribe(Hangup, self._hangup)

    def follow(self, uniqueid: str, mailbox: Mailbox) -> None:
        """Tell this mailbox of this leg from now on, until it is gone or `forget`."""
        self._mailboxes[uniqueid] = mailbox

    def forget(self, uniqueid: str) -> None:
        self._mailboxes.pop(uniqueid, None)

    @contextmanager
    def following(self, mailbox: Mailbox, *uniqueids: str) -> Iterator[None]:
        """Follow these legs; at the end no leg is told to this mailbox any more."""
        for uniqueid in uniqueids:
            self.follow(uniqueid, mailbox)
        try:
            yield
        finally:
            self.leave(mailbox)

    def leave(self, mailbox: Mailbox) -> None:
        """Tell this mailbox of no leg any more."""
        for uniqueid in [known for known, told in self._mailboxes.items() if told is mailbox]:
            del self._mailboxes[uniqueid]

    def _tell(self, uniqueid: str, event: AmiEvent, what: str, **more: Any) -> None:
        if mailbox := self._mailboxes.get(uniqueid):
            at_ms = event.at_ms if event.at_ms is not None else self._clock.now_ms()
            mailbox.put_nowait({"type": "leg", "leg": uniqueid, "event": what, "at_ms": at_ms, **more})

    async def _enter(self, event: BridgeEnter) -> None:
        self._tell(event.uniqueid, event, "in")

    async def _leave(self, event: BridgeLeave) -> None:
        self._tell(event.uniqueid, event, "out")

    async def _dial_end(self, event: DialEnd) -> None:
        if event.dial_status != "ANSWER":
            self._tell(event.dest_uniqueid, event, "refused", status=event.dial_status)

    async def _hangup(self, event: Hangup) -> None:
        self._tell(event.uniqueid, event, "gone", cause=event.cause)
        self.forget(event.uniqueid)
