"""Personal data (个人信息) sealed in the fields of tables: a copy of the database names no citizen (TH 4, 23).

AES-256-GCM (NIST SP 800-38D). Each field of each table has a key of its own, derived with HKDF-SHA-256 (RFC 5869) from
a kept one, and its name is authenticated: what is moved to another field does not open. A sealed value names the key it
was sealed with, so that keys rotate while values of former keys stand. As sealing is random, equal values are not seen
to be equal; what is looked up by equality has a keyed index (`Indexed`) beside it, under a key that does not rotate.

The keys of this process's line are read when they are first needed, from the file that `privacy.key_file` names.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import LargeBinary
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.sql.operators import OperatorType, is_, is_not
from sqlalchemy.types import TypeDecorator

from hotline.errors import HotlineError
from hotline.keys import KEY_ID_BYTES, KeyMissing, KeyRing, own_keys, read_keys
from hotline.settings import Settings, load_settings

_VERSION: Final = b"\x01"
_NONCE: Final = 12
HEADER_BYTES: Final = len(_VERSION) + KEY_ID_BYTES // 2
_BEFORE: Final = HEADER_BYTES + _NONCE
INDEX_BYTES: Final = 16


class FieldBroken(HotlineError):
    """A sealed value is not what was sealed in this field: changed, or another field's."""

    code = "privacy.broken"


def key_file(settings: Settings) -> Path:
    """Where the keys are, as `hotline.toml` has it; the index's key is in a file beside it."""
    named = settings.privacy.key_file
    return Path(named) if named else settings.var_dir / "keys" / "personal"


def index_file(path: Path) -> Path:
    """Where the index's key is, beside the others."""
    return path.with_name(f"{path.name}-index")


class FieldKeys:
    """The keys of a line's personal data. The files are made where there are none yet, for their owner alone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._index_path = index_file(path)
        self._ring: KeyRing | None = None
        self._read: tuple[int, int] = (0, 0)
        self._ciphers: dict[tuple[str, str], AESGCM] = {}
        self._index: bytes | None = None

    def seal(self, place: str, value: str) -> bytes:
        """The value as field `place` (`table.column`) keeps it, under the newest key. An empty one stays empty.

        Raises KeyFileUnusable, OSError.
        """
        if not value:
            return b""
        ring = self._newest()
        key_id, nonce = ring.current.id, os.urandom(_NONCE)
        header = _VERSION + bytes.fromhex(key_id)
        return header + nonce + self._cipher(ring, key_id, place).encrypt(nonce, value.encode(), _bound(header, place))

    def open(self, place: str, sealed: bytes) -> str:
        """Raises FieldBroken, KeyMissing, KeyFileUnusable, OSError."""
        if not sealed:
            return ""
        header, nonce, rest = sealed[:HEADER_BYTES], sealed[HEADER_BYTES:_BEFORE], sealed[_BEFORE:]
        if len(sealed) <= _BEFORE or not header.startswith(_VERSION):
            raise FieldBroken(f"{place} holds something that is not sealed", remedy=_REMEDY)
        key_id = sealed_with(sealed)
        ring = self._ring if self._ring is not None and key_id in self._ring.ids else self._newest()
        if key_id not in ring.ids:
            raise KeyMissing(f"{place} was sealed with {key_id}", remedy=f"put {self.path} back from its copy")
        try:
            return self._cipher(ring, key_id, place).decrypt(nonce, rest, _bound(header, place)).decode()
        except InvalidTag:
            raise FieldBroken(f"{place} is not what was sealed there", remedy=_REMEDY) from None

    def index(self, value: str) -> bytes:
        """What a value is found by: HMAC-SHA-256 under a key of its own, the same in every table.

        Raises KeyFileUnusable, OSError.
        """
        if self._index is None:
            self._index = own_keys(self._index_path).current.secret
        return hmac.digest(self._index, b"index\0" + value.encode(), hashlib.sha256)[:INDEX_BYTES]

    @property
    def ids(self) -> tuple[str, ...]:
        """Of the keys in the file, oldest first. Raises KeyFileUnusable, OSError."""
        return self._newest().ids

    def _newest(self) -> KeyRing:
        """The keys as they are in the file now: another process may have added one."""
        ring = self._ring
        if ring is None:
            own_keys(self.path)
        found = self.path.stat()
        seen = (found.st_ino, found.st_mtime_ns)
        if ring is None or seen != self._read:
            ring = self._ring = read_keys(self.path)
            self._read = seen
        return ring

    def _cipher(self, ring: KeyRing, key_id: str, place: str) -> AESGCM:
        cipher = self._ciphers.get((key_id, place))
        if cipher is None:
            derived = HKDF(SHA256(), 32, salt=None, info=b"field\0" + place.encode()).derive(ring.of(key_id).secret)
            cipher = self._ciphers[key_id, place] = AESGCM(derived)
        return cipher


_REMEDY: Final = "compare with a backup of the database"


def sealed_with(sealed: bytes) -> str:
    """Id of the key that a value was sealed with."""
    return sealed[len(_VERSION) : HEADER_BYTES].hex()


def marked(key_id: str) -> bytes:
    """How every value begins that this key has sealed."""
    return _VERSION + bytes.fromhex(key_id)


def _bound(header: bytes, place: str) -> bytes:
    return header + place.encode()


@lru_cache(maxsize=1)
def keys() -> FieldKeys:
    """The keys of this process's line. Raises SettingsError."""
    return FieldKeys(key_file(load_settings()))


