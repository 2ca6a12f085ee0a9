"""Files that arrive: so many at a time, for they lie in the memory until they are stored."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Final, Literal

from fastapi import Depends, Request

from hotline.errors import PartUnavailable

_AT_ONCE: Final = 8
_SECONDS: Final = 120.0

Door = Literal["people", "citizens", "gateways"]


class FileUploads:
    """The uploads of a web process. Each door has turns of its own: who has no business at one of them keeps nobody at
    another one waiting."""

    def __init__(self, *, at_once: int = _AT_ONCE, seconds: float = _SECONDS) -> None:
        doors: tuple[Door, ...] = ("people", "citizens", "gateways")
        self._doors = {door: asyncio.Semaphore(at_once) for door in doors}
        self._seconds = seconds

    @asynccontextmanager
    async def turn(self, door: Door) -> AsyncIterator[None]:
        """Wait for a turn, and have it until the block ends; raises PartUnavailable where both take longer than two
        minutes."""
        try:
            async with asyncio.timeout(self._seconds), self._doors[door]:
                yield
        except TimeoutError:
            raise PartUnavailable("上传没有在两分钟内完成", remedy="请检查网络后重试") from None


def _uploads(request: Request) -> FileUploads:
    uploads: FileUploads = request.app.state.file_uploads
    return uploads


Uploads = Annotated[FileUploads, Depends(_uploads)]
