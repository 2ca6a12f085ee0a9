"""Which part of a tape is kept, and what is missing of the talk: times of the journal against those of the tape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from calls.recording.files import Tape
from media.recording import silent_ms

_INTO_A_PAUSE_MS: Final = 200
"""From when on a pause is surely heard, whenever the journal was told of it."""
_NOT_WORTH_MS: Final = 40

LONGEST_GAP_MS: Final = 86_400_000
"""A file whose time was changed tells nothing better."""


@dataclass(frozen=True, slots=True)
class Talk:
    """When a call was answered first and when it ended, as far as the journal knows; milliseconds since 1970."""

    answered_ms: int | None
    ended_ms: int | None


@dataclass(frozen=True, slots=True)
class Kept:
    """The part of a tape that is kept, in milliseconds of the tape, and how much of the talk is missing."""

    from_ms: int
    to_ms: int
    gap_ms: int


def part_kept(tape: Tape, talk: Talk, *, earlier_end_ms: int | None = None, later: bool = False) -> Kept | None:
    """What is kept of a tape; None: nothing. `earlier_end_ms` is the end of the segment before it, `later` says that
    there is another one after it: what lies between two is missing in the second."""
    began_ms, over_ms = tape.segment, tape.segment + tape.length_ms
    if talk.answered_ms is None:
        # Of a call that was answered, or nobody knows: rather all of it than nothing.
        return None if talk.ended_ms is not None else Kept(0, tape.length_ms, 0)
    from_ms = max(talk.answered_ms, began_ms)
    to_ms = over_ms if talk.ended_ms is None else min(talk.ended_ms, over_ms)
    if to_ms <= from_ms:
        return None
    since_ms = max(talk.answered_ms, earlier_end_ms or 0)
    until_ms = tape.written_ms if later or talk.ended_ms is None else talk.ended_ms
    missing_ms = until_ms - since_ms - (to_ms - from_ms)
    return Kept(from_ms - began_ms, to_ms - began_ms, min(max(0, missing_ms), LONGEST_GAP_MS))


def silences_to_restore(tape: Tape, pauses: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Where a tape has to be silent for longer, and for how long, so that what comes after a pause is at its time.

    Keys that are pressed take the place of sound, and in a conference nothing is recorded meanwhile (measured): so a
    pause in which a citizen keys in a number is shorter on the tape. `pauses` are times of the journal, in order. Reads
    the tape; raises OSError.
    """
    missing_ms = max(0, tape.written_ms - tape.segment - tape.length_ms)
    found, lost_ms = [], 0
    for begun_ms, ended_ms in pauses:
        place_ms = begun_ms - tape.segment - lost_ms + _INTO_A_PAUSE_MS
        if not 0 <= place_ms < tape.length_ms:
            continue
        silent = silent_ms(tape.path, place_ms)
        shorter_ms = min(ended_ms - begun_ms - _INTO_A_PAUSE_MS - silent, missing_ms - lost_ms)
        if silent and shorter_ms > _NOT_WORTH_MS:
            found.append((place_ms, shorter_ms))
            lost_ms += shorter_ms
    return found
