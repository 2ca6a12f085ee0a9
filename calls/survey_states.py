"""States of a survey by key (满意度评价, 好差评: SX 三(五); TH 20), and every move between them, as data."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from hotline.errors import Conflict


class SurveyState(StrEnum):
    """How far a citizen's survey is. The closed ones are what the journal and the table keep as the outcome."""

    ASKED = "asked"
    """The five levels are read out, or were: a key is waited for."""
    ASKED_AGAIN = "asked_again"
    """The same, for the second and last time."""
    REASON = "reason"
    """A level was given and is kept, and it was a bad one: why?"""
    REASON_AGAIN = "reason_again"
    RATED = "rated"
    NO_KEY = "no_key"
    """Nothing was pressed at last."""
    WRONG_KEY = "wrong_key"
    """The last key pressed meant nothing."""
    HUNG_UP = "hung_up"
    """The citizen hung up before giving a level."""
    LOST = "lost"
    """Whoever asked died in the middle; nobody asks again."""


class SurveyEvent(StrEnum):
    """What can happen to a survey."""

    SATISFIED = "satisfied"
    """The key of a level that asks for nothing more."""
    DISSATISFIED = "dissatisfied"
    """The key of a level that asks for a reason."""
    REASON = "reason"
    SKIP = "skip"
    """No reason is to be given."""
    WRONG = "wrong"
    SILENCE = "silence"
    """No key in time."""
    HANG_UP = "hang_up"
    LOST = "lost"


_S, _E = SurveyState, SurveyEvent

SURVEY_MOVES: Mapping[SurveyState, Mapping[SurveyEvent, SurveyState]] = {
    _S.ASKED: {
        _E.SATISFIED: _S.RATED,
        _E.DISSATISFIED: _S.REASON,
        _E.WRONG: _S.ASKED_AGAIN,
        _E.SILENCE: _S.ASKED_AGAIN,
        _E.HANG_UP: _S.HUNG_UP,
        _E.LOST: _S.LOST,
    },
    _S.ASKED_AGAIN: {
        _E.SATISFIED: _S.RATED,
        _E.DISSATISFIED: _S.REASON,
        _E.WRONG: _S.WRONG_KEY,
        _E.SILENCE: _S.NO_KEY,
        _E.HANG_UP: _S.HUNG_UP,
        _E.LOST: _S.LOST,
    },
    # The level stands, whatever comes of the reason.
    _S.REASON: {
        _E.REASON: _S.RATED,
        _E.SKIP: _S.RATED,
        _E.WRONG: _S.REASON_AGAIN,
        _E.SILENCE: _S.RATED,
        _E.HANG_UP: _S.RATED,
        _E.LOST: _S.RATED,
    },
    _S.REASON_AGAIN: {
        _E.REASON: _S.RATED,
        _E.SKIP: _S.RATED,
        _E.WRONG: _S.RATED,
        _E.SILENCE: _S.RATED,
        _E.HANG_UP: _S.RATED,
        _E.LOST: _S.RATED,
    },
    _S.RATED: {},
    _S.NO_KEY: {},
    _S.WRONG_KEY: {},
    _S.HUNG_UP: {},
    _S.LOST: {},
}

CLOSED = frozenset(state for state, moves in SURVEY_MOVES.items() if not moves)
"""Nothing more happens to these."""


class SurveyMoved(Conflict):
    """The survey has no such step from where it is."""

    code = "survey.moved"


def after(state: SurveyState, event: SurveyEvent) -> SurveyState:
    """The state that follows. Raises SurveyMoved for a pair that the table does not have."""
    try:
        return SURVEY_MOVES[state][event]
    except KeyError:
        raise SurveyMoved(f"{event} in state {state}") from None
