"""Live figures: what the line, its queues and its agents do now, and how today has gone so far.

Worked out at most once a second, in one process of the site; see `calls.figure_board` for who reads it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

import structlog
from redis.exceptions import RedisError
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from acd.model import AgentView, CallView
from acd.queue_store import RuleSet, load_rules, rules_version
from acd.queues import QueueRule
from acd.service import Acd
from acd.states import TALKS, AgentState
from calls.figure_board import AGENT, LINE, QUEUE, Change, Entry, FigureBoard
from calls.figure_tables import StayRow
from calls.figures import AgentCounts, CallCounts, Disposition, Scope, call_figures, connection_rate
from calls.history import Period, Step, agent_counts, call_history, total_calls
from directory.loader import CurrentDirectory
from hotline.clock import Clock
from hotline.database import Database
from hotline.errors import HotlineError, PartUnavailable

_log = structlog.get_logger(__name__)

_STEP_SECONDS: Final = 1.0
_TODAY_MS: Final = 5_000
"""How old the figures of today so far may become."""
_ROLLING_MS: Final = 15_000
_ROLLING: Final = timedelta(hours=24)


@dataclass(slots=True)
class SoFar:
    """What has been counted of today, by the city's clock, and of the last 24 hours."""

    queues: Mapping[str, CallCounts] = field(default_factory=dict)
    agents: Mapping[str, AgentCounts] = field(default_factory=dict)
    line: CallCounts = field(default_factory=CallCounts)
    rolling_offered: int = 0
    rolling_answered: int = 0


class LiveFigures:
    """Keeps the board up while it holds the lease. Every site may have several: one is at work."""

    def __init__(
        self,
        *,
        acd: Acd,
        board: FigureBoard,
        database: Database,
        directory: CurrentDirectory,
        zone: ZoneInfo,
        process: str,
        clock: Clock,
    ) -> None:
        self._acd = acd
        self._board = board
        self._database = database
        self._directory = directory
        self._rules: RuleSet | None = None
        self._zone = zone
        self._process = process
        self._clock = clock
        self._shown: dict[str, Entry] | None = None
        """The board as we left it; None while another process writes it."""
        self._so_far = SoFar()
        self._today_ms = self._rolling_ms = 0

    async def run(self) -> None:
        """Once a second until cancelled, through outages of either server."""
        while True:
            try:
                await self.step()
            except (RedisError, HotlineError, OSError, TimeoutError) as error:
                _log.warning("figures.live_waits", reason=type(error).__name__)
            await asyncio.sleep(_STEP_SECONDS)

    async def step(self) -> Change | None:
        """Bring the board up to date; returns what changed, None if another process keeps it."""
        held = await self._board.take(self._process)
        if held is False:
            self._shown = None
            return None
        if held is None or self._shown is None:
            # Newly ours: what the former writer left, or nothing after a flush.
            self._shown = dict((await self._board.read()).entries)
        await self._look_back()
        entries = await self._now()
        change = Change.between(self._shown, entries)
        if change and not await self._board.write(self._process, change, entries):
            self._shown = None
            return None
        self._shown = entries
        return change

    async def _look_back(self) -> None:
        """Read what is counted, from time to time; without PostgreSQL the former figures stay."""
        now_ms = self._clock.now_ms()
        try:
            if now_ms - self._today_ms >= _TODAY_MS:
                await self._read_rules()
                await self._read_today()
                self._today_ms = now_ms
            if now_ms - self._rolling_ms >= _ROLLING_MS:
                await self._read_rolling()
                self._rolling_ms = now_ms
        except (SQLAlchemyError, PartUnavailable, OSError, TimeoutError) as error:
            _log.warning("figures.today_unknown", reason=type(error).__name__)

    async def _read_rules(self) -> None:
        await self._directory.refresh()
        lines = self._directory.snapshot
        async with self._database.transaction() as session:
            if self._rules is None or self._rules.version != await rules_version(session, lines.version):
                self._rules = await load_rules(session, lines.expert_lines(), directory_version=lines.version)

    async def _read_today(self) -> None:
        now = self._clock.now()
        midnight = now.astimezone(self._zone).replace(hour=0, minute=0, second=0, microsecond=0)
        today = Period(midnight, now + timedelta(days=1), Step.WHOLE, self._zone)
        async with self._database.transaction() as session:
            queues = await call_history(session, Scope.QUEUE, today)
            lines = await call_history(session, Scope.HOTLINE, today)
            agents = await agent_counts(session, today)
        self._so_far.queues = {report.subject: report.counts for report in queues}
        self._so_far.line = total_calls(lines)
        self._so_far.agents = {agent: counts for (_, agent), counts in agents.items()}

    async def _read_rolling(self) -> None:
        """接通率 over exactly the last 24 hours (GB/T 33358-2016 asks for any such window)."""
        answered = func.count().filter(StayRow.disposition == Disposition.ANSWERED)
        asked = select(func.count(), answered).where(
            StayRow.scope == Scope.HOTLINE,
            StayRow.offered_at > self._clock.now() - _ROLLING,
            StayRow.disposition != Disposition.EARLY,
        )
        async with self._database.transaction() as session:
            row = (await session.execute(asked)).one()
        self._so_far.rolling_offered, self._so_far.rolling_answered = row

    async def _now(self) -> dict[str, Entry]:
        agents = [view for view in await self._acd.agents() if view.state is not AgentState.SIGNED_OUT]
        lengths = await self._acd.queue_lengths()
        waiting = {queue: await self._acd.waiting(queue) for queue, length in lengths.items() if length}
        rules = {rule.queue: rule for rule in self._rules.rules} if self._rules else {}
        entries = {
            f"{QUEUE}:{queue}": _queue(rules.get(queue), waiting.get(queue, ()), agents, queue, self._so_far)
            for queue in sorted(rules.keys() | lengths.keys() | self._so_far.queues.keys())
        }
        entries |= {f"{AGENT}:{view.agent}": _agent(view, self._so_far) for view in agents}
        entries[LINE] = _line([call for calls in waiting.values() for call in calls], agents, self._so_far)
        return entries


