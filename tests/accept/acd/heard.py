"""Whether a citizen was ever left in silence: how long, at most, nothing was heard on a phone."""

from __future__ import annotations

import asyncio
import time

import numpy as np

from server.demo.g711 import decode
from server.demo.phone import PhoneCall

_EVERY_SECONDS = 0.1
_QUIET_RMS = 20.0
"""Of 32,768. The music, 27 dB under full scale, is far above; a line without anybody is 0 to 8."""


class Listener:
    """Listens to a call from now until it ends, or until `stop`."""

    def __init__(self, call: PhoneCall) -> None:
        self._call = call
        self._marks: list[tuple[float, int]] = []
        self._task = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        while not self._call.ended.is_set():
            self._marks.append((time.monotonic(), self._call.audio.mark()))
            await asyncio.sleep(_EVERY_SECONDS)

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def longest_silence(self, *, since: float = 0.0) -> float:
        """Seconds, at most, without sound: neither packets nor silence in packets count as sound. `since` is a
        monotonic time; from the first sound on if that is later."""
        heard = bytes(self._call.audio.heard)
        longest, last_sound = 0.0, None
        for (_, start), (at, end) in zip(self._marks, self._marks[1:], strict=False):
            if at < since:
                continue
            piece = decode(heard[start:end]).astype(np.float64)
            if len(piece) and float(np.sqrt((piece**2).mean())) > _QUIET_RMS:
                last_sound = at
            elif last_sound is not None:
                longest = max(longest, at - last_sound)
        return longest
