"""The short forms of `make accept TOPIC=first_call`, on one private line of real parts."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.accept.first_call import ITEMS
from tests.accept.line import Line, running_line
from tests.accept.scenario import Item, Scale

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def line() -> AsyncIterator[Line]:
    async with running_line() as started:
        yield started


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: f"first_call-{item.number}")
async def test_item(line: Line, item: Item) -> None:
    try:
        seen = await item.story(line, Scale(full=False))
    finally:
        while line.cleanup:
            await line.cleanup.pop()()
    print(f"{item.title}: {seen}")
