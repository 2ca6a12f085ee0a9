"""The rules of all queues: as administrators keep them in PostgreSQL, and by default as the directory suggests."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from acd.needs import Need
from acd.queue_tables import QueueOpeningRow, QueueRow, QueueStepRow, RulesVersion
from acd.queues import Overflow, OverflowAction, QueueRule, QueueStep
from directory.lines import readable_name
from directory.modes import GENERAL_GROUP, expert_group
from hotline.errors import Conflict, InvalidInput, NotFound, Stale

NIGHT, ENTERPRISE = "night", "enterprise"
"""Default queues, and the skill groups they ask first."""

_RELAX_MS = 15_000
"""After how long the default night and enterprise queues ask general agents too."""
_VERSION_ROW = 1
_LONGEST_MS = 24 * 3_600_000


class UnknownQueueRule(NotFound):
    """No such queue."""

    code = "queue.unknown"


class StaleRule(Stale):
    """Somebody else changed this queue meanwhile; nothing was changed."""

    code = "queue.stale"


class QueueInUse(Conflict):
    """Another queue leads here."""

    code = "queue.in_use"


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Every queue there is. `version` grows with every change of queues, their opening, groups or the directory."""

    version: int
    rules: tuple[QueueRule, ...]

    def rule(self, queue: str) -> QueueRule:
        """The queue of that name; raises UnknownQueueRule."""
        for rule in self.rules:
            if rule.queue == queue:
                return rule
        raise UnknownQueueRule("no such queue")


@dataclass(frozen=True, slots=True)
class StoredRule:
    """A rule and the version to name when changing it; 0: nobody has laid it down, it is a default."""

    rule: QueueRule
    version: int


def default_rules(lines: Iterable[tuple[str, int]], *, wrap_up_ms: int = 30_000) -> tuple[QueueRule, ...]:
    """What holds where nobody has laid down anything: the general queue, each line's experts, enterprise, night.

    `lines` are pairs (number, milliseconds after which general agents are asked too) of lines with expert seats;
    `wrap_up_ms` is the line's usual after-call work.
    """
    general = Need.of({GENERAL_GROUP: 1})

    def first(group: str, name: str, relax_ms: int) -> QueueRule:
        own = Need.of({group: 1})
        # At 0 general agents are asked from the beginning: one step, for the second would begin with the first.
        steps = [QueueStep(0, (own,)), QueueStep(relax_ms, (own, general))] if relax_ms > 0 else []
        return rule(group, name, *(steps or [QueueStep(0, (own, general))]))

    def rule(queue: str, name: str, *steps: QueueStep) -> QueueRule:
        return QueueRule(queue, name, steps, wrap_up_ms=wrap_up_ms, wrap_up_max_ms=max(300_000, wrap_up_ms))

    return (
        rule(GENERAL_GROUP, "综合", QueueStep(0, (general,))),
        first(ENTERPRISE, "企业服务", _RELAX_MS),
        first(NIGHT, "夜间", _RELAX_MS),
        *(first(expert_group(number), f"{number}专家", relax_ms) for number, relax_ms in lines),
    )


async def rules_version(session: AsyncSession, directory_version: int) -> int:
    """The version `load_rules` would give now: one query, to be asked often.

    `directory_version` is that of the directory the caller has its lines from: the defaults come from them. Both
    numbers only grow, so their sum tells of a change of either, and processes whose directories differ for a moment
    agree on who is ahead.
    """
    return directory_version + (await session.scalar(select(RulesVersion.version)) or 0)


async def load_rules(
    session: AsyncSession, lines: Iterable[tuple[str, int]], *, directory_version: int, wrap_up_ms: int = 30_000
) -> RuleSet:
    """All queues: those laid down, and the default of each that is not.

    `lines` and `wrap_up_ms` as `default_rules` takes them, `directory_version` as `rules_version` does. An overflow
    into a queue that is gone, as a line's that lost its expert seats, is no overflow.
    """
    # The version first: what is changed after it is read comes once more, under the next version.
    version = await rules_version(session, directory_version)
    stored = await stored_rules(session, lines, wrap_up_ms=wrap_up_ms)
    return RuleSet(version, tuple(_within(one.rule, stored.keys()) for one in stored.values()))


async def stored_rules(
    session: AsyncSession, lines: Iterable[tuple[str, int]], *, wrap_up_ms: int = 30_000
) -> dict[str, StoredRule]:
    """Every rule by name as it was laid down, with its own version, for who edits them."""
    defaults = {one.queue: StoredRule(one, 0) for one in default_rules(lines, wrap_up_ms=wrap_up_ms)}
    return dict(sorted((defaults | await _stored(session)).items()))


