"""What the nodes of a flow have in common, whatever their type: the ways on, what is said, the texts with variables.

Validation, differences, the layout and the generators of the tests read flows through this.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ivr.branches import branches
from ivr.flow import (
    AnyNode,
    Assign,
    Callback,
    Collect,
    Emergency,
    Hangup,
    Menu,
    Message,
    Prompt,
    Queue,
    Return,
    Say,
    Transfer,
    Web,
)


class Kind(StrEnum):
    """Who decides that a way is taken."""

    NEXT = "next"
    """Nobody: it goes on. After a collection: the citizen, who keyed something in."""
    KEY = "key"
    """The citizen, by a key."""
    CASE = "case"
    """The world, by a test or by its absence."""
    SILENCE = "silence"
    """The citizen pressed nothing."""
    WRONG = "wrong"
    """The citizen pressed what is not understood."""
    FAILURE = "failure"
    """The world: something went wrong."""


@dataclass(frozen=True, slots=True)
class Way:
    """A branch of a node, who decides that it is taken, and where it leads. `field`: its place in the node as in a file
    (`options.2.next`); `to` None: nobody drew it."""

    kind: Kind
    field: str
    to: str | None


TYPE_NAMES: Final = {
    "entry": "入口",
    "say": "播报",
    "menu": "按键菜单",
    "collect": "收号",
    "condition": "条件",
    "set": "赋值",
    "queue": "转人工队列",
    "transfer": "转接",
    "emergency": "紧急转接",
    "progress": "办理进度查询",
    "knowledge": "知识播报",
    "callback": "预约回拨",
    "message": "留言",
    "survey": "满意度评价",
    "subflow": "子流程",
    "return": "返回",
    "web": "外部接口",
    "hangup": "挂机",
}
"""The types of nodes as people who write flows read them."""

Asking = Menu | Collect
"""Nodes that hear the citizen: from each of them a key reaches a human."""
AtAHuman = Queue | Transfer | Emergency
"""Nodes that hand the citizen to somebody."""
AtAnEnd = Hangup | Callback | Message
"""Nodes that end the call, when they succeed, without a human."""
Last = Queue | Transfer | Emergency | Hangup | Callback | Message | Return
"""Nodes that a flow may end at."""


_KINDS: Final = {
    "next": Kind.NEXT,
    "otherwise": Kind.CASE,
    "on_timeout": Kind.SILENCE,
    "on_wrong": Kind.WRONG,
    "on_failure": Kind.FAILURE,
}


def ways_out(node: AnyNode) -> tuple[Way, ...]:
    """The branches of a node in the order people read them in: keys, cases, then the others."""
    found = [_way(name, to) for name, to in branches(node).items()]
    keys = [one for one in found if one.kind is Kind.KEY]
    return (*sorted(keys, key=lambda one: one.field), *(one for one in found if one.kind is not Kind.KEY))


def _way(name: str, to: str | None) -> Way:
    word, _, number = name.partition(" ")
    if word == "key":
        return Way(Kind.KEY, f"options.{number}.next", to)
    if word == "case":
        return Way(Kind.CASE, f"cases.{int(number) - 1}.next", to)
    return Way(_KINDS[name], name, to)


def prompts(node: AnyNode) -> Iterator[tuple[str, Prompt]]:
    """What a node says, by field."""
    match node:
        case Say():
            yield "prompt", node.prompt
        case Menu() | Collect():
            yield "prompt", node.prompt
            if node.wrong is not None:
                yield "wrong", node.wrong
        case Hangup(prompt=Prompt() as prompt):
            yield "prompt", prompt


def texts(node: AnyNode) -> Iterator[tuple[str, str]]:
    """The texts of a node in which variables may stand, by field; those under a recording are not said and not here."""
    for field, prompt in prompts(node):
        if prompt.recording is None:
            yield field, prompt.text
    match node:
        case Assign():
            yield from ((f"values.{name}", text) for name, text in node.values.items())
        case Web():
            yield from ((f"send.{name}", text) for name, text in node.send.items())
