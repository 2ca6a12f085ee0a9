"""Texts are ordered, spoken in a process of their own and brought to Asterisk's folder; recordings in versions."""

from __future__ import annotations

import asyncio
import io
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hotline.clock import SystemClock
from hotline.database import Database
from hotline.errors import InvalidInput
from hotline.tasks import end
from media import kokoro, studio, studio_recordings
from media.errors import SpeechUnavailable, UnknownPrompt, UnknownRecording, UnspeakableText
from media.kokoro import voice_id
from media.manifest import sound_hash
from media.sound import Pcm, active_level, from_alaw
from media.spoken import STUDIO_FOLDER, SpokenFiles, recording_key, text_key
from media.store import PROMPTS_ROOT, PromptStore, sound_file
from media.studio import Order
from media.studio_files import StudioFiles
from media.studio_recordings import Described
from media.studio_speaking import StudioSpeaking, speak_all
from media.studio_tables import StudioTextRow, TextState
from media.studio_upload import Converted
from media.voices import DEFAULT_VOICE
from tests.media.synthesizers import HUM, HummingSynthesizer

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
NIGHT = "现在是测试时间，请稍候。"
SECOND = Described("night", "夜间", "现在是夜间。")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    return tmp_path / "sounds"


@pytest.fixture
def files(database: Database, sounds: Path) -> StudioFiles:
    return StudioFiles(database, sounds / STUDIO_FOLDER)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is installed here."""
    monkeypatch.setattr(kokoro, "is_installed", lambda: True)


def sound(name: str) -> bytes:
    return sound_file(PROMPTS_ROOT, name).read_bytes()


def upload(name: str) -> Converted:
    content = sound(name)
    return Converted(content, "wav", sound_hash(name.encode()), len(content) // 8, 900, -31.0)


async def ordered(database: Database, *texts: str, voice: str | None = None, now: datetime = NOW) -> list[str]:
    async with database.transaction() as session:
        return [row.key for row in await studio.order(session, texts, voice=voice, by="1001", now=now)]


async def claimed(database: Database, now: datetime = NOW) -> list[Order]:
    async with database.transaction() as session:
        return await studio.claim(session, now=now, most=10)


async def spoken(database: Database, order: Order, name: str = "bye.thanks") -> None:
    async with database.transaction() as session:
        await studio.keep_spoken(session, order, sound(name), spoken_by=HUM, now=NOW)


async def state(database: Database, text: str) -> tuple[str, str | None]:
    async with database.transaction() as session:
        row = await session.get(StudioTextRow, text_key(text))
        assert row is not None
        return row.state, row.why


async def published(database: Database, version: int) -> int | None:
    async with database.transaction() as session:
        return await studio_recordings.publish(session, "night", version, by="1001", now=NOW)


async def uploaded(database: Database, name: str) -> int:
    async with database.transaction() as session:
        row = await studio_recordings.add_version(session, SECOND, upload(name), by="1001", now=NOW)
        return row.version


@pytest.mark.usefixtures("installed")
async def test_a_text_is_ordered_once_and_then_is_rendered(database: Database) -> None:
    assert await ordered(database, NIGHT, f" {NIGHT} ") == [text_key(NIGHT)]
    assert await ordered(database, NIGHT) == []
    (order,) = await claimed(database)
    assert order == Order(text_key(NIGHT), NIGHT, DEFAULT_VOICE)
    assert await claimed(database) == []
    async with database.transaction() as session:
        before = await studio.library(session)
    assert not before.rendered(NIGHT)
    await spoken(database, order)
    async with database.transaction() as session:
        after = await studio.library(session)
        assert await studio.sound_of(session, order.key) == sound("bye.thanks")
    assert after.rendered(NIGHT)
    assert after.seconds(NIGHT) == pytest.approx(len(sound("bye.thanks")) / 8_000, abs=0.001)
    assert await ordered(database, NIGHT) == []


@pytest.mark.usefixtures("installed")
async def test_another_voice_is_spoken_anew_and_the_old_sound_stays_until_then(database: Database) -> None:
    await ordered(database, NIGHT)
    (order,) = await claimed(database)
    await spoken(database, order)
    assert await ordered(database, NIGHT, voice="zm_yunxi") == [order.key]
    async with database.transaction() as session:
        assert await studio.sound_of(session, order.key) == sound("bye.thanks")
    # Who still speaks in the old voice comes too late.
    await spoken(database, order, "bye.callback_promised")
    (again,) = await claimed(database)
    assert again.voice == "zm_yunxi"
    await spoken(database, again, "night.greeting")
    async with database.transaction() as session:
        assert await studio.sound_of(session, order.key) == sound("night.greeting")


@pytest.mark.usefixtures("installed")
async def test_a_claim_runs_out_and_after_three_the_text_is_refused(database: Database) -> None:
    await ordered(database, NIGHT)
    now = NOW
    for _ in range(3):
        assert len(await claimed(database, now)) == 1
        assert await claimed(database, now + timedelta(minutes=2)) == []
        now += timedelta(minutes=4)
    assert await claimed(database, now) == []
    assert (await state(database, NIGHT))[0] == TextState.REFUSED
    # Ordered again it has its three tries again.
    assert await ordered(database, NIGHT, now=now) == [text_key(NIGHT)]
    assert len(await claimed(database, now)) == 1


async def test_without_a_voice_here_an_order_says_what_to_do(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kokoro, "is_installed", lambda: False)
    with pytest.raises(SpeechUnavailable) as refusal:
        await ordered(database, NIGHT)
    assert "[speech]" in refusal.value.remedy
    assert "上传录音" in refusal.value.remedy
    assert await claimed(database) == []


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("text", ["请按WiFi", "。，", "  ", "一" * 601])
async def test_what_cannot_be_spoken_is_refused_when_it_is_ordered(database: Database, text: str) -> None:
    with pytest.raises(InvalidInput):
        await ordered(database, NIGHT, text)
    with pytest.raises(InvalidInput):
        await ordered(database, NIGHT, voice="zz_nobody")
    assert await claimed(database) == []


def test_an_estimate_is_within_a_third_of_what_was_measured() -> None:
    store = PromptStore()
    empty = studio.Library({}, {})
    for prompt in store.catalogue:
        if len(prompt.text) > 4:
            assert empty.seconds(prompt.text) == pytest.approx(store.duration_ms(prompt.key) / 1_000, rel=0.34)


async def test_recordings_keep_their_versions_and_one_is_heard(
    database: Database, files: StudioFiles, sounds: Path
) -> None:
    spoken_files = SpokenFiles(sounds)
    store = PromptStore(spoken=spoken_files)
    key = recording_key("night")
    assert await uploaded(database, "night.greeting") == 1
    await files.refresh()
    assert not store.has_spoken(key), "nothing is heard before it is published"
    assert await published(database, 1) is None
    assert await uploaded(database, "bye.thanks") == 2
    assert await files.refresh() == 1
    assert store.path(key) == f"studio/{key}"
    assert (sounds / "studio" / f"{key}.alaw").read_bytes() == sound("night.greeting")
    assert await published(database, 2) == 1
    assert await files.refresh() == 1
    assert (sounds / "studio" / f"{key}.alaw").read_bytes() == sound("bye.thanks")
    # Back to the first, which is still there.
    assert await published(database, 1) == 2
    await files.refresh()
    assert (sounds / "studio" / f"{key}.alaw").read_bytes() == sound("night.greeting")
    async with database.transaction() as session:
        assert [row.version for row in await studio_recordings.versions(session, "night")] == [2, 1]
        library = await studio.library(session)
    assert library.recording_seconds("night") == pytest.approx(len(sound("night.greeting")) / 8_000, abs=0.001)
    assert library.recording_seconds("day") is None


async def test_what_is_not_there_is_named(database: Database) -> None:
    with pytest.raises(UnknownRecording):
        await published(database, 1)
    await uploaded(database, "bye.thanks")
    with pytest.raises(UnknownRecording):
        await published(database, 2)
    async with database.transaction() as session:
        with pytest.raises(UnknownPrompt):
            await studio.sound_of(session, text_key("从来没有"))
        with pytest.raises(InvalidInput):
            await studio_recordings.add_version(
                session, Described("A/../b", "名", "字"), upload("bye.thanks"), by="1", now=NOW
            )


async def test_a_new_sound_is_where_asterisk_looks_within_a_second_of_its_commit(
    database: Database, files: StudioFiles, sounds: Path
) -> None:
    store = PromptStore(spoken=SpokenFiles(sounds))
    following = asyncio.create_task(files.run())
    try:
        worst = 0.0
        for number, name in enumerate(("night.greeting", "bye.thanks", "wait.comfort"), start=1):
            await uploaded(database, name)
            await published(database, number)
            committed = time.monotonic()
            wanted = sound(name)
            async with asyncio.timeout(10):
                while not (
                    store.has_spoken(recording_key("night"))
                    and (sounds / f"{store.path(recording_key('night'))}.alaw").read_bytes() == wanted
                ):
                    await asyncio.sleep(0.01)
            worst = max(worst, time.monotonic() - committed)
    finally:
        await end([following])
    assert worst < 1.0


@pytest.mark.usefixtures("installed")
async def test_files_are_made_good_whatever_happened_to_them(
    database: Database, files: StudioFiles, sounds: Path
) -> None:
    folder = sounds / STUDIO_FOLDER
    folder.mkdir(parents=True)
    strange = folder / f"{recording_key('of-another-database')}.alaw"
    strange.write_bytes(b"\xd5" * 800)
    await ordered(database, NIGHT)
    (order,) = await claimed(database)
    await spoken(database, order)
    assert await files.refresh() == 2
    assert not strange.exists()
    here = folder / f"{order.key}.alaw"
    here.write_bytes(b"\xd5" * 800)
    assert await files.refresh() == 0, "not looked at each time"
    assert await files.refresh(whole=True) == 1
    assert here.read_bytes() == sound("bye.thanks")
    here.unlink()
    assert await files.refresh(whole=True) == 1
    assert [path.name for path in folder.iterdir()] == [here.name]


async def test_without_a_database_the_files_of_before_stay(sounds: Path, unused_tcp_port: int) -> None:
    folder = sounds / STUDIO_FOLDER
    folder.mkdir(parents=True)
    (folder / f"{text_key(NIGHT)}.alaw").write_bytes(sound("bye.thanks"))
    away = Database(f"postgresql+asyncpg://nobody@127.0.0.1:{unused_tcp_port}/nothing", connect_timeout=1.0)
    assert await StudioFiles(away, folder).refresh(whole=True) == 0
    assert PromptStore(spoken=SpokenFiles(sounds)).has_spoken(text_key(NIGHT))
    await away.close()


def test_the_site_comes_before_the_project_and_nothing_else_is_looked_at(tmp_path: Path) -> None:
    key = text_key(NIGHT)
    files = SpokenFiles(tmp_path)
    assert files.path(key) is None
    assert files.seconds(key) is None
    for folder, size in (("menus", 800), ("studio", 1_600)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{key}.alaw").write_bytes(bytes(size))
        assert files.path(key) == f"{folder}/{key}"
        assert files.seconds(key) == size / 8_000
    (tmp_path / "secret.alaw").write_bytes(b"x")
    for name in ("../secret", recording_key("../secret"), "secret", "recording-", "text-xyz", f"{key}&studio/x", ""):
        assert files.path(name) is None


def test_keys_are_stable_and_differ_by_words() -> None:
    # What is on the disks of a line must be found by the next version of the program.
    assert text_key("您好") == "text-609bc0751d56eb467961e2bc6f798f7d"
    assert text_key("您好") == text_key(" 您好\n")
    assert text_key("您好") != text_key("您好。")


def test_the_child_answers_each_text_or_says_why_not() -> None:
    answers = io.StringIO()

    class Picky(HummingSynthesizer):
        def speak(self, text: str) -> Pcm:
            if "A" in text:
                raise UnspeakableText("no sound for A")
            return super().speak(text)

    speak_all([("text-1", "您好"), ("text-2", "A")], Picky(), answers)
    first, second = map(json.loads, answers.getvalue().splitlines())
    assert (first["key"], first["voice"]) == ("text-1", HUM)
    assert second == {"key": "text-2", "voice": HUM, "refused": "no sound for A"}


@pytest.mark.skipif(not kokoro.is_installed(), reason="needs the speech extra")
@pytest.mark.timeout(180)
async def test_a_text_that_is_ordered_is_spoken(database: Database) -> None:
    """The whole way, in a real voice: from the order to a sound at the level of all prompts."""
    voices = Path(__file__).parents[2] / "var" / "voices"
    if not (voices / f"{DEFAULT_VOICE}.bin").exists():
        pytest.skip("the voice was never fetched here")
    await ordered(database, "现在是测试时间，请稍候。", "再见。")
    speaking = StudioSpeaking(database=database, voices=voices, clock=SystemClock())
    assert await speaking.speak_batch()
    assert not await speaking.speak_batch()
    for text in ("现在是测试时间，请稍候。", "再见。"):
        assert await state(database, text) == (TextState.RENDERED, None)
    async with database.transaction() as session:
        row = await session.get(StudioTextRow, text_key(NIGHT))
        assert row is not None
        assert row.spoken_by == voice_id()
        assert active_level(from_alaw(await studio.sound_of(session, row.key))) == pytest.approx(-20, abs=0.5)
