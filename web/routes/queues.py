"""Queues (队列): whom they ask for by steps, their limits, hours and routes; a change names the version it saw."""

from __future__ import annotations

from typing import Annotated, Self

from fastapi import APIRouter, Query, Response, status
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession

from acd import opening, queue_store
from acd.needs import Need
from acd.opening import StoredOpening
from acd.queue_store import StoredRule, UnknownQueueRule
from acd.queues import Overflow, OverflowAction, QueueRule, QueueStep, TieBreak
from directory.models import Role
from hotline.errors import InvalidInput, PartUnavailable
from web import conditional
from web.access import Parts, Transaction, roles
from web.administration import Administration, GroupId, Name, known_groups, known_queues
from web.conditional import Expected, IfNoneMatch
from web.problems import DOCUMENTED
from web.services import Services

router = APIRouter(prefix="/api/queues", tags=["queues"], responses=DOCUMENTED)

_READERS = (Role.AGENT, Role.EXPERT, Role.SUPERVISOR, Role.AUDITOR, Role.ADMIN)
_DAY_MS = 24 * 3_600_000

Ms = Annotated[int, Field(ge=0, le=_DAY_MS, description="Milliseconds.")]
_READ = "The version that was read; may be named by If-Match instead."
Version = Annotated[int | None, Query(ge=0, lt=2**31, description=_READ)]
BodyVersion = Annotated[int | None, Field(ge=0, lt=2**31, description=_READ)]


class Step(BaseModel):
    """From `after_ms` on, agents who meet any of `needs`, e.g. `expert-12333:4` or `dialect-henan:2+general`."""

    model_config = ConfigDict(extra="forbid")

    after_ms: Ms
    needs: list[Annotated[str, Field(max_length=200)]] = Field(min_length=1, max_length=16)


class OverflowIn(BaseModel):
    """What happens to a call; `queue` with the action `queue` only."""

    model_config = ConfigDict(extra="forbid")

    action: OverflowAction = OverflowAction.WAIT_ON
    queue: str = ""


class Rule(BaseModel):
    """A queue as administrators lay it down."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    steps: list[Step] = Field(min_length=1, max_length=16)
    tie_break: TieBreak = TieBreak.LONGEST_IDLE
    wrap_up_ms: Ms = 30_000
    wrap_up_max_ms: Ms = 300_000
    affinity_ms: Ms = 10_000
    max_waiting: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    when_full: OverflowIn = OverflowIn()
    max_wait_ms: Ms | None = None
    when_late: OverflowIn = OverflowIn()
    service_level_ms: Ms = 20_000

    @classmethod
    def of(cls, rule: QueueRule) -> Self:
        """As the API tells of a rule."""
        return cls(
            name=rule.name,
            steps=[Step(after_ms=step.after_ms, needs=[need.text for need in step.needs]) for step in rule.steps],
            tie_break=rule.tie_break,
            wrap_up_ms=rule.wrap_up_ms,
            wrap_up_max_ms=rule.wrap_up_max_ms,
            affinity_ms=rule.affinity_ms,
            max_waiting=rule.max_waiting,
            when_full=OverflowIn(action=rule.when_full.action, queue=rule.when_full.queue),
            max_wait_ms=rule.max_wait_ms,
            when_late=OverflowIn(action=rule.when_late.action, queue=rule.when_late.queue),
            service_level_ms=rule.service_level_ms,
        )

    def to_rule(self, queue: str) -> QueueRule:
        """The value; raises InvalidInput for what cannot be a rule."""
        return QueueRule(
            queue=queue,
            name=self.name,
            steps=tuple(QueueStep(step.after_ms, tuple(map(Need.parse, step.needs))) for step in self.steps),
            tie_break=self.tie_break,
            wrap_up_ms=self.wrap_up_ms,
            wrap_up_max_ms=self.wrap_up_max_ms,
            affinity_ms=self.affinity_ms,
            max_waiting=self.max_waiting,
            when_full=Overflow(self.when_full.action, self.when_full.queue),
            max_wait_ms=self.max_wait_ms,
            when_late=Overflow(self.when_late.action, self.when_late.queue),
            service_level_ms=self.service_level_ms,
        )


class RuleIn(BaseModel):
    """A rule to lay down. `version` is the one that was read: 0 for a new queue, and for one that is a default."""

    model_config = ConfigDict(extra="forbid")

    version: BodyVersion = None
    rule: Rule


class OpeningIn(BaseModel):
    """When a queue takes calls, and which does while it does not; an empty `closed_queue`: its calls wait in it."""

    model_config = ConfigDict(extra="forbid")

    version: BodyVersion = None
    schedule: Name
    closed_queue: Annotated[str, Field(max_length=32, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""


class OpeningOut(BaseModel):
    """A queue's hours by the name of their schedule."""

    model_config = ConfigDict(from_attributes=True)

    schedule: str
    closed_queue: str
    version: int


