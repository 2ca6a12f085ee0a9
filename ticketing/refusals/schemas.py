"""What is asked and told of refusals."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ticketing.schemas import Body, Details, Line
from ticketing.vocabulary import CitizenNoticeKind, RefusalGround, Told


class RefusalDetails(Details):
    """不予受理: what stands in the note is the reason. What is not given is the ground's own."""

    local_ground: Annotated[str, StringConstraints(pattern=r"^([a-z][a-z0-9_]{0,31})?$")] = Field(
        "", description="Code of a ground that the city's policy adds."
    )
    basis: Line = Field("", description="Law or rule; the ground's own if not given.")
    guidance: Annotated[Body, StringConstraints(max_length=1_000)] = Field(
        "", description="Where the citizen goes instead."
    )


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)


class Ground(_Frozen):
    """A ground that may be chosen."""

    ground: RefusalGround
    local_ground: str
    term: str
    basis: str
    guidance: str


class Refusal(_Frozen):
    """A refusal as it is on record."""

    number: str
    ground: RefusalGround
    local_ground: str
    term: str
    basis: str
    reason: str
    guidance: str
    unit_id: int | None
    refused_by: str
    refused_at: datetime


class CitizenNotice(_Frozen):
    """Something a citizen is to be told, or was."""

    id: int
    number: str
    kind: CitizenNoticeKind
    text: str
    made_at: datetime
    told: Told | None
    told_by: str | None
    told_at: datetime | None
    note: str


class RefusalCount(_Frozen):
    """How often a ground was given; the seven count what a city's own grounds come under as well."""

    ground: RefusalGround
    local_ground: str
    term: str
    count: int
