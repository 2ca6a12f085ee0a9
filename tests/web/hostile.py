"""Requests that mean harm, made from one that is good: what a client can write into each of its places."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW")

_TEXTS = (
    "\x00",
    "a\x00b",
    "\ud800",
    "😀" * 3,
    "x" * 100_000,
    "' OR 1=1; --",
    "\r\nAction: Originate",
    "..\\..//%2e%2e",
    "\u202e文字",
    "%s{0}$$",
    "",
)
_NUMBERS = (2**31, 2**63, 2**70, -1, -(2**63) - 1, 0, 1.5, True, "1", None)
_MOMENTS = (
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "2026-02-30T00:00:00Z",
    "2026-10-01T00:00:00",
    "0001-01-01",
    "9999-12-31",
    "99:99",
    "253402300800",
)
_PATHS = ("%00", "%F0%9F%98%80", "%ED%A0%80", "9" * 30, "-1", "%2e%2e%2f", "a" * 5_000, "%0D%0AX", "null")
_RAW_BODIES = (
    b"",
    b"null",
    b"[]",
    b'"x"',
    b"7",
    b"{",
    b"\xff\xfe",
    b'{"a": "\xff"}',
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b'{"version": NaN, "limit": Infinity}',
    b'{"version": 1e400}',
    b"9" * 5_000,
    b'{"a": 1, "a": 2}',
)
_HEADERS: tuple[tuple[str, bytes], ...] = (
    ("If-Match", b'"'),
    ("If-Match", b"\xff"),
    ("If-Match", b'"999999999-' + b"0" * 64 + b'"'),
    ("If-None-Match", b"*, *"),
    ("If-None-Match", b"\x80" * 100),
    ("Range", b"bytes=9-1,,"),
    ("Accept", b"application/xml"),
    ("Accept-Language", b"\xff"),
    ("X-Forwarded-For", b"' OR 1=1, \xff"),
    ("Content-Encoding", b"gzip"),
)


@dataclass(frozen=True, slots=True)
class Sent:
    """One request to an operation. `path` and `query` are as they stand in the request line, less the question mark."""

    method: str
    route: str
    path: str
    query: str = ""
    headers: Mapping[str, str | bytes] = field(default_factory=dict)
    content: bytes = b""
    why: str = "good"

    @property
    def target(self) -> str:
        """The request's target."""
        return f"{self.path}?{self.query}" if self.query else self.path


def from_good(good: Sent, names: Mapping[str, list[str]]) -> Iterator[Sent]:
    """Each place of a good request, filled with each thing that does not belong there. `names`: by place (`path`,
    `query`, `header`) the parameters that the document tells of."""
    yield from _paths(good)
    yield from _queries(good, names.get("query", []))
    for name, value in _HEADERS:
        yield replace(good, headers={**good.headers, name: value}, why=f"header {name}: {value[:20]!r}")
    if good.content or good.method in ("POST", "PUT", "PATCH"):
        yield from _bodies(good)


def _paths(good: Sent) -> Iterator[Sent]:
    template, parts = good.route.split("/"), good.path.split("/")
    for place, part in enumerate(template):
        if part.startswith("{"):
            for value in _PATHS:
                path = "/".join([*parts[:place], value, *parts[place + 1 :]])
                yield replace(good, path=path, why=f"path {part}: {value[:20]}")


def _queries(good: Sent, names: list[str]) -> Iterator[Sent]:
    for name in [*names, "nonsense"]:
        for value in (*_TEXTS, *map(str, _NUMBERS), *_MOMENTS):
            written = f"{name}={quote(value[:5_000], safe='', errors='surrogatepass')}"
            query = f"{good.query}&{written}" if good.query else written
            yield replace(good, query=query, why=f"query {name}: {value[:20]!r}")
        yield replace(good, query=f"{name}=1&{name}=2", why=f"query {name} twice")
        yield replace(good, query=f"{name}=%ff%fe%00&{name}", why=f"query {name} in no UTF-8")


def _bodies(good: Sent) -> Iterator[Sent]:
    for raw in _RAW_BODIES:
        yield replace(good, content=raw, why=f"body {raw[:20]!r}")
    for kind in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/json;charset=x",
        "",
    ):
        yield replace(good, headers={**good.headers, "Content-Type": kind}, why=f"content type {kind!r}")
    try:
        body = json.loads(good.content)
    except ValueError:
        return
    if isinstance(body, dict):
        yield replace(good, content=json.dumps({**body, "nonsense": 1}).encode(), why="body with a field too many")
    for where, leaf in _leaves(body):
        harmful: tuple[Any, ...] = (*_TEXTS, *_NUMBERS, *_MOMENTS, [], {}, [leaf] * 1_000)
        for value in harmful:
            changed = json.dumps(_with(body, where, value)).encode()
            yield replace(good, content=changed, why=f"body {'.'.join(map(str, where))}: {str(value)[:20]!r}")


def _leaves(body: Any, where: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    inner = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, value in inner:
        yield from _leaves(value, (*where, key))
    if not isinstance(body, dict | list) and where:
        yield where, body


def _with(body: Any, where: tuple[Any, ...], value: Any) -> Any:
    changed = copy.deepcopy(body)
    here = changed
    for key in where[:-1]:
        here = here[key]
    here[where[-1]] = value
    return changed
