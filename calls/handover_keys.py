"""The keys that we and other platforms sign with: in a file under `var/`, for its owner alone, never in the database.

Each platform has one for both directions; while it is changed, the former one is still accepted.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from hotline.errors import InvalidInput, PartUnavailable
from hotline.ids import token

FILE: Final = "partner-keys.json"
"""Name of the file under `var/`."""
CHANNEL_KEYS: Final = "channel-keys.json"
"""Name of the file of those who bring demands only (受理渠道), under `var/` too: a gateway is no platform."""

_SHORTEST: Final = 32
"""Characters of a key; as long as the digest, RFC 2104 section 3."""
_LONGEST: Final = 256
_KEPT: Final = 2


class PartnerKeys:
    """Keys by the code of the platform, the newest first. Read again whenever the file is another one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: tuple[int, int, int] | None = None
        self._keys: dict[str, list[str]] = {}

    def of(self, partner: str) -> list[bytes]:
        """The keys a platform may sign with, the one to sign with first; none: it has none. Raises PartUnavailable."""
        self._refresh()
        return [key.encode() for key in self._keys.get(partner, ())]

    def partners(self) -> set[str]:
        """Codes of those that have a key. Raises PartUnavailable."""
        self._refresh()
        return set(self._keys)

    def change(self, partner: str, key: str = "") -> str:
        """Give a platform a key: this one, or a new one; returns it. The former one is accepted until the next change.
        Raises InvalidInput for one that is too short or not printable ASCII."""
        chosen = key or token()
        if not (_SHORTEST <= len(chosen) <= _LONGEST and chosen.isascii() and chosen.isprintable()):
            raise InvalidInput(f"a key has {_SHORTEST} to {_LONGEST} printable ASCII characters")
        with self._held():
            self._refresh()
            former = [one for one in self._keys.get(partner, []) if one != chosen]
            self._write(self._keys | {partner: [chosen, *former][:_KEPT]})
        return chosen

    def forget(self, partner: str) -> None:
        """Accept nothing more from a platform, and send it nothing."""
        with self._held():
            self._refresh()
            self._write({code: keys for code, keys in self._keys.items() if code != partner})

    @contextmanager
    def _held(self) -> Iterator[None]:
        """One writer at a time, whichever process it is of."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(self._path.with_name(f"{self._path.name}.lock"), os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _refresh(self) -> None:
        try:
            found = self._path.stat()
            version = (found.st_ino, found.st_mtime_ns, found.st_size)
            if version != self._read:
                self._keys = {
                    code: [str(key) for key in keys] for code, keys in json.loads(self._path.read_text()).items()
                }
                self._read = version
        except FileNotFoundError:
            self._keys, self._read = {}, None
        except (OSError, ValueError, AttributeError, TypeError):
            # What it holds is not repeated.
            raise PartUnavailable(
                f"{self._path.name} cannot be read", remedy=f"restore var/{self._path.name} from its copy"
            ) from None

    def _write(self, keys: dict[str, list[str]]) -> None:
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(keys, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
