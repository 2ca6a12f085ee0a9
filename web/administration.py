"""What the routes of administration share: the audit of a change, and what the directory suggests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Path
from pydantic import StringConstraints
from sqlalchemy.ext.asyncio import AsyncSession

from acd.queue_store import StoredRule, stored_rules
from acd.skills import SkillGroup, groups
from directory import audit
from directory.sessions import SignedIn
from web.access import CurrentSession, Parts, Transaction, actor_of
from web.services import Services

GroupId = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$")
]
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$")]
Reason = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$")
]


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the administration by whoever is signed in, in the transaction of the request."""

    session: AsyncSession
    services: Services
    by: SignedIn

    @property
    def actor(self) -> str:
        """Work number (工号), else login, of who changes it."""
        return actor_of(self.by).user

    async def record(self, action: str, subject: str, before: Any = None, after: Any = None) -> None:
        """Append it to the audit log; the last thing a route does. No citizen's number may be in it."""
        await audit.record(
            self.session,
            at=self.services.clock.now(),
            actor=self.actor,
            action=action,
            subject=subject,
            before=before,
            after=after,
        )


def _change(session: Transaction, services: Parts, by: CurrentSession) -> Change:
    return Change(session, services, by)


Administration = Annotated[Change, Depends(_change)]


async def known_queues(session: AsyncSession, services: Services) -> dict[str, StoredRule]:
    """Every queue by name, as laid down or by default."""
    lines = services.directory.snapshot.expert_lines()
    settings = services.settings.acd
    return await stored_rules(session, lines, wrap_up_ms=settings.wrap_up_seconds * 1000)


async def known_groups(session: AsyncSession, services: Services) -> dict[str, SkillGroup]:
    """Every skill group by id, as laid down or by default."""
    snapshot = services.directory.snapshot
    names = {line.number: line.name_spoken for line in snapshot.lines}
    return await groups(session, [(number, names[number]) for number, _ in snapshot.expert_lines()])
