"""Versions of records that keep none: made of what they say, so that a change can name what it was read as."""

from __future__ import annotations

import hashlib
from typing import Final

_LARGEST: Final = 999_999_999
"""A tag of the interface holds nine digits."""


def version_of(content: str) -> int:
    """Another number, 1 to 999,999,999, for another content; without an order. Never 0, which is of a new record."""
    digest = hashlib.sha256(content.encode()).digest()
    return 1 + int.from_bytes(digest[:8]) % _LARGEST