def _queue(
    rule: QueueRule | None, waiting: Sequence[CallView], agents: Sequence[AgentView], queue: str, so_far: SoFar
) -> Entry:
    needs = rule.steps[0].needs if rule else ()
    at_work = Counter(view.state for view in agents if view.queue == queue)
    return {
        "name": rule.name if rule else queue,
        **_waiting(waiting),
        # Whom a call that comes now would be offered to.
        "ready": sum(v.state is AgentState.READY and any(need.met_by(v.groups) for need in needs) for v in agents),
        "talking": sum(at_work[state] for state in TALKS),
        "wrap_up": at_work[AgentState.WRAP_UP],
        **_today(so_far.queues.get(queue, CallCounts())),
    }


def _agent(view: AgentView, so_far: SoFar) -> Entry:
    counts = so_far.agents.get(view.agent, AgentCounts())
    return {
        "extension": view.extension,
        "state": view.state.value,
        "reason": view.reason,
        "since_ms": view.since_ms,
        "queue": view.queue,
        "calls": counts.answered,
        "missed": counts.no_answer + counts.rejected + counts.failed,
        "talk_ms": counts.talk_ms,
    }


def _line(waiting: Sequence[CallView], agents: Sequence[AgentView], so_far: SoFar) -> Entry:
    states = Counter(view.state for view in agents)
    return {
        **_waiting(waiting),
        "agents": {state.value: states[state] for state in sorted(states)},
        **_today(so_far.line),
        "connection_rate_24h": connection_rate(so_far.rolling_answered, so_far.rolling_offered),
    }


def _waiting(calls: Sequence[CallView]) -> Entry:
    return {"waiting": len(calls), "longest_since_ms": min((call.queued_ms for call in calls), default=None)}


def _today(counts: CallCounts) -> Entry:
    """Today's counts and the figures that follow from them."""
    figures = call_figures(counts)
    return {
        "offered": counts.offered,
        "answered": counts.answered,
        "abandoned": counts.abandoned,
        "short_abandoned": counts.short_abandoned,
        "connection_rate": figures.connection_rate,
        "promptness": figures.promptness,
        "service_level": figures.service_level,
        "abandonment": figures.abandonment,
        "average_answer_ms": figures.average_answer_ms,
    }
