"""A city's policy (办件规则): the limits a ticket runs under, as versioned data with the day each version is in force.

The defaults are the regulation of Tonghua (TH); other cities differ (吕梁 returns within one working day, 山东 extends
by up to ten), so that every figure is data. A ticket keeps the version it began with.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated, Final, Self
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from ticketing.schemas import printable
from ticketing.vocabulary import RefusalGround, Satisfaction, TicketType

_Text = Annotated[str, AfterValidator(printable)]


class DayCount(StrEnum):
    """Which days are counted."""

    CALENDAR = "calendar"
    WORKING = "working"


class LocalGround(BaseModel):
    """A ground of refusal that a city adds (SX 三(一): 涉访 涉诉 涉军 复议 中央垂直管理).

    It is counted under one of the seven as well."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str = Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")
    term: _Text = Field(min_length=1, max_length=100)
    under: RefusalGround
    basis: _Text = Field(min_length=1, max_length=300)
    guidance: _Text = Field("", max_length=1_000)
    """Where the citizen goes instead, unless who refuses says better."""


class TicketPolicy(BaseModel):
    """One version's rules. Days are working days unless a field says otherwise."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    zone: str = "Asia/Shanghai"
    """IANA zone whose days are counted; all of China keeps Beijing's time."""
    return_days: int = Field(default=2, ge=1, le=30)
    """退单: asked for within so many days of delivery; later is overdue (TH 15)."""
    general_days: int = Field(default=5, ge=1, le=90)
    """一般事项 (TH 16)."""
    urgent_hours: int = Field(default=12, ge=1, le=72)
    """紧急事项, by the wall clock from the handover by telephone (TH 16)."""
    statutory_days: int = Field(default=5, ge=1, le=90)
    """Until a matter with a time limit of its own has entered its procedure (TH 16)."""
    extension_days: int = Field(default=5, ge=1, le=90)
    """Each extension (TH 16)."""
    most_extensions: int = Field(default=2, ge=0, le=10)
    """Of one matter, over all its handlings (TH 16; that re-handling does not reset it is our decision)."""
    signed_from: int = Field(default=2, ge=1, le=11)
    """From this extension on the unit's leader in charge (分管领导) signs (TH 16)."""
    ask_before_days: int = Field(default=1, ge=0, le=10)
    """An extension is asked for so long before the due day ends (TH 16: 期满前1日)."""
    ask_before_count: DayCount = DayCount.CALENDAR
    pass_on_types: frozenset[TicketType] = frozenset({TicketType.COMPLAINT, TicketType.REPORT})
    """Passed on at once, with a clock of its own (SMX 一(二)2)."""
    pass_on_categories: frozenset[_Text] = Field(frozenset(), max_length=1_000)
    """Codes of categories of law enforcement (行政执法), each with those below it: passed on at once as well."""
    pass_on_minutes: int = Field(default=30, ge=1, le=1_440)
    auto_dispatch: bool = False
    """Whether plain matters are dispatched without a person (自动派单); never reports or what is confidential."""
    auto_dispatch_percent: int = Field(default=95, ge=50, le=100)
    """With at least this confidence of the suggestion."""
    auto_dispatch_urgent: bool = False
    """Urgent ones too: then nobody hands them over by telephone, and the hours count from the dispatch."""
    ruling_from_return: int = Field(default=2, ge=1, le=10)
    """From this return of a ticket on others than the centre rule whose duty it is (TH 16; the number is ours)."""
    sign_days: int = Field(default=1, ge=1, le=30)
    """A part is signed for within these; later is a lead (TH 29(一): 接收不及时; the number is ours)."""
    archive_minutes: int = Field(default=30, ge=1, le=720)
    """So long before midnight what was closed that day is archived (TH 19: 当日内; the minutes are ours)."""
    supervision_days: int = Field(default=1, ge=1, le=30)
    """Within which a supervision that an overdue raised is answered (ours: TH 18 says none)."""
    refusal_grounds: tuple[LocalGround, ...] = Field((), max_length=50)
    """Beside the seven of TH 10."""
    duplicate_days: int = Field(default=30, ge=1, le=366)
    """How far back an open ticket may be the same demand (calendar days)."""
    repeat_days: int = Field(default=120, ge=1, le=1_100)
    """How far back a closed ticket may be the same matter (calendar days)."""
    duplicate_percent: int = Field(default=50, ge=1, le=100)
    """Confidence from which a possible duplicate is shown."""
    repeat_types: frozenset[TicketType] = frozenset({TicketType.COMPLAINT, TicketType.REPORT})
    """反复投诉举报 (TH 29(七))."""
    repeat_months: int = Field(default=3, ge=2, le=24)
    """Consecutive calendar months of one matter that make an accountability lead (TH 29(七))."""
    question_days: int = Field(default=5, ge=1, le=90)
    """A citizen answers a unit's question within these; then the unit goes on without (ours: TH says none)."""
    question_pauses: bool = False
    """Whether a general matter's limit stands still meanwhile; the regulation knows no such pause."""
    visit_attempts: int = Field(default=3, ge=1, le=10)
    """Attempts in vain that make a citizen unreachable (未接通; requirements 3)."""
    visit_attempt_days: int = Field(default=2, ge=1, le=10)
    """On how many days they are made, at least."""
    warn_percent: int = Field(default=75, ge=1, le=99)
    """Of a limit's time, when those concerned are warned first; the second time is its end."""
    caller_days: int = Field(default=1_095, ge=30, le=36_500)
    """Number and name of the caller of a finished ticket are kept so long (calendar days; this and the next two are
    ours: 个人信息保护法 19 asks for the shortest time that is needed)."""
    address_days: int = Field(default=1_095, ge=30, le=36_500)
    """The address that a finished ticket is about."""
    complete_file_days: int = Field(default=1_095, ge=30, le=36_500)
    """The archived file with the citizen in it; without them it is kept for good."""
    call_days: int = Field(default=1_095, ge=30, le=36_500)
    """Who called, was called back or left a message, after the call. Recordings have a time of their own."""
    satisfied: frozenset[Satisfaction] = Field(
        frozenset({Satisfaction.VERY_SATISFIED, Satisfaction.SATISFIED, Satisfaction.FAIRLY_SATISFIED}), min_length=1
    )
    """满意或比较满意 (TH 19)."""

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        if zone not in available_timezones():
            raise ValueError("no such time zone")
        return zone

    @model_validator(mode="after")
    def _signed(self) -> Self:
        if self.signed_from > self.most_extensions + 1:
            raise ValueError("signed_from is at most one more than most_extensions")
        if self.complete_file_days > min(self.caller_days, self.address_days):
            raise ValueError("the complete file names caller and address: it is kept no longer than either")
        codes = [ground.code for ground in self.refusal_grounds]
        if len(set(codes)) < len(codes) or set(codes) & {ground.value for ground in RefusalGround}:
            raise ValueError("each ground of refusal has a code of its own")
        return self


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """A policy with its number; `first_day` is the local day from which tickets begin under it."""

    number: int
    first_day: date
    policy: TicketPolicy
    withdrawn: bool = False
    """Taken back before it began: in force on no day."""


