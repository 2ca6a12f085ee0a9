"""The short forms of a topic's acceptance as tests, on one private line of real parts. Each topic has a file of its
own, so that several can run at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import pytest
import pytest_asyncio

from tests.accept.line import Line, running_line
from tests.accept.scenario import Item, Scale

SHORT: Final = Scale(full=False)
MARKS: Final = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]
"""For a file's `pytestmark`."""


def short_line(**settings: Any) -> Any:
    """The fixture `line` of a file."""

    @pytest_asyncio.fixture(loop_scope="module", scope="module")
    async def line() -> AsyncIterator[Line]:
        async with running_line(**settings) as started:
            yield started

    return line


def short_forms(topic: str, items: Sequence[Item]) -> Any:
    """The test `test_item` of a file."""

    @pytest.mark.parametrize("item", items, ids=lambda item: f"{topic}-{item.number}")
    async def test_item(line: Line, item: Item) -> None:
        try:
            seen = await item.story(line, SHORT)
        finally:
            await line.go_home()
        print(f"{item.title}: {seen}")

    return test_item
