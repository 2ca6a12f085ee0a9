"""The world as the validation and the simulator of menus ask about it: everything a flow can name, as it is now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from acd.opening import Opening, load_openings, queue_now
from acd.queue_store import stored_rules
from acd.skills import groups
from calls.menu.days import Days
from directory import repository
from directory.snapshot import DirectorySnapshot
from directory.targets import targets
from hotline.settings import Settings
from ivr.cases import CaseResult, run_cases
from ivr.flow import Flow
from ivr.judging import Verdict, id_of, told
from ivr.lengths import seconds_with
from ivr.published import Snapshot, called_by
from ivr.published_rows import load_here
from ivr.validation import Severity, findings
from media.studio import Library, library
from ticketing.knowledge.states import VersionState
from ticketing.knowledge.tables import EntryRow, VersionRow


@dataclass(frozen=True)
class MenuWorld:
    """What there is (`ivr.validation.World`). `flows` are those in force; `names` says how lines are called."""

    queues: Collection[str]
    lines: Collection[str]
    targets: Collection[str]
    knowledge: Collection[str]
    hours: Collection[str]
    skills: Collection[str]
    flows: Mapping[str, Flow]
    sounds: Library
    days: Days
    names: Mapping[str, str]

    @property
    def recordings(self) -> Collection[str]:
        return self.sounds.recordings.keys()

    def rendered(self, text: str) -> bool:
        return self.sounds.rendered(text)

    def seconds(self, text: str) -> float:
        return self.sounds.seconds(text)

    def recording_seconds(self, code: str) -> float:
        return self.sounds.recording_seconds(code) or 0.0

    def with_flow(self, flow: Flow) -> MenuWorld:
        """The same world with this flow in force."""
        return replace(self, flows={**self.flows, flow.flow: flow})

    def name_of(self, line: str) -> str:
        """How a line is called; one that does not exist by its number."""
        return self.names.get(line, line)

    def cases_of(self, flow: Flow) -> tuple[CaseResult, ...]:
        """What becomes of a flow's cases."""
        return run_cases(
            flow,
            self.flows,
            self.days,
            self.days.zone,
            line_name=self.name_of,
            seconds_of=seconds_with(self.sounds),
        )

    def judged(self, flow: Flow) -> Verdict:
        """Everything that is to be said of a flow, and of the flows in force that lead into it."""
        return Verdict(findings(flow, self), self.cases_of(flow), self._led_here(flow))

    async def judge(self, flow: Flow) -> Verdict:
        """The same beside the loop: sockets of agents are served by it too."""
        return await asyncio.to_thread(self.judged, flow)

    def _led_here(self, flow: Flow) -> dict[str, tuple[str, ...]]:
        """What would be wrong with other flows, and is not now."""
        after = self.with_flow(flow)
        found = {key: after._wrong(one) for key, one in self.flows.items() if self._leads(one, flow.flow)}
        new = {key: wrong.keys() - self._wrong(self.flows[key]).keys() for key, wrong in found.items()}
        return {key: tuple(found[key][one] for one in sorted(ids)) for key, ids in new.items() if ids}

    def _wrong(self, flow: Flow) -> dict[str, str]:
        """Errors and failing cases, each in words."""
        errors = {id_of(one): told(one) for one in findings(flow, self) if one.severity is Severity.ERROR}
        cases = {f"case:{one.name}": f"用例“{one.name}”未通过" for one in self.cases_of(flow) if not one.passed}
        return errors | cases

    def _leads(self, flow: Flow, to: str) -> bool:
        """Whether a flow leads into another, by whatever way."""
        seen: set[str] = set()
        waiting = [flow.flow]
        while waiting:
            key = waiting.pop()
            if key not in seen and key in self.flows:
                seen.add(key)
                waiting += called_by(self.flows[key])
        return to in seen and flow.flow != to


async def load_world(
    session: AsyncSession, directory: DirectorySnapshot, settings: Settings, now: datetime
) -> MenuWorld:
    """The world as this transaction sees it; the flows are those in force at `now`."""
    experts = directory.expert_lines()
    names = {line.number: line.name_spoken for line in directory.lines}
    rules = await stored_rules(session, experts, wrap_up_ms=settings.acd.wrap_up_seconds * 1000)
    openings = await load_openings(session)
    menus = Snapshot(await load_here(session, now))
    parties = targets(directory, now, queues={queue: one.rule.name for queue, one in rules.items()})
    days = Days(
        ZoneInfo(settings.site.timezone),
        await repository.workdays(session),
        directory,
        _open_by(openings, frozenset(rules)),
    )
    return MenuWorld(
        queues=frozenset(rules),
        lines=frozenset(names),
        targets=frozenset(one.key for one in parties),
        knowledge=frozenset(await session.scalars(_SPOKEN)),
        hours=frozenset(names) | frozenset(rules),
        skills=frozenset(await groups(session, [(number, names[number]) for number, _ in experts])),
        flows=menus.in_force(now),
        sounds=await library(session),
        days=days,
        names=names,
    )


_SPOKEN = (
    select(EntryRow.code)
    .join(VersionRow, VersionRow.entry_id == EntryRow.id)
    .where(VersionRow.state == VersionState.PUBLISHED, VersionRow.spoken != "")
    .distinct()
)
"""Entries that can be read aloud on the telephone."""


def _open_by(openings: Mapping[str, Opening], queues: Collection[str]) -> Callable[[str, datetime], bool]:
    return lambda queue, at: queue in queues and queue_now(queue, at, openings) == queue