REGULATION: Final = PolicyVersion(0, date.min, TicketPolicy())
"""In force until a city lays down its own."""


class Policies:
    """All versions of a city, of which one is in force on each day: of those that stand, the newest that has begun."""

    def __init__(self, versions: Iterable[PolicyVersion] = ()) -> None:
        self._versions = {REGULATION.number: REGULATION} | {version.number: version for version in versions}

    def in_force(self, day: date) -> PolicyVersion:
        """What a ticket that begins on this local day runs under."""
        return max((version for version in self._standing() if version.first_day <= day), key=_order)

    def newest(self) -> PolicyVersion:
        """The one that comes last, planned or not."""
        return max(self._standing(), key=_order)

    def before(self, version: PolicyVersion) -> PolicyVersion | None:
        """The one that stands before another, which it takes the place of; None before the regulation."""
        earlier = [one for one in self._standing() if _order(one) < _order(version)]
        return max(earlier, key=_order, default=None)

    def all(self) -> tuple[PolicyVersion, ...]:
        """Every version, the regulation's included."""
        return tuple(self._versions.values())

    def numbered(self, number: int) -> PolicyVersion:
        """A ticket's own version. Raises KeyError: versions are never deleted."""
        return self._versions[number]

    def _standing(self) -> list[PolicyVersion]:
        return [version for version in self._versions.values() if not version.withdrawn]


def _order(version: PolicyVersion) -> tuple[date, int]:
    return version.first_day, version.number
