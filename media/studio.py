"""The prompts studio (提示音工作室): texts that were ordered and spoken, and what of all this can be played.

Sounds are rows of PostgreSQL, so that every host has the same; `media.studio_files` brings them to Asterisk. Texts that
come with the project (`media/prompts/menus`) are on every host from the start and in no table. Nothing here commits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from hotline.errors import InvalidInput
from media import kokoro
from media.errors import SpeechUnavailable, UnknownPrompt, UnspeakableText
from media.manifest import Manifest, sound_hash
from media.pronunciation import SPEECH_REMEDY, check_speakable
from media.sound import TELEPHONE_HZ
from media.spoken import MENUS_FOLDER, text_key
from media.store import PROMPTS_ROOT
from media.studio_tables import CHANNEL, StudioRecordingRow, StudioStateRow, StudioTextRow, StudioVersionRow, TextState
from media.voices import DEFAULT_VOICE, VOICES

MENUS_ROOT: Final = PROMPTS_ROOT / MENUS_FOLDER
"""Sounds of the texts that come with the project, with their manifest."""

LONGEST_TEXT: Final = 600

_STATE_ROW: Final = 1
_CLAIM: Final = timedelta(minutes=3)
_ATTEMPTS: Final = 3

# What a text of the catalogue takes: measured, 0.20 s a syllable and 0.4 s besides, wrong by a fifth at most.
_SYLLABLE: Final = re.compile(r"[\u4e00-\u9fff0-9]")
_SYLLABLE_SECONDS: Final = 0.19
_BESIDES_SECONDS: Final = 0.4


@dataclass(frozen=True, slots=True)
class Library:
    """What can be played at one moment. Lengths in milliseconds, of texts by key and of recordings by code."""

    texts: Mapping[str, int]
    recordings: Mapping[str, int]

    def rendered(self, text: str) -> bool:
        """Whether this fixed text has been spoken."""
        return text_key(text) in self.texts

    def seconds(self, text: str) -> float:
        """How long the text takes; estimated from its length when it has not been spoken."""
        found = self.texts.get(text_key(text))
        if found is not None:
            return found / 1_000
        return _BESIDES_SECONDS + _SYLLABLE_SECONDS * len(_SYLLABLE.findall(text))

    def recording_seconds(self, code: str) -> float | None:
        """How long the published version of a recording takes; None if there is none."""
        found = self.recordings.get(code)
        return None if found is None else found / 1_000


@dataclass(frozen=True, slots=True)
class Order:
    """A text somebody is to speak now, in this voice."""

    key: str
    text: str
    voice: str


def project_texts() -> dict[str, int]:
    """Lengths in milliseconds, by key, of the texts that come with the project. Raises PromptDamaged."""
    return {key: one.duration_ms for key, one in Manifest.read(MENUS_ROOT).prompts.items()}


async def library(session: AsyncSession) -> Library:
    """Everything that can be played now."""
    spoken = select(StudioTextRow.key, StudioTextRow.duration_ms).where(StudioTextRow.sha256.is_not(None))
    published = select(StudioVersionRow.code, StudioVersionRow.duration_ms).join(
        StudioRecordingRow,
        (StudioRecordingRow.code == StudioVersionRow.code) & (StudioRecordingRow.published == StudioVersionRow.version),
    )
    texts = project_texts() | {key: length or 0 for key, length in await session.execute(spoken)}
    return Library(texts, {code: length for code, length in await session.execute(published)})  # noqa: C416 - rows


async def changed(session: AsyncSession) -> None:
    """Count the version up, which every host looks at: each change of what can be played ends so."""
    await session.flush()
    counted = insert(StudioStateRow).values(id=_STATE_ROW, version=1)
    await session.execute(
        counted.on_conflict_do_update(index_elements=["id"], set_={"version": StudioStateRow.version + 1})
    )


def must_be_speakable(words: str) -> str:
    """The text as it is kept. Raises InvalidInput."""
    kept = words.strip()
    if not any(character.isalnum() for character in kept):
        raise InvalidInput("没有可以朗读的文字", remedy="请输入中文文字")
    if len(kept) > LONGEST_TEXT:
        raise InvalidInput(f"文字超过{LONGEST_TEXT}个字", remedy="请分成几段")
    try:
        check_speakable(kept)
    except UnspeakableText as error:
        raise InvalidInput(f"“{kept[:20]}”不能朗读: {error}", remedy="字母和符号请改写成中文") from None
    return kept


async def order(
    session: AsyncSession, texts: Iterable[str], *, voice: str | None, by: str, now: datetime
) -> list[StudioTextRow]:
    """Have these fixed texts spoken, in any voice or in this one; returns those that were not already.

    A text that has been spoken, or is about to be, in the voice asked for is left alone. Raises InvalidInput, and
    SpeechUnavailable when something is to be spoken and no voice is installed here.
    """
    if voice is not None and voice not in VOICES:
        raise InvalidInput(f"没有名为{voice!r}的音色", remedy=f"可选: {', '.join(VOICES)}")
    wanted = {text_key(words): must_be_speakable(words) for words in texts}
    found = await session.scalars(
        select(StudioTextRow).where(StudioTextRow.key.in_(wanted)).order_by(StudioTextRow.key).with_for_update()
    )
    rows = {row.key: row for row in found}
    project = Manifest.read(MENUS_ROOT).prompts
    ordered = []
    for key, words in sorted(wanted.items()):
        row = rows.get(key)
        if row is None:
            if key in project and (voice is None or project[key].voice == kokoro.voice_id(voice)):
                continue
            row = StudioTextRow(key=key, text=words)
            session.add(row)
        elif row.state != TextState.REFUSED and (voice is None or row.voice == voice):
            continue
        row.state, row.voice, row.why = TextState.ORDERED, voice or row.voice or DEFAULT_VOICE, None
        row.ordered_by, row.ordered_at = by, now
        row.claimed_until, row.attempts = None, 0
        ordered.append(row)
    if ordered and not kokoro.is_installed():
        raise SpeechUnavailable(
            f"{len(ordered)}段文字还没有录音, 而本机没有安装语音合成",
            remedy=f"{SPEECH_REMEDY}, 或者为这些文字上传录音",
        )
    if ordered:
        await session.flush()
        await session.execute(text(f"NOTIFY {CHANNEL}"))
    return ordered


async def claim(session: AsyncSession, *, now: datetime, most: int) -> list[Order]:
    """Texts of one voice to be spoken by whoever asks, the oldest first; others leave them alone for a while."""
    free = or_(StudioTextRow.claimed_until.is_(None), StudioTextRow.claimed_until < now)
    found = await session.scalars(
        select(StudioTextRow)
        .where(StudioTextRow.state == TextState.ORDERED, free)
        .order_by(StudioTextRow.ordered_at, StudioTextRow.key)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    claimed: list[Order] = []
    for row in found:
        if claimed and row.voice != claimed[0].voice:
            continue
        if row.attempts >= _ATTEMPTS:
            row.state, row.why = TextState.REFUSED, "多次合成没有成功, 请查看日志"
            continue
        row.claimed_until, row.attempts = now + _CLAIM, row.attempts + 1
        claimed.append(Order(row.key, row.text, row.voice))
    return claimed


async def keep_spoken(session: AsyncSession, done: Order, sound: bytes, *, spoken_by: str, now: datetime) -> None:
    """The sound of a text; dropped when another voice was asked for meanwhile."""
    kept = await session.execute(
        update(StudioTextRow)
        .where(StudioTextRow.key == done.key, StudioTextRow.voice == done.voice)
        .values(
            state=TextState.RENDERED,
            why=None,
            claimed_until=None,
            sound=sound,
            sha256=sound_hash(sound),
            duration_ms=len(sound) * 1_000 // TELEPHONE_HZ,
            spoken_by=spoken_by,
            rendered_at=now,
        )
        .returning(StudioTextRow.key)
    )
    if kept.first() is not None:
        await changed(session)


async def refuse(session: AsyncSession, orders: Sequence[Order], why: str) -> None:
    """These texts cannot be spoken; the sounds they had stay."""
    for one in orders:
        await session.execute(
            update(StudioTextRow)
            .where(
                StudioTextRow.key == one.key,
                StudioTextRow.voice == one.voice,
                StudioTextRow.state == TextState.ORDERED,
            )
            .values(state=TextState.REFUSED, why=why[:200], claimed_until=None)
        )


async def sound_of(session: AsyncSession, key: str) -> bytes:
    """A-law of a text that has been spoken. Raises UnknownPrompt."""
    found = await session.scalar(select(StudioTextRow.sound).where(StudioTextRow.key == key))
    if found is None and key in Manifest.read(MENUS_ROOT).prompts:
        found = project_sound(key)
    if found is None:
        raise UnknownPrompt(f"没有这段提示音: {key}", remedy="先合成这段文字")
    return found


def project_sound(key: str) -> bytes:
    """A-law of a text that comes with the project; `key` is one of its manifest. Raises OSError."""
    return (MENUS_ROOT / "zh" / f"{key}.alaw").read_bytes()
