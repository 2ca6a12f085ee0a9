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
from directory.unit_tree import below
from ticketing import assignment, clocks, hooks, repository
from ticketing.errors import ActionNotPossible, NotYourUnitsTicket, StaleTicket
from ticketing.models import TicketRow
from ticketing.people import (
    CENTRE,
    DESK,
    GOVERNMENT,
    OF_A_UNIT,
    ORDERERS,
    RATERS,
    UNIT,
    UNIT_HEAD,
    UNIT_LEADER,
    VISITORS,
)
from ticketing.permission import check_given, check_roles
from ticketing.schemas import Actor, Details, Ticket
from ticketing.vocabulary import Action, State


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table. `needs` must be given with the action; `takes` may be."""

    next: State
    roles: frozenset[Role]
    needs: frozenset[str] = frozenset()
    takes: frozenset[str] = frozenset({"note"})


_NOTE = frozenset({"note"})
_OF_A_DISPATCH = frozenset({"note", "assisting_units", "handed_over_at", "handed_over_to"})
_ORDER = frozenset({"note", "supervision"})
_WITH_BASIS = frozenset({"note", "basis"})
_REFUSAL = frozenset({"note", "ground"})
_OF_A_REFUSAL = frozenset({"basis", "guidance", "local_ground"})
_OF_AN_EVALUATION = frozenset({"note", "contacted", "solved"})
_OF_A_VISIT = _OF_AN_EVALUATION | {"satisfaction", "outcome"}
_CHANGES = frozenset({"changes"})
_PARENT = frozenset({"parent"})
_OF_A_SPLIT = frozenset({"note", "tickets"})

TRANSITIONS: Mapping[tuple[State, Action], Rule] = {
    # 受理: the desk writes it down, answers it, takes it on, or refuses it with ground and guidance (TH 10, 14).
    (State.REGISTERED, Action.AMEND): Rule(State.REGISTERED, DESK, frozenset({"changes"})),
    (State.REGISTERED, Action.ANSWER): Rule(State.ANSWERED, DESK, _NOTE),
    (State.REGISTERED, Action.ACCEPT): Rule(State.TO_DISPATCH, DESK, takes=frozenset({"note", "law_enforcement"})),
    (State.REGISTERED, Action.REFUSE): Rule(State.REFUSED, DESK, _REFUSAL, _OF_A_REFUSAL),
    (State.REFUSED, Action.ARCHIVE): Rule(State.ARCHIVED, DESK | CENTRE),
    (State.ANSWERED, Action.CLOSE): Rule(State.CLOSED, DESK),
    (State.ANSWERED, Action.EVALUATE): Rule(State.ANSWERED, RATERS, frozenset({"satisfaction"}), _OF_AN_EVALUATION),
    # 派单: same calendar day (TH 15); 退单 with reason and basis, decided by the centre.
    (State.TO_DISPATCH, Action.DISPATCH): Rule(State.TO_SIGN, CENTRE, frozenset({"lead_unit"}), _OF_A_DISPATCH),
    (State.TO_DISPATCH, Action.REFUSE): Rule(State.REFUSED, CENTRE, _REFUSAL, _OF_A_REFUSAL),
    # A unit may refuse as well (TH 10: 受理中心或承办单位); its head answers for that.
    (State.HANDLING, Action.REFUSE): Rule(State.REFUSED, UNIT_HEAD, _REFUSAL, _OF_A_REFUSAL),
    # The centre takes back what should not be with a unit, a report with the accused for one.
    (State.TO_SIGN, Action.RECALL): Rule(State.TO_DISPATCH, CENTRE, _NOTE),
    (State.HANDLING, Action.RECALL): Rule(State.TO_DISPATCH, CENTRE, _NOTE),
    # 拆单 and 并单: `ticketing/relations/` says with what.
    (State.REGISTERED, Action.SPLIT): Rule(State.REGISTERED, DESK | CENTRE, _OF_A_SPLIT),
    (State.TO_DISPATCH, Action.SPLIT): Rule(State.TO_DISPATCH, CENTRE, _OF_A_SPLIT),
    (State.REGISTERED, Action.MERGE): Rule(State.MERGED, DESK | CENTRE, _PARENT),
    (State.TO_DISPATCH, Action.MERGE): Rule(State.MERGED, CENTRE, _PARENT),
    (State.TO_SIGN, Action.MERGE): Rule(State.MERGED, CENTRE, _PARENT),
    (State.HANDLING, Action.MERGE): Rule(State.MERGED, CENTRE, _PARENT),
    (State.MERGED, Action.UNMERGE): Rule(State.TO_DISPATCH, CENTRE, _NOTE),
    (State.MERGED, Action.TAKE_REPLY): Rule(State.REPLIED, CENTRE | VISITORS),
    (State.TO_SIGN, Action.SIGN_FOR): Rule(State.HANDLING, UNIT),
    (State.TO_SIGN, Action.RETURN): Rule(State.RETURN_ASKED, UNIT, _WITH_BASIS),
    (State.HANDLING, Action.RETURN): Rule(State.RETURN_ASKED, UNIT, _WITH_BASIS),
    (State.RETURN_ASKED, Action.AGREE_RETURN): Rule(State.TO_DISPATCH, CENTRE),
    (State.RETURN_ASKED, Action.REFUSE_RETURN): Rule(State.HANDLING, CENTRE, _NOTE),
    # 办理: extension with reason, the second signed by the leader in charge; after the last one a meeting (TH 16).
    (State.HANDLING, Action.EXTEND): Rule(State.EXTENSION_ASKED, UNIT, _NOTE),
    (State.EXTENSION_ASKED, Action.SIGN_EXTENSION): Rule(State.EXTENSION_ASKED, UNIT_LEADER),
    (State.HANDLING, Action.MEET): Rule(State.HANDLING, CENTRE | GOVERNMENT, frozenset({"note", "convener"})),
    (State.EXTENSION_ASKED, Action.GRANT_EXTENSION): Rule(State.HANDLING, CENTRE),
    (State.EXTENSION_ASKED, Action.REFUSE_EXTENSION): Rule(State.HANDLING, CENTRE, _NOTE),
    # 答复: the unit's head reviews before the centre gets it (TH 17).
    (State.HANDLING, Action.REPLY): Rule(State.REPLY_TO_REVIEW, UNIT, _NOTE),
    (State.EXTENSION_ASKED, Action.REPLY): Rule(State.REPLY_TO_REVIEW, UNIT, _NOTE),
    (State.REPLY_TO_REVIEW, Action.APPROVE_REPLY): Rule(
        State.REPLIED, UNIT_HEAD, takes=frozenset({"note", "overdue_cause"})
    ),
    (State.REPLY_TO_REVIEW, Action.REJECT_REPLY): Rule(State.HANDLING, UNIT_HEAD, _NOTE),
    # 督办 beside the handling (TH 18): `ticketing/handling/supervision.py` keeps it.
    (State.TO_DISPATCH, Action.SUPERVISE): Rule(State.TO_DISPATCH, ORDERERS, _ORDER),
    (State.TO_SIGN, Action.SUPERVISE): Rule(State.TO_SIGN, ORDERERS, _ORDER),
    (State.RETURN_ASKED, Action.SUPERVISE): Rule(State.RETURN_ASKED, ORDERERS, _ORDER),
    (State.HANDLING, Action.SUPERVISE): Rule(State.HANDLING, ORDERERS, _ORDER),
    (State.EXTENSION_ASKED, Action.SUPERVISE): Rule(State.EXTENSION_ASKED, ORDERERS, _ORDER),
    (State.REPLY_TO_REVIEW, Action.SUPERVISE): Rule(State.REPLY_TO_REVIEW, ORDERERS, _ORDER),
    # 催办 and 补充 by the citizen, or by the platform the demand came from: part of its history at any stage.
    **{(state, Action.URGE): Rule(state, DESK | CENTRE, _NOTE) for state in State if state.open},
    **{(state, Action.SUPPLEMENT): Rule(state, DESK | CENTRE, _NOTE, _CHANGES) for state in State if state.open},
    # 回访 of every dispatched ticket; not done or dissatisfied with good reason -> 重办 (TH 20).
    (State.REPLIED, Action.VISIT): Rule(State.VISITED, VISITORS, _NOTE, _OF_A_VISIT),
    (State.VISITED, Action.REHANDLE): Rule(State.TO_DISPATCH, VISITORS, _NOTE),
    # 评价 and 办结; archived the same day (TH 19).
    (State.REPLIED, Action.EVALUATE): Rule(State.REPLIED, RATERS, frozenset({"satisfaction"}), _OF_AN_EVALUATION),
    (State.VISITED, Action.EVALUATE): Rule(State.VISITED, RATERS, frozenset({"satisfaction"}), _OF_AN_EVALUATION),
    (State.VISITED, Action.CLOSE): Rule(State.CLOSED, VISITORS),
    (State.CLOSED, Action.EVALUATE): Rule(State.CLOSED, RATERS, frozenset({"satisfaction"}), _OF_AN_EVALUATION),
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
    DetailUnexpected, StaleTicket, and what `clocks.follow`, `hooks.before` and `hooks.after` raise. The caller
    commits.
    """
    details = details or Details()
    row = await repository.row(session, number)
    if row.version != version:
        raise StaleTicket(f"version {version} was read, {row.version} stands")
    state = State(row.state)
    rule = rule_of(state, action)
    await _check_actor(session, row, rule, action, actor)
    check_given(action, details.given() | ({"changes"} if changes else set()), needs=rule.needs, takes=rule.takes)
    await hooks.before(session, row, action, details, actor, at=at)
    await repository.compare_and_set(session, row, rule.next, at, changes or {})
    await assignment.follow(session, row.id, action, details, at)
    await clocks.follow(session, row, action, details, by=actor.user, at=at)
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
    await hooks.after(session, row, action, details, actor, at=at)
    return Ticket.model_validate(row)


async def _check_actor(session: AsyncSession, row: TicketRow, rule: Rule, action: Action, actor: Actor) -> None:
    by = check_roles(action, actor.roles, rule.roles)
    if not by <= OF_A_UNIT:
        return
    lead = await repository.lead_unit(session, row.id)
    if action is Action.SUPERVISE:
        # By a county's body: what a unit below it has.
        theirs = lead in await below(session, actor.unit_id)
    else:
        theirs = actor.unit_id is not None and actor.unit_id == lead
    if not theirs:
        raise NotYourUnitsTicket(f"{row.number} is led by another unit")
