"""Every fixed sentence by key, read from `prompts.toml`. A key is the dotted path to its text there."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from media.digits import phone
from media.errors import CatalogueInvalid, UnknownPrompt

CATALOGUE_FILE: Final = Path(__file__).with_name("prompts.toml")

# A key becomes a file name and part of an Asterisk argument, so it may hold nothing that means something there.
_KEY: Final = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+")


@dataclass(frozen=True)
class Prompt:
    """One fixed sentence. `text` is Chinese as written, with numbers in digits."""

    key: str
    text: str


class Catalogue:
    """The fixed sentences of the line, in the order of their file."""

    def __init__(self, prompts: Mapping[str, Prompt]) -> None:
        self._prompts = dict(prompts)

    @classmethod
    def read(cls, path: Path = CATALOGUE_FILE) -> Catalogue:
        """Read and check a catalogue file. Raises CatalogueInvalid naming the first key that is wrong."""
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CatalogueInvalid(f"{path.name}: {error}") from None
        prompts: dict[str, Prompt] = {}
        for key, text in _leaves(document):
            if not _KEY.fullmatch(key):
                raise CatalogueInvalid(f"{path.name}: {key!r} is no key; use a-z, 0-9, _ and dots")
            if not isinstance(text, str) or not text.strip():
                raise CatalogueInvalid(f"{path.name}: {key} has no text")
            prompts[key] = Prompt(key, text)
        return cls(prompts)

    def __iter__(self) -> Iterator[Prompt]:
        return iter(self._prompts.values())

    def __len__(self) -> int:
        return len(self._prompts)

    def __contains__(self, key: object) -> bool:
        return key in self._prompts

    def __getitem__(self, key: str) -> Prompt:
        """The sentence of that key. Raises UnknownPrompt."""
        try:
            return self._prompts[key]
        except KeyError:
            raise UnknownPrompt(f"no prompt {key!r}", remedy=f"add it to {CATALOGUE_FILE.name}") from None

    def greeting(self, number: str) -> tuple[str, ...]:
        """Keys that greet a caller of `number`: its own sentence, or the general one with the number from parts.

        Raises InvalidInput unless `number` is made of digits.
        """
        digits = phone(number)
        own = f"greeting.{number}"
        if own in self._prompts:
            return (own,)
        return ("greeting.generic.before", *digits, "greeting.generic.after")

    def agent_number(self, agent: str) -> tuple[str, ...]:
        """Keys that tell a caller who answers: 工号 ... 为您服务. Raises InvalidInput unless `agent` is digits."""
        return ("talk.agent_number.before", *phone(agent), "talk.agent_number.after")


@cache
def default_catalogue() -> Catalogue:
    """The catalogue kept with the project."""
    return Catalogue.read()


def _leaves(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
