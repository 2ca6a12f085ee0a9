"""Settings of a line that are a benchmark's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def settings_of_the_line(**keys: str) -> Iterator[None]:
    """Environment variables of the line's processes, e.g. `ACD__WRAP_UP_SECONDS="0"`."""
    named = {f"HOTLINE_{key}": value for key, value in keys.items()}
    os.environ.update(named)
    try:
        yield
    finally:
        for name in named:
            del os.environ[name]
