"""What the doctor says of the keys of personal data."""

from __future__ import annotations

from pathlib import Path

from directory.models import Role
from hotline import sealed
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.keys import add_key
from hotline.settings import Settings
from server.doctor_findings import Verdict
from server.doctor_privacy import personal_keys
from ticketing.intake import IntakeDesk
from ticketing.schemas import Actor, Intake


async def test_the_keys_that_citizens_were_sealed_and_are_found_with_have_to_be_here(
    database_url: str, tmp_path: Path
) -> None:
    server, name = database_url.rsplit("@", 1)[1].split("/")
    host, port = server.split(":")
    postgres = {"host": host, "port": int(port), "database": name, "password": ""}
    path = tmp_path / "keys" / "personal"
    settings = Settings(var_dir=tmp_path, postgres=postgres, privacy={"key_file": str(path)})
    assert (await personal_keys(settings)).verdict is Verdict.OK
    assert not path.exists()
    peers = settings.asterisk.model_copy(update={"peers": ["ast2"]})
    assert (await personal_keys(settings.model_copy(update={"asterisk": peers}))).verdict is Verdict.FAIL
    desk = IntakeDesk(site="smx", zone="Asia/Shanghai", area_code="0398", clock=SystemClock())
    database = Database(database_url)
    try:
        async with database.transaction() as session:
            intake = Intake(title="路灯不亮", caller_number="13812345678")
            await desk.register(session, intake, Actor("1001", frozenset({Role.AGENT})))
    finally:
        await database.close()
    assert (await personal_keys(settings)).verdict is Verdict.FAIL
    own = sealed.keys().path
    path.parent.mkdir(mode=0o700)
    for file in (own, sealed.index_file(own)):
        copy = path.parent / file.name
        copy.write_bytes(file.read_bytes())
        copy.chmod(0o600)
    assert (await personal_keys(settings)).verdict is Verdict.OK
    path.chmod(0o644)
    assert (await personal_keys(settings)).remedy == f"chmod 600 {path}"
    path.chmod(0o600)
    sealed.index_file(path).unlink()
    add_key(sealed.index_file(path))
    assert "another key" in (await personal_keys(settings)).seen
    path.unlink()
    add_key(path)
    assert (await personal_keys(settings)).verdict is Verdict.FAIL


async def test_without_postgresql_nothing_is_claimed(tmp_path: Path) -> None:
    away = Settings(var_dir=tmp_path, postgres={"host": "127.0.0.1", "port": 1})
    assert (await personal_keys(away)).verdict is Verdict.WARN
