"""What a dated scenario is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.accept.ticketing.desks import Desks

Story = Callable[[Desks], Awaitable[None]]


@dataclass(frozen=True)
class Scenario:
    """One story; `begins` is its first moment on the city's clocks."""

    begins: str
    title: str
    story: Story


@dataclass
class Scenarios:
    """The scenarios of one subject."""

    told: list[Scenario] = field(default_factory=list)

    def __call__(self, begins: str, title: str) -> Callable[[Story], Story]:
        """Enter a story under the moment it begins at."""

        def enter(story: Story) -> Story:
            self.told.append(Scenario(begins, title, story))
            return story

        return enter