class QueueOut(BaseModel):
    """A queue and how it stands."""

    queue: str
    version: int
    """To be named when changing it; 0: a default, nobody has laid it down."""
    has_default: bool
    """Whether it goes back to a default when it is taken away; else it is gone."""
    rule: Rule
    opening: OpeningOut | None
    """None: always open."""
    taken_by: str
    """The queue that takes its calls now: itself while it is open."""
    provisional: bool
    """Whether its hours follow holidays that nobody has laid down for today yet."""
    waiting: int | None
    """Calls that wait in it; None while distribution does not answer."""


@router.get("", dependencies=[roles(*_READERS)])
async def list_queues(session: Transaction, services: Parts) -> list[QueueOut]:
    """Every queue, defaults included."""
    return await _queues(session, services)


@router.get("/{queue}", dependencies=[roles(*_READERS)], response_model=QueueOut)
async def one_queue(
    queue: GroupId, session: Transaction, services: Parts, if_none_match: IfNoneMatch = None
) -> Response:
    """One queue; the ETag is of its rule, the opening has a version of its own."""
    found = _named(await _queues(session, services), queue)
    return conditional.answer(found, found.version, if_none_match)


@router.put("/{queue}", dependencies=[roles(Role.ADMIN)])
async def save_queue(queue: GroupId, body: RuleIn, expected: Expected, change: Administration) -> QueueOut:
    """Lay down a queue. Calls that wait in it are asked for under the new steps within a second, at their places."""
    session, services = change.session, change.services
    rule = body.rule.to_rule(queue)
    asked = {skill for step in rule.steps for need in step.needs for skill in need.skills}
    unknown = sorted(asked - (await known_groups(session, services)).keys())
    if unknown:
        raise InvalidInput(f"no such skill group: {', '.join(unknown)}", remedy="enter the group first")
    known = await known_queues(session, services)
    version = expected.version(body.version)
    await queue_store.save_rule(session, rule, version=version, known=known.keys(), now=services.clock.now())
    await change.record("queue.saved", f"queue:{queue}", _told(known.get(queue)), body.rule.model_dump(mode="json"))
    return _named(await _queues(session, services), queue)


@router.delete("/{queue}", status_code=status.HTTP_204_NO_CONTENT, dependencies=[roles(Role.ADMIN)])
async def remove_queue(queue: GroupId, expected: Expected, change: Administration, version: Version = None) -> None:
    """Take a queue away; one with a default goes back to it. Refused while another queue leads into it."""
    session, services = change.session, change.services
    before = (await known_queues(session, services)).get(queue)
    read = expected.version(version)
    is_default = queue in _defaults(services)
    await queue_store.remove_rule(session, queue, version=read, is_default=is_default, now=services.clock.now())
    await change.record("queue.removed", f"queue:{queue}", _told(before))


@router.put("/{queue}/opening", dependencies=[roles(Role.ADMIN)])
async def save_opening(queue: GroupId, body: OpeningIn, expected: Expected, change: Administration) -> QueueOut:
    """Lay down when a queue takes calls, and where they go while it does not (night route)."""
    session, services = change.session, change.services
    known = await known_queues(session, services)
    if queue not in known:
        raise UnknownQueueRule("no such queue")
    before = (await opening.stored_openings(session)).get(queue)
    version = await opening.save_opening(
        session,
        queue,
        body.schedule,
        body.closed_queue,
        version=expected.version(body.version),
        known=known.keys(),
        now=services.clock.now(),
    )
    after = StoredOpening(body.schedule, body.closed_queue, version)
    await change.record("queue.opening_saved", f"queue:{queue}", before, after)
    return _named(await _queues(session, services), queue)


@router.delete("/{queue}/opening", status_code=status.HTTP_204_NO_CONTENT, dependencies=[roles(Role.ADMIN)])
async def remove_opening(queue: GroupId, expected: Expected, change: Administration, version: Version = None) -> None:
    """Let a queue be open always."""
    before = (await opening.stored_openings(change.session)).get(queue)
    read = expected.version(version)
    await opening.remove_opening(change.session, queue, version=read, now=change.services.clock.now())
    await change.record("queue.opening_removed", f"queue:{queue}", before)


async def _queues(session: AsyncSession, services: Services) -> list[QueueOut]:
    now = services.clock.now()
    stored = await opening.stored_openings(session)
    openings = await opening.load_openings(session)
    defaults = _defaults(services)
    try:
        waiting = await services.acd.queue_lengths()
    except PartUnavailable:
        waiting = None
    return [
        QueueOut(
            queue=queue,
            version=one.version,
            has_default=queue in defaults,
            rule=Rule.of(one.rule),
            opening=OpeningOut.model_validate(stored[queue]) if queue in stored else None,
            taken_by=opening.queue_now(queue, now, openings),
            provisional=queue in openings and openings[queue].hours.is_provisional(now),
            waiting=None if waiting is None else waiting.get(queue, 0),
        )
        for queue, one in (await known_queues(session, services)).items()
    ]


def _defaults(services: Services) -> set[str]:
    return {one.queue for one in queue_store.default_rules(services.directory.snapshot.expert_lines())}


def _named(queues: list[QueueOut], queue: str) -> QueueOut:
    for one in queues:
        if one.queue == queue:
            return one
    raise UnknownQueueRule("no such queue")


def _told(stored: StoredRule | None) -> object:
    return Rule.of(stored.rule).model_dump(mode="json") if stored else None
