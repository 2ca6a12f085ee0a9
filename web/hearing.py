"""Who may hear recordings: superiors all of them, agents the talks that were their own, if that is the policy."""

from __future__ import annotations

from typing import Final

from directory.models import Role
from directory.users import Person
from hotline.errors import NotAllowed
from hotline.settings import Settings

SUPERIORS: Final = (Role.SUPERVISOR, Role.AUDITOR)
"""They hear whatever there is."""

_SEATED: Final = (Role.AGENT, Role.EXPERT)

HEARERS: Final = (*SUPERIORS, *_SEATED)
KEEPERS: Final = (*SUPERIORS, Role.ADMIN)
"""They set and lift legal holds."""


def hears_own(person: Person, settings: Settings) -> bool:
    """Whether somebody may hear the talks that were their own."""
    return settings.recording.agents_may_hear and person.agent is not None and bool(person.roles & set(_SEATED))


def own_talks(person: Person, settings: Settings) -> str | None:
    """Whose talks somebody may hear: a work number; None is everybody's. Raises NotAllowed."""
    if person.roles & set(SUPERIORS):
        return None
    if person.agent is None or not hears_own(person, settings):
        raise NotAllowed("not your recording to hear")
    return person.agent.work_number
