"""Who is asked after a talk (满意度评价), and what the levels mean: the policy of the line as functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from directory.modes import Fallback, Mode
from directory.snapshot import LinePlan
from hotline.settings import Survey
from ticketing.vocabulary import Satisfaction

LEVELS: Final[Mapping[int, Satisfaction]] = dict(enumerate(Satisfaction, start=1))
"""非常满意, 满意, 基本满意, 不满意, 非常不满意: each is asked for by its number's key."""


def is_satisfied(level: int, keys: Survey) -> bool:
    """满意或比较满意 (TH 19), one mapping everywhere: by default the first three, 比较满意 being 基本满意."""
    return level <= keys.satisfied_levels


def asked_about(plan: LinePlan, queue: str, keys: Survey, *, routed: bool) -> bool:
    """Whether a talk is one that citizens are asked about. `routed`: somebody outside took the call. Nobody is asked
    who was in an emergency."""
    if plan.mode is Mode.EMERGENCY or plan.fallback is Fallback.REDIAL:
        return False
    if routed and not keys.routed:
        return False
    return keys.lines.get(plan.number, keys.queues.get(queue, keys.enabled))
