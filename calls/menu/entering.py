"""A citizen's call enters the menu of its line, and leaves it for a human: with a queue, with what was chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import structlog

from acd.needs import Need
from acd.queues import QueueRule
from agi.session import AgiSession
from agi.variables import PHASE, Phase
from calls.caller_record import CallerRecord
from calls.keys import Pressed
from calls.live import LiveCall
from calls.menu.running import Left, MenuEnd, OnLine, run_menu
from calls.switchboard import Switchboard
from directory.modes import Fallback
from ivr.events import CallFacts
from ivr.flow import SkillNeed
from ivr.published import Pinned

_log = structlog.get_logger(__name__)

SERVED: Final = "menu"
"""The outcome of a call that a menu served to its end."""


def menu_of(board: Switchboard, live: LiveCall) -> Pinned | None:
    """The menu this call stays with; None: a human directly. Without AMI there are no keys, and an emergency desk is
    not behind a menu."""
    if board.menus is None or not board.ami.connected or live.plan.fallback is Fallback.REDIAL:
        return None
    return board.menus.for_line(live.plan.number, board.clock.now())


async def through_menu(board: Switchboard, live: LiveCall, session: AgiSession, menu: Pinned, pressed: Pressed) -> Left:
    """Take the caller through it. Where it leads to a queue of ours, that is `live.queue` afterwards, and
    `Left.queue` else None. Raises as `run_menu`."""
    await session.set_variable(PHASE, Phase.MENU)
    await session.answer()
    line = OnLine(board, live, session, pressed)
    left = await run_menu(line, menu, facts_of(live, menu), longest_seconds=board.settings.menus.longest_seconds)
    if left.end is MenuEnd.BACK:
        # Nobody sent them here.
        left = replace(left, end=MenuEnd.HUMAN)
    if left.chosen:
        live.told["menu"] = list(left.chosen)
    if left.end is not MenuEnd.HUMAN:
        return left
    queue = _queue(board.queues.rules, left.queue, left.skills)
    if queue is None and (left.queue or left.skills):
        _log.error("menu.no_such_queue", call=live.call, flow=menu.flow, queue=left.queue)
    live.queue = queue or live.queue
    return replace(left, queue=queue)


def facts_of(live: LiveCall, menu: Pinned) -> CallFacts:
    """What is known of a call when its menu begins."""
    return CallFacts(
        live.plan.number,
        live.plan.name_spoken,
        tags(live.record) if live.record else frozenset(),
        menu.flows[menu.flow].language,
    )


def tags(record: CallerRecord) -> frozenset[str]:
    """What menus can ask of a caller: `repeat` (has an open ticket), `vulnerable` (特殊群体), `callback` (is owed one),
    `nuisance` (is flagged)."""
    known = {
        "repeat": bool(record.open_tickets),
        "vulnerable": record.vulnerable,
        "callback": record.callback_since_ms is not None,
        "nuisance": record.treatment is not None,
    }
    return frozenset(tag for tag, holds in known.items() if holds)


def _queue(rules: Mapping[str, QueueRule], named: str | None, skills: Sequence[SkillNeed]) -> str | None:
    """The queue a flow means: the one it names, if its calls ask for these skills; else one whose calls do; else the
    one it names. None: there is none of them."""
    there = named if named in rules else None
    if not skills:
        return there
    need = Need.of({skill.skill: skill.level for skill in skills})
    asking = [queue for queue, rule in rules.items() if need in rule.steps[0].needs]
    return there if there in asking else next(iter(sorted(asking)), there)
