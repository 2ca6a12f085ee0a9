"""What a ticket may do, and what belongs to it, written a second time from the rules, in plain words.

Imports nothing of ours. `independent_rules.py` says what must come of each action.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

DESK = {"agent", "expert", "supervisor"}
CENTRE = {"dispatcher", "supervisor"}
VISITORS = {"visit_agent", "supervisor"}
UNIT = {"unit_handler", "unit_head", "county_body"}
RATERS = {"agent", "expert", "visit_agent", "supervisor"}
GOVERNMENT = {"government_leader"}
ORDERERS = {"supervisor", "inspector", "county_body"} | GOVERNMENT
OF_A_UNIT = {"unit_handler", "unit_head", "unit_leader", "county_body"}

WAYS: dict[str, dict[str, tuple[str, set[str]]]] = {
    # state: action: (next state, who)
    "registered": {
        "amend": ("registered", DESK),
        "answer": ("answered", DESK),
        "accept": ("to_dispatch", DESK),
        "refuse": ("refused", DESK),
        "split": ("registered", DESK | CENTRE),
        "merge": ("merged", DESK | CENTRE),
    },
    "refused": {"archive": ("archived", DESK | CENTRE)},
    "answered": {"close": ("closed", DESK), "evaluate": ("answered", RATERS)},
    "to_dispatch": {
        "dispatch": ("to_sign", CENTRE),
        "refuse": ("refused", CENTRE),
        "split": ("to_dispatch", CENTRE),
        "merge": ("merged", CENTRE),
        "supervise": ("to_dispatch", ORDERERS),
    },
    "merged": {"unmerge": ("to_dispatch", CENTRE), "take_reply": ("replied", CENTRE | VISITORS)},
    "to_sign": {
        "sign_for": ("handling", UNIT),
        "return": ("return_asked", UNIT),
        "recall": ("to_dispatch", CENTRE),
        "merge": ("merged", CENTRE),
        "supervise": ("to_sign", ORDERERS),
    },
    "handling": {
        "refuse": ("refused", {"unit_head"}),
        "recall": ("to_dispatch", CENTRE),
        "merge": ("merged", CENTRE),
        "return": ("return_asked", UNIT),
        "extend": ("extension_asked", UNIT),
        "meet": ("handling", CENTRE | GOVERNMENT),
        "reply": ("reply_to_review", UNIT),
        "supervise": ("handling", ORDERERS),
    },
    "return_asked": {
        "agree_return": ("to_dispatch", CENTRE),
        "refuse_return": ("handling", CENTRE),
        "supervise": ("return_asked", ORDERERS),
    },
    "extension_asked": {
        "sign_extension": ("extension_asked", {"unit_leader"}),
        "grant_extension": ("handling", CENTRE),
        "refuse_extension": ("handling", CENTRE),
        "reply": ("reply_to_review", UNIT),
        "supervise": ("extension_asked", ORDERERS),
    },
    "reply_to_review": {
        "approve_reply": ("replied", {"unit_head"}),
        "reject_reply": ("handling", {"unit_head"}),
        "supervise": ("reply_to_review", ORDERERS),
    },
    "replied": {"visit": ("visited", VISITORS), "evaluate": ("replied", RATERS)},
    "visited": {
        "rehandle": ("to_dispatch", VISITORS),
        "evaluate": ("visited", RATERS),
        "close": ("closed", VISITORS),
    },
    "closed": {"evaluate": ("closed", RATERS), "archive": ("archived", DESK | VISITORS)},
    "archived": {},
}
for _state, _ways in WAYS.items():
    if _state not in {"refused", "closed", "archived"}:
        # The citizen urges, or adds something.
        _ways |= {"urge": (_state, DESK | CENTRE), "supplement": (_state, DESK | CENTRE)}
PARTS: dict[str, dict[str, tuple[str, str]]] = {
    # state: action: (next state, side)
    "delivered": {"sign_for": ("working", "own"), "return": ("return_asked", "own"), "withdraw": ("", "sender")},
    "working": {
        "hand_down": ("working", "own"),
        "return": ("return_asked", "own"),
        "reply": ("replied", "own"),
        "withdraw": ("", "sender"),
    },
    "return_asked": {"agree_return": ("", "sender"), "refuse_return": ("working", "sender")},
    "replied": {"take": ("taken", "receiver"), "send_back": ("working", "receiver")},
}
"""`sender`: the centre, or the unit above; `receiver`: the unit above, or the lead unit."""


DISSATISFIED = {"dissatisfied", "very_dissatisfied"}


class No(Exception):
    """The rules refuse it."""


@dataclass(frozen=True)
class Who:
    """An actor: work number, role, unit."""

    user: str
    role: str
    unit: int | None = None


@dataclass(eq=False)
class Clock:
    """A limit. `told` is what was said of the end it has now."""

    kind: str
    unit: int | None
    begun: datetime
    ends: datetime
    ended: str | None = None
    ended_at: datetime | None = None
    extensions: int = 0
    told: str = ""
    moved: list[tuple[str, datetime, datetime]] = field(default_factory=list)
    notices: set[tuple[str, datetime]] = field(default_factory=set)
    """Warned or overdue, of which end."""

    def move(self, why: str, ends: datetime) -> None:
        self.moved.append((why, self.ends, ends))
        self.ends, self.told = ends, ""
        self.extensions += why == "extension"

    def end(self, at: datetime, *, withdrawn: bool = False) -> None:
        self.ended = "withdrawn" if withdrawn else "met" if at < self.ends else "late"
        self.ended_at = at

    def lapse(self, at: datetime) -> None:
        """Nothing is expected any more; who was late was late."""
        late = self.kind in {"handling", "statutory"} and at >= self.ends
        self.ended, self.ended_at = ("late" if late else "withdrawn"), at

    def due(self) -> datetime:
        """When it is to be told of next."""
        return self.ends if self.told == "warning" else self.begun + (self.ends - self.begun) * 3 / 4


@dataclass(eq=False)
class Part:
    """A unit's part."""

    unit: int
    above: Part | None
    delivered: datetime
    leads: bool = False
    state: str = "delivered"
    standing: bool = True
    replied: bool = False
    version: int = 1

    def withdraw(self) -> None:
        """Does nothing to one that was withdrawn before."""
        if self.standing:
            self.become("withdrawn")
            self.standing = False

    def become(self, state: str) -> None:
        self.state = state
        self.version += 1


