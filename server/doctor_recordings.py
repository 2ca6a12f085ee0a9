"""What is seen of recordings: room for them and how long it lasts, the keys, the program that makes them playable."""

from __future__ import annotations

import shutil

from sqlalchemy.exc import SQLAlchemyError

from calls.recording.files import Vault
from calls.recording.room import Room, free_bytes, growth_a_day
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.errors import HotlineError
from hotline.keys import read_keys
from hotline.settings import Settings, settings_file
from media.sound import encoder_program
from server.asterisk import layout
from server.doctor_findings import Finding, fail, ok, warn

_GB = 1e9


async def recordings(settings: Settings) -> Finding:
    """Talks are recorded, can be sealed and opened, and the disk holds more of them."""
    keys = settings.recording
    if not keys.enabled:
        return warn("recordings", "switched off", f"recording.enabled in {settings_file()}")
    if shutil.which(encoder_program()) is None:
        return fail("recordings", "no ffmpeg: nothing can be sealed", "apt-get install ffmpeg")
    vault = Vault.of(settings)
    if vault.key_file.exists():
        try:
            read_keys(vault.key_file)
        except HotlineError as error:
            return fail("recordings", f"{vault.key_file}: {error}", error.remedy or "put it back from its copy")
    try:
        place = layout.find(settings)
    except HotlineError as error:
        return fail("recordings", str(error), error.remedy)
    free = free_bytes((place.recordings, vault.folder))
    room = Room(free, await _growth(settings))
    seen = f"{free / _GB:.1f} GB free, growing by {room.growth / _GB:.2f} GB a day"
    if alarm := room.alarm(keys):
        found = fail if free < keys.stop_free_mb * 1e6 else warn
        return found("recordings", f"{seen}: {alarm}", f"make room, or set recording.folder in {settings_file()}")
    return ok("recordings", seen)


async def _growth(settings: Settings) -> float:
    database = Database(settings.postgres.url)
    try:
        async with database.transaction() as session:
            return await growth_a_day(session, SystemClock(), settings.asterisk.systemname)
    except (SQLAlchemyError, OSError, TimeoutError):
        # The finding on PostgreSQL tells of that.
        return 0.0
    finally:
        await database.close()
