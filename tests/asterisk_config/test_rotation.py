"""Kind: unit and real. What Asterisk writes is put aside when it is large, and old files go."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from hotline.settings import Settings
from hotline.tasks import end
from server.asterisk.layout import Layout
from server.asterisk.render import EmergencyRoute
from server.asterisk.rotation import LOGS, Rotation, keep_rotating
from tests.asterisk_fixtures import LiveAsterisk, answer_calls, place_call, start_asterisk, until


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout("ast1", tmp_path / "home", None)
    for file in (layout.cdr_file, layout.cel_file):
        file.parent.mkdir(parents=True)
    return layout


def _files(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(folder.iterdir())}


def test_records_move_on_by_one_and_the_oldest_goes(layout: Layout) -> None:
    rotation = Rotation(layout, limit_bytes=5, kept=2)
    for text in ("first", "second", "third", "fourth"):
        layout.cel_file.write_text(text)
        assert rotation.step() == ["cel-custom/hotline.csv"]
    assert _files(layout.cel_file.parent) == {"hotline.csv.0": "fourth", "hotline.csv.1": "third"}


def test_what_is_small_or_not_there_or_not_ours_is_left(layout: Layout) -> None:
    layout.cel_file.write_text("four")
    mine = layout.cel_file.with_name("hotline.csv.mine")
    mine.write_text("kept by an operator")

    assert Rotation(layout, limit_bytes=5, kept=0).step() == []
    assert _files(layout.cel_file.parent) == {"hotline.csv": "four", "hotline.csv.mine": "kept by an operator"}


async def test_a_time_without_asterisk_does_not_end_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    task = asyncio.create_task(keep_rotating(Settings(var_dir=tmp_path), every_seconds=0.01))
    with structlog.testing.capture_logs() as told:
        async with asyncio.timeout(5):
            while len(told) < 2:
                await asyncio.sleep(0.01)
    assert told[0] == {"event": "rotation.failed", "error": "PartUnavailable", "log_level": "warning"}
    assert not task.done()
    await end([task])


@pytest.fixture(scope="module")
def asterisk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveAsterisk]:
    yield from start_asterisk(tmp_path_factory.mktemp("rotation"), emergency=(EmergencyRoute("110", "police", "1101"),))


def _call(asterisk: LiveAsterisk, folder: Path) -> None:
    """A call that leaves a line in every record."""
    ends: list[subprocess.Popen[bytes]] = [answer_calls(asterisk, folder, "police")]
    try:
        ends.append(place_call(asterisk, folder, "110", seconds=0.2))
        assert [end.wait(10) for end in ends] == [0, 0]
    finally:
        for end in ends:
            end.kill()
            end.wait()


@pytest.mark.real
def test_asterisk_goes_on_writing_into_fresh_files(asterisk: LiveAsterisk, tmp_path: Path) -> None:
    layout = asterisk.layout
    records = (layout.cdr_file, layout.cel_file)
    rotation = Rotation(layout, limit_bytes=1, kept=3)

    def written() -> bool:
        return all(path.exists() and path.stat().st_size for path in records) and (
            "LINKEDID_END" in layout.cel_file.read_text()
        )

    for _ in range(5):
        _call(asterisk, tmp_path)
        until(written, "CDR and CEL of the call")
        assert {"cdr-custom/hotline.csv", "cel-custom/hotline.csv", "queue_log"} <= set(rotation.step())
        assert not any(path.exists() for path in records)

    for path in (*records, *(layout.log / name for name in LOGS)):
        numbers = {other.name.rpartition(".")[2] for other in path.parent.glob(f"{path.name}.[0-9]*")}
        assert numbers == {"0", "1", "2"}, path.name
    # Each file holds one call whole.
    assert [layout.cel_file.with_name(f"hotline.csv.{n}").read_text().count("LINKEDID_END") for n in range(3)] == [
        1
    ] * 3
    assert (layout.log / "queue_log").exists()
