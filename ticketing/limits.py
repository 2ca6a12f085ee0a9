"""When each limit of a ticket ends. Pure: the moment, the policy and the calendar are given.

Requirements 3: the first day is not counted, a limit in days ends at 24:00 of its last one (民法典 201, 203), on the
city's clocks; a day nobody has laid down yet makes the answer provisional.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from hotline.workdays import Workdays
from ticketing.policy import DayCount, TicketPolicy
from ticketing.vocabulary import Urgency

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit's end: what is done before it is in time. `provisional`: a day on the way is not laid down yet."""

    ends_at: datetime
    provisional: bool = False


class Limits:
    """Ends of limits on a city's calendar. Moments are aware; answers are in the city's zone."""

    def __init__(self, workdays: Workdays, zone: str) -> None:
        self._workdays = workdays
        self._zone = ZoneInfo(zone)

    def day_of(self, at: datetime) -> date:
        """The city's day."""
        return at.astimezone(self._zone).date()

    def dispatch(self, accepted_at: datetime) -> Limit:
        """当日派清: the day of acceptance (TH 15)."""
        return Limit(self._midnight(self.day_of(accepted_at) + _DAY))

    def pass_on(self, accepted_at: datetime, policy: TicketPolicy) -> Limit:
        """Complaints and reports (SMX 一(二)2)."""
        return Limit(self._local(accepted_at) + timedelta(minutes=policy.pass_on_minutes))

    def returning(self, delivered_at: datetime, policy: TicketPolicy) -> Limit:
        """退单 (TH 15)."""
        return self._working(self.day_of(delivered_at), policy.return_days)

    def handling(self, delivered_at: datetime, urgency: Urgency, policy: TicketPolicy) -> Limit:
        """限期办结 (TH 16); of an urgent matter `delivered_at` is its handover by telephone."""
        if urgency is Urgency.URGENT:
            return Limit(self._local(delivered_at) + timedelta(hours=policy.urgent_hours))
        return self._working(self.day_of(delivered_at), policy.general_days)

    def entering(self, delivered_at: datetime, policy: TicketPolicy) -> Limit:
        """A matter with a time limit of its own has entered its procedure, and that is reported (TH 16)."""
        return self._working(self.day_of(delivered_at), policy.statutory_days)

    def questioning(self, asked_at: datetime, policy: TicketPolicy) -> Limit:
        """A citizen answers what a unit has asked."""
        return self._working(self.day_of(asked_at), policy.question_days)

    def until(self, day: date) -> Limit:
        """A day that is laid down elsewhere, to its end."""
        return Limit(self._midnight(day + _DAY))

    def later(self, limit: Limit, days: int) -> Limit:
        """The same so many working days later."""
        if not days:
            return limit
        moved = self._working(self._last_day(limit.ends_at), days)
        return Limit(moved.ends_at, moved.provisional or limit.provisional)

    def days_between(self, since: datetime, until: datetime) -> int:
        """Working days after the day of `since`, to that of `until`; one nobody has laid down counts."""
        first, last = self.day_of(since), self._last_day(until)
        days = (first + _DAY * n for n in range(1, (last - first).days + 1))
        return sum(self._workdays.is_workday(day) is not False for day in days)

    def signing(self, delivered_at: datetime, policy: TicketPolicy) -> Limit:
        """签收."""
        return self._working(self.day_of(delivered_at), policy.sign_days)

    def answering(self, raised_at: datetime, policy: TicketPolicy) -> Limit:
        """A supervision that an overdue raised."""
        return self._working(self.day_of(raised_at), policy.supervision_days)

    def extended(self, ends_at: datetime, policy: TicketPolicy) -> Limit:
        """One extension more: the days after the last day of the limit that stands (TH 16)."""
        return self._working(self._last_day(ends_at), policy.extension_days)

    def ask_extension_by(self, ends_at: datetime, policy: TicketPolicy) -> datetime:
        """An extension is asked for before this moment (TH 16: 在办理期满前1日提出)."""
        if policy.ask_before_count is DayCount.CALENDAR:
            return self._midnight(self._last_day(ends_at) + _DAY - policy.ask_before_days * _DAY)
        day, left = self._last_day(ends_at) + _DAY, policy.ask_before_days
        while left:
            day -= _DAY
            left -= self._workdays.is_workday(day) is not False
        return self._midnight(day)

    def warn_at(self, begun_at: datetime, ends_at: datetime, policy: TicketPolicy) -> datetime:
        """When a share of the limit's time, by the wall clock, has gone."""
        return begun_at + (ends_at - begun_at) * policy.warn_percent / 100

    def _working(self, start: date, days: int) -> Limit:
        due = self._workdays.due(start, days)
        return Limit(self._midnight(due.day + _DAY), due.provisional)

    def _last_day(self, ends_at: datetime) -> date:
        """24:00 belongs to the day that ends."""
        return (self._local(ends_at) - timedelta(microseconds=1)).date()

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self._zone)

    def _local(self, at: datetime) -> datetime:
        return at.astimezone(self._zone)
