"""Evidence that a caller misuses the line (TH 28): calls, tickets, recordings, notes; who added each, and when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from calls.nuisance_tables import NuisanceEvidence
from calls.recording.tables import RecordingRow
from hotline.errors import InvalidInput
from hotline.ids import call_id

MOST: Final = 50
"""Pieces for one flag."""

_LONGEST_NOTE: Final = 500


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece: at most one of a call's id, a ticket's number, a recording's id, and a note. Raises InvalidInput."""

    call: str = ""
    ticket: str = ""
    recording: int | None = None
    note: str = ""

    def __post_init__(self) -> None:
        if sum((bool(self.call), bool(self.ticket), self.recording is not None)) > 1:
            raise InvalidInput("a piece of evidence is one call, ticket or recording")
        if self.bare and not self.note.strip():
            raise InvalidInput("a piece of evidence without anything in it")
        if self.call:
            call_id(self.call)
        # A ticket's number (工单编号) has no dot or dash: letters and digits only.
        if self.ticket and not (self.ticket.isascii() and self.ticket.isalnum() and len(self.ticket) <= 40):
            raise InvalidInput("not a ticket's number")
        if len(self.note) > _LONGEST_NOTE:
            raise InvalidInput(f"a note has at most {_LONGEST_NOTE} characters")

    @property
    def bare(self) -> bool:
        """Whether there is nothing but a note."""
        return not self.call and not self.ticket and self.recording is None

    @classmethod
    def named(cls, text: str) -> Piece:
        """A call by its id or a ticket by its number, whichever it is. Raises InvalidInput."""
        return cls(ticket=text) if text.isascii() and text.isalnum() else cls(call=text)


async def add(session: AsyncSession, flag: int, pieces: Sequence[Piece], *, by: str, now: datetime) -> None:
    """Keep pieces of evidence for a flag. Raises InvalidInput if there would be too many, or for a recording that there
    is none of."""
    kept = await session.scalar(select(func.count()).where(NuisanceEvidence.flag_id == flag)) or 0
    if kept + len(pieces) > MOST:
        raise InvalidInput(f"a flag has at most {MOST} pieces of evidence")
    recordings = {piece.recording for piece in pieces if piece.recording is not None}
    if recordings:
        known = await session.scalars(select(RecordingRow.id).where(RecordingRow.id.in_(recordings)))
        if recordings - set(known):
            raise InvalidInput("no such recording")
    session.add_all(
        NuisanceEvidence(
            flag_id=flag,
            call_id=piece.call or None,
            ticket=piece.ticket or None,
            recording_id=piece.recording,
            note=piece.note.strip() or None,
            added_by=by,
            added_at=now,
        )
        for piece in pieces
    )
    await session.flush()


async def evidence_of(session: AsyncSession, flags: Collection[int]) -> Mapping[int, Sequence[NuisanceEvidence]]:
    """Of each of these flags, in the order it was added."""
    rows = await session.scalars(
        select(NuisanceEvidence).where(NuisanceEvidence.flag_id.in_(flags)).order_by(NuisanceEvidence.id)
    )
    found: dict[int, list[NuisanceEvidence]] = defaultdict(list)
    for row in rows:
        found[row.flag_id].append(row)
    return found
