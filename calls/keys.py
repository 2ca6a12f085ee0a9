"""Keys that citizens press, from AMI alone: digits between two AGI commands are lost to AGI.

A key counts once, whichever way it was sent. RTP events (RFC 4733) and tones tell of it twice, going down and up; it
counts when it goes down. SIP INFO tells of it once, as an end without a beginning. Of a key that was short, or came
soon after another one, Asterisk tells the end twice, and some phones send both kinds for one press: an end that follows
its own within a moment is the same press.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ami.client import AmiClient
from ami.events import DTMFBegin, DTMFEnd, Hangup

_BUFFERED: Final = 32
"""Keys that wait to be read; whoever leans on the keyboard loses the rest."""
_SAME_PRESS_SECONDS: Final = 0.2
"""Asterisk repeats an end after 20 to 130 ms. Nobody changes from one kind to the other and presses a key again in so
short a time."""

_CHANNELS: Final = 4_096
"""Channels whose presses are known, should an event of their end be lost."""

Pressed = asyncio.Queue[str]
"""Keys of one channel in their order, each one character of 0-9, A-D, * and #. Never to be logged or kept: they may
be part of a number or a password."""


class _Presses:
    """What is known of the presses on one channel."""

    def __init__(self) -> None:
        self._down: set[str] = set()
        self._told_by_events: dict[str, float] = defaultdict(float)
        """Until when an end of this key belongs to a press that RTP told of; monotonic seconds."""
        self._told_by_info: dict[str, float] = defaultdict(float)

    def begins(self, key: str) -> bool:
        """Whether this is a press of its own."""
        self._down.add(key)
        return time.monotonic() >= self._told_by_info[key]

    def ends(self, key: str) -> bool:
        """Whether this is a press of its own."""
        now = time.monotonic()
        if key in self._down:
            self._down.discard(key)
            self._told_by_events[key] = now + _SAME_PRESS_SECONDS
            return False
        if now < self._told_by_events[key]:
            return False
        self._told_by_info[key] = now + _SAME_PRESS_SECONDS
        return True


class Keys:
    """The keys of those channels of this process that are listened to, by uniqueid."""

    def __init__(self, ami: AmiClient) -> None:
        self._listening: dict[str, list[Pressed]] = {}
        self._presses: OrderedDict[str, _Presses] = OrderedDict()
        """Of every channel, listened to or not: a key that goes down for one listener goes up for the next."""
        ami.subscribe(DTMFBegin, self._down)
        ami.subscribe(DTMFEnd, self._up)
        ami.subscribe(Hangup, self._gone)

    @contextmanager
    def of(self, uniqueid: str) -> Iterator[Pressed]:
        """Listen to a channel: keys pressed from now on, by the party on it. The last one to begin is the one who
        hears; the one before goes on when that one has ended."""
        pressed = Pressed(_BUFFERED)
        listening = self._listening.setdefault(uniqueid, [])
        listening.append(pressed)
        try:
            yield pressed
        finally:
            listening[:] = [other for other in listening if other is not pressed]
            if not listening and self._listening.get(uniqueid) is listening:
                del self._listening[uniqueid]

    async def _down(self, event: DTMFBegin) -> None:
        if event.direction == "Received" and self._of(event.uniqueid).begins(event.digit):
            self._count(event)

    async def _up(self, event: DTMFEnd) -> None:
        if event.direction == "Received" and self._of(event.uniqueid).ends(event.digit):
            self._count(event)

    def _of(self, uniqueid: str) -> _Presses:
        presses = self._presses.setdefault(uniqueid, _Presses())
        if len(self._presses) > _CHANNELS:
            self._presses.popitem(last=False)
        return presses

    def _count(self, event: DTMFBegin | DTMFEnd) -> None:
        listening = self._listening.get(event.uniqueid)
        if listening and not listening[-1].full():
            listening[-1].put_nowait(event.digit)

    async def _gone(self, event: Hangup) -> None:
        self._presses.pop(event.uniqueid, None)
