"""What a ticket may do next, and who may do it: one table, and one function that applies it.

The order follows TH 13-20: a ticket that can be answered at once is answered and closed (TH 14); any other goes to a
unit, is replied to, reviewed by the unit's head (TH 17), visited (TH 20), closed and archived (TH 19). An archived
ticket is never reopened: a new one refers to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from directory.models import Role
from ticketing import assignment, repository
from ticketing.errors import (
    ActionNotAllowed,
    ActionNotPossible,
    DetailMissing,
    DetailUnexpected,
    NotYourUnitsTicket,
    StaleTicket,
)
from ticketing.models import TicketRow
from ticketing.schemas import Actor, Details, Ticket
from ticketing.vocabulary import Action, State

DESK = frozenset({Role.AGENT, Role.EXPERT, Role.SUPERVISOR})
"""People who take calls."""
CENTRE = frozenset({Role.DISPATCHER, Role.SUPERVISOR})
"""People of the centre who route demands."""
UNIT = frozenset({Role.UNIT_HANDLER, Role.UNIT_HEAD})
"""People of a unit who work on its tickets."""
UNIT_HEAD = frozenset({Role.UNIT_HEAD})
VISITORS = frozenset({Role.VISIT_AGENT, Role.SUPERVISOR})
SUPERVISION = frozenset({Role.SUPERVISOR, Role.INSPECTOR})
RATERS = frozenset({Role.AGENT, Role.EXPERT, Role.VISIT_AGENT, Role.SUPERVISOR})
"""People who may write down what a citizen says of the handling."""

OF_A_UNIT = frozenset({Role.UNIT_HANDLER, Role.UNIT_HEAD, Role.UNIT_LEADER})
"""Roles that reach only their own unit's tickets."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table. `needs` must be given with the action; `takes` may be."""

    next: State
    roles: frozenset[Role]
    needs: frozenset[str] = frozenset()
    takes: frozenset[str] = frozenset({"note"})


_NOTE = frozenset({"note"})
_REFUSAL = frozenset({"note", "ground"})

TRANSITIONS: Mapping[tuple[State, Action], Rule] = {
    # 受理: the desk writes it down, answers it, takes it on, or refuses it with ground and guidance (TH 10, 14).
    (State.REGISTERED, Action.AMEND): Rule(State.REGISTERED, DESK, frozenset({"changes"})),
    (State.REGISTERED, Action.ANSWER): Rule(State.ANSWERED, DESK, _NOTE),
    (State.REGISTERED, Action.ACCEPT): Rule(State.TO_DISPATCH, DESK),
    (State.REGISTERED, Action.REFUSE): Rule(State.REFUSED, DESK, _REFUSAL),
    (State.REFUSED, Action.ARCHIVE): Rule(State.ARCHIVED, DESK | CENTRE),
    (State.ANSWERED, Action.CLOSE): Rule(State.CLOSED, DESK),
    (State.ANSWERED, Action.EVALUATE): Rule(State.ANSWERED, RATERS, frozenset({"satisfaction"})),
    # 派单: same calendar day (TH 15); 退单 with reason, decided by the centre.
    (State.TO_DISPATCH, Action.DISPATCH): Rule(
        State.TO_SIGN, CENTRE, frozenset({"lead_unit"}), frozenset({"note", "assisting_units"})
    ),
    (State.TO_DISPATCH, Action.REFUSE): Rule(State.REFUSED, CENTRE, _REFUSAL),
    (State.TO_SIGN, Action.SIGN_FOR): Rule(State.HANDLING, UNIT),
    (State.TO_SIGN, Action.RETURN): Rule(State.RETURN_ASKED, UNIT, _NOTE),
    (State.HANDLING, Action.RETURN): Rule(State.RETURN_ASKED, UNIT, _NOTE),
    (State.RETURN_ASKED, Action.AGREE_RETURN): Rule(State.TO_DISPATCH, CENTRE),
    (State.RETURN_ASKED, Action.REFUSE_RETURN): Rule(State.HANDLING, CENTRE, _NOTE),
    # 办理: extension with reason (TH 16).
    (State.HANDLING, Action.EXTEND): Rule(State.EXTENSION_ASKED, UNIT, _NOTE),
    (State.EXTENSION_ASKED, Action.GRANT_EXTENSION): Rule(State.HANDLING, CENTRE),
    (State.EXTENSION_ASKED, Action.REFUSE_EXTENSION): Rule(State.HANDLING, CENTRE, _NOTE),
    # 答复: the unit's head reviews before the centre gets it (TH 17).
    (State.HANDLING, Action.REPLY): Rule(State.REPLY_TO_REVIEW, UNIT, _NOTE),
    (State.EXTENSION_ASKED, Action.REPLY): Rule(State.REPLY_TO_REVIEW, UNIT, _NOTE),
    (State.REPLY_TO_REVIEW, Action.APPROVE_REPLY): Rule(State.REPLIED, UNIT_HEAD),
    (State.REPLY_TO_REVIEW, Action.REJECT_REPLY): Rule(State.HANDLING, UNIT_HEAD, _NOTE),
    # 督办 beside the handling (TH 18).
    (State.TO_DISPATCH, Action.SUPERVISE): Rule(State.TO_DISPATCH, SUPERVISION, _NOTE),
    (State.TO_SIGN, Action.SUPERVISE): Rule(State.TO_SIGN, SUPERVISION, _NOTE),
    (State.RETURN_ASKED, Action.SUPERVISE): Rule(State.RETURN_ASKED, SUPERVISION, _NOTE),
    (State.HANDLING, Action.SUPERVISE): Rule(State.HANDLING, SUPERVISION, _NOTE),
    (State.EXTENSION_ASKED, Action.SUPERVISE): Rule(State.EXTENSION_ASKED, SUPERVISION, _NOTE),
    (State.REPLY_TO_REVIEW, Action.SUPERVISE): Rule(State.REPLY_TO_REVIEW, SUPERVISION, _NOTE),
    # 回访 of every dispatched ticket; not done or dissatisfied with good reason -> 重办 (TH 20).
    (State.REPLIED, Action.VISIT): Rule(State.VISITED, VISITORS, _NOTE, frozenset({"satisfaction"})),
    (State.VISITED, Action.REHANDLE): Rule(State.TO_DISPATCH, VISITORS, _NOTE),
    # 评价 and 办结; archived the same day (TH 19).
    (State.VISITED, Action.EVALUATE): Rule(State.VISITED, RATERS, frozenset({"satisfaction"})),
    (State.VISITED, Action.CLOSE): Rule(State.CLOSED, VISITORS),
    (State.CLOSED, Action.EVALUATE): Rule(State.CLOSED, RATERS, frozenset({"satisfaction"})),
    (State.CLOSED, Action.ARCHIVE): Rule(State.ARCHIVED, DESK | VISITORS),
}


