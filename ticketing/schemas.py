"""What a ticket looks like from outside, checked where it comes in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from directory.models import Role
from hotline import ids
from hotline.errors import InvalidInput
from ticketing.handling.words import OverdueCause, PartState, SupervisionForm, SupervisionGround
from ticketing.visits.words import VisitOutcome
from ticketing.vocabulary import (
    Action,
    ClockEnd,
    ClockKind,
    Confidentiality,
    Part,
    RefusalGround,
    Satisfaction,
    Source,
    State,
    TicketType,
    Urgency,
)

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


def printable(text: str) -> str:
    """The text as it is; raises ValueError for control characters."""
    if _CONTROL.search(text):
        raise ValueError("control characters are not allowed")
    return text


def visible(text: str) -> str:
    """The text as it is; raises ValueError for whatever is not seen: separators and marks of direction, too."""
    if not text.isprintable():
        raise ValueError("control characters are not allowed")
    return text


def _of_our_time(moment: datetime) -> datetime:
    if not 1900 < moment.year < 2200:
        raise ValueError("no moment between the years 1901 and 2199")
    return moment


def _call(text: str) -> str:
    try:
        return ids.call_id(text)
    except InvalidInput as error:
        raise ValueError(str(error)) from None


Title = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(printable)
]
Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300), AfterValidator(printable)]
Body = Annotated[str, StringConstraints(strip_whitespace=True, max_length=20_000), AfterValidator(printable)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=64), AfterValidator(printable)]
WrittenNumber = Annotated[str, StringConstraints(strip_whitespace=True, max_length=64), AfterValidator(printable)]
"""A telephone number as somebody writes it; kept in the form of `directory.numbers.normalise`."""
TheirNumber = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64), AfterValidator(visible)
]
"""The number another system gave the same matter."""
AreaCode = Annotated[str, StringConstraints(pattern=r"^([0-9]{6}([0-9]{6})?)?$")]
"""Administrative division code: 6 digits to the county, 12 to the village (GB/T 2260, GB/T 10114)."""
CategoryCode = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,31})?$")]
"""Code of a category (事项分类) in the city's tree; empty: none yet."""
Moment = Annotated[AwareDatetime, AfterValidator(_of_our_time)]
"""One that has a date in every zone."""
UnitId = Annotated[int, Field(ge=1, lt=2**63)]
CallId = Annotated[str, AfterValidator(_call)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: work number (工号), roles, and the unit for people of a unit."""

    user: str
    roles: frozenset[Role]
    unit_id: int | None = None


class Intake(_Frozen):
    """A demand as an agent takes it down (TH 14: 准确记录形成工单)."""

    type: TicketType = TicketType.CONSULT
    title: Title
    content: Body = ""
    source: Source = Source.PHONE
    caller_number: WrittenNumber = ""
    caller_name: Name = ""
    address: Line = ""
    area_code: AreaCode = ""
    category: CategoryCode = ""
    urgency: Urgency = Urgency.GENERAL
    confidentiality: Confidentiality = Confidentiality.OPEN
    hotline: Annotated[str, StringConstraints(pattern=r"^\+?[0-9]{0,20}$")] = ""
    unit_tag: Name = ""
    call: CallId | None = None
    request_key: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{8,64}$")] | None = Field(
        None, description="Repeat a request with the same key and the first ticket comes back."
    )


class Changes(_Frozen):
    """New values for a registered ticket; what is not given stays."""

    type: TicketType | None = None
    title: Title | None = None
    content: Body | None = None
    caller_number: WrittenNumber | None = None
    caller_name: Name | None = None
    address: Line | None = None
    area_code: AreaCode | None = None
    category: CategoryCode | None = None
    urgency: Urgency | None = None
    confidentiality: Confidentiality | None = None
    unit_tag: Name | None = None

    def given(self) -> dict[str, str]:
        """Only the fields that were given."""
        return {field: str(value) for field, value in self.model_dump(exclude_none=True).items()}


class SupervisionOrder(_Frozen):
    """督办: whom, why, how and until when; its words are the action's note."""

    unit_id: UnitId | None = Field(None, description="Addressee; of a ticket the lead unit if not given.")
    ground: SupervisionGround
    form: SupervisionForm
    deadline: Moment = Field(description="Answered before this moment.")


class Details(_Frozen):
    """What an action needs besides the ticket; which one needs what is in the lifecycle table."""

    note: Body = Field("", description="Reason, answer, finding: what a later reader must know.")
    ground: RefusalGround | None = Field(None, description="Ground of refusal (TH 10).")
    lead_unit: UnitId | None = Field(None, description="Lead unit 主办.")
    assisting_units: tuple[UnitId, ...] = Field((), max_length=20, description="Assisting units 协办.")
    satisfaction: Satisfaction | None = Field(None, description="The citizen's own words, five levels.")
    outcome: VisitOutcome | None = Field(None, description="How far the visit came; reached if not given.")
    contacted: bool | None = Field(None, description="Whether the unit contacted the citizen, as the citizen says.")
    solved: bool | None = Field(None, description="Whether the matter is solved, as the citizen says.")
    handed_over_at: Moment | None = Field(
        None,
        description="When an urgent matter was handed over by telephone (TH 16); the moment of dispatch if not given.",
    )
    handed_over_to: Name = Field(
        "", description="Who of the unit took an urgent matter by telephone, with the office they hold (TH 16)."
    )
    convener: Name = Field("", description="Who called the special meeting (专题协调会, TH 16).")
    law_enforcement: bool | None = Field(
        None, description="Whether an accepted matter is one of law enforcement (行政执法), to be passed on at once."
    )
    basis: Body = Field("", description="The rule a return rests on (退回依据, TH 15).")
    supervision: SupervisionOrder | None = None
    overdue_cause: OverdueCause | None = Field(None, description="Why the reply is late (TH 34); only then.")

    def given(self) -> frozenset[str]:
        """Names of the details that were given."""
        return frozenset(name for name, value in self if value not in (None, "", ()))


class Ticket(_Frozen):
    """A ticket as it stands."""

    number: str
    type: TicketType
    title: str
    content: str
    source: Source
    caller_number: str
    caller_name: str
    address: str
    area_code: str
    category: str
    urgency: Urgency
    confidentiality: Confidentiality
    hotline: str
    unit_tag: str
    state: State
    version: int
    registered_by: str
    registered_at: datetime
    updated_at: datetime


class HistoryEntry(_Frozen):
    """One action on a ticket."""

    version: int
    action: Action
    actor: str
    from_state: State | None
    to_state: State
    at: datetime
    note: str
    details: dict[str, Any]


class Assignment(_Frozen):
    """A unit's part in a ticket; times are null until they happen or are set."""

    id: int
    unit_id: int
    part: Part
    parent_id: int | None
    state: PartState
    version: int
    delivered_at: datetime
    signed_at: datetime | None
    due_at: datetime | None
    replied_at: datetime | None
    withdrawn_at: datetime | None


class Clock(_Frozen):
    """A limit that runs, or has run: of the centre, or of a unit's part."""

    kind: ClockKind
    unit_id: int | None
    begun_at: datetime
    ends_at: datetime
    provisional: bool
    ended_at: datetime | None
    ended: ClockEnd | None
    overdue_cause: OverdueCause | None


class TicketFile(_Frozen):
    """A ticket with all that belongs to it."""

    ticket: Ticket
    history: tuple[HistoryEntry, ...]
    assignments: tuple[Assignment, ...]
    clocks: tuple[Clock, ...]
    calls: tuple[str, ...]
