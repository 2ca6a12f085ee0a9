"""How often and when a ticket of a round is tried, and what it becomes: pure functions of time and history.

The rule (requirements, section 3): a citizen who is not reached in three attempts over two days counts as unreachable
(未接通), is told by SMS, and is left out of rates.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from calls.call_out_policy import OutPolicy
from calls.call_out_states import PartyOutcome
from calls.round_states import ItemState
from hotline.settings import Settings
from hotline.workdays import Workdays

_NEVER_RANG = frozenset({PartyOutcome.FAILED})
"""Not an attempt to reach the citizen, whose phone did not ring."""


@dataclass(frozen=True, slots=True)
class RoundPolicy:
    """`out` are the limits on any one number; the others are those of an item.

    The last of `attempts` lies at least `days` - 1 local days after the first.
    """

    out: OutPolicy
    attempts: int
    days: int
    spacing: timedelta
    failures: int
    """So many calls that our side could not make end an item."""
    put_offs: int
    """How often agents may put an item off."""
    preview: timedelta
    """How long an item stays with an agent who does nothing."""
    write_up: timedelta
    """The same after a talk."""
    at_once: int
    """Surveys at a time."""
    per_minute: int
    """Surveys begun in any minute."""

    @classmethod
    def of(cls, settings: Settings, workdays: Workdays) -> RoundPolicy:
        keys = settings.rounds
        out = OutPolicy(
            zone=ZoneInfo(settings.site.timezone),
            opens=keys.opens,
            closes=keys.closes,
            per_day=keys.per_day,
            spacing=timedelta(minutes=settings.calls_out.spacing_minutes),
            workdays=workdays if keys.workdays_only else None,
        )
        return cls(
            out=out,
            attempts=keys.attempts,
            days=keys.days,
            spacing=timedelta(minutes=keys.spacing_minutes),
            failures=keys.failures,
            put_offs=keys.put_offs,
            preview=timedelta(minutes=keys.preview_minutes),
            write_up=timedelta(minutes=keys.write_up_minutes),
            at_once=keys.ivr_at_once,
            per_minute=keys.ivr_per_minute,
        )

    def barring(self, numbers: frozenset[str]) -> RoundPolicy:
        """The same with these numbers not to be called."""
        return replace(self, out=replace(self.out, do_not_call=numbers))


@dataclass(frozen=True, slots=True)
class Tried:
    """What was done for an item so far: attempts, calls that failed on our side, and when the first and the last
    attempt of whatever kind were."""

    attempts: int = 0
    failures: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Next:
    """Where an item goes. `next_at` is set when it waits again."""

    state: ItemState
    tried: Tried
    next_at: datetime | None = None


def after_call(tried: Tried, outcome: PartyOutcome, dialled_at: datetime, policy: RoundPolicy) -> Next:
    """What an item becomes after a call out that began at `dialled_at`."""
    if outcome in _NEVER_RANG:
        tried = replace(tried, failures=tried.failures + 1, last_at=dialled_at)
    else:
        tried = Tried(tried.attempts + 1, tried.failures, tried.first_at or dialled_at, dialled_at)
    if outcome is PartyOutcome.ANSWERED:
        return Next(ItemState.TALKED, tried)
    if outcome is PartyOutcome.UNALLOCATED:
        return Next(ItemState.INVALID, tried)
    if tried.failures >= policy.failures:
        return Next(ItemState.FAILED, tried)
    return try_again(tried, dialled_at, policy)


def try_again(tried: Tried, at: datetime, policy: RoundPolicy) -> Next:
    """An item that is to be called once more, at `at` or later; unreachable when no attempt is left."""
    if tried.attempts >= policy.attempts:
        return Next(ItemState.UNREACHABLE, tried)
    earliest = at if tried.last_at is None else max(at, tried.last_at + policy.spacing)
    if tried.attempts == policy.attempts - 1 and tried.first_at is not None:
        # The last one is kept for another day.
        day = policy.out.day(tried.first_at) + timedelta(days=policy.days - 1)
        earliest = max(earliest, policy.out.begins(day))
    return Next(ItemState.WAITING, tried, earliest)
