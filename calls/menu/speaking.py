"""What a menu says, as names of sounds: fixed words and recordings from their own, digits and numbers from parts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence

from ivr.events import Number, Recording, Speech, Spelled, Words
from media.digits import cardinal, phone
from media.spoken import recording_key, text_key


def sounds(speech: Speech) -> Iterator[str]:
    """Keys of prompts in their order; whether there is a sound of each is the player's question."""
    for part in speech:
        match part:
            case Words(text):
                yield text_key(text)
            case Recording(code):
                yield recording_key(code)
            case Spelled(digits):
                yield from phone(digits)
            case Number(value):
                yield from cardinal(value, counting=True)


def composed(speech: Speech) -> Callable[[], Awaitable[Sequence[str]]]:
    """The same for `calls.playback`."""

    async def compose() -> Sequence[str]:
        return tuple(sounds(speech))

    return compose
