"""A menu flow (菜单流程): a graph of typed nodes, as admins write it and as it is kept, compared and published.

A flow is data and immutable once published. Nothing here says how it is drawn: the layout is computed. Every field's
grammar is in the type, so that what parses can be run; whether it makes sense is the validation's question, and an
unset branch is therefore allowed here and found there. At run time an unset branch leads to a human.
"""

from __future__ import annotations

from datetime import date, time
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, model_validator

HUMAN_KEY: Final = "0"
"""Reaches a human from any menu, and in place of a good-bye; while digits are collected it is a digit, and `*` reaches
a human there."""

NodeId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
FlowKey = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
VariableName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,29}$")]
Key = Annotated[str, Field(pattern=r"^[0-9*#]$")]
Reference = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,59}$")]
"""The code of something kept elsewhere: a queue, a line, a knowledge entry, hours, a recording."""
TargetKey = Annotated[str, Field(pattern=r"^([a-z]{1,16}:)?[A-Za-z0-9_-]{1,48}$")]
"""A transfer target's key in the directory, as `line:12366` or `contact:7`; without a kind it is a line's number."""


class Part(BaseModel):
    """What every part of a flow has in common: it is never changed, and a field nobody knows is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Prompt(Part):
    """What a citizen hears: a text with variables, spoken from rendered parts, or an uploaded recording of it.

    `{name}` in the text is a variable's words, `{name:digits}` its digits one by one, `{name:number}` a number. In a
    file a plain string is a prompt's text.
    """

    text: str = Field(default="", max_length=600)
    recording: Reference | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_text(cls, value: object) -> object:
        return {"text": value} if isinstance(value, str) else value


class Node(Part):
    """One step of a flow."""

    note: str = Field(default="", max_length=400)
    """For whoever edits it."""


class Entry(Node):
    """Where the flow begins; each has one."""

    type: Literal["entry"] = "entry"
    next: NodeId | None = None


class Say(Node):
    """Something is said, and the flow goes on. A key ends it unless it must be heard, and is kept for the next menu."""

    type: Literal["say"] = "say"
    prompt: Prompt
    must_be_heard: bool = False
    next: NodeId | None = None


class Option(Part):
    """One key of a menu. Its label is what the key means, for people and for the figures."""

    label: str = Field(min_length=1, max_length=60)
    next: NodeId | None = None


class Menu(Node):
    """A choice by one key. After `attempts` without a known key the flow goes on to `on_timeout` or `on_wrong`,
    whichever came last."""

    type: Literal["menu"] = "menu"
    prompt: Prompt
    options: dict[Key, Option] = Field(min_length=1)
    seconds: float = Field(default=5, ge=1, le=30)
    """How long a key is waited for after the prompt."""
    attempts: int = Field(default=2, ge=1, le=5)
    wrong: Prompt | None = None
    """Said after an unknown key, before the prompt is said again."""
    on_timeout: NodeId | None = None
    on_wrong: NodeId | None = None


class Collect(Node):
    """Digits by keys, into a variable. They are personal data: never logged, journaled or counted."""

    type: Literal["collect"] = "collect"
    prompt: Prompt
    variable: VariableName
    min_digits: int = Field(default=1, ge=1, le=32)
    max_digits: int = Field(ge=1, le=32)
    finish: Literal["#"] | None = "#"
    seconds: float = Field(default=8, ge=1, le=30)
    """How long the first digit is waited for after the prompt."""
    between_seconds: float = Field(default=4, ge=1, le=15)
    attempts: int = Field(default=2, ge=1, le=5)
    wrong: Prompt | None = None
    next: NodeId | None = None
    on_timeout: NodeId | None = None
    on_wrong: NodeId | None = None


class DayKind(StrEnum):
    """What kind of day it is by the State Council's calendar with make-up days."""

    WORKDAY = "workday"
    WEEKEND = "weekend"
    HOLIDAY = "holiday"


class ByCalendar(Part):
    """True from `first` to `last` inclusive, at `site` local time."""

    test: Literal["calendar"] = "calendar"
    first: date
    last: date


class ByTime(Part):
    """True from `opens` until before `closes`, local time; past midnight when `closes` is not later."""

    test: Literal["time"] = "time"
    opens: time
    closes: time


class ByHours(Part):
    """True while these opening hours of the directory (or of a queue) are open."""

    test: Literal["hours"] = "hours"
    of: Reference


class ByDay(Part):
    """True on days of these kinds."""

    test: Literal["day"] = "day"
    kinds: tuple[DayKind, ...] = Field(min_length=1)


class ByLine(Part):
    """True for callers who dialled one of these lines."""

    test: Literal["line"] = "line"
    lines: tuple[Reference, ...] = Field(min_length=1)


class ByTag(Part):
    """True for callers with one of these tags (repeat, vulnerable, ...)."""

    test: Literal["tag"] = "tag"
    tags: tuple[Reference, ...] = Field(min_length=1)


class ByQueue(Part):
    """True while so many citizens or more wait in the queue, or nobody there is signed in to take them."""

    test: Literal["queue"] = "queue"
    queue: Reference
    waiting: int | None = Field(default=None, ge=1)
    nobody_ready: bool = False


class ByLanguage(Part):
    """True for a call that goes on in this language."""

    test: Literal["language"] = "language"
    language: Reference


class ByAnswer(Part):
    """True when an earlier answer (a variable) is one of these."""

    test: Literal["answer"] = "answer"
    variable: VariableName
    values: tuple[str, ...] = Field(min_length=1)


