"""What an entry of the knowledge base looks like from outside, checked where it comes in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from directory.models import Role
from ticketing.knowledge.states import VersionState
from ticketing.schemas import Title, UnitId, printable

EntryCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,59}$")]
Answer = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000), AfterValidator(printable)
]
Spoken = Annotated[str, StringConstraints(strip_whitespace=True, max_length=600), AfterValidator(printable)]
Category = Annotated[str, StringConstraints(strip_whitespace=True, max_length=64), AfterValidator(printable)]
Comment = Annotated[str, StringConstraints(strip_whitespace=True, max_length=400), AfterValidator(printable)]
Note = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000), AfterValidator(printable)
]


@dataclass(frozen=True, slots=True)
class Editor:
    """Who works on the knowledge base. `user_id` is the person, whatever name they work under: two persons must be
    two."""

    user_id: int
    user: str
    """Work number (工号), else login."""
    roles: frozenset[Role]
    unit_id: int | None = None


class Content(BaseModel):
    """What a version says."""

    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)

    title: Title
    answer: Answer
    spoken: Spoken = Field("", description="For the telephone; empty: it is not read aloud.")
    category: Category = ""
    public: bool = Field(False, description="Whether citizens may read it without a login.")
    valid_from: date
    valid_until: date | None = Field(None, description="The last day it holds; null: until further notice.")
    comment: Comment = Field("", description="What is new, for who checks it.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.valid_until is not None and self.valid_until < self.valid_from:
            raise ValueError("valid_until lies before valid_from")
        return self


class NewEntry(BaseModel):
    """A new entry with its first version."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: EntryCode
    unit_id: UnitId = Field(description="Who answers for it (责任单位).")
    review_on: date
    content: Content


class Version(BaseModel):
    """A version with what became of it."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    number: int
    state: VersionState
    title: str
    answer: str
    spoken: str
    category: str
    public: bool
    valid_from: date
    valid_until: date | None
    comment: str
    written_by: str
    written_at: datetime
    checked_by: str | None
    checked_at: datetime | None
    published_by: str | None
    published_at: datetime | None
    closed_by: str | None
    closed_at: datetime | None
    closed_why: str


class Entry(BaseModel):
    """An entry without its versions."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    code: str
    unit_id: int
    review_on: date
    latest: int
    created_by: str
    created_at: datetime


class Report(BaseModel):
    """纠错: what somebody found wrong, and the outcome."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: int
    version: int
    note: str
    reported_by: str
    reported_at: datetime
    settled_by: str | None
    settled_at: datetime | None
    outcome: str


class EntryFile(BaseModel):
    """An entry with its versions, newest first, and its error reports."""

    model_config = ConfigDict(frozen=True)

    entry: Entry
    versions: tuple[Version, ...]
    reports: tuple[Report, ...]
