"""Lines without a guard: the checks of the first call notice it. The others run in `make accept TOPIC=first_call`."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.accept.mutants.first_call import MUTANTS
from tests.accept.mutants.mutant_line import Mutant, MutantLine, mutant_line, noticed

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def on() -> AsyncIterator[MutantLine]:
    async with mutant_line() as started:
        yield started


@pytest.mark.parametrize("mutant", [m for m in MUTANTS if m.quick], ids=lambda mutant: f"first_call-{mutant.name}")
async def test_mutant(on: MutantLine, mutant: Mutant) -> None:
    print(f"{mutant.title}: {await noticed(on, mutant)}")
