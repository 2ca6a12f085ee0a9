"""The states of a talk (通话), the moves between them and what an agent may ask for in each, as data.

三方转接 and 一键转接 (TH 12(6)): whatever becomes of the third party, citizen and agent, or citizen and third party,
are together again; no state leaves the citizen with nobody on the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from acd.states import AgentState


class TalkState(StrEnum):
    """Who is together with whom."""

    TALKING = "talking"
    """Citizen and agent."""
    HELD = "held"
    """保持: the citizen hears music, the agent silence."""
    IN_MENU = "in_menu"
    """The citizen is in a menu (identity check, survey) and comes back; the agent hears silence."""
    CONSULT_CALLING = "consult_calling"
    """The citizen is held; the agent waits for a third party who is being called."""
    CONSULT = "consult"
    """咨询: the citizen is held, agent and third party talk."""
    JOIN_CALLING = "join_calling"
    """Citizen and agent talk; a third party who will join them is being called."""
    CONFERENCE = "conference"
    """三方通话: all three."""
    BLIND_CALLING = "blind_calling"
    """The agent has left; the citizen hears music until the third party answers."""
    PASSED = "passed"
    """Citizen and third party; the agent has left."""
    QUEUED = "queued"
    """The citizen waits for another agent, at the place of the time of entry. The end for this talk."""
    ENDED = "ended"


class Command(StrEnum):
    """What an agent may ask for."""

    HOLD = "hold"
    RETRIEVE = "retrieve"
    """取回 from hold, or out of a menu."""
    CONSULT = "consult"
    THREE_WAY = "three_way"
    """三方: call somebody while citizen and agent go on talking; who answers joins them. An emergency goes this way."""
    BLIND = "blind"
    """The agent leaves at once, the citizen is connected to whom is called."""
    TO_QUEUE = "to_queue"
    """To another group, keeping the place."""
    JOIN = "join"
    """From a consultation: the citizen joins."""
    LEAVE = "leave"
    """The agent goes, the others stay: the end of an attended transfer."""
    DROP = "drop"
    """取回: the third party, or the call to it, is ended; citizen and agent go on."""
    TO_MENU = "to_menu"
    """送菜单: the citizen goes through a menu and comes back with what came of it."""
    TO_SURVEY = "to_survey"
    """送评价: the agent goes, and the citizen is asked how it was."""
    HANG_UP = "hang_up"
    """挂机, by the page."""
    PAUSE = "pause"
    """Nothing is recorded while the citizen says or keys in what is nobody else's business (暂停录音)."""
    RESUME = "resume"


_S, _C = TalkState, Command

MOVES: Mapping[TalkState, frozenset[TalkState]] = {
    # CONFERENCE at once: a supervisor who takes over (拦截) has come in as a third party does.
    _S.TALKING: frozenset(
        {
            _S.HELD,
            _S.IN_MENU,
            _S.CONSULT_CALLING,
            _S.JOIN_CALLING,
            _S.CONFERENCE,
            _S.BLIND_CALLING,
            _S.QUEUED,
            _S.ENDED,
        }
    ),
    _S.HELD: frozenset(
        {_S.TALKING, _S.IN_MENU, _S.CONSULT_CALLING, _S.CONFERENCE, _S.BLIND_CALLING, _S.QUEUED, _S.ENDED}
    ),
    _S.IN_MENU: frozenset({_S.TALKING, _S.QUEUED, _S.ENDED}),
    _S.CONSULT_CALLING: frozenset({_S.CONSULT, _S.JOIN_CALLING, _S.TALKING, _S.BLIND_CALLING, _S.QUEUED, _S.ENDED}),
    _S.CONSULT: frozenset({_S.CONFERENCE, _S.PASSED, _S.TALKING, _S.ENDED}),
    _S.JOIN_CALLING: frozenset({_S.CONFERENCE, _S.TALKING, _S.BLIND_CALLING, _S.QUEUED, _S.ENDED}),
    _S.CONFERENCE: frozenset({_S.TALKING, _S.PASSED, _S.ENDED}),
    _S.BLIND_CALLING: frozenset({_S.PASSED, _S.QUEUED, _S.ENDED}),
    _S.PASSED: frozenset({_S.ENDED}),
    _S.QUEUED: frozenset(),
    _S.ENDED: frozenset(),
}

_ALWAYS = frozenset({_C.HANG_UP, _C.PAUSE, _C.RESUME})

ALLOWED: Mapping[TalkState, frozenset[Command]] = {
    _S.TALKING: frozenset({_C.HOLD, _C.TO_MENU, _C.CONSULT, _C.THREE_WAY, _C.BLIND, _C.TO_QUEUE, _C.TO_SURVEY})
    | _ALWAYS,
    _S.HELD: frozenset({_C.RETRIEVE, _C.TO_MENU, _C.CONSULT, _C.BLIND, _C.TO_QUEUE, _C.TO_SURVEY}) | _ALWAYS,
    _S.IN_MENU: frozenset({_C.RETRIEVE}) | _ALWAYS,
    _S.CONSULT_CALLING: frozenset({_C.DROP, _C.LEAVE}) | _ALWAYS,
    _S.CONSULT: frozenset({_C.JOIN, _C.LEAVE, _C.DROP}) | _ALWAYS,
    _S.JOIN_CALLING: frozenset({_C.DROP, _C.LEAVE}) | _ALWAYS,
    _S.CONFERENCE: frozenset({_C.LEAVE, _C.DROP}) | _ALWAYS,
    _S.BLIND_CALLING: frozenset(),
    _S.PASSED: frozenset(),
    _S.QUEUED: frozenset(),
    _S.ENDED: frozenset(),
}

SHOWN: Mapping[TalkState, AgentState] = {
    _S.TALKING: AgentState.TALKING,
    _S.HELD: AgentState.HOLD,
    _S.IN_MENU: AgentState.HOLD,
    _S.CONSULT_CALLING: AgentState.CONSULT,
    _S.CONSULT: AgentState.CONSULT,
    _S.JOIN_CALLING: AgentState.TALKING,
    _S.CONFERENCE: AgentState.CONFERENCE,
}
"""What distribution says the agent is doing. In the other states the agent has left."""

HELD_CITIZEN = frozenset({_S.HELD, _S.CONSULT_CALLING, _S.CONSULT, _S.BLIND_CALLING})
"""States in which the citizen hears music."""

CALLING = frozenset({_S.CONSULT_CALLING, _S.JOIN_CALLING, _S.BLIND_CALLING})
"""States in which a third party is being called."""

OVER = frozenset({_S.QUEUED, _S.ENDED})
