"""What may become of a version of an entry: written by one person, checked by another (双人核对), published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from ticketing.knowledge.errors import StepNotPossible
from ticketing.vocabulary import Term


class VersionState(Term):
    """Where a version is. What it says never changes."""

    DRAFT = "draft", "待核对"
    CHECKED = "checked", "已核对"
    PUBLISHED = "published", "已发布"
    REJECTED = "rejected", "核对未通过"
    REPLACED = "replaced", "已被修改"
    """A newer version was written before this one was published."""
    WITHDRAWN = "withdrawn", "已撤回"


class Step(Term):
    """What somebody does to a version."""

    CHECK = "check", "核对通过"
    REJECT = "reject", "核对不通过"
    PUBLISH = "publish", "发布"
    REPLACE = "replace", "修改"
    WITHDRAW = "withdraw", "撤回"


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table."""

    next: VersionState
    second_person: bool = False
    """Not for who wrote it."""
    reason: bool = False
    """It needs one."""


_S = VersionState

STEPS: Final[Mapping[tuple[VersionState, Step], Rule]] = MappingProxyType(
    {
        (_S.DRAFT, Step.CHECK): Rule(_S.CHECKED, second_person=True),
        (_S.DRAFT, Step.REJECT): Rule(_S.REJECTED, reason=True),
        (_S.DRAFT, Step.REPLACE): Rule(_S.REPLACED),
        (_S.CHECKED, Step.PUBLISH): Rule(_S.PUBLISHED),
        (_S.CHECKED, Step.REJECT): Rule(_S.REJECTED, reason=True),
        (_S.CHECKED, Step.REPLACE): Rule(_S.REPLACED),
        (_S.PUBLISHED, Step.WITHDRAW): Rule(_S.WITHDRAWN, reason=True),
    }
)


def rule_of(state: VersionState, step: Step) -> Rule:
    """The table's line; raises StepNotPossible, naming both, where there is none."""
    rule = STEPS.get((state, step))
    if rule is None:
        raise StepNotPossible(f"{step} ({step.term}) is not possible in state {state} ({state.term})")
    return rule
