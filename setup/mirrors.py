"""Where this machine gets its packages from: read from apt's own configuration, both of its formats."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Source:
    """One archive of packages: a mirror's address, a suite and its components, and how its signature is checked."""

    uri: str
    suite: str
    components: tuple[str, ...]
    signed_by: str = ""
    """A keyring's path, a key's fingerprint, or the armoured key itself; empty: apt's trusted keys."""
    trusted: bool = False


def sources(apt: Path = Path("/etc/apt")) -> list[Source]:
    """All enabled binary sources, in apt's order: `sources.list`, then the files of `sources.list.d` by name."""
    found: list[Source] = []
    one_list = apt / "sources.list"
    if one_list.is_file():
        found += one_line(one_list.read_text(errors="replace"))
    parts = apt / "sources.list.d"
    for file in sorted(parts.iterdir()) if parts.is_dir() else []:
        if file.suffix == ".list":
            found += one_line(file.read_text(errors="replace"))
        elif file.suffix == ".sources":
            found += deb822(file.read_text(errors="replace"))
    return found


def one_line(text: str) -> list[Source]:
    """The classic format: `deb [signed-by=/path] uri suite component ...`, see sources.list(5)."""
    found = []
    for raw in text.splitlines():
        line = raw.partition("#")[0].strip()
        match = re.fullmatch(r"deb\s+(?:\[(?P<options>[^]]*)\]\s*)?(?P<rest>\S.*)", line)
        if not match:
            continue
        uri, suite, *components = match["rest"].split()
        options = dict(option.split("=", 1) for option in (match["options"] or "").split() if "=" in option)
        found.append(
            Source(uri, suite, tuple(components), options.get("signed-by", ""), options.get("trusted") == "yes")
        )
    return found


def deb822(text: str) -> list[Source]:
    """The format of `.sources` files: paragraphs of fields, a paragraph may name several mirrors and suites."""
    found = []
    for fields in _paragraphs(text):
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in {"no", "false"}:
            continue
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                found.append(
                    Source(
                        uri,
                        suite,
                        tuple(fields.get("components", "").split()),
                        fields.get("signed-by", ""),
                        fields.get("trusted", "").lower() in {"yes", "true"},
                    )
                )
    return found


def _paragraphs(text: str) -> Iterator[dict[str, str]]:
    fields: dict[str, str] = {}
    name = ""
    for line in [*text.splitlines(), ""]:
        if line.startswith("#"):
            continue
        if not line.strip():
            if fields:
                yield {field: value.strip() for field, value in fields.items()}
            fields, name = {}, ""
        elif line[0] in " \t":
            # A continuation; in an armoured key a lone dot stands for an empty line.
            more = line.strip()
            fields[name] = f"{fields.get(name, '')}\n{'' if more == '.' else more}"
        else:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value


def archives(found: list[Source], suites: set[str], components: set[str]) -> list[Source]:
    """The distribution's own archives among the sources: a suite among `suites`, a component among `components`."""
    return [source for source in found if source.suite in suites and components & set(source.components)]
