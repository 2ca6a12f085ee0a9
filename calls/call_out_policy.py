"""Whether a number may be called now: limits against nuisance (防打扰), as pure functions of time and history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from hotline.errors import Conflict
from hotline.settings import Settings
from hotline.workdays import Workdays

_FURTHEST: Final = 800
"""Steps after which a search for a moment gives up: over a year of days, each out of hours and off."""


class Why(StrEnum):
    """Why a number may not be called."""

    DO_NOT_CALL = "do_not_call"
    QUIET_HOURS = "quiet_hours"
    DAY_OFF = "day_off"
    TOO_OFTEN = "too_often"
    TOO_SOON = "too_soon"


@dataclass(frozen=True, slots=True)
class Allowed:
    """The number may be called."""


@dataclass(frozen=True, slots=True)
class Refused:
    """It may not. `when_next`: the first moment at which it may if nothing happens until then; None: never."""

    why: Why
    when_next: datetime | None


@dataclass(frozen=True, slots=True)
class OutPolicy:
    """The limits. Calls are made from `opens` until before `closes`, local times of one day (the same twice: at any
    hour); `workdays`: only on working days of that calendar."""

    zone: ZoneInfo
    opens: time
    closes: time
    per_day: int
    spacing: timedelta
    do_not_call: frozenset[str] = frozenset()
    workdays: Workdays | None = None

    @classmethod
    def of(cls, settings: Settings) -> OutPolicy:
        """For a citizen whom an agent calls by hand."""
        keys = settings.calls_out
        return cls(
            zone=ZoneInfo(settings.site.timezone),
            opens=keys.opens,
            closes=keys.closes,
            per_day=keys.per_day,
            spacing=timedelta(minutes=keys.spacing_minutes),
        )

    def day(self, at: datetime) -> date:
        """The local day of a moment."""
        return at.astimezone(self.zone).date()

    def begins(self, day: date) -> datetime:
        """When calls may begin on a local day."""
        opens = time() if self.opens == self.closes else self.opens
        return datetime.combine(day, opens, self.zone).astimezone(UTC)

    def works(self, day: date) -> bool:
        """Whether calls are made on that day. A day that nobody has laid down yet is what its weekday says."""
        if self.workdays is None:
            return True
        worked = self.workdays.is_workday(day)
        return day.isoweekday() <= 5 if worked is None else worked


def may_call(number: str, at: datetime, history: Sequence[datetime], policy: OutPolicy) -> Allowed | Refused:
    """Whether `number` may be called at `at`, which was called at the moments of `history` (in any order)."""
    if number in policy.do_not_call:
        return Refused(Why.DO_NOT_CALL, None)
    found = _hindrance(at, history, policy)
    if found is None:
        return Allowed()
    why, later = found
    for _ in range(_FURTHEST):
        following = _hindrance(later, history, policy)
        if following is None:
            return Refused(why, later)
        later = following[1]
    return Refused(why, None)


def _hindrance(at: datetime, history: Sequence[datetime], policy: OutPolicy) -> tuple[Why, datetime] | None:
    """One reason against `at`, and the first moment against which that reason does not speak."""
    local = at.astimezone(policy.zone)
    today, tomorrow = local.date(), local.date() + timedelta(days=1)
    if not policy.works(today):
        return Why.DAY_OFF, policy.begins(tomorrow)
    if policy.opens != policy.closes:
        if local.time() < policy.opens:
            return Why.QUIET_HOURS, policy.begins(today)
        if local.time() >= policy.closes:
            return Why.QUIET_HOURS, policy.begins(tomorrow)
    if sum(policy.day(called) == today for called in history) >= policy.per_day:
        return Why.TOO_OFTEN, policy.begins(tomorrow)
    last = max(history, default=None)
    if last is not None and at < last + policy.spacing:
        return Why.TOO_SOON, last + policy.spacing
    return None


_SAID: Final = {
    Why.DO_NOT_CALL: "该号码在免打扰名单中，不得外呼",
    Why.QUIET_HOURS: "现在是免打扰时段",
    Why.DAY_OFF: "今天不是工作日，不进行回访",
    Why.TOO_OFTEN: "该号码今天的外呼次数已达上限",
    Why.TOO_SOON: "距上次呼叫该号码的时间太短",
}


class CallNotAllowed(Conflict):
    """The policy is against calling this number now. `remedy` is what the agent's screen shows."""

    code = "call_out.not_allowed"

    def __init__(self, refused: Refused, zone: ZoneInfo) -> None:
        said = _SAID[refused.why]
        if refused.when_next is not None:
            said += f"，最早可于{refused.when_next.astimezone(zone):%Y-%m-%d %H:%M}呼叫"
        super().__init__(refused.why, remedy=said)
        self.refused = refused
