"""What a flow can name and what it takes to say it: the world as the validation asks about it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from ivr.flow import Flow

CHARACTERS_PER_SECOND: Final = 4.0
"""How fast Mandarin is spoken on the line, for texts nobody has rendered yet."""


class World(Protocol):
    """All that exists beside the flow, by its code. `flows` are those that are published."""

    @property
    def queues(self) -> Collection[str]: ...

    @property
    def lines(self) -> Collection[str]: ...

    @property
    def targets(self) -> Collection[str]:
        """Keys as `line:12366`; a line's number alone is the same as with `line:` before it."""
        ...

    @property
    def knowledge(self) -> Collection[str]: ...

    @property
    def hours(self) -> Collection[str]: ...

    @property
    def skills(self) -> Collection[str]: ...

    @property
    def recordings(self) -> Collection[str]: ...

    @property
    def flows(self) -> Mapping[str, Flow]: ...

    def rendered(self, text: str) -> bool:
        """Whether a fixed piece of a text, as `ivr.speech.fixed` gives it, can be played."""
        ...

    def seconds(self, text: str) -> float:
        """How long a fixed piece takes to say, rendered or not."""
        ...

    def recording_seconds(self, code: str) -> float:
        """How long a recording takes; 0 for one that does not exist."""
        ...


def spoken_seconds(text: str) -> float:
    """How long a text takes that nobody has rendered yet."""
    return len(text) / CHARACTERS_PER_SECOND


@dataclass(frozen=True)
class Surroundings:
    """A world of plain values. `prompts`: the rendered pieces, `recordings`: the recordings, with their seconds."""

    queues: Collection[str] = frozenset()
    lines: Collection[str] = frozenset()
    targets: Collection[str] = frozenset()
    knowledge: Collection[str] = frozenset()
    hours: Collection[str] = frozenset()
    skills: Collection[str] = frozenset()
    flows: Mapping[str, Flow] = field(default_factory=dict)
    prompts: Mapping[str, float] = field(default_factory=dict)
    recordings: Mapping[str, float] = field(default_factory=dict)

    def rendered(self, text: str) -> bool:
        return text in self.prompts

    def seconds(self, text: str) -> float:
        return self.prompts.get(text, spoken_seconds(text))

    def recording_seconds(self, code: str) -> float:
        return self.recordings.get(code, 0.0)
