"""Passwords: argon2id, off the event loop, a few at a time."""

from __future__ import annotations

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from hotline.errors import InvalidInput
from hotline.ids import token

_SHORTEST = 8
_LONGEST = 128


class WeakPassword(InvalidInput):
    """This cannot be a password."""

    code = "password.weak"


class Passwords:
    """Hashing and checking. Each takes about 64 MiB and tens of milliseconds, so at most `at_once` run together.

    A whole shift signs in within a minute; the line keeps answering meanwhile.
    """

    def __init__(self, hasher: PasswordHasher | None = None, *, at_once: int = 2) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turns = asyncio.Semaphore(at_once)
        self._nobody = ""

    async def hash(self, password: str, *, login: str) -> str:
        """The hash to keep. Raises WeakPassword: 8 to 128 characters, and not the login."""
        if not _SHORTEST <= len(password) <= _LONGEST:
            raise WeakPassword(f"a password has {_SHORTEST} to {_LONGEST} characters")
        if password.lower() == login.lower() or len(set(password)) == 1:
            raise WeakPassword("a password is not the login and not one character repeated")
        return await self._hash(password)

    async def matches(self, password_hash: str | None, password: str) -> bool:
        """Whether the password is right. None stands for an unknown user: as much work, never right."""
        if password_hash is None:
            if not self._nobody:
                self._nobody = await self._hash(token())
            await self._verify(self._nobody, password)
            return False
        return await self._verify(password_hash, password)

    async def renewed(self, password_hash: str, password: str) -> str | None:
        """A new hash of a password that was just right, if the old one has outdated parameters."""
        if not self._hasher.check_needs_rehash(password_hash):
            return None
        return await self._hash(password)

    async def _hash(self, password: str) -> str:
        async with self._turns:
            return await asyncio.to_thread(self._hasher.hash, _bytes(password))

    async def _verify(self, password_hash: str, password: str) -> bool:
        async with self._turns:
            try:
                return await asyncio.to_thread(self._hasher.verify, password_hash, _bytes(password))
            except (VerificationError, InvalidHashError):
                return False


def _bytes(password: str) -> bytes:
    """What is hashed. Longer ones were never accepted, so they need not cost more; any code point has a form."""
    return password[: _LONGEST + 1].encode("utf-8", "surrogatepass")
