"""What every table of moves asks of an action: that it is for the person's roles, and comes with what it needs."""

from __future__ import annotations

from directory.models import Role
from ticketing.errors import ActionNotAllowed, DetailMissing, DetailUnexpected
from ticketing.vocabulary import Term


def check_roles(action: Term, held: frozenset[Role], allowed: frozenset[Role]) -> frozenset[Role]:
    """The roles by which somebody who holds these may take the action; raises ActionNotAllowed if there is none."""
    by = allowed & held
    if not by:
        raise ActionNotAllowed(f"{action} ({action.term}) is not for roles {', '.join(sorted(held)) or 'none'}")
    return by


def check_given(action: Term, given: frozenset[str], *, needs: frozenset[str], takes: frozenset[str]) -> None:
    """Names of details: those `given` hold all that the action `needs`, and nothing beyond it and what it `takes`.

    Raises DetailMissing, DetailUnexpected.
    """
    if missing := needs - given:
        raise DetailMissing(f"{action} ({action.term}) needs {', '.join(sorted(missing))}")
    if unexpected := given - needs - takes:
        raise DetailUnexpected(f"{action} ({action.term}) has no use for {', '.join(sorted(unexpected))}")