async def save_rule(
    session: AsyncSession, rule: QueueRule, *, version: int, known: Collection[str], now: datetime
) -> int:
    """Lay down a queue; returns its new version. `version` is the one that was read, 0 of one that is new or a default.

    `known` are the queues there are, defaults included. Raises StaleRule if the queue has another version by now,
    InvalidInput for a name that cannot be read, an absurd limit, or an overflow into a queue that is none.
    """
    _check(rule, {*known, rule.queue})
    await begin_change(session, now)
    row = await session.get(QueueRow, rule.queue, populate_existing=True)
    if (row.version if row else 0) != version:
        raise StaleRule("the queue was changed meanwhile", remedy="read it again")
    if row is None:
        row = QueueRow(queue=rule.queue, version=0)
        session.add(row)
    row.name = rule.name.strip()
    row.tie_break = rule.tie_break
    row.wrap_up_ms, row.wrap_up_max_ms, row.affinity_ms = rule.wrap_up_ms, rule.wrap_up_max_ms, rule.affinity_ms
    row.max_waiting, row.max_wait_ms, row.service_level_ms = rule.max_waiting, rule.max_wait_ms, rule.service_level_ms
    row.when_full, row.full_queue = rule.when_full.action, rule.when_full.queue or None
    row.when_late, row.late_queue = rule.when_late.action, rule.when_late.queue or None
    row.version = version + 1
    await session.flush()
    await session.execute(delete(QueueStepRow).where(QueueStepRow.queue == rule.queue))
    await session.execute(
        insert(QueueStepRow),
        [
            {"queue": rule.queue, "after_ms": step.after_ms, "needs": [need.text for need in step.needs]}
            for step in rule.steps
        ],
    )
    await changed(session, now)
    return row.version


async def remove_rule(session: AsyncSession, queue: str, *, version: int, is_default: bool, now: datetime) -> None:
    """Take a queue away; one with a default goes back to it.

    Raises UnknownQueueRule, StaleRule, QueueInUse if calls would be led here from another queue afterwards.
    """
    await begin_change(session, now)
    row = await session.get(QueueRow, queue, populate_existing=True)
    if row is None:
        raise UnknownQueueRule("nobody has laid down this queue")
    if row.version != version:
        raise StaleRule("the queue was changed meanwhile", remedy="read it again")
    if not is_default:
        leads = select(QueueRow.queue).where((QueueRow.full_queue == queue) | (QueueRow.late_queue == queue))
        closed = select(QueueOpeningRow.queue).where(QueueOpeningRow.closed_queue == queue)
        if await session.scalar(leads.limit(1)) or await session.scalar(closed.limit(1)):
            raise QueueInUse("another queue leads into this one", remedy="change that one first")
        await session.execute(delete(QueueOpeningRow).where(QueueOpeningRow.queue == queue))
    await session.delete(row)
    await changed(session, now)


async def begin_change(session: AsyncSession, now: datetime) -> None:
    """Wait for our turn to write: holds the version row until the transaction ends."""
    row = {"id": _VERSION_ROW, "version": 0, "changed_at": now}
    await session.execute(insert(RulesVersion).values(row).on_conflict_do_nothing())
    await session.execute(select(RulesVersion.version).with_for_update())


async def changed(session: AsyncSession, now: datetime) -> None:
    """Count the version up. Every change of queues or their opening ends with it."""
    await session.flush()
    await session.execute(update(RulesVersion).values(version=RulesVersion.version + 1, changed_at=now))


def _check(rule: QueueRule, known: Collection[str]) -> None:
    if not readable_name(rule.name):
        raise InvalidInput("a queue's name has 1 to 64 printable characters")
    limits = (rule.wrap_up_max_ms, rule.affinity_ms, rule.max_wait_ms, rule.service_level_ms, rule.steps[-1].after_ms)
    if any(limit is not None and limit > _LONGEST_MS for limit in limits):
        raise InvalidInput("no limit of a queue is longer than a day")
    if rule.max_waiting is not None and rule.max_waiting > 1_000_000:
        raise InvalidInput("nobody has that many callers")
    for overflow in (rule.when_full, rule.when_late):
        if overflow.queue == rule.queue:
            raise InvalidInput("a queue does not overflow into itself")
        if overflow.action is OverflowAction.QUEUE and overflow.queue not in known:
            raise InvalidInput("the overflow names no queue there is")


def _within(rule: QueueRule, known: Collection[str]) -> QueueRule:
    def kept(overflow: Overflow) -> Overflow:
        return overflow if not overflow.queue or overflow.queue in known else Overflow()

    lost = any(one.queue and one.queue not in known for one in (rule.when_full, rule.when_late))
    return replace(rule, when_full=kept(rule.when_full), when_late=kept(rule.when_late)) if lost else rule


async def _stored(session: AsyncSession) -> dict[str, StoredRule]:
    # One statement, so that a queue and its steps are of one moment.
    query = (
        select(QueueRow, QueueStepRow)
        .join(QueueStepRow, QueueStepRow.queue == QueueRow.queue)
        .order_by(QueueRow.queue, QueueStepRow.after_ms)
        .execution_options(populate_existing=True)
    )
    rows: dict[str, QueueRow] = {}
    steps: dict[str, list[QueueStep]] = {}
    for row, step in await session.execute(query):
        rows[row.queue] = row
        needs = tuple(Need.parse(need) for need in step.needs)
        steps.setdefault(row.queue, []).append(QueueStep(step.after_ms, needs))
    return {queue: StoredRule(_rule(row, tuple(steps[queue])), row.version) for queue, row in rows.items()}


def _rule(row: QueueRow, steps: tuple[QueueStep, ...]) -> QueueRule:
    return QueueRule(
        queue=row.queue,
        name=row.name,
        steps=steps,
        tie_break=row.tie_break,
        wrap_up_ms=row.wrap_up_ms,
        wrap_up_max_ms=row.wrap_up_max_ms,
        affinity_ms=row.affinity_ms,
        max_waiting=row.max_waiting,
        when_full=Overflow(row.when_full, row.full_queue or ""),
        max_wait_ms=row.max_wait_ms,
        when_late=Overflow(row.when_late, row.late_queue or ""),
        service_level_ms=row.service_level_ms,
    )
