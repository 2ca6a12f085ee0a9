"""The states of a recording and the table of its moves."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from hotline.errors import Conflict


class RecordingState(StrEnum):
    """What a recording is."""

    RECORDING = "recording"
    """Asterisk writes it, or it waits to be sealed."""
    SEALED = "sealed"
    """Encrypted, with its hash: it can be heard."""
    DAMAGED = "damaged"
    """Nothing was recorded, or its file is gone or not the one that was sealed."""
    ERASED = "erased"
    """Its time was over. That it was there, and its hash, stay."""


RECORDING_MOVES: Final[Mapping[RecordingState, frozenset[RecordingState]]] = {
    RecordingState.RECORDING: frozenset({RecordingState.SEALED, RecordingState.DAMAGED}),
    RecordingState.SEALED: frozenset({RecordingState.DAMAGED, RecordingState.ERASED}),
    # Back: the file was put back from a copy, and its hash is right.
    RecordingState.DAMAGED: frozenset({RecordingState.SEALED, RecordingState.ERASED}),
    RecordingState.ERASED: frozenset(),
}


class RecordingMoveRefused(Conflict):
    """A recording does not go from its state into that one."""

    code = "recording.move_refused"


def moved(state: str, to: RecordingState) -> str:
    """The state after the move. Raises RecordingMoveRefused."""
    if to not in RECORDING_MOVES[RecordingState(state)]:
        raise RecordingMoveRefused(f"{state} does not become {to}")
    return to.value
