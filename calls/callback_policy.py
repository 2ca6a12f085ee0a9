"""When a citizen may be called back, how often, and at which numbers: the policy of the line as functions of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from calls.callback_states import CallbackKind
from directory.numbers import subscriber_digits
from directory.snapshot import DirectorySnapshot
from hotline.errors import InvalidInput
from hotline.settings import Settings


class NotCallable(InvalidInput):
    """No number that may be called back: withheld, short, an emergency, abroad, or one of our own lines."""

    code = "callback.number_not_callable"


def digits_to_dial(caller: str | None, directory: DirectorySnapshot) -> str:
    """The digits dialled for a caller's number in E.164: a mainland mobile as it is, a landline with its area code.

    Raises NotCallable for everything else: nothing but digits of a subscriber's form ever becomes a dial string, and
    nobody can have an emergency desk, a short code or this line itself called.
    """
    digits = None if caller is None else subscriber_digits(caller)
    if caller is None or digits is None or any(number == caller for number, _ in directory.access_numbers):
        raise NotCallable("not a number that is called back")
    return digits


@dataclass(frozen=True, slots=True)
class CallbackPolicy:
    """The limits, as the settings have them. Times of day are the city's."""

    zone: ZoneInfo
    attempts: int
    spacing: timedelta
    per_day: int
    quiet_from: time
    quiet_to: time
    missed: bool
    missed_after: timedelta
    missed_delay: timedelta
    missed_at_once: int
    keep: timedelta

    @classmethod
    def of(cls, settings: Settings) -> CallbackPolicy:
        keys = settings.callbacks
        return cls(
            zone=ZoneInfo(settings.site.timezone),
            attempts=keys.attempts,
            spacing=timedelta(minutes=keys.spacing_minutes),
            per_day=keys.per_day,
            quiet_from=keys.quiet_from,
            quiet_to=keys.quiet_to,
            missed=keys.missed,
            missed_after=timedelta(seconds=keys.missed_after_seconds),
            missed_delay=timedelta(seconds=keys.missed_delay_seconds),
            missed_at_once=keys.missed_at_once,
            keep=timedelta(hours=keys.keep_hours),
        )

    def earliest(self, kind: str, at: datetime) -> datetime:
        """`at`, or the end of the quiet hours (免打扰时段) it falls into. Who asked to be called back at their place is
        called at any hour."""
        if kind == CallbackKind.QUEUED:
            return at
        local = at.astimezone(self.zone)
        if not self._quiet(local.time()):
            return at
        end = datetime.combine(local.date(), self.quiet_to, self.zone)
        if end <= local:
            end = datetime.combine(local.date() + timedelta(days=1), self.quiet_to, self.zone)
        return end.astimezone(UTC)

    def _quiet(self, now: time) -> bool:
        if self.quiet_from <= self.quiet_to:
            return self.quiet_from <= now < self.quiet_to
        return now >= self.quiet_from or now < self.quiet_to

    def day_of(self, at: datetime) -> datetime:
        """The midnight that began the local day of `at`."""
        local = at.astimezone(self.zone)
        return datetime.combine(local.date(), time(), self.zone).astimezone(UTC)

    def next_day(self, at: datetime) -> datetime:
        """When a number that was called often enough today may be called again: tomorrow, when the quiet hours end."""
        local = at.astimezone(self.zone)
        tomorrow = datetime.combine(local.date() + timedelta(days=1), time(), self.zone)
        return self.earliest(CallbackKind.MISSED, tomorrow.astimezone(UTC))
