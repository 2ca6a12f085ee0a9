"""The menus that come with the project: sound by every rule, their cases pass, and all they say has been spoken."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from calls.menu_world import MenuWorld, load_world
from directory.importer import SANMENXIA, import_hotlines
from directory.loader import load_snapshot
from hotline.database import Database
from hotline.settings import Settings
from ivr import exchange
from ivr.coverage import coverage
from ivr.flow import Flow
from ivr.validation import Severity
from media.kokoro import voice_id
from media.manifest import Manifest
from media.render import ACTIVE_LEVEL_DBFS, CEILING_DBFS, stale
from media.sound import active_level, from_alaw, peak_level
from media.store import sound_file
from media.studio import MENUS_ROOT, Library, project_texts
from server.provision.menu_texts import menu_catalogue
from server.provision.menus import FLOWS
from ticketing.progress_words import NOT_FOUND, SENTENCES

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
FILES = sorted(FLOWS.glob("*.yaml"))
MENUS = {file.stem: exchange.read(file.read_bytes()) for file in FILES}


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[MenuWorld]:
    """Sanmenxia with its lines, its default queues, and these menus in force."""
    settings = Settings()
    database = Database(database_url)
    async with database.transaction() as session:
        await import_hotlines(session, SANMENXIA.read_bytes(), settings.site, now=NOW)
    async with database.transaction() as session:
        directory = await load_snapshot(session, settings)
    async with database.transaction() as session:
        found = await load_world(session, directory, settings, NOW)
    for flow in MENUS.values():
        found = found.with_flow(flow)
    yield found
    await database.close()


def test_the_menus_of_the_brief_are_there() -> None:
    assert set(MENUS) == {
        *("direct", "legacy-number", "two-keys", "night", "holiday"),
        *("survey", "progress-query", "identity-check"),
    }


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_is_named_by_its_menu_and_written_as_exports_are(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    flow = exchange.read(text)
    assert flow.flow == file.stem
    assert exchange.write(flow) == text


async def test_every_menu_is_sound_and_passes_its_cases(world: MenuWorld) -> None:
    for key, flow in MENUS.items():
        verdict = world.judged(flow)
        assert [one for one in verdict.findings if one.severity is Severity.ERROR] == [], key
        assert verdict.findings == [], f"{key}: not even a warning"
        assert len(verdict.cases) >= 1, key
        assert {one.name: one.reasons for one in verdict.cases if not one.passed} == {}, key


async def test_the_cases_walk_every_node(world: MenuWorld) -> None:
    for key, flow in MENUS.items():
        played = [one.simulation for one in world.cases_of(flow) if one.simulation]
        assert coverage(flow, played).nodes_left == frozenset(), key


async def test_a_case_that_is_wrong_is_noticed(world: MenuWorld) -> None:
    """The cases can fail: with the night's hours moved, what holds at night no longer does."""
    text = (FLOWS / "night.yaml").read_text(encoding="utf-8")
    moved = exchange.read(text.replace("22:00", "12:00").replace("06:00", "13:00"))
    assert any(not one.passed for one in world.judged(moved).cases)


def test_everything_they_say_was_spoken_and_is_whole() -> None:
    catalogue = menu_catalogue()
    assert [prompt.text for prompt in stale(catalogue, MENUS_ROOT, voice_id())] == [], "hotline prompts render"
    assert set(Manifest.read(MENUS_ROOT).prompts) == {prompt.key for prompt in catalogue}, "nothing is left over"
    library = Library(project_texts(), {})
    for words in (*SENTENCES.values(), NOT_FOUND):
        assert library.rendered(words)


def test_their_sounds_are_at_the_level_of_all_prompts() -> None:
    for prompt in menu_catalogue():
        sound = from_alaw(sound_file(MENUS_ROOT, prompt.key).read_bytes())
        assert active_level(sound) == pytest.approx(ACTIVE_LEVEL_DBFS, abs=0.5), prompt.text
        assert peak_level(sound) <= CEILING_DBFS + 0.4, prompt.text
        # Mandarin is spoken at three to seven syllables a second: less or more, and something is missing or doubled.
        syllables = sum(character.isalnum() for character in prompt.text)
        if syllables > 4:
            assert 2.5 <= syllables / (len(sound) / 8_000) <= 7.5, prompt.text


async def test_the_names_of_all_lines_can_be_said(world: MenuWorld) -> None:
    for line in world.lines:
        assert world.rendered(world.name_of(line)), line


async def test_the_rules_see_what_is_wrong_here_too(world: MenuWorld) -> None:
    """They are not asleep: a menu in which silence ends the call is refused."""
    document = MENUS["two-keys"].model_dump()
    document["nodes"]["choose"]["on_timeout"] = "bye"
    verdict = world.judged(Flow.model_validate(document))
    assert "human.silence" in {one.rule for one in verdict.findings if one.severity is Severity.ERROR}
