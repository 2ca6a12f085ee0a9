"""`hotline recordings` as it is typed, and what the doctor sees, on a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from typer.testing import CliRunner, Result

from calls.recording import keeping
from calls.recording.files import Vault
from calls.recording.tables import RecordingRow
from directory.models.audit import AuditRow
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.keys import own_keys, read_keys
from hotline.settings import Settings, load_settings, project_root
from media.recording import seal
from server.asterisk.layout import ROOT_DIRECTORY
from server.cli import app
from server.doctor_findings import Verdict
from server.doctor_recordings import recordings

pytestmark = pytest.mark.real

CALL = "ast1-1763761000.12"
SEGMENT = 1_763_761_005_000


@pytest.fixture
def settings(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    database = urlsplit(database_url)
    for key, value in {
        "POSTGRES__PORT": database.port,
        "POSTGRES__DATABASE": database.path.strip("/"),
        "VAR_DIR": tmp_path,
    }.items():
        monkeypatch.setenv(f"HOTLINE_{key}", str(value))
    (tmp_path / ROOT_DIRECTORY).symlink_to(project_root() / "var" / ROOT_DIRECTORY)
    return load_settings()


def on(settings: Settings, work: Callable[[AsyncSession], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        database = Database(settings.postgres.url)
        try:
            async with database.transaction() as session:
                return await work(session)
        finally:
            await database.close()

    return asyncio.run(run())


@pytest.fixture
def file(settings: Settings, tmp_path: Path) -> Path:
    """The sealed file of a recording whose time is over."""
    vault = Vault.of(settings)
    raw, path = tmp_path / "raw", vault.sealed(CALL, SEGMENT)
    raw.write_bytes(np.zeros((8_000, 2), "<i2").tobytes())
    sealed = seal(raw, path, own_keys(vault.key_file), subject=f"{CALL}/{SEGMENT}", sound="mp3")
    now = SystemClock().now()

    async def add(session: AsyncSession) -> None:
        session.add(
            RecordingRow(
                call_id=CALL,
                segment=SEGMENT,
                host="ast1",
                state="sealed",
                started_ms=SEGMENT,
                length_ms=sealed.length_ms,
                sound="mp3",
                size=sealed.size,
                sha256=sealed.sha256,
                key_id=sealed.key_id,
                sealed_at=now,
                retain_until=now - timedelta(days=1),
            )
        )

    on(settings, add)
    return path


def typed(*words: str) -> Result:
    return CliRunner().invoke(app, ["recordings", *words])


def row(settings: Settings) -> RecordingRow:
    async def look(session: AsyncSession) -> RecordingRow:
        (found,) = await keeping.of_call(session, CALL)
        return found

    found: RecordingRow = on(settings, look)
    return found


def test_verify_reads_every_file(settings: Settings, file: Path) -> None:
    whole = typed("verify")
    assert (whole.exit_code, whole.stdout) == (0, "1 looked at, 0 damaged\n")
    good = file.read_bytes()
    file.write_bytes(good[:100] + bytes([good[100] ^ 1]) + good[101:])
    broken = typed("verify", CALL)
    assert broken.exit_code == 1
    assert "1 looked at, 1 damaged" in broken.stdout
    assert (row(settings).state, row(settings).why) == ("damaged", "changed")
    assert "damaged" in typed("list", CALL).stdout
    file.write_bytes(good)
    assert typed("verify").exit_code == 0
    assert row(settings).state == "sealed"


def test_what_is_due_is_said_held_and_erased(settings: Settings, file: Path) -> None:
    dry = typed("erase-due", "--dry-run")
    assert CALL in dry.stdout
    assert file.exists()
    assert typed("hold", CALL, "--reason", "法院调取").exit_code == 0
    assert typed("hold", CALL, "--reason", "again").exit_code == 1
    assert typed("erase-due").stdout == "0 erased\n"
    assert file.exists()
    assert typed("lift", CALL, "--reason", "结案").exit_code == 0
    assert typed("erase-due").stdout.endswith("1 erased\n")
    assert not file.exists()
    assert row(settings).state == "erased"

    async def audited(session: AsyncSession) -> list[tuple[str, str]]:
        rows = await session.scalars(select(AuditRow).order_by(AuditRow.seq))
        return [(one.actor, one.action) for one in rows]

    assert on(settings, audited) == [
        ("cli", "recording.held"),
        ("cli", "recording.hold_lifted"),
        ("cli", "recording.erased"),
    ]


def test_a_new_key_seals_and_the_old_ones_open(settings: Settings, file: Path) -> None:
    before = read_keys(Vault.of(settings).key_file)
    told = typed("new-key")
    after = read_keys(Vault.of(settings).key_file)
    assert after.ids == (*before.ids, after.current.id)
    assert after.current.id in told.stdout
    assert typed("verify").exit_code == 0


def test_the_doctor_sees_room_keys_and_the_switch(settings: Settings, file: Path) -> None:
    def seen(**keys: Any) -> Any:
        changed = settings.recording.model_copy(update=keys)
        return asyncio.run(recordings(settings.model_copy(update={"recording": changed})))

    assert seen(low_free_mb=0, stop_free_mb=0, full_in_days=0).verdict is Verdict.OK
    assert seen(low_free_mb=10**12, stop_free_mb=0).verdict is Verdict.WARN
    assert seen(stop_free_mb=10**12).verdict is Verdict.FAIL
    assert seen(enabled=False).verdict is Verdict.WARN
    Vault.of(settings).key_file.chmod(0o644)
    shut = seen()
    assert (shut.verdict, "chmod" in shut.remedy) == (Verdict.FAIL, True)
