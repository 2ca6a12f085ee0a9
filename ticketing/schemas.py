"""What a ticket looks like from outside, checked where it comes in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from directory.models import Role
from hotline import ids
from hotline.errors import InvalidInput
from ticketing.vocabulary import (
    Action,
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


def _printable(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("control characters are not allowed")
    return text


def _call(text: str) -> str:
    try:
        return ids.call_id(text)
    except InvalidInput as error:
        raise ValueError(str(error)) from None


Title = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_printable)
]
Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300), AfterValidator(_printable)]
Body = Annotated[str, StringConstraints(strip_whitespace=True, max_length=20_000), AfterValidator(_printable)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=64), AfterValidator(_printable)]
WrittenNumber = Annotated[str, StringConstraints(strip_whitespace=True, max_length=64), AfterValidator(_printable)]
"""A telephone number as somebody writes it; kept in the form of `directory.numbers.normalise`."""
AreaCode = Annotated[str, StringConstraints(pattern=r"^([0-9]{6}([0-9]{6})?)?$")]
"""Administrative division code: 6 digits to the county, 12 to the village (GB/T 2260, GB/T 10114)."""
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
    urgency: Urgency | None = None
    confidentiality: Confidentiality | None = None
    unit_tag: Name | None = None

    def given(self) -> dict[str, str]:
        """Only the fields that were given."""
        return {field: str(value) for field, value in self.model_dump(exclude_none=True).items()}


class Details(_Frozen):
    """What an action needs besides the ticket; which one needs what is in the lifecycle table."""

    note: Body = Field("", description="Reason, answer, finding: what a later reader must know.")
    ground: RefusalGround | None = Field(None, description="Ground of refusal (TH 10).")
    lead_unit: UnitId | None = Field(None, description="Lead unit 主办.")
    assisting_units: tuple[UnitId, ...] = Field((), max_length=20, description="Assisting units 协办.")
    satisfaction: Satisfaction | None = Field(None, description="The citizen's own words, five levels.")

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

    unit_id: int
    part: Part
    delivered_at: datetime
    signed_at: datetime | None
    due_at: datetime | None
    replied_at: datetime | None
    withdrawn_at: datetime | None


class TicketFile(_Frozen):
    """A ticket with all that belongs to it."""

    ticket: Ticket
    history: tuple[HistoryEntry, ...]
    assignments: tuple[Assignment, ...]
    calls: tuple[str, ...]
