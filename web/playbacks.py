"""Tickets to hear a recording: given for a reason that is in the audit log, good for one recording and a short time.

A page's player asks for one range after the other and cannot send a token; so the reason is given once, and what the
player asks for carries the ticket. Of a ticket only the hash is kept, in Redis.
"""

from __future__ import annotations

import hashlib
from typing import Final

from hotline.errors import NotAllowed
from hotline.ids import token
from hotline.redis import Redis, key

_SECONDS: Final = 900
"""A ticket is good for this and the length of the recording."""


class Playbacks:
    """The tickets of a site."""

    def __init__(self, redis: Redis, site: str) -> None:
        self._redis = redis
        self._site = site

    async def give(self, recording: int, *, length_ms: int) -> str:
        """A ticket for a recording. Raises redis.exceptions.RedisError."""
        ticket = token()
        await self._redis.set(self._key(ticket), str(recording), ex=_SECONDS + length_ms // 1000)
        return ticket

    async def check(self, ticket: str, recording: int) -> None:
        """Raises NotAllowed for a ticket that is none, over, or another recording's."""
        if await self._redis.get(self._key(ticket)) != str(recording):
            raise NotAllowed("no ticket for this recording", remedy="POST /api/recordings/{id}/playbacks")

    def _key(self, ticket: str) -> str:
        return key(self._site, "playback", hashlib.sha256(ticket.encode()).hexdigest())
