"""The table of the lifecycle against the ways that acceptance's model writes down a second time, pair by pair."""

from __future__ import annotations

from tests.accept.ticketing.independent_model import PARTS, WAYS
from ticketing.handling.parts import PART_MOVES
from ticketing.handling.words import PartState, Side
from ticketing.lifecycle import TRANSITIONS
from ticketing.vocabulary import State


def test_each_way_of_a_ticket_is_written_twice_and_alike() -> None:
    ours: dict[str, dict[str, tuple[str, set[str]]]] = {state.value: {} for state in State}
    for (state, action), rule in TRANSITIONS.items():
        ours[state.value][action.value] = (rule.next.value, {role.value for role in rule.roles})
    assert ours == WAYS


def test_each_way_of_a_units_part_too() -> None:
    sides = {Side.OWN: "own", Side.SENDER: "sender", Side.RECEIVER: "receiver"}
    ours: dict[str, dict[str, tuple[str, str]]] = {}
    for (state, action), move in PART_MOVES.table.items():
        # The model writes a part that is withdrawn as one without a state.
        after = "" if move.next is PartState.WITHDRAWN else move.next.value
        ours.setdefault(state.value, {})[action.value] = (after, sides[move.side])
    assert ours == PARTS