def rule_of(state: State, action: Action) -> Rule:
    """The table's line for this pair; raises ActionNotPossible, naming both, where there is none."""
    rule = TRANSITIONS.get((state, action))
    if rule is None:
        raise ActionNotPossible(f"{action} ({action.term}) is not possible in state {state} ({state.term})")
    return rule


def possible(state: State, roles: frozenset[Role]) -> tuple[Action, ...]:
    """The actions that somebody with these roles may take now, in the vocabulary's order."""
    return tuple(
        action for action in Action if (rule := TRANSITIONS.get((state, action))) is not None and rule.roles & roles
    )


async def apply(
    session: AsyncSession,
    number: str,
    action: Action,
    actor: Actor,
    *,
    version: int,
    at: datetime,
    details: Details | None = None,
    changes: Mapping[str, str] | None = None,
) -> Ticket:
    """Take one action on a ticket: check the table, move it by compare-and-set on state and version, write history.

    `version` is the one the caller has read; `at` is UTC; `changes` are new values of the ticket's own fields and go
    with AMEND. Raises TicketNotFound, ActionNotPossible, ActionNotAllowed, NotYourUnitsTicket, DetailMissing,
    DetailUnexpected, StaleTicket. The caller commits.
    """
    details = details or Details()
    row = await repository.row(session, number)
    if row.version != version:
        raise StaleTicket(f"version {version} was read, {row.version} stands")
    state = State(row.state)
    rule = rule_of(state, action)
    await _check_actor(session, row, rule, action, actor)
    _check_details(rule, action, details, changes)
    await repository.compare_and_set(session, row, rule.next, at, changes or {})
    await assignment.follow(session, row.id, action, details, at)
    await repository.add_history(
        session,
        ticket_id=row.id,
        version=row.version,
        action=action,
        actor=actor.user,
        from_state=state,
        to_state=rule.next,
        at=at,
        note=details.note,
        details=details.model_dump(mode="json", exclude={"note"}, exclude_none=True, exclude_defaults=True)
        | ({"changed": sorted(changes)} if changes else {}),
    )
    return Ticket.model_validate(row)


async def _check_actor(session: AsyncSession, row: TicketRow, rule: Rule, action: Action, actor: Actor) -> None:
    by = rule.roles & actor.roles
    if not by:
        raise ActionNotAllowed(f"{action} ({action.term}) is not for roles {', '.join(sorted(actor.roles)) or 'none'}")
    if by <= OF_A_UNIT and (actor.unit_id is None or actor.unit_id != await repository.lead_unit(session, row.id)):
        raise NotYourUnitsTicket(f"{row.number} is led by another unit")


def _check_details(rule: Rule, action: Action, details: Details, changes: Mapping[str, str] | None) -> None:
    given = details.given() | ({"changes"} if changes else set())
    if missing := rule.needs - given:
        raise DetailMissing(f"{action} ({action.term}) needs {', '.join(sorted(missing))}")
    if unexpected := given - rule.needs - rule.takes:
        raise DetailUnexpected(f"{action} ({action.term}) has no use for {', '.join(sorted(unexpected))}")
