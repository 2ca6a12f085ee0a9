"""What a run can be in the middle of, and how far it may go. The tokens of what was asked for are the machine's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ivr.events import LookAtQueue

AHEAD: Final = 32
"""Keys that wait for a menu; whoever leans on the keyboard loses the rest. As many as a channel keeps."""
UNHEARD_NODES: Final = 200
"""Nodes in a row without a key of the citizen."""
NODES: Final = 500
"""Nodes of one run, whatever is pressed."""
FRUITLESS: Final = 8
"""Menus and collections in a row that were left by silence or wrong keys: a flow that leads these back to where they
came from would else keep a citizen for good who cannot press keys."""
DEPTH: Final = 8
"""Sub-flows within each other."""
VALUE_LENGTH: Final = 2_000
"""Characters of a variable. A loop that doubles a text would else fill the memory."""


@dataclass(frozen=True, slots=True)
class Saying:
    """Something is said, then the node is left. `stops`: a key ends it."""

    stops: bool


@dataclass(slots=True)
class Choosing:
    """A menu has begun; `tries` went by without a known key. `wrong`: the last of them by an unknown one."""

    tries: int = 0
    wrong: bool = False


@dataclass(slots=True)
class Collecting:
    """Digits are collected; `tries` went by without enough of them. `wrong`: the last of them by too few."""

    tries: int = 0
    wrong: bool = False
    digits: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Working:
    """The world is asked for something."""


@dataclass(frozen=True, slots=True)
class Looking:
    """A condition waits to hear of a queue; `known` are those it has heard of."""

    work: LookAtQueue
    known: dict[str, QueueSeen]


@dataclass(frozen=True, slots=True)
class QueueSeen:
    """How a queue stood: citizens who wait, agents able to take them."""

    waiting: int
    ready: int


@dataclass(frozen=True, slots=True)
class Over:
    """The run has ended; nothing is heard any more."""


State = Saying | Choosing | Collecting | Working | Looking | Over
