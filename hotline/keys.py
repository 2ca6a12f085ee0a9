"""Files of keys, each readable by its owner alone, with a line `<id> <base64>` for each key.

The last line's key seals what is new; the others still open what they have sealed. Without the file nothing that was
sealed can ever be opened again.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hotline.errors import HotlineError

KEY_ID_BYTES: Final = 8
_SECRET_BYTES: Final = 32


class KeyMissing(HotlineError):
    """Something was sealed with a key that is not there."""

    code = "key.missing"


class KeyFileUnusable(HotlineError):
    """A key file is missing, open to others, or changed."""

    code = "key.file"


@dataclass(frozen=True, slots=True)
class SealingKey:
    """One key. `id` follows from it, so that two keys never share one."""

    secret: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """Eight characters; says nothing about the key."""
        return hashlib.sha256(b"key id\0" + self.secret).hexdigest()[:KEY_ID_BYTES]


class KeyRing:
    """All keys of a site, the newest last."""

    def __init__(self, keys: Sequence[SealingKey]) -> None:
        if not keys:
            raise KeyFileUnusable("no key in it")
        self._keys: Mapping[str, SealingKey] = {key.id: key for key in keys}
        self.current = keys[-1]

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids, oldest first."""
        return tuple(self._keys)

    def of(self, key_id: str) -> SealingKey:
        """The key of that id. Raises KeyMissing."""
        try:
            return self._keys[key_id]
        except KeyError:
            raise KeyMissing("it was sealed with a key that is not in the key file") from None


def read_keys(path: Path) -> KeyRing:
    """Raises KeyFileUnusable: not there, open to others, or not as it was written."""
    try:
        with path.open("rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise KeyFileUnusable("others may read it", remedy=f"chmod 600 {path}")
            lines = file.read().split(b"\n")
    except OSError as error:
        raise KeyFileUnusable(f"{error.strerror}", remedy=f"put {path} back from its copy") from None
    keys = []
    for line in filter(None, lines):
        named, _, text = line.partition(b" ")
        try:
            key = SealingKey(base64.b64decode(text, validate=True))
        except binascii.Error:
            raise KeyFileUnusable("a line is no key") from None
        if len(key.secret) != _SECRET_BYTES or key.id.encode() != named:
            raise KeyFileUnusable("a key is not the one that was written")
        keys.append(key)
    return KeyRing(keys)


def own_keys(path: Path) -> KeyRing:
    """The keys of this site; a first one is made where there is no file yet. Raises KeyFileUnusable, OSError."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = _draft(path, b"")
        try:
            # Of several processes that begin at once, one makes the key.
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return read_keys(path)


def add_key(path: Path) -> KeyRing:
    """Make a new key that seals from now on (rotation). Raises KeyFileUnusable, OSError."""
    own_keys(path)
    _draft(path, path.read_bytes()).replace(path)
    return read_keys(path)


def _draft(path: Path, before: bytes) -> Path:
    """A file beside `path` with these lines and a new key."""
    key = SealingKey(secrets.token_bytes(_SECRET_BYTES))
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(before + key.id.encode() + b" " + base64.b64encode(key.secret) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return draft
