"""States of a supervisor's part in a call (监听, 密语, 强插, 拦截), and every move between them, as data."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class SupervisionState(StrEnum):
    """What a supervisor does in an agent's call."""

    CALLING = "calling"
    """The supervisor's phone rings."""
    LISTENING = "listening"
    """监听: hears both, is heard by nobody."""
    WHISPERING = "whispering"
    """密语: the agent hears the supervisor, the citizen does not."""
    BARGED = "barged"
    """强插: everybody hears everybody."""
    TAKING_OVER = "taking_over"
    """Citizen and supervisor are being put together."""
    TALKING = "talking"
    """拦截: the supervisor talks with the citizen in the agent's place; the agent is out."""
    ENDED = "ended"


class SupervisionCommand(StrEnum):
    """What a supervisor asks for."""

    LISTEN = "listen"
    WHISPER = "whisper"
    BARGE = "barge"
    TAKE_OVER = "take_over"
    STOP = "stop"
    """End the supervision; the talk goes on without it."""
    HANG_UP = "hang_up"
    """强拆: the agent's leg is hung up, the citizen is thanked."""


class SupervisionEnd(StrEnum):
    """Why a supervision ended, or a step of it came to nothing."""

    STOPPED = "stopped"
    """The supervisor asked for it."""
    SUPERVISOR_LEFT = "supervisor_left"
    """The supervisor's phone hung up, or was lost."""
    CALL_OVER = "call_over"
    """The agent or the citizen is gone; of a call that was passed on, the agent."""
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    UNREACHABLE = "unreachable"
    """The supervisor's phone is not registered, or could not be called."""
    NO_TALK = "no_talk"
    """There is no talk of this agent (any more)."""
    NOT_DONE = "not_done"
    """Asterisk could not put citizen and supervisor together: all is as it was."""


_S = SupervisionState
_HEARD = frozenset({_S.LISTENING, _S.WHISPERING, _S.BARGED})

SUPERVISION_MOVES: Mapping[SupervisionState, frozenset[SupervisionState]] = {
    _S.CALLING: _HEARD | {_S.TAKING_OVER, _S.ENDED},
    **{state: (_HEARD - {state}) | {_S.TAKING_OVER, _S.ENDED} for state in sorted(_HEARD)},
    # Back to what it was if citizen and supervisor do not come together.
    _S.TAKING_OVER: _HEARD | {_S.TALKING, _S.ENDED},
    _S.TALKING: frozenset({_S.ENDED}),
    _S.ENDED: frozenset(),
}

WANTED: Mapping[SupervisionCommand, SupervisionState] = {
    SupervisionCommand.LISTEN: _S.LISTENING,
    SupervisionCommand.WHISPER: _S.WHISPERING,
    SupervisionCommand.BARGE: _S.BARGED,
    SupervisionCommand.TAKE_OVER: _S.TAKING_OVER,
}
"""Where a command leads to."""
