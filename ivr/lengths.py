"""How long what a flow says takes: measured from the sounds there are, estimated where there is none."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from ivr.events import Number, Recording, Speech, Spelled, Words
from media.digits import cardinal, phone
from media.store import PromptStore
from media.studio import Library


def seconds_with(library: Library) -> Callable[[Speech], float]:
    """For the simulator: seconds of something said, with the sounds of this library."""

    def seconds_of(speech: Speech) -> float:
        return sum(_seconds(library, part) for part in speech)

    return seconds_of


def _seconds(library: Library, part: Words | Recording | Spelled | Number) -> float:
    match part:
        case Words(text):
            return library.seconds(text)
        case Recording(code):
            return library.recording_seconds(code) or 0.0
        case Spelled(digits):
            return _of_parts(phone(digits))
        case Number(value):
            return _of_parts(cardinal(value, counting=True))


def _of_parts(keys: tuple[str, ...]) -> float:
    return sum(map(_catalogue().duration_ms, keys)) / 1_000


@cache
def _catalogue() -> PromptStore:
    return PromptStore()
