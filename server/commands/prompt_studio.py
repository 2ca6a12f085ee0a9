"""`hotline prompts ...` of the prompts studio (提示音工作室): texts of menus spoken, recordings in versions."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from directory import audit
from directory.loader import load_snapshot
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.errors import HotlineError
from hotline.settings import Settings
from ivr import exchange
from ivr.wording import wording
from media import studio, studio_recordings
from media.spoken import text_key
from media.studio_recordings import Described
from media.studio_speaking import StudioSpeaking
from media.studio_tables import StudioTextRow, TextState
from media.studio_upload import convert
from media.voices import VOICES
from server.commands.on_database import on_database

_BY = "cli"
_LOOK_SECONDS = 0.5

_Code = Annotated[str, typer.Argument(help="What flows call it: a-z, 0-9, - and _.")]


class NotSpoken(HotlineError):
    """Some of the texts could not be spoken."""

    code = "studio.not_spoken"


def flow(
    file: Annotated[Path, typer.Argument(help="A menu flow as `hotline ivr export` writes it.", exists=True)],
    voice: Annotated[str | None, typer.Option(help=f"One of {', '.join(VOICES)}; none: as it is.")] = None,
) -> None:
    """Speak every fixed text of a flow that was not yet, and the names of lines if it says them."""

    async def work(database: Database, settings: Settings) -> None:
        said = wording(exchange.read(file.read_bytes()))
        texts = list(said.texts)
        if said.names_lines:
            async with database.transaction() as session:
                texts += [line.name_spoken for line in (await load_snapshot(session, settings)).lines]
        await _spoken(database, settings, texts, voice)
        async with database.transaction() as session:
            library = await studio.library(session)
        table = Table("text 文字", "seconds")
        for text in texts:
            table.add_row(text, f"{library.seconds(text):.1f}")
        _console().print(table)

    on_database(work)


def upload(
    code: _Code,
    file: Annotated[Path, typer.Argument(help="WAV, MP3, M4A or Opus.", exists=True)],
    name: Annotated[str, typer.Option(help="What it is called.")],
    text: Annotated[str, typer.Option(help="What is said in it.")],
    publish_it: Annotated[bool, typer.Option("--publish", help="Callers hear it from now on.")] = False,
) -> None:
    """Check a recording, bring it to the level of all prompts, and keep it as a version."""

    async def work(database: Database, _settings: Settings) -> None:
        described = Described(code, name, text)
        converted = await asyncio.to_thread(convert, file)
        now = SystemClock().now()
        async with database.transaction() as session:
            row = await studio_recordings.add_version(session, described, converted, by=_BY, now=now)
            version, sha256 = row.version, row.sha256
            if publish_it:
                await studio_recordings.publish(session, code, version, by=_BY, now=now)
            after = {"version": version, "sha256": sha256, "published": publish_it}
            await _audited(session, "recording_prompt.uploaded", code, after)
        typer.echo(
            f"{code} version {version}: {converted.duration_ms / 1000:.1f} s, {converted.trimmed_ms / 1000:.1f} s of "
            f"silence cut off, {converted.level_before} dBFS before"
        )

    on_database(work)


def publish(code: _Code, version: Annotated[int, typer.Argument(min=1)]) -> None:
    """Have callers hear this version of a recording from now on, an older one as well."""

    async def work(database: Database, _settings: Settings) -> None:
        async with database.transaction() as session:
            before = await studio_recordings.publish(session, code, version, by=_BY, now=SystemClock().now())
            await _audited(session, "recording_prompt.published", code, {"version": version, "before": before})

    on_database(work)


def recordings() -> None:
    """Every uploaded recording, its versions, and which one is heard."""

    async def work(database: Database, _settings: Settings) -> None:
        table = Table("recording 录音", "name", "heard", "versions: seconds, who, when")
        async with database.transaction() as session:
            for row in await studio_recordings.recordings(session):
                versions = (
                    f"{one.version}: {one.duration_ms / 1000:.1f} s, {one.uploaded_by}, {one.uploaded_at:%Y-%m-%d}"
                    for one in await studio_recordings.versions(session, row.code)
                )
                table.add_row(row.code, row.name, str(row.published or "none"), "\n".join(versions))
        _console().print(table)

    on_database(work)


async def _spoken(database: Database, settings: Settings, texts: Sequence[str], voice: str | None) -> None:
    """Until each has been spoken, here or by the jobs process that was quicker. Raises NotSpoken."""
    clock = SystemClock()
    async with database.transaction() as session:
        ordered = await studio.order(session, texts, voice=voice, by=_BY, now=clock.now())
        waited = [row.key for row in ordered]
        if waited:
            await audit.record(
                session, at=clock.now(), actor=_BY, action="prompts.ordered", subject="prompts:texts", after=waited
            )
    speaking = StudioSpeaking(database=database, voices=settings.var_dir / "voices", clock=clock)
    query = select(StudioTextRow).where(StudioTextRow.key.in_(map(text_key, texts)))
    while True:
        spoke = await speaking.speak_batch()
        async with database.transaction() as session:
            rows = (await session.scalars(query)).all()
        if all(row.state != TextState.ORDERED for row in rows):
            break
        if not spoke:
            await asyncio.sleep(_LOOK_SECONDS)
    if refused := [f"{row.text}: {row.why}" for row in rows if row.state == TextState.REFUSED]:
        raise NotSpoken("; ".join(refused))


async def _audited(session: AsyncSession, action: str, code: str, after: dict[str, object]) -> None:
    await audit.record(session, at=SystemClock().now(), actor=_BY, action=action, subject=f"prompt:{code}", after=after)


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else 160)
