"""What the validation says of a flow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from ivr.validation.subject import Subject


class Severity(StrEnum):
    """An error blocks publishing; a warning asks whoever publishes to acknowledge it."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that is wrong, where, and what to do. `node` is "" when it is the flow as a whole; `field` is a path as
    in a file (`options.2.next`). Message and remedy are for people who write flows."""

    rule: str
    severity: Severity
    node: str
    field: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Remark:
    """What a rule says; the registry adds the rule's code. `severity` None: the rule's own."""

    node: str
    field: str
    message: str
    remedy: str
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A named rule: what it looks for, and how bad it is to be found."""

    code: str
    title: str
    check: Callable[[Subject], Iterator[Remark]]
    severity: Severity = Severity.ERROR
