"""What an acceptance item is, and the command that runs a topic's items."""

from __future__ import annotations

import time
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.accept.line import Line


@dataclass(frozen=True)
class Scale:
    """How long a form of a scenario runs: full for `make accept`, short for `make test`."""

    full: bool

    def __call__(self, full: int, short: int) -> int:
        """The number that goes with this form."""
        return full if self.full else short


Story = Callable[[Line, Scale], Awaitable[str]]


@dataclass(frozen=True)
class Item:
    """One thing the topic must show. `story` returns what it saw, in a line, or fails."""

    number: int
    title: str
    story: Story


async def run_item(topic: str, item: Item, line: Line, scale: Scale) -> bool:
    """Run one item and print its line."""
    started = time.monotonic()
    try:
        seen = await item.story(line, scale)
    except Exception:  # noqa: BLE001 - whatever goes wrong is a FAIL with its reason
        traceback.print_exc()
        print(f"FAIL {topic}-{item.number} {item.title}", flush=True)
        return False
    finally:
        await line.go_home()
    took = time.monotonic() - started
    print(f"PASS {topic}-{item.number} {item.title} ({seen}; {took:.0f} s)", flush=True)
    return True
