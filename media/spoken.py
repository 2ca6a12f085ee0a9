"""Sounds of menus on this host: fixed texts by a hash of their words, recordings by their code.

Two folders under a sounds directory of Asterisk hold them. `menus` comes with the project; `studio` is the site's,
written by `media.studio_files` while calls are on, and has precedence. A sound is looked for at every question, so that
one which has just arrived plays in the next call.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from pathlib import Path
from typing import Final

from media.sound import TELEPHONE_HZ

STUDIO_FOLDER: Final = "studio"
MENUS_FOLDER: Final = "menus"
SUFFIX: Final = ".alaw"

_KEY: Final = re.compile(r"text-[0-9a-f]{32}|recording-[A-Za-z0-9][A-Za-z0-9_.-]{0,59}")
_HEX: Final = 32


def text_key(text: str) -> str:
    """Under which name a fixed text is kept: the same for texts that only differ in the space around them.

    Safe as a file name and in an AGI argument, whatever the text is.
    """
    words = unicodedata.normalize("NFC", text).strip()
    return f"text-{hashlib.sha256(words.encode()).hexdigest()[:_HEX]}"


def recording_key(code: str) -> str:
    """Under which name the newest published version of a recording is kept.

    A code outside the grammar of codes gives a key that no sound has.
    """
    return f"recording-{code}"


class SpokenFiles:
    """The sounds of menus under a sounds directory of Asterisk (by our name for it)."""

    def __init__(self, sounds: Path) -> None:
        self._sounds = sounds

    @property
    def studio(self) -> Path:
        """Where the site's own sounds are kept on this host."""
        return self._sounds / STUDIO_FOLDER

    def path(self, key: str) -> str | None:
        """What Asterisk plays for a key, without suffix; None if there is no such sound now."""
        found = self._find(key)
        return None if found is None else f"{found.parent.name}/{key}"

    def seconds(self, key: str) -> float | None:
        """How long the sound plays; None if there is none now."""
        found = self._find(key)
        try:
            return None if found is None else found.stat().st_size / TELEPHONE_HZ
        except FileNotFoundError:  # withdrawn between two looks
            return None

    def _find(self, key: str) -> Path | None:
        if not _KEY.fullmatch(key):
            return None
        for folder in (STUDIO_FOLDER, MENUS_FOLDER):
            found = self._sounds / folder / f"{key}{SUFFIX}"
            if found.is_file():
                return found
        return None
