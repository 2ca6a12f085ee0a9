"""Messages (留言) on the disk: what Asterisk records, the note beside it, and where the sound stays.

Everything here blocks for a moment; from a coroutine use `asyncio.to_thread`.
"""

from __future__ import annotations

import hashlib
import io
import os
import time
import wave
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import orjson
import structlog

from hotline.errors import HotlineError, NotFound
from hotline.ids import call_id
from media.sound import TELEPHONE_HZ, from_alaw

_log = structlog.get_logger(__name__)

_SHORTEST_MS: Final = 1_000
"""Less than that is nobody's message."""

_ABANDONED_SECONDS: Final = 30.0
"""A note and a recording that nobody has touched for so long are of a process that died."""

_SUFFIX: Final = ".alaw"


class MessageDamaged(HotlineError):
    """The file of a message was changed after it was taken in."""

    code = "message.damaged"


@dataclass(frozen=True, slots=True)
class MessageFolders:
    """`recorded` is where Asterisk writes, by our name for it, and `inside` by its own. `kept` is for good."""

    recorded: Path
    inside: str
    kept: Path

    def sound(self, call: str) -> Path:
        """The kept sound of a call's message."""
        return _kept_path(self.kept, call)


@dataclass(frozen=True, slots=True)
class Note:
    """Whose message lies there. `done` once the recording is over."""

    call: str
    caller: str | None
    line: str
    left_ms: int
    done: bool = False


def _note_path(folders: MessageFolders, call: str) -> Path:
    return folders.recorded / f"{call}.json"


def _recorded_path(folders: MessageFolders, call: str) -> Path:
    return folders.recorded / f"{call}{_SUFFIX}"


def write_note(folders: MessageFolders, note: Note) -> None:
    """Before anything is recorded; raises OSError."""
    path = _note_path(folders, note.call)
    draft = path.with_name(f".{path.name}")
    draft.write_bytes(orjson.dumps(asdict(note)))
    draft.replace(path)


def _duration_ms(path: Path) -> int:
    """0 for what is no message."""
    try:
        lasted = path.stat().st_size * 1000 // TELEPHONE_HZ
    except FileNotFoundError:
        return 0
    return lasted if lasted >= _SHORTEST_MS else 0


def finish(folders: MessageFolders, note: Note) -> int:
    """The recording is over; how long it is."""
    lasted = _duration_ms(_recorded_path(folders, note.call))
    if lasted:
        write_note(folders, Note(note.call, note.caller, note.line, note.left_ms, done=True))
    else:
        remove(folders, note.call)
    return lasted


def ready(folders: MessageFolders) -> list[Note]:
    """What can be taken in: recordings that are over, and those nobody has touched for long."""
    found = []
    for path in sorted(folders.recorded.glob("[!.]*.json")):
        try:
            note = Note(**orjson.loads(path.read_bytes()))
            if note.done or time.time() - _touched(folders, note.call) > _ABANDONED_SECONDS:
                found.append(note)
        except FileNotFoundError:
            continue  # another process has taken it in
        except (ValueError, TypeError):
            _log.error("message.note_unreadable", file=path.name)
    return found


def _touched(folders: MessageFolders, call: str) -> float:
    paths = (_note_path(folders, call), _recorded_path(folders, call))
    return max((path.stat().st_mtime for path in paths if path.exists()), default=time.time())


def keep(folders: MessageFolders, call: str) -> tuple[str, int] | None:
    """Copy the sound to where it stays; its hash and length. None for what is no message."""
    recorded = _recorded_path(folders, call)
    lasted = _duration_ms(recorded)
    if not lasted:
        return None
    content = recorded.read_bytes()
    folders.kept.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = folders.sound(call).with_suffix(f".{os.getpid()}")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folders.sound(call))
    return hashlib.sha256(content).hexdigest(), lasted


def remove(folders: MessageFolders, call: str) -> None:
    """What lies in the spool of a call."""
    _recorded_path(folders, call).unlink(missing_ok=True)
    _note_path(folders, call).unlink(missing_ok=True)


def _kept_path(kept: Path, call: str) -> Path:
    return kept / f"{call_id(call)}{_SUFFIX}"


def forget_sound(kept: Path, call: str) -> None:
    """Remove a message's sound for good. Raises OSError."""
    _kept_path(kept, call).unlink(missing_ok=True)


def kept_sound(kept: Path, call: str, sha256: str) -> bytes:
    """A kept message, raw A-law. Raises NotFound when it is not on this host, MessageDamaged when it is not the one
    that was left."""
    try:
        content = _kept_path(kept, call).read_bytes()
    except FileNotFoundError:
        raise NotFound("the sound is not on this host") from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise MessageDamaged("the sound is not the one that was recorded")
    return content


def kept_wave(kept: Path, call: str, sha256: str) -> bytes:
    """The same as a WAV file of 16-bit samples. Raises the same."""
    content = kept_sound(kept, call, sha256)
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(TELEPHONE_HZ)
        file.writeframes(from_alaw(content).tobytes())
    return written.getvalue()
