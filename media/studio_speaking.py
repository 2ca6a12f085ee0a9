"""Texts that were ordered, spoken in a process of their own.

The model takes a processor for seconds and hundreds of megabytes; beside calls it may have what nobody else wants. So
each batch is a child of the jobs process, at the lowest priority: `python -m media.studio_speaking`.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Any, Final

import structlog

from hotline.clock import Clock
from hotline.database import Database
from hotline.errors import HotlineError
from hotline.tasks import end, never_ending
from media import kokoro, studio
from media.errors import NothingAudible, UnspeakableText
from media.render import telephone_sound
from media.sound import to_alaw
from media.studio import Order
from media.studio_tables import CHANNEL
from media.synth import SpeechSynthesizer

_log = structlog.get_logger(__name__)

_BATCH: Final = 20
_LOOK_SECONDS: Final = 2.0
_BATCH_SECONDS: Final = 150.0
"""Less than a claim is good for: nobody else has taken the texts over while they are still being spoken."""
_LINE: Final = 16 << 20
"""Bytes of one answer: the longest text, in A-law and base64, is a tenth of it."""


class StudioSpeaking:
    """Speaks what is ordered, in `jobs`. Where the speech libraries are not installed it leaves it to other hosts."""

    def __init__(self, *, database: Database, voices: Path, clock: Clock) -> None:
        self._database = database
        self._voices = voices
        self._clock = clock
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled."""
        if not kokoro.is_installed():
            await asyncio.Event().wait()
        listening = asyncio.create_task(never_ending(self._listen))
        try:
            while True:
                self._wake.clear()
                if await self.speak_batch():
                    continue
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_SECONDS):
                        await self._wake.wait()
        finally:
            await end([listening])

    async def speak_batch(self) -> bool:
        """Speak some of what is ordered; returns whether there was anything. Each text is kept as soon as it is
        spoken."""
        async with self._database.transaction() as session:
            orders = await studio.claim(session, now=self._clock.now(), most=_BATCH)
        if not orders:
            return False
        left = {one.key: one for one in orders}
        try:
            async with asyncio.timeout(_BATCH_SECONDS), _speaker(orders, self._voices) as answers:
                async for answer in answers:
                    await self._take(answer, left)
        except TimeoutError:
            # What is left is claimed again when the claim has run out, three times.
            _log.error("studio.speaking_hangs", texts=len(left))
        return True

    async def _take(self, answer: dict[str, str], left: dict[str, Order]) -> None:
        async with self._database.transaction() as session:
            if "unavailable" in answer:
                _log.error("studio.no_voice", reason=answer["unavailable"])
                await studio.refuse(session, list(left.values()), answer["unavailable"])
                left.clear()
                return
            done = left.pop(answer["key"])
            if "refused" in answer:
                await studio.refuse(session, [done], answer["refused"])
                return
            sound = base64.b64decode(answer["sound"])
            await studio.keep_spoken(session, done, sound, spoken_by=answer["voice"], now=self._clock.now())

    async def _listen(self) -> None:
        async with self._database.listening(CHANNEL, self._wake.set) as lost:
            self._wake.set()
            await lost.wait()


@asynccontextmanager
async def _speaker(orders: Sequence[Order], voices: Path) -> AsyncIterator[AsyncIterator[dict[str, str]]]:
    """The child, and its answers as they come; it is gone at the end of the block."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "ignore", "-m", "media.studio_speaking", orders[0].voice, str(voices)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=_LINE,
    )
    try:
        assert child.stdin is not None  # noqa: S101 - asked for above
        child.stdin.write(json.dumps([[one.key, one.text] for one in orders]).encode())
        child.stdin.write_eof()
        yield _answers(child)
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.send_signal(signal.SIGKILL)
        await child.wait()


async def _answers(child: asyncio.subprocess.Process) -> AsyncIterator[dict[str, str]]:
    assert child.stdout is not None  # noqa: S101 - asked for by who made it
    while line := await child.stdout.readline():
        yield json.loads(line)
    if code := await child.wait():
        _log.error("studio.speaker_died", code=code)


def speak_all(texts: Sequence[tuple[str, str]], synthesizer: SpeechSynthesizer, answers: IO[str]) -> None:
    """Answer each text (key, words) with a line of JSON: its sound, or why it has none."""
    for key, words in texts:
        answer: dict[str, Any] = {"key": key, "voice": synthesizer.voice}
        try:
            sound = to_alaw(telephone_sound(synthesizer.speak(words), synthesizer.rate))
            answer["sound"] = base64.b64encode(sound).decode()
        except (UnspeakableText, NothingAudible) as error:
            answer["refused"] = str(error)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def main(voice: str, voices: str) -> None:
    """The child: texts as JSON on its standard input."""
    os.nice(19)
    texts = json.load(sys.stdin)
    try:
        synthesizer = kokoro.Kokoro(Path(voices), voice)
    except HotlineError as error:
        reason = "; ".join(filter(None, (str(error), error.remedy)))
        sys.stdout.write(json.dumps({"unavailable": reason}) + "\n")
        return
    speak_all([(key, words) for key, words in texts], synthesizer, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
