"""Asterisk's own console, for looking at what our processes cannot be asked: they may be dead."""

from __future__ import annotations

import asyncio

from server.asterisk.layout import find
from server.asterisk.process import cli
from tests.accept.line import Line


async def console(line: Line, command: str) -> str:
    """What the running Asterisk answers to a console command."""
    return await asyncio.to_thread(cli, find(line.settings), command)
