"""The queues as a voice process knows them, and what the ACD is asked for when a citizen's call joins one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from acd.errors import EpochChanged
from acd.model import CallRequest
from acd.opening import Opening, load_openings, queue_now
from acd.queue_store import RuleSet, default_rules, load_rules, rules_version
from acd.queues import QueueRule
from acd.service import Acd
from calls.live import LiveCall
from directory import repository
from directory.loader import CurrentDirectory
from directory.modes import GENERAL_GROUP
from directory.snapshot import LinePlan
from hotline.database import Database
from hotline.errors import PartUnavailable
from hotline.workdays import Workdays

_log = structlog.get_logger(__name__)

_CLOSING = timedelta(minutes=1)
_BEFORE_ALL = -1
"""Version of the defaults a process falls back on without PostgreSQL: any rules that were laid down are newer."""


class CurrentQueues:
    """A process's copy of the queues' rules: read from PostgreSQL when their version grows, and told to the ACD.

    Call `refresh` at the start and then every half second; one query answers that nothing has changed.
    """

    def __init__(self, database: Database, directory: CurrentDirectory, acd: Acd, *, wrap_up_ms: int) -> None:
        self._database = database
        self._directory = directory
        self._acd = acd
        self._wrap_up_ms = wrap_up_ms
        self._known: RuleSet | None = None
        self._openings: Mapping[str, Opening] = {}
        self._closed: Mapping[str, datetime] = {}
        """Queues whose calls go elsewhere now, and when that was first seen."""
        self.workdays = Workdays()
        """The calendar, with what was laid down here."""
        self._told: tuple[int, int] | None = None
        """Version and epoch of what the ACD was told last."""

    @property
    def rules(self) -> Mapping[str, QueueRule]:
        """Every queue by name; empty before the first refresh."""
        return {rule.queue: rule for rule in self._known.rules} if self._known else {}

    @property
    def version(self) -> int | None:
        """Of the rules in use; None before the first refresh."""
        return self._known.version if self._known else None

    def wrap_up_ms(self, queue: str) -> int:
        """After-call work (话后整理) for calls of a queue."""
        rule = self.rules.get(queue)
        return rule.wrap_up_ms if rule else self._wrap_up_ms

    def open_now(self, queue: str, at: datetime) -> str:
        """The queue that takes the calls of `queue` at that moment: itself, or where its hours send them."""
        taken_by = queue_now(queue, at, self._openings)
        return taken_by if taken_by in self.rules else queue

    def closed_lately(self, at: datetime) -> dict[str, str]:
        """Queues that closed in the minute before `at`, each with the one that takes its calls.

        A minute, so that a move which could not be done is tried again, and a call put into a closed queue by hand
        later on stays there.
        """
        ways = {queue: self.open_now(queue, at) for queue in self._openings}
        self._closed = {queue: self._closed.get(queue, at) for queue, taken_by in ways.items() if taken_by != queue}
        return {queue: ways[queue] for queue, since in self._closed.items() if at - since < _CLOSING}

    async def refresh(self) -> None:
        """Take over newer rules and tell the ACD. Without PostgreSQL the present ones stay, at the start the defaults;
        without the ACD it is told next time."""
        try:
            await self._read()
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            if self._known is None:
                _log.warning("queues.defaults_only", error=type(error).__name__)
                self._known = RuleSet(
                    _BEFORE_ALL, default_rules(self._directory.snapshot.expert_lines(), wrap_up_ms=self._wrap_up_ms)
                )
        await self.tell_again()

    async def tell_again(self) -> None:
        """`tell`, if it can be done now."""
        try:
            await self.tell()
        except (EpochChanged, PartUnavailable) as error:
            _log.info("queues.not_told", code=error.code)

    async def tell(self) -> None:
        """Give the ACD the rules, unless it has them in this epoch; raises EpochChanged, PartUnavailable."""
        known, acd = self._known, self._acd
        if known is not None and self._told != (known.version, acd.epoch):
            await acd.configure(known.rules, known.version)
            self._told = (known.version, acd.epoch)

    async def _read(self) -> None:
        async with self._database.transaction() as session:
            directory = self._directory.snapshot.version
            if self._known and await rules_version(session, directory) == self._known.version:
                return
            known = await load_rules(
                session,
                self._directory.snapshot.expert_lines(),
                directory_version=directory,
                wrap_up_ms=self._wrap_up_ms,
            )
            self._openings = await load_openings(session)
            self.workdays = await repository.workdays(session)
            self._known = known
        _log.info("queues.loaded", version=self._known.version, queues=len(self._known.rules))


def queue_of(plan: LinePlan, rules: Mapping[str, QueueRule]) -> str:
    """The queue a line's calls wait in: that of its experts while they are due, else the general one."""
    queue = plan.groups_first[0]
    return queue if queue in rules else GENERAL_GROUP


def request(live: LiveCall, process: str) -> CallRequest:
    """What the ACD is asked for, at the place that the time of entry and the head start give."""
    return CallRequest(
        call=live.call,
        entered_ms=live.entered_ms,
        owner=process,
        queue=live.queue,
        head_start_ms=live.head_start_ms,
        prefer=live.prefer,
        only=live.only,
        hotline=live.plan.number,
        label=live.label(),
        queued_ms=live.queued_ms,
    )