@dataclass(eq=False)
class Ticket:
    """A ticket as the rules have it."""

    number: str
    kind: str
    urgent: bool
    confidential: bool
    state: str
    begun: datetime
    version: int = 1
    history: list[tuple[int, str, str, str | None, str, datetime]] = field(default_factory=list)
    clocks: list[Clock] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    contacts: list[tuple[datetime, int | None]] = field(default_factory=list)
    rulings: list[dict[str, Any]] = field(default_factory=list)
    granted: int = 0
    signed: bool = False
    reported: bool = False
    """Whether a special meeting is to be called."""
    written_by: str = ""
    main: Ticket | None = None
    offered: bool = False
    told: bool = False
    handlings: int = 0
    opinion: str = ""
    """What the citizen said last of this handling."""
    dissatisfied: set[int] = field(default_factory=set)
    leads: set[int] = field(default_factory=set)
    """Handlings whose dissatisfied evaluation was not the first one."""

    @property
    def lead(self) -> Part | None:
        return next((part for part in self.parts if part.standing and part.above is None and part.leads), None)

    def running(self, *kinds: str, unit: int | None = None) -> Iterator[Clock]:
        return (c for c in self.clocks if not c.ended and c.kind in kinds and unit in (None, c.unit))

    def below(self, part: Part) -> list[Part]:
        """Parts handed down from this one, at any depth, that stand."""
        found = [one for one in self.parts if one.standing and one.above is part]
        return [one for above in found for one in (above, *self.below(above))]

    @property
    def open_ruling(self) -> dict[str, Any] | None:
        return next((ruling for ruling in self.rulings if ruling["state"] != "applied"), None)
