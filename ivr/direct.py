"""The direct flow (直达人工): the line's own greeting, then a human. It is what a line has until a menu is published,
and what it falls back to; GB/T 33358-2016 discourages menus."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from directory.snapshot import LinePlan


def opening(plan: LinePlan, rendered: Callable[[str], bool], spell: Callable[[str], Iterable[str]]) -> list[str]:
    """What the citizen hears before the queue: prompt keys in order.

    A line without a rendered greeting of its own (its number was added while the line runs) is named by its digits,
    so that the caller still hears where the call has landed. `spell` turns digits into prompt keys.
    """
    if rendered(plan.greeting):
        return [plan.greeting]
    return ["greeting.generic.before", *spell(plan.number), "greeting.generic.after"]
