"""What was rendered from which text, by which voice (`prompts/manifest.json`), so that changes and damage are seen."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from media.errors import PromptDamaged

MANIFEST_NAME: Final = "manifest.json"


class Rendered(BaseModel):
    """One rendered prompt. `text` and `sha256` are SHA-256 in hex, of the sentence and of the A-law file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str
    voice: str
    recipe: int
    duration_ms: int
    sha256: str


class Manifest(BaseModel):
    """All rendered prompts by key."""

    model_config = ConfigDict(extra="forbid")

    prompts: dict[str, Rendered] = {}

    @classmethod
    def read(cls, root: Path) -> Manifest:
        """The manifest under `root`, empty if there is none. Raises PromptDamaged if it cannot be read."""
        try:
            return cls.model_validate_json((root / MANIFEST_NAME).read_bytes())
        except FileNotFoundError:
            return cls()
        except ValidationError as error:
            raise PromptDamaged(
                f"{MANIFEST_NAME}: {error.error_count()} errors", remedy="hotline prompts render --all"
            ) from None

    def write(self, root: Path) -> None:
        """Replace the manifest under `root`, sorted by key so that a change reads well in a diff."""
        ordered = Manifest(prompts=dict(sorted(self.prompts.items())))
        replace_file(root / MANIFEST_NAME, ordered.model_dump_json(indent=1).encode() + b"\n")


def text_hash(text: str) -> str:
    """Fingerprint of a sentence."""
    return hashlib.sha256(text.encode()).hexdigest()


def sound_hash(sound: bytes) -> str:
    """Fingerprint of a sound file's content."""
    return hashlib.sha256(sound).hexdigest()


def replace_file(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old content or the new, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_bytes(content)
    partial.replace(path)
