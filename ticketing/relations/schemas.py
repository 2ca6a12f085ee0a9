"""What is asked and told of tickets that belong together."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ticketing.schemas import AreaCode, Body, CategoryCode, Details, Line, Title
from ticketing.vocabulary import LinkKind, State, TicketType, Urgency

TicketNumber = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,40}$")]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)


class MergeDetails(Details):
    """并单: into which ticket."""

    parent: TicketNumber = Field(description="Number of the main ticket (主单).")


class SplitDetails(Details):
    """拆单: which tickets it became besides itself."""

    tickets: tuple[TicketNumber, ...] = Field(min_length=1)


class Matter(_Frozen):
    """One matter out of a demand with several. What is not given is as in the demand."""

    title: Title
    content: Body = ""
    type: TicketType | None = None
    category: CategoryCode | None = None
    address: Line | None = None
    area_code: AreaCode | None = None
    urgency: Urgency | None = None


class Why(StrEnum):
    """Why a ticket may be about the same."""

    SAME_CALLER = "same_caller"
    SAME_PLACE = "same_place"
    SIMILAR_WORDS = "similar_words"


class Reason(_Frozen):
    """One reason, in words, and how strongly it speaks for it (0 to 1)."""

    why: Why
    text: str
    strength: float


class Candidate(_Frozen):
    """A ticket that may be about the same. Nothing happens of itself: somebody merges or links them."""

    number: str
    title: str
    state: State
    registered_at: datetime
    parent: str | None
    """The main ticket, where this one is merged into another: that is what to merge into."""
    proposal: LinkKind
    """并单 with an open ticket; a repeat (重复诉求) of a closed one."""
    confidence: float
    reasons: tuple[Reason, ...]


class Link(_Frozen):
    """One link, as seen from a ticket."""

    kind: LinkKind
    number: str
    """The other ticket."""
    title: str
    state: State
    main: bool
    """Whether the other one is the main, the first or the earlier of the two."""
    note: str
    made_by: str
    made_at: datetime
    ended_by: str | None
    ended_at: datetime | None
    ended_why: str


class Offer(_Frozen):
    """A reply of the main ticket, offered to a merged one."""

    number: str
    parent: str
    reply: str
    offered_at: datetime
    taken_by: str | None
    taken_at: datetime | None
    withdrawn_at: datetime | None


class Relations(_Frozen):
    """All that ties a ticket to others."""

    links: tuple[Link, ...]
    offers: tuple[Offer, ...]
    """To this ticket, or of it to those merged into it."""
