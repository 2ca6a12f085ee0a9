"""The state diagrams of docs/architecture.md, drawn from the tables the code runs on.

`python -m tests.docs.state_diagrams` writes them anew; a test fails while they differ from the tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from acd.states import AGENT_MOVES, CALL_MOVES, AgentState, CallState
from calls.call_out_states import CALL_OUT_MOVES, CallOutState
from calls.callback_states import CALLBACK_MOVES, CallbackState
from calls.round_states import ITEM_MOVES, ItemState
from calls.supervising_states import SUPERVISION_MOVES, SupervisionState
from calls.survey_states import SURVEY_MOVES, SurveyState
from calls.talk import states as talk
from calls.talk.states import TalkState
from hotline.settings import project_root
from ticketing.coordination.first_unit import FIRST_MOVES
from ticketing.coordination.meetings import MEETING_MOVES
from ticketing.exchange.transfers import TRANSFER_MOVES
from ticketing.exchange.words import TransferState
from ticketing.guests.sittings import SITTING_MOVES
from ticketing.handling import supervision as handling
from ticketing.handling.leads import LEAD_MOVES
from ticketing.handling.parts import PART_MOVES
from ticketing.handling.records import Moves
from ticketing.handling.repeats import REPEAT_MOVES
from ticketing.handling.rulings import RULING_MOVES
from ticketing.handling.words import RecordKind
from ticketing.lifecycle import TRANSITIONS
from ticketing.procedures.force_majeure import MAJEURE_MOVES
from ticketing.procedures.questions import QUESTION_MOVES
from ticketing.procedures.statutory import STATUTORY_MOVES
from ticketing.unit_desk.handlers import HANDLER_MOVES
from ticketing.visits.findings import FINDING_MOVES
from ticketing.visits.visiting import VISIT_MOVES
from ticketing.vocabulary import Action, State, Term

RECORDS: tuple[Moves[Any, Any], ...] = (
    PART_MOVES,
    RULING_MOVES,
    handling.SUPERVISION_MOVES,
    LEAD_MOVES,
    REPEAT_MOVES,
    VISIT_MOVES,
    FINDING_MOVES,
    STATUTORY_MOVES,
    QUESTION_MOVES,
    MAJEURE_MOVES,
    MEETING_MOVES,
    FIRST_MOVES,
    HANDLER_MOVES,
    SITTING_MOVES,
)
"""Records beside a ticket."""

_PLACES = {RecordKind.SUPERVISION: "supervise"}
"""`supervision` is of calls."""

PAGE = project_root() / "docs" / "architecture.md"

S = TypeVar("S", bound=StrEnum)

_BLOCK = re.compile(r"(<!-- drawn: (?P<name>[a-z]+) -->\n)(?P<drawing>.*?)(<!-- /drawn -->)", re.DOTALL)


def diagrams() -> dict[str, str]:
    """Mermaid text by the name of its place in the page."""
    return {
        "agent": _drawing(AgentState.SIGNED_OUT, _arrows(AGENT_MOVES)),
        "call": _drawing(CallState.WAITING, _arrows(CALL_MOVES)),
        "callback": _drawing(CallbackState.OPEN, _named_arrows(CALLBACK_MOVES)),
        "callout": _drawing(CallOutState.REQUESTED, _named_arrows(CALL_OUT_MOVES)),
        "visititem": _drawing(ItemState.WAITING, _named_arrows(ITEM_MOVES)),
        "talk": _drawing(TalkState.TALKING, _talk_arrows()),
        "supervision": _drawing(SupervisionState.CALLING, _named_arrows(SUPERVISION_MOVES)),
        "survey": _drawing(SurveyState.ASKED, _survey_arrows()),
        "ticket": _drawing(
            State.REGISTERED,
            _ticket_arrows(),
            [f'    state "{state.term} {state.value}" as {state.name}' for state in State],
        ),
        "transfer": _drawing(
            TransferState.SENT,
            [
                f"    {source.name} --> {target.name}: {action.term} {action.value}"
                for (source, action), target in TRANSFER_MOVES.items()
            ],
            [f'    state "{state.term} {state.value}" as {state.name}' for state in TransferState],
        ),
        **{_PLACES.get(moves.record, moves.record.value): _record_drawing(moves) for moves in RECORDS},
    }


def drawn(page: str) -> dict[str, str]:
    """The diagrams that stand in a page."""
    return {match["name"]: match["drawing"] for match in _BLOCK.finditer(page)}


def redrawn(page: str) -> str:
    """The page with every diagram as the tables have it."""
    now = diagrams()
    return _BLOCK.sub(lambda match: f"{match[1]}{now[match['name']]}{match[4]}", page)


def _arrows(moves: Mapping[AgentState, frozenset[AgentState]] | Mapping[CallState, frozenset[CallState]]) -> list[str]:
    # In the order of their definition: a table made from a set has another one in every run.
    states = list(type(next(iter(moves))))
    ordered = sorted(moves.items(), key=lambda move: states.index(move[0]))
    return [f"    {source} --> {target}" for source, targets in ordered for target in sorted(targets)]


def _named_arrows(moves: Mapping[S, frozenset[S]]) -> list[str]:
    return [f"    {source.name} --> {target.name}" for source, targets in moves.items() for target in sorted(targets)]


def _talk_arrows() -> list[str]:
    order = list(TalkState)
    moves = {source: sorted(targets, key=order.index) for source, targets in talk.MOVES.items()}
    return [f"    {source.name} --> {target.name}" for source, targets in moves.items() for target in targets]


def _survey_arrows() -> list[str]:
    """One arrow for each pair of states; what happens between the same two shares it."""
    events: dict[tuple[SurveyState, SurveyState], list[str]] = {}
    for source, moves in SURVEY_MOVES.items():
        for event, target in moves.items():
            events.setdefault((source, target), []).append(event.value)
    return [
        f"    {source.name} --> {target.name}: {', '.join(between)}" for (source, target), between in events.items()
    ]


def _ticket_arrows() -> list[str]:
    """One arrow for each pair of states; actions between the same two share it."""
    actions: dict[tuple[State, State], list[Action]] = {}
    for (source, action), rule in TRANSITIONS.items():
        actions.setdefault((source, rule.next), []).append(action)
    return [
        f"    {source.name} --> {target.name}: {', '.join(f'{action.term} {action.value}' for action in between)}"
        for (source, target), between in actions.items()
    ]


def _record_drawing(moves: Moves[Any, Any]) -> str:
    """A record beside a ticket; it begins in the first state of its words."""
    actions: dict[tuple[Term, Term], list[Term]] = {}
    for (source, action), move in moves.table.items():
        actions.setdefault((source, move.next), []).append(action)
    kind: type[Term] = type(next(iter(moves.table))[0])
    states = list(kind)
    return _drawing(
        states[0],
        [
            f"    {source.name} --> {target.name}: {', '.join(f'{action.term} {action.value}' for action in between)}"
            for (source, target), between in actions.items()
        ],
        [f'    state "{state.term} {state.value}" as {state.name}' for state in states],
    )


def _drawing(first: StrEnum | State, arrows: list[str], names: Iterable[str] = ()) -> str:
    lines = ["stateDiagram-v2", *names, f"    [*] --> {first.name}", *arrows]
    return "\n".join(["```mermaid", *lines, "```", ""])


def main(page: Path = PAGE) -> None:
    """Write the page anew."""
    page.write_text(redrawn(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
