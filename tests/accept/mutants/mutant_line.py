"""A private line whose guards can be taken out, one mutant after the other."""

from __future__ import annotations

import re
import tempfile
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio as aioredis

from agi.variables import VOICES
from hotline.settings import project_root
from server.asterisk.layout import find
from server.asterisk.render import voices
from tests.accept.console import console
from tests.accept.line import Line, database_rows, running_line

_SITE = Path(__file__).with_name("site")

Story = Callable[[Line], Awaitable[None]]


@dataclass(frozen=True)
class Mutant:
    """A line without some guards, and the story that must fail on it with `message` (a regular expression).

    An empty `message`: what is left protects, and the story goes well.
    """

    name: str
    title: str
    story: Story
    message: str = ""
    guards: tuple[str, ...] = ()
    """Of `guards.py`."""
    dialplan: Mapping[str, str] = field(default_factory=dict)
    """Text of the rendered dialplan, each once in it -> what stands there instead."""
    without: tuple[str, ...] = ()
    """Programs that do not run."""
    quick: bool = False
    """Whether `make test` runs it too."""


@dataclass(frozen=True)
class MutantLine:
    """The line and the file in which its processes find what is taken out of them."""

    line: Line
    guards_off: Path

    @asynccontextmanager
    async def mutated(self, mutant: Mutant) -> AsyncIterator[Line]:
        """The line as this mutant has it, with nothing left of what was before."""
        line = self.line
        await line.in_thread(line.stack.stop, self._ours)
        await console(line, "channel request hangup all")
        client = aioredis.from_url(line.settings.redis.url)
        await client.flushall()
        await client.aclose()
        await database_rows(line, "truncate agent_presence, call_journal, call cascade")
        for spool in (line.settings.var_dir / "spool" / "journal").glob("*"):
            spool.unlink()
        self.guards_off.write_text(" ".join(mutant.guards))
        dialplan = find(line.settings).etc / "extensions.conf"
        rendered = dialplan.read_text()
        try:
            if mutant.dialplan:
                dialplan.write_text(_changed(rendered, mutant.dialplan))
                await console(line, "dialplan reload")
            await console(line, f"dialplan set global {VOICES} {voices(line.settings)}")
            await line.in_thread(line.stack.start, [name for name in self._ours if name not in mutant.without])
            yield line
        finally:
            await line.go_home()
            if mutant.dialplan:
                dialplan.write_text(rendered)
                await console(line, "dialplan reload")

    @property
    def _ours(self) -> list[str]:
        count = self.line.settings.voice.processes
        return [*(f"voice-{number}" for number in range(1, count + 1)), "web", "jobs", "watchdog"]


def _changed(text: str, changes: Mapping[str, str]) -> str:
    for old, new in changes.items():
        if text.count(old) != 1:
            raise LookupError(f"{old!r} is not once in the dialplan")
        text = text.replace(old, new)
    return text


@asynccontextmanager
async def mutant_line(**wish: Any) -> AsyncIterator[MutantLine]:
    """Start a line for mutants. `wish` is what `running_line` is told."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as environment:
        guards_off = Path(folder, "guards-off")
        guards_off.touch()
        environment.setenv("PYTHONPATH", f"{_SITE}:{project_root()}")
        environment.setenv("HOTLINE_GUARDS_OFF", str(guards_off))
        async with running_line(**wish) as line:
            yield MutantLine(line, guards_off)


async def noticed(on: MutantLine, mutant: Mutant) -> str:
    """Run the mutant's story; returns what it said. Fails when it says nothing, or something else."""
    async with on.mutated(mutant) as line:
        try:
            await mutant.story(line)
        except AssertionError as error:
            said = str(error).partition("\n")[0]
        else:
            assert not mutant.message, f"{mutant.name}: not noticed"
            return "what is left protects"
    assert mutant.message, f"{mutant.name}: what is left does not protect: {said}"
    assert re.search(mutant.message, said), f"{mutant.name}: noticed something else: {said}"
    return said


async def run_mutants(topic: str, mutants: list[Mutant], wish: Mapping[str, Any]) -> list[bool]:
    """Run mutants on a line of their own, as the topic wishes it, and print a line for each; returns which were as
    they must be."""
    passed = []
    async with mutant_line(**wish) as on:
        for mutant in mutants:
            started = time.monotonic()
            try:
                said = await noticed(on, mutant)
            except Exception:  # noqa: BLE001 - whatever goes wrong is a FAIL with its reason
                traceback.print_exc()
                print(f"FAIL {topic}-{mutant.name} mutant: {mutant.title}", flush=True)
                passed.append(False)
                continue
            took = time.monotonic() - started
            print(f"PASS {topic}-{mutant.name} mutant: {mutant.title} ({said}; {took:.0f} s)", flush=True)
            passed.append(True)
    return passed
