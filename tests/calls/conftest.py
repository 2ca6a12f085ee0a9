"""A line with its servers; tests start the voice processes they need."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from calls.voice import VoiceProcess
from tests.calls.figure_line import FigureLine
from tests.calls.line import CallLine


@pytest.fixture
async def line(redis_url: str, database_url: str, tmp_path: Path) -> AsyncIterator[CallLine]:
    line = CallLine(redis_url, database_url, tmp_path)
    yield line
    await line.close()


@pytest.fixture
async def voice(line: CallLine) -> VoiceProcess:
    """One voice process at work."""
    return await line.start()


@pytest.fixture
async def figures(redis_url: str, database_url: str) -> AsyncIterator[FigureLine]:
    """The jobs process' part in figures."""
    figures = FigureLine(redis_url, database_url)
    yield figures
    await figures.close()
