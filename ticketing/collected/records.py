"""Calls and tickets of branch centres and departments, as they push them (数据归集, SMX 二(二)2, 二(三)3)."""

from __future__ import annotations

import hashlib
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from ticketing.collected.words import CallEnd, RecordKind, TicketState
from ticketing.schemas import AreaCode, Body, CategoryCode, Line, Name, Title, WrittenNumber, printable
from ticketing.vocabulary import Satisfaction, TicketType

MOST: Final = 200
"""Records of one push."""

OwnNumber = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64), AfterValidator(printable)
]
OwnVersion = Annotated[int, Field(ge=1, lt=2**63, description="The sender's count of changes; a later one counts.")]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    number: OwnNumber = Field(description="The sender's own.")
    version: OwnVersion = 1
    caller_number: WrittenNumber = Field("", description="The citizen's number, in any form.")
    caller_name: Name = ""
    area_code: AreaCode = ""
    category: CategoryCode = Field("", description="In the city's tree where the sender knows it.")
    satisfaction: Satisfaction | None = None

    def digest(self) -> bytes:
        """SHA-256 of what it says, however it was written down."""
        return hashlib.sha256(self.model_dump_json().encode()).digest()


class CallRecord(_Record):
    """A call that was taken there."""

    kind: Literal[RecordKind.CALL]
    began_at: AwareDatetime
    answered_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    outcome: CallEnd
    agent: Name = ""
    summary: Body = ""
    ticket: Annotated[str, StringConstraints(max_length=64), AfterValidator(printable)] = Field(
        "", description="The sender's own number of the ticket that came of it."
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if (self.answered_at is not None) != (self.outcome is CallEnd.ANSWERED):
            raise ValueError("an answered call, and no other, says when it was answered")
        moments = [one for one in (self.began_at, self.answered_at, self.ended_at) if one is not None]
        if moments != sorted(moments):
            raise ValueError("a call begins, is answered, and ends, in this order")
        return self


class TicketRecord(_Record):
    """A ticket that is handled there."""

    kind: Literal[RecordKind.TICKET]
    type: TicketType
    state: TicketState
    title: Title
    content: Body = ""
    answer: Body = ""
    address: Line = ""
    source: Name = Field("", description="How it came there, in the sender's words.")
    handled_by: Name = Field("", description="The unit or person there.")
    registered_at: AwareDatetime
    due_at: AwareDatetime | None = None
    closed_at: AwareDatetime | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if (self.closed_at is not None) != (self.state is TicketState.CLOSED):
            raise ValueError("a closed ticket, and no other, says when it was closed")
        if self.closed_at is not None and self.closed_at < self.registered_at:
            raise ValueError("a ticket is closed after it was registered")
        return self


Record = Annotated[CallRecord | TicketRecord, Field(discriminator="kind")]


class Push(BaseModel):
    """What a branch or a department pushes: all of it is taken, or nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    records: Annotated[list[Record], Field(min_length=1, max_length=MOST)]
