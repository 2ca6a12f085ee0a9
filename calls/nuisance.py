"""Callers who misuse the line (恶意骚扰电话, TH 28): flagged with evidence, warned, limited, and always told so.

TH 28 forbids using the line again and again or for long without a reason, inventing facts, harassment, insults and
threats. A limited caller is never dropped in silence: who is over the limit hears what is limited, until when, and what
to do; an emergency number is never limited, and a limit ends by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from calls.models import CallRow
from calls.nuisance_evidence import Piece, add
from calls.nuisance_tables import Measure, NuisanceFlag
from hotline.errors import Conflict, InvalidInput, NotFound
from hotline.ids import group_id

LIMITED: Final = "limited"
"""The outcome of a call over its caller's limit: the sentence was played, and nothing else."""

_HOUR = timedelta(hours=1)
_LONGEST = timedelta(days=366)
_MOST_CALLS = 60
_LONGEST_REASON = 500


class UnknownFlag(NotFound):
    """No such flag, or it is lifted already."""

    code = "nuisance.unknown"


class AlreadyFlagged(Conflict):
    """This caller has a flag in force: lift it first."""

    code = "nuisance.already_flagged"


@dataclass(frozen=True, slots=True)
class NewFlag:
    """A flag to set. `caller` is normalised; there is at least one piece of evidence.

    A limit lets `calls_per_hour` (0 to 60) calls of any hour through, which wait in `queue` if one is named, and
    without any head start.
    """

    caller: str
    measure: Measure
    reason: str
    evidence: Sequence[Piece]
    expires_at: datetime
    calls_per_hour: int | None = None
    queue: str = ""


@dataclass(frozen=True, slots=True)
class Treatment:
    """What a caller's flag means for the call that comes in now."""

    flag: int
    measure: Measure
    reason: str
    over_limit: bool
    """Whether the limit's calls of this hour are used up."""
    queue: str
    """Where the call waits; "": where any other would."""
    calls_per_hour: int | None = None
    """Of a limit; 0: none at all while it lasts."""

    @property
    def without_head_start(self) -> bool:
        """Whether nothing that is said for this caller brings the call forward."""
        return self.measure is Measure.LIMIT

    def shown(self) -> dict[str, Any]:
        """As the agent's screen-pop carries it."""
        return {"flag": self.flag, "measure": self.measure.value, "reason": self.reason}


async def flag(session: AsyncSession, new: NewFlag, *, by: str, now: datetime) -> NuisanceFlag:
    """Set a flag. Raises InvalidInput, and AlreadyFlagged if the caller has one in force."""
    _check(new, now)
    # An expired flag makes room: it ended when it said it would, and nobody lifted it.
    await session.execute(
        update(NuisanceFlag)
        .where(NuisanceFlag.caller_index == new.caller)
        .where(NuisanceFlag.lifted_at.is_(None), NuisanceFlag.expires_at <= now)
        .values(lifted_at=NuisanceFlag.expires_at, lifted_by="")
    )
    if await session.scalar(select(NuisanceFlag.id).where(*_in_force(new.caller, now))):
        raise AlreadyFlagged("this caller has a flag in force", remedy="lift that one first")
    row = NuisanceFlag(
        caller=new.caller,
        measure=new.measure,
        reason=new.reason.strip(),
        calls_per_hour=new.calls_per_hour,
        queue=new.queue or None,
        flagged_by=by,
        flagged_at=now,
        expires_at=new.expires_at,
    )
    session.add(row)
    await session.flush()
    await add(session, row.id, new.evidence, by=by, now=now)
    return row


async def lift(session: AsyncSession, flag_id: int, *, by: str, now: datetime) -> NuisanceFlag:
    """End a flag before its time; raises UnknownFlag."""
    row = await _in_force_now(session, flag_id, now)
    row.lifted_at, row.lifted_by = now, by
    await session.flush()
    return row


async def add_evidence(session: AsyncSession, flag_id: int, piece: Piece, *, by: str, now: datetime) -> NuisanceFlag:
    """Another piece of evidence for a flag in force. Raises UnknownFlag, InvalidInput."""
    row = await _in_force_now(session, flag_id, now)
    await add(session, row.id, [piece], by=by, now=now)
    return row


async def _in_force_now(session: AsyncSession, flag_id: int, now: datetime) -> NuisanceFlag:
    row = await session.get(NuisanceFlag, flag_id, with_for_update=True, populate_existing=True)
    if row is None or row.lifted_at is not None or row.expires_at <= now:
        raise UnknownFlag("no such flag in force")
    return row


async def flags(
    session: AsyncSession, *, now: datetime, caller: str | None = None, ended: bool = False, limit: int = 200
) -> Sequence[NuisanceFlag]:
    """The newest first: those in force, or with `ended` also those that were."""
    query = select(NuisanceFlag).order_by(NuisanceFlag.id.desc()).limit(limit)
    if not ended:
        query = query.where(NuisanceFlag.lifted_at.is_(None), NuisanceFlag.expires_at > now)
    if caller is not None:
        query = query.where(NuisanceFlag.caller_index == caller)
    return (await session.scalars(query)).all()


async def treatment_of(session: AsyncSession, caller: str, *, call: str, now: datetime) -> Treatment | None:
    """What holds for `caller`, whose `call` comes in now; None for nearly everybody.

    Calls that were told of the limit do not count against it, so that it is over when it says.
    """
    found = await session.scalar(select(NuisanceFlag).where(*_in_force(caller, now)))
    if found is None:
        return None
    over = False
    if found.calls_per_hour is not None:
        served = await session.scalar(
            select(func.count())
            .select_from(CallRow)
            .where(
                CallRow.caller_index == caller,
                CallRow.entered_at > now - _HOUR,
                CallRow.call_id != call,
                CallRow.outcome.is_distinct_from(LIMITED),
            )
        )
        over = (served or 0) >= found.calls_per_hour
    return Treatment(found.id, found.measure, found.reason, over, found.queue or "", found.calls_per_hour)


def _in_force(caller: str, now: datetime) -> tuple[Any, ...]:
    return NuisanceFlag.caller_index == caller, NuisanceFlag.lifted_at.is_(None), NuisanceFlag.expires_at > now


def _check(new: NewFlag, now: datetime) -> None:
    if not 0 < len(new.reason.strip()) <= _LONGEST_REASON:
        raise InvalidInput(f"a reason has 1 to {_LONGEST_REASON} characters")
    if all(piece.bare for piece in new.evidence):
        raise InvalidInput("a flag names a call, a ticket or a recording as evidence")
    if not now < new.expires_at <= now + _LONGEST:
        raise InvalidInput("a flag ends within a year from now")
    if (new.measure is Measure.LIMIT) != (new.calls_per_hour is not None):
        raise InvalidInput("a limit says how many calls an hour, and no other measure does")
    if new.calls_per_hour is not None and not 0 <= new.calls_per_hour <= _MOST_CALLS:
        raise InvalidInput(f"a limit is 0 to {_MOST_CALLS} calls an hour")
    if new.queue:
        if new.measure is not Measure.LIMIT:
            raise InvalidInput("only a limit has a queue of its own")
        group_id(new.queue)
