"""States of a follow-up round (回访轮次) and of its items, with every move between them, as data."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from hotline.errors import Conflict, NotAllowed


class Mode(StrEnum):
    """Who calls."""

    AGENT = "agent"
    """Preview (预览): the agent sees the ticket, then starts the call or skips."""
    IVR = "ivr"
    """自动回访: the citizen answers by key."""


class RoundState(StrEnum):
    """Where a round is."""

    DRAFT = "draft"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    """Every item has ended."""
    CLOSED = "closed"
    """Closed by somebody: what had not ended was withdrawn."""


class ItemState(StrEnum):
    """Where an item, that is a ticket of a round, is."""

    WAITING = "waiting"
    """Due at `next_at`."""
    PREVIEW = "preview"
    """On an agent's screen."""
    CALLING = "calling"
    """A call out is under way."""
    TALKED = "talked"
    """The citizen answered; the result is still to be written down."""
    DONE = "done"
    """With a result."""
    UNREACHABLE = "unreachable"
    """未接通: all attempts were in vain; an SMS is due. Not part of any rate."""
    INVALID = "invalid"
    """号码无效: no such number, or none that is called. Not part of any rate."""
    BARRED = "barred"
    """免打扰: the citizen is not to be called."""
    FAILED = "failed"
    """Our side could not call, again and again."""
    SKIPPED = "skipped"
    WITHDRAWN = "withdrawn"
    """The round was closed."""


class Result(StrEnum):
    """What the citizen said. The first five are `ticketing`'s words of satisfaction."""

    VERY_SATISFIED = "very_satisfied"
    SATISFIED = "satisfied"
    FAIRLY_SATISFIED = "fairly_satisfied"
    DISSATISFIED = "dissatisfied"
    VERY_DISSATISFIED = "very_dissatisfied"
    DECLINED = "declined"
    """拒绝评价."""
    WRONG_PERSON = "wrong_person"
    """非本人: somebody else has this number."""
    TO_AGENT = "to_agent"
    """转人工: in a survey, the citizen asked for a human and was put through."""
    NO_RESULT = "no_result"
    """They talked, and nobody wrote down what was said."""


RATED: Final = frozenset(list(Result)[:5])
"""Results that are an opinion of the handling."""

_R, _I = RoundState, ItemState

ROUND_MOVES: Mapping[RoundState, frozenset[RoundState]] = {
    _R.DRAFT: frozenset({_R.RUNNING, _R.CLOSED}),
    _R.RUNNING: frozenset({_R.PAUSED, _R.FINISHED, _R.CLOSED}),
    _R.PAUSED: frozenset({_R.RUNNING, _R.FINISHED, _R.CLOSED}),
    _R.FINISHED: frozenset(),
    _R.CLOSED: frozenset(),
}

ITEM_MOVES: Mapping[ItemState, frozenset[ItemState]] = {
    # CALLING straight away: a survey.
    _I.WAITING: frozenset({_I.PREVIEW, _I.CALLING, _I.INVALID, _I.BARRED, _I.WITHDRAWN}),
    # WAITING: put off, or the agent has vanished.
    _I.PREVIEW: frozenset({_I.CALLING, _I.WAITING, _I.SKIPPED, _I.BARRED, _I.INVALID, _I.WITHDRAWN}),
    # PREVIEW: the citizen was not called, and the agent still has it. DONE: a survey.
    _I.CALLING: frozenset(
        {_I.PREVIEW, _I.WAITING, _I.TALKED, _I.DONE, _I.UNREACHABLE, _I.INVALID, _I.FAILED, _I.WITHDRAWN}
    ),
    # WAITING: the citizen asked to be called at another time.
    _I.TALKED: frozenset({_I.DONE, _I.WAITING}),
    **{
        final: frozenset()
        for final in (_I.DONE, _I.UNREACHABLE, _I.INVALID, _I.BARRED, _I.FAILED, _I.SKIPPED, _I.WITHDRAWN)
    },
}

ITEM_CLOSED: Final = frozenset(state for state, targets in ITEM_MOVES.items() if not targets)
ROUND_CLOSED: Final = frozenset(state for state, targets in ROUND_MOVES.items() if not targets)


class RoundMoved(Conflict):
    """The round, or the item, is not in a state from which this is possible."""

    code = "round.moved"


class OtherAgentsItem(NotAllowed):
    """The item is not, or no longer, with this agent."""

    code = "round.other_agent"


def check_item(source: str, target: ItemState) -> None:
    """Raises RoundMoved unless an item may go from one state to the other."""
    if target not in ITEM_MOVES[ItemState(source)]:
        raise RoundMoved(f"an item that is {source} does not become {target}")


def check_round(source: str, target: RoundState) -> None:
    """Raises RoundMoved unless a round may go from one state to the other."""
    if target not in ROUND_MOVES[RoundState(source)]:
        raise RoundMoved(f"a round that is {source} does not become {target}")
