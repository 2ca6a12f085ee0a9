"""What goes into a flow that runs, and what comes out of it. Both are plain values: `ivr.interpreter` turns one into
the other, `calls/` plays them on a channel, the simulator plays them as text.

A token names one thing that was asked for; an answer with another token is late and ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ivr.flow import DayKind, SkillNeed, Web

# --- in ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pressed:
    """A key, one of 0-9, * and #. Never logged."""

    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Played:
    """What was asked to be said has been said, or could not be."""

    token: int


@dataclass(frozen=True, slots=True)
class Elapsed:
    """A timer ran out."""

    token: int


@dataclass(frozen=True, slots=True)
class Done:
    """Work went well; `values` are what was found out, by variable."""

    token: int
    values: Mapping[str, str] = field(repr=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failed:
    """Work went wrong; `why` is a stable word for the figures, never something a caller sent."""

    token: int
    why: str


Event = Pressed | Played | Elapsed | Done | Failed


# --- what is said -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Words:
    """A piece of text, spoken from its rendering. A variable's words may be personal: not for logs."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Recording:
    """An uploaded recording, by its code."""

    code: str


@dataclass(frozen=True, slots=True)
class Spelled:
    """Digits one by one."""

    digits: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number, as a count."""

    value: int = field(repr=False)


Speech = tuple[Words | Recording | Spelled | Number, ...]


# --- work for the world -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LookAtQueue:
    """Done: `waiting` (a number) and `ready` (agents signed in and able to take it, a number)."""

    queue: str


@dataclass(frozen=True, slots=True)
class LookUpProgress:
    """Done: `state`, the text to be read aloud, with variables as in a prompt from the other values."""

    number: str = field(repr=False)
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class LookUpKnowledge:
    """Done: `text` as of `LookUpProgress`, or `recording`."""

    entry: str


@dataclass(frozen=True, slots=True)
class CallWeb:
    """Done: the node's saved variables. `send` has its variables filled in."""

    node: Web
    send: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class DialTarget:
    """Failed: nobody there took the call. A talk ends the flow and is never answered."""

    target: str


@dataclass(frozen=True, slots=True)
class DialEmergency:
    """As `DialTarget`."""

    number: str


@dataclass(frozen=True, slots=True)
class PromiseCallback:
    """Done: promised, and the caller was told."""


@dataclass(frozen=True, slots=True)
class TakeMessage:
    """Done: there is a message."""


@dataclass(frozen=True, slots=True)
class AskSatisfaction:
    """Done: asked, whatever was answered."""


Work = (
    LookAtQueue
    | LookUpProgress
    | LookUpKnowledge
    | CallWeb
    | DialTarget
    | DialEmergency
    | PromiseCallback
    | TakeMessage
    | AskSatisfaction
)


# --- out --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Play:
    """Say this; `Played` follows unless `Silence` came first."""

    token: int
    speech: Speech


@dataclass(frozen=True, slots=True)
class Silence:
    """Stop what is being said."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Start a timer; it replaces the one before."""

    token: int
    ms: int


@dataclass(frozen=True, slots=True)
class Do:
    """Work, answered by `Done` or `Failed`."""

    token: int
    work: Work


@dataclass(frozen=True, slots=True)
class Visited:
    """A node was left by a branch: for the journal and the figures. `branch` is a field's name, or `key 2` of a menu,
    `case 1` of a condition, or one of those in `ivr.branches` that nobody
    draws; so a sub-flow's node is left twice."""

    flow: str
    node: str
    branch: str


@dataclass(frozen=True, slots=True)
class ToHuman:
    """The end of the flow: to a human. `why` is a stable word: queue (a queue node), asked (0 or *), timeout, wrong,
    failure, unset (a branch nobody drew), limit (too many steps)."""

    why: str
    queue: str | None = None
    skills: tuple[SkillNeed, ...] = ()


@dataclass(frozen=True, slots=True)
class HangUp:
    """The end of the flow and of the call."""


@dataclass(frozen=True, slots=True)
class GoBack:
    """The end of the flow: back to who sent the caller here."""

    outcome: str
    values: Mapping[str, str] = field(repr=False, default_factory=dict)


Action = Play | Silence | Wait | Do | Visited | ToHuman | HangUp | GoBack


# --- what a run knows from the start ----------------------------------------------------------------------------------


class Calendar(Protocol):
    """What the city knows of its days, without asking anybody."""

    def local(self, at: datetime) -> datetime:
        """The same moment on the city's clocks."""
        ...

    def day(self, at: datetime) -> DayKind: ...

    def is_open(self, of: str, at: datetime) -> bool:
        """Unknown hours are closed."""
        ...


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What is known of a call when its flow begins."""

    line: str
    """The number that was dialled."""
    line_name: str
    """As it is spoken."""
    tags: frozenset[str] = frozenset()
    language: str = "zh-CN"
