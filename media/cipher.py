"""Files that are sealed: encrypted and authenticated in chunks, so that any part is read without the whole.

AES-256-GCM (NIST SP 800-38D) in the STREAM construction (Hoang, Reyhanitabar, Rogaway and Vizár 2015): each file has a
key of its own, derived with HKDF-SHA-256 (RFC 5869) from a kept key and the file's salt; a chunk's nonce is its number
and whether it is the last one. So no chunk can be changed, moved, left out, added or taken from another file without
being noticed, and neither can the end be cut off. `subject` says what the file is (a call's segment); a file that is
put in the place of another one does not open.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hotline.keys import KEY_ID_BYTES, KeyRing, SealingKey
from media.errors import SealBroken

CHUNK: Final = 64 * 1024
"""Bytes of content in each chunk but the last."""

_MAGIC: Final = b"HLSEAL1\n"
_SALT: Final = 16
_TAG: Final = 16
_HEADER: Final = len(_MAGIC) + KEY_ID_BYTES + _SALT
_MOST_CHUNKS: Final = 2**32


def _cipher(key: SealingKey, salt: bytes, subject: str) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, salt=salt, info=b"recording\0" + subject.encode()).derive(key.secret))


def _nonce(number: int, last: bool) -> bytes:
    return struct.pack("!7xIB", number, last)


class SealingWriter:
    """Writes a sealed file. `finish` makes it whole: without it the file does not open.

    The caller names a path of its own and renames it afterwards; raises OSError.
    """

    def __init__(self, path: Path, keys: KeyRing, subject: str) -> None:
        key = keys.current
        salt = os.urandom(_SALT)
        self.key_id = key.id
        self._cipher = _cipher(key, salt, subject)
        self._header = _MAGIC + key.id.encode() + salt
        self._number = 0
        self._rest = bytearray()
        self._hash = hashlib.sha256()
        self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
        self._put(self._header)

    def write(self, content: bytes) -> None:
        """Append content."""
        self._rest += content
        # A full chunk stays until more comes: the last one is marked.
        while len(self._rest) > CHUNK:
            self._seal(bytes(self._rest[:CHUNK]), last=False)
            del self._rest[:CHUNK]

    def finish(self) -> str:
        """Write the last chunk, bring everything to the disk; the SHA-256 of the sealed file."""
        self._seal(bytes(self._rest), last=True)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return self._hash.hexdigest()

    def _seal(self, chunk: bytes, *, last: bool) -> None:
        if self._number >= _MOST_CHUNKS:
            raise ValueError("too long to be sealed")
        self._put(self._cipher.encrypt(_nonce(self._number, last), chunk, self._header))
        self._number += 1

    def _put(self, sealed: bytes) -> None:
        self._file.write(sealed)
        self._hash.update(sealed)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


class SealedFile:
    """A sealed file to read from. Opening it authenticates its length.

    `key_id` is the key's as it was noted when the file was sealed. Raises SealBroken, KeyMissing, OSError.
    """

    def __init__(self, path: Path, keys: KeyRing, key_id: str, subject: str) -> None:
        key = keys.of(key_id)
        self._file: BinaryIO = path.open("rb")
        try:
            self._open(key, subject)
        except BaseException:
            self._file.close()
            raise

    def _open(self, key: SealingKey, subject: str) -> None:
        header = self._file.read(_HEADER)
        if len(header) != _HEADER or not header.startswith(_MAGIC + key.id.encode()):
            raise SealBroken("this is not the file that was sealed with that key")
        self._header = header
        self._cipher = _cipher(key, header[-_SALT:], subject)
        sealed = self._file.seek(0, os.SEEK_END) - _HEADER
        self._chunks = -(-sealed // (CHUNK + _TAG))
        self.size = sealed - self._chunks * _TAG
        """Bytes of content."""
        if self._chunks == 0 or sealed - (self._chunks - 1) * (CHUNK + _TAG) < _TAG:
            raise SealBroken("the file was cut off")
        self._chunk(self._chunks - 1)

    def _chunk(self, number: int) -> bytes:
        self._file.seek(_HEADER + number * (CHUNK + _TAG))
        sealed = self._file.read(CHUNK + _TAG)
        try:
            return self._cipher.decrypt(_nonce(number, number == self._chunks - 1), sealed, self._header)
        except InvalidTag:
            raise SealBroken("the file is not the one that was sealed") from None

    def read(self, start: int, length: int) -> Iterator[bytes]:
        """`length` bytes of content from `start` on, piece by piece; fewer where the content ends. Raises SealBroken
        before anything that was changed is given out."""
        end = min(start + length, self.size)
        while start < end:
            number, offset = divmod(start, CHUNK)
            piece = self._chunk(number)[offset : offset + end - start]
            yield piece
            start += len(piece)

    def verify(self) -> None:
        """Read everything. Raises SealBroken."""
        for number in range(self._chunks):
            self._chunk(number)

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
