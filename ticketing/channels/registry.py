"""The channels (受理渠道): which there are, which sources each may claim, and which take nothing for now."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from hotline.errors import InvalidInput
from ticketing.channels.errors import ChannelNotFound, ChannelSuspended, SourceMissing, SourceNotAllowed
from ticketing.channels.tables import ChannelRow
from ticketing.channels.words import CLAIMABLE, FORM, MAIL
from ticketing.vocabulary import Source

CODE: Final = "[a-z][a-z0-9-]{0,22}"
_CODE: Final = re.compile(CODE)
_LONGEST_NAME: Final = 64


@dataclass(frozen=True, slots=True)
class Channel:
    """A way in. `sources` are those it may claim, the first one if it says none and has no other."""

    code: str
    name: str
    sources: tuple[Source, ...]
    suspended_at: datetime | None = None
    suspended_why: str = ""

    def must_be_open(self) -> None:
        """Raises ChannelSuspended."""
        if self.suspended_at is not None:
            raise ChannelSuspended(f"{self.code} takes nothing now", remedy="call 12345")

    def source(self, claimed: Source | None) -> Source:
        """Where a demand came from. Raises SourceNotAllowed, SourceMissing."""
        if claimed is None:
            if len(self.sources) != 1:
                raise SourceMissing("one of: " + ", ".join(self.sources))
            return self.sources[0]
        if claimed not in self.sources:
            raise SourceNotAllowed(f"{self.code} may claim: {', '.join(self.sources)}")
        return claimed


OWN: Final = MappingProxyType(
    {FORM: Channel(FORM, "网上诉求表单", (Source.WEB,)), MAIL: Channel(MAIL, "诉求信箱", (Source.MAIL,))}
)
"""Channels that are there without being entered."""


async def listed(session: AsyncSession) -> Sequence[Channel]:
    """Every channel, by code."""
    rows = await session.scalars(select(ChannelRow).execution_options(populate_existing=True))
    found = dict(OWN) | {row.code: _channel(row) for row in rows}
    return [found[code] for code in sorted(found)]


async def one(session: AsyncSession, code: str) -> Channel:
    """The channel with this code. Raises ChannelNotFound."""
    row = await session.get(ChannelRow, code, populate_existing=True)
    if row is not None:
        return _channel(row)
    if code not in OWN:
        raise ChannelNotFound("no such channel")
    return OWN[code]


async def save(session: AsyncSession, channel: Channel) -> None:
    """Enter a channel, or change it. Raises InvalidInput."""
    _check(channel)
    row = await session.get(ChannelRow, channel.code, populate_existing=True, with_for_update=True)
    row = row or ChannelRow(code=channel.code)
    row.name = channel.name.strip()
    row.sources = [source.value for source in dict.fromkeys(channel.sources)]
    row.suspended_at, row.suspended_why = channel.suspended_at, channel.suspended_why
    session.add(row)
    await session.flush()


def _check(channel: Channel) -> None:
    if not _CODE.fullmatch(channel.code):
        raise InvalidInput("a code has lower-case letters, digits and '-', at most 23, and begins with a letter")
    if not 1 <= len(channel.name.strip()) <= _LONGEST_NAME or not channel.name.isprintable():
        raise InvalidInput(f"a channel's name has 1 to {_LONGEST_NAME} printable characters")
    if not channel.sources:
        raise InvalidInput("a channel has at least one source")
    if refused := sorted(set(channel.sources) - CLAIMABLE):
        raise SourceNotAllowed(f"no channel may claim {', '.join(refused)}")


def _channel(row: ChannelRow) -> Channel:
    return Channel(
        row.code, row.name, tuple(Source(source) for source in row.sources), row.suspended_at, row.suspended_why
    )