class _Unsearchable(LargeBinary.Comparator[Any]):
    """What is sealed cannot be compared: an index beside it can."""

    def operate(self, op: OperatorType, *other: Any, **kwargs: Any) -> Any:
        if op in (is_, is_not):
            return super().operate(op, *other, **kwargs)
        raise TypeError("a sealed field cannot be compared: ask for its keyed index")

    def reverse_operate(self, op: OperatorType, other: Any, **kwargs: Any) -> NoReturn:  # noqa: ARG002
        raise TypeError("a sealed field cannot be compared: ask for its keyed index")


_T = TypeVar("_T")


class SealedColumn(TypeDecorator[_T]):
    """What the table holds sealed. `place` is `table.column`, and never changes: without it nothing opens."""

    impl = LargeBinary
    cache_ok = True
    comparator_factory = _Unsearchable

    def __init__(self, place: str) -> None:
        super().__init__()
        self.place = place

    def written(self, value: _T) -> str:
        """The value as text."""
        raise NotImplementedError

    def read(self, text: str) -> _T:
        """The value that was written as this text."""
        raise NotImplementedError

    def process_bind_param(self, value: _T | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002
        return None if value is None else keys().seal(self.place, self.written(value))

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> _T | None:  # noqa: ARG002
        return None if value is None else self.read(keys().open(self.place, value))


class Sealed(SealedColumn[str]):
    """Text that the table holds sealed."""

    cache_ok = True

    def written(self, value: str) -> str:
        return value

    def read(self, text: str) -> str:
        return text


class SealedFields(SealedColumn[dict[str, Any]]):
    """Named values that the table holds sealed, all as one (JSON)."""

    cache_ok = True

    def written(self, value: dict[str, Any]) -> str:
        return orjson.dumps(value).decode()

    def read(self, text: str) -> dict[str, Any]:
        told: dict[str, Any] = orjson.loads(text)
        return told


class Indexed(TypeDecorator[str | bytes]):
    """What a sealed value is found by. Asked and written with the value in clear, which is never kept; reads as bytes.

    An empty value has none: nobody is found by it.
    """

    impl = LargeBinary
    cache_ok = True

    def __init__(self) -> None:
        super().__init__(INDEX_BYTES)

    def process_bind_param(self, value: str | bytes | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002
        return (keys().index(value) if value else None) if isinstance(value, str) else value


def index_of(field: str) -> Callable[[DefaultExecutionContext], str | None]:
    """Default of an index: made of the sealed field it is beside, as that is inserted; none without it."""

    def of_the_field(context: DefaultExecutionContext) -> str | None:
        value: str | None = context.get_current_parameters().get(field)  # type: ignore[no-untyped-call]
        return value

    return of_the_field
