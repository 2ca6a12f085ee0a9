"""Records as the scripts keep them, in MessagePack.

Agents and calls are values one after the other: what most of them have stands at a place of its own, so that no record
names it; what few have is in a map at the end. Reading and writing them is the largest part of a match that is not
Redis' own. What is written less often is one map.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeVar

import ormsgpack

_ARRAY = b"\xdc"
"""Two bytes follow: how many values."""


def unpackb(record: bytes) -> dict[str, Any]:
    """A record that is one map."""
    unpacked: dict[str, Any] = ormsgpack.unpackb(record)
    return unpacked


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the fields of a kind of record are. Fields without a value are left out when read."""

    kind: str
    placed: tuple[str, ...]
    rare: tuple[str, ...]

    def unpack(self, record: bytes) -> dict[str, Any]:
        """One record."""
        count = len(self.placed) + 1
        *placed, rare = ormsgpack.unpackb(_ARRAY + count.to_bytes(2, "big") + record)
        found = {name: value for name, value in zip(self.placed, placed, strict=True) if value is not None}
        return found | (rare or {})

    def lua(self) -> str:
        """`pack_<kind>` and `unpack_<kind>` for the scripts."""
        given = ", ".join(f"r.{name}" for name in self.placed)
        any_rare = " or ".join(f"r.{name}" for name in self.rare)
        rare = ", ".join(f"{name} = r.{name}" for name in self.rare)
        taken = ", ".join(f"{name}_" for name in self.placed)
        named = ", ".join(f"{name} = {name}_" for name in self.placed)
        return (
            f"local function pack_{self.kind}(r)\n"
            f"  return cmsgpack.pack({given}, ({any_rare}) and {{ {rare} }} or nil)\n"
            "end\n"
            f"local function unpack_{self.kind}(text)\n"
            f"  local {taken}, rare = cmsgpack.unpack(text)\n"
            f"  local r = {{ {named} }}\n"
            "  if rare then for name, value in pairs(rare) do r[name] = value end end\n"
            "  return r\n"
            "end\n"
        )


AGENT = Layout(
    "agent",
    placed=(
        *("state", "reason", "since", "due", "idle", "signed", "busy", "extension", "host"),
        *("groups", "pools", "listed", "call", "reservation", "queue"),
    ),
    rare=("pending", "pending_reason", "rest", "fails", "ranks"),
)
CALL = Layout(
    "call",
    placed=(
        *("state", "entered", "place", "queued", "queue", "owner", "hotline", "label", "open", "listed", "due"),
        *("attempt", "answered", "agent", "extension", "host", "pool", "reservation", "waited"),
    ),
    rare=("prefer", "alone", "late", "given", "parked", "only"),
)


LAYOUT = sha256(repr((AGENT, CALL)).encode()).hexdigest()[:8]
"""Changes when any field does. An epoch whose records are laid out otherwise is over."""


_Read = TypeVar("_Read")


def pairs(answer: Mapping[bytes, bytes] | Sequence[bytes], unpack: Callable[[bytes], _Read]) -> list[tuple[str, _Read]]:
    """The names and records in an undecoded answer to HGETALL, which RESP2 gives as a flat list."""
    items = answer.items() if isinstance(answer, Mapping) else zip(*[iter(answer)] * 2, strict=True)
    return [(name.decode(), unpack(record)) for name, record in items]
