"""The rendered prompts: where they are, whether they are whole, and putting them where Asterisk looks."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from media.catalogue import Catalogue, default_catalogue
from media.errors import PromptDamaged, PromptMissing
from media.manifest import Manifest, Rendered, replace_file, sound_hash, text_hash
from media.spoken import SpokenFiles

PROMPTS_ROOT: Final = Path(__file__).with_name("prompts")
"""The prompts kept with the project: `manifest.json`, and `zh/<key>.alaw`."""

LANGUAGE: Final = "zh"
ASTERISK_FOLDER: Final = "hotline"
"""Folder under a sounds directory of Asterisk, and so the first part of the name it plays."""

_REMEDY: Final = "hotline prompts render"


def sound_file(root: Path, key: str) -> Path:
    """Where the sound of a key is kept under `root`; it need not exist."""
    return root / LANGUAGE / f"{key}.alaw"


class PromptStore:
    """Prompts of a catalogue rendered under `root`, and the sounds of menus that are on this host now."""

    def __init__(
        self, root: Path = PROMPTS_ROOT, catalogue: Catalogue | None = None, spoken: SpokenFiles | None = None
    ) -> None:
        self._root = root
        self._spoken = spoken
        self._catalogue = default_catalogue() if catalogue is None else catalogue
        self._manifest = Manifest.read(root)

    @property
    def catalogue(self) -> Catalogue:
        """The sentences that this store has sounds of."""
        return self._catalogue

    def path(self, key: str) -> str:
        """What Asterisk plays for a key, without suffix: `hotline/<key>` for one of the catalogue, else where the sound
        of a menu is now. Raises UnknownPrompt."""
        if (spoken := self._spoken_path(key)) is not None:
            return spoken
        return f"{ASTERISK_FOLDER}/{self._catalogue[key].key}"

    def has_spoken(self, key: str) -> bool:
        """Whether there is a sound of menus (`media.spoken`) under this key now."""
        return self._spoken_path(key) is not None

    def duration_ms(self, key: str) -> int:
        """How long the prompt plays. Raises UnknownPrompt, PromptMissing."""
        return self._rendered(key).duration_ms

    def sound(self, key: str) -> bytes:
        """Raw A-law of a prompt. Raises UnknownPrompt, PromptMissing, PromptDamaged."""
        rendered = self._rendered(key)
        try:
            content = sound_file(self._root, key).read_bytes()
        except FileNotFoundError:
            raise PromptMissing(f"no sound for {key}", remedy=_REMEDY) from None
        if sound_hash(content) != rendered.sha256:
            raise PromptDamaged(f"the sound of {key} is not the one that was rendered", remedy=_REMEDY)
        return content

    def missing(self) -> tuple[str, ...]:
        """Keys without a sound of their present text."""
        return tuple(
            prompt.key
            for prompt in self._catalogue
            if (rendered := self._manifest.prompts.get(prompt.key)) is None
            or rendered.text != text_hash(prompt.text)
            or not sound_file(self._root, prompt.key).is_file()
        )

    def playable(self) -> frozenset[str]:
        """Keys whose present text has a sound."""
        return frozenset(prompt.key for prompt in self._catalogue) - frozenset(self.missing())

    def damaged(self) -> tuple[str, ...]:
        """Keys whose file is there but is not the one its manifest describes; reads every file."""
        return tuple(key for key in self._present() if self._is_damaged(key))

    def install(self, sounds: Path) -> tuple[str, ...]:
        """Bring `hotline/` under a sounds directory of Asterisk up to date; returns the keys that were written.

        Files are replaced whole, so that a call which plays one is not disturbed; files of sentences that are no more
        are removed. Raises PromptMissing naming what is not rendered, PromptDamaged: then nothing was written.
        """
        if missing := self.missing():
            raise PromptMissing(f"not rendered: {', '.join(missing)}", remedy=_REMEDY)
        wanted = {prompt.key: self.sound(prompt.key) for prompt in self._catalogue}
        folder = sounds / ASTERISK_FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        written = []
        for key, content in wanted.items():
            target = folder / f"{key}.alaw"
            if not target.is_file() or target.read_bytes() != content:
                replace_file(target, content)
                written.append(key)
        for old in folder.glob("*.alaw"):
            if old.stem not in wanted:
                old.unlink()
        return tuple(written)

    def _spoken_path(self, key: str) -> str | None:
        return None if self._spoken is None or key in self._catalogue else self._spoken.path(key)

    def _rendered(self, key: str) -> Rendered:
        rendered = self._manifest.prompts.get(self._catalogue[key].key)
        if rendered is None:
            raise PromptMissing(f"{key} was never rendered", remedy=_REMEDY)
        return rendered

    def _present(self) -> list[str]:
        return [p.key for p in self._catalogue if p.key in self._manifest.prompts and self._file(p.key).is_file()]

    def _file(self, key: str) -> Path:
        return sound_file(self._root, key)

    def _is_damaged(self, key: str) -> bool:
        return sound_hash(self._file(key).read_bytes()) != self._manifest.prompts[key].sha256
