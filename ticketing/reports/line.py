"""What reports take from the line: figures of calls, which are defined on the floor above."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from ticketing.figures.definition import Definition
from ticketing.figures.periods import Span


class FiguresOfLine(Protocol):
    """The line's figures over a span, by the names of `definitions`; None where nothing was there to measure."""

    @property
    def definitions(self) -> Sequence[Definition]: ...

    async def of(self, session: AsyncSession, span: Span, zone: ZoneInfo) -> Mapping[str, float | None]: ...
