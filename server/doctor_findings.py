"""What the doctor says of one part."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a part is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Finding:
    """One part: how it is, what was seen, and what to do about it (empty when nothing)."""

    part: str
    verdict: Verdict
    seen: str
    remedy: str = ""


def ok(part: str, seen: str) -> Finding:
    """It is as it should be."""
    return Finding(part, Verdict.OK, seen)


def warn(part: str, seen: str, remedy: str) -> Finding:
    """It works, and should not stay so."""
    return Finding(part, Verdict.WARN, seen, remedy)


def fail(part: str, seen: str, remedy: str) -> Finding:
    """It does not work."""
    return Finding(part, Verdict.FAIL, seen, remedy)
