"""Uploaded recordings: a code, versions that are kept, and the one of them that is published. Nothing here commits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from hotline.errors import InvalidInput
from media.errors import UnknownRecording
from media.manifest import sound_hash
from media.studio import changed
from media.studio_tables import StudioRecordingRow, StudioVersionRow
from media.studio_upload import Converted

_CODE: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")


@dataclass(frozen=True, slots=True)
class Described:
    """What a recording is called, and what is said in it. Raises InvalidInput when there is nothing."""

    code: str
    name: str
    text: str

    def __post_init__(self) -> None:
        if not _CODE.fullmatch(self.code):
            raise InvalidInput("录音编号只能用小写字母、数字、下划线和短横", remedy="例如 night-2026")
        if not 0 < len(self.name) <= 60 or not 0 < len(self.text) <= 600:
            raise InvalidInput("请填写录音名称(60字以内)和录音里所说的文字(600字以内)")


async def add_version(
    session: AsyncSession, described: Described, upload: Converted, *, by: str, now: datetime
) -> StudioVersionRow:
    """Keep an upload as the newest version; nobody hears it until it is published."""
    values = {"code": described.code, "name": described.name, "text": described.text}
    await session.execute(insert(StudioRecordingRow).values(values).on_conflict_do_nothing())
    row = await _recording(session, described.code)
    row.name, row.text = described.name, described.text
    newest = await session.scalar(
        select(func.max(StudioVersionRow.version)).where(StudioVersionRow.code == described.code)
    )
    version = StudioVersionRow(
        code=described.code,
        version=(newest or 0) + 1,
        sound=upload.sound,
        sha256=sound_hash(upload.sound),
        upload_sha256=upload.sha256,
        kind=upload.kind,
        duration_ms=upload.duration_ms,
        trimmed_ms=upload.trimmed_ms,
        level_before=upload.level_before,
        uploaded_by=by,
        uploaded_at=now,
    )
    session.add(version)
    await session.flush()
    return version


async def publish(session: AsyncSession, code: str, version: int, *, by: str, now: datetime) -> int | None:
    """From now on every flow that names this recording plays this version, an older one as well; returns the one it was
    until now. Raises UnknownRecording."""
    row = await _recording(session, code)
    await one_version(session, code, version)
    before = row.published
    row.published, row.published_by, row.published_at = version, by, now
    await changed(session)
    return before


async def one_version(session: AsyncSession, code: str, version: int) -> StudioVersionRow:
    """Raises UnknownRecording."""
    found = await session.get(StudioVersionRow, (code, version))
    if found is None:
        raise UnknownRecording(f"录音{code}没有第{version}版")
    return found


async def recordings(session: AsyncSession) -> Sequence[StudioRecordingRow]:
    """All, by code."""
    return (await session.scalars(select(StudioRecordingRow).order_by(StudioRecordingRow.code))).all()


async def versions(session: AsyncSession, code: str) -> Sequence[StudioVersionRow]:
    """Of a recording, the newest first. Raises UnknownRecording."""
    if await session.get(StudioRecordingRow, code) is None:
        raise UnknownRecording(f"没有编号为{code}的录音")
    query = select(StudioVersionRow).where(StudioVersionRow.code == code).order_by(StudioVersionRow.version.desc())
    return (await session.scalars(query)).all()


async def sound_of(session: AsyncSession, code: str, version: int) -> bytes:
    """A-law of a version. Raises UnknownRecording."""
    found = await session.scalar(
        select(StudioVersionRow.sound).where(StudioVersionRow.code == code, StudioVersionRow.version == version)
    )
    if found is None:
        raise UnknownRecording(f"录音{code}没有第{version}版")
    return found


async def _recording(session: AsyncSession, code: str) -> StudioRecordingRow:
    row = await session.get(StudioRecordingRow, code, populate_existing=True, with_for_update=True)
    if row is None:
        raise UnknownRecording(f"没有编号为{code}的录音")
    return row