Test = Annotated[
    ByCalendar | ByTime | ByHours | ByDay | ByLine | ByTag | ByQueue | ByLanguage | ByAnswer,
    Field(discriminator="test"),
]


class Case(Part):
    """A way on under a test."""

    when: Test
    next: NodeId | None = None


class Condition(Node):
    """The first case whose test is true, else `otherwise`. A test that cannot be made (a queue that does not tell)
    goes to `otherwise`."""

    type: Literal["condition"] = "condition"
    cases: tuple[Case, ...] = Field(min_length=1)
    otherwise: NodeId | None = None


class Assign(Node):
    """Variables and the language of what follows."""

    type: Literal["set"] = "set"
    values: dict[VariableName, str] = Field(default_factory=dict)
    """Texts, with variables as in a prompt."""
    language: Reference | None = None
    next: NodeId | None = None


class SkillNeed(Part):
    """A skill (技能) the call asks for, at a level of 1 to 9."""

    skill: Reference
    level: int = Field(default=1, ge=1, le=9)


class Queue(Node):
    """To a human, by a queue; none named: the dialled line's own."""

    type: Literal["queue"] = "queue"
    queue: Reference | None = None
    skills: tuple[SkillNeed, ...] = ()


class Transfer(Node):
    """To a target of the directory. If it does not take the call, the flow goes on."""

    type: Literal["transfer"] = "transfer"
    target: TargetKey
    on_failure: NodeId | None = None


class Emergency(Node):
    """To an emergency desk; never queued. If nobody takes it, a human here does at once."""

    type: Literal["emergency"] = "emergency"
    number: Literal["110", "119", "120", "122"]


class Progress(Node):
    """The state of a ticket read aloud (办理进度自助查询). Wrong, unknown and locked are one branch."""

    type: Literal["progress"] = "progress"
    number: VariableName
    code: VariableName
    next: NodeId | None = None
    on_failure: NodeId | None = None


class Knowledge(Node):
    """An entry of the knowledge base read aloud."""

    type: Literal["knowledge"] = "knowledge"
    entry: Reference
    next: NodeId | None = None
    on_failure: NodeId | None = None


class Callback(Node):
    """A callback that keeps the caller's place; the call ends when it is promised."""

    type: Literal["callback"] = "callback"
    on_failure: NodeId | None = None


class Message(Node):
    """A voice message (留言); the call ends when it is left."""

    type: Literal["message"] = "message"
    on_failure: NodeId | None = None


class Survey(Node):
    """The satisfaction survey (满意度评价)."""

    type: Literal["survey"] = "survey"
    next: NodeId | None = None


class SubFlow(Node):
    """Another flow, in the version that was published when the call began; it comes back by `return`."""

    type: Literal["subflow"] = "subflow"
    flow: FlowKey
    next: NodeId | None = None


class Return(Node):
    """Back to the flow, or to the agent, that sent the caller here."""

    type: Literal["return"] = "return"
    outcome: Reference = "done"


class Web(Node):
    """A signed request to a system of a unit. Bounded in time and size; anything but a good answer is a failure."""

    type: Literal["web"] = "web"
    url: HttpUrl
    method: Literal["GET", "POST"] = "POST"
    seconds: float = Field(default=3, gt=0, le=8)
    send: dict[VariableName, str] = Field(default_factory=dict)
    """Texts, with variables as in a prompt."""
    save: dict[VariableName, Annotated[str, Field(pattern=r"^/")]] = Field(default_factory=dict)
    """Variables from the JSON answer, by JSON Pointer (RFC 6901)."""
    next: NodeId | None = None
    on_failure: NodeId | None = None


class Hangup(Node):
    """A good-bye, and the end of the call."""

    type: Literal["hangup"] = "hangup"
    prompt: Prompt | None = None


AnyNode = Annotated[
    Entry
    | Say
    | Menu
    | Collect
    | Condition
    | Assign
    | Queue
    | Transfer
    | Emergency
    | Progress
    | Knowledge
    | Callback
    | Message
    | Survey
    | SubFlow
    | Return
    | Web
    | Hangup,
    Field(discriminator="type"),
]


class ExpectedEnd(Part):
    """Where a case must end, and within how many seconds of the caller's time."""

    at: Literal["queue", "transfer", "emergency", "callback", "message", "hangup", "return", "human"]
    of: Reference | TargetKey | None = None
    """Of which queue, target or number; none: whichever."""
    within_seconds: float | None = Field(default=None, gt=0)


class MenuCase(Part):
    """A test kept beside the flow: at this time, from this line, these keys end there."""

    name: str = Field(min_length=1, max_length=80)
    at: str
    """ISO 8601 date and time, local when it has no zone."""
    line: Reference
    keys: tuple[Annotated[str, Field(pattern=r"^[0-9*#]{0,32}$")], ...] = ()
    """What is pressed each time the caller is asked, "" for nothing that time; after the last nothing."""
    tags: tuple[Reference, ...] = ()
    answers: dict[str, dict[str, str] | None] = Field(default_factory=dict)
    """What the world answers at a node (its id, or `flow.node` of another flow): values, or nothing for a failure."""
    expect: ExpectedEnd


class Flow(Part):
    """A whole flow with its tests."""

    flow: FlowKey
    name: str = Field(min_length=1, max_length=60)
    language: Reference = "zh-CN"
    entry: NodeId
    nodes: dict[NodeId, AnyNode] = Field(min_length=1, max_length=200)
    cases: tuple[MenuCase, ...] = ()
