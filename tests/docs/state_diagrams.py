"""The state diagrams of docs/architecture.md, drawn from the tables the code runs on.

`python -m tests.docs.state_diagrams` writes them anew; a test fails while they differ from the tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path

from acd.states import AGENT_MOVES, CALL_MOVES, AgentState, CallState
from hotline.settings import project_root
from ticketing.lifecycle import TRANSITIONS
from ticketing.vocabulary import Action, State

PAGE = project_root() / "docs" / "architecture.md"

_BLOCK = re.compile(r"(<!-- drawn: (?P<name>[a-z]+) -->\n)(?P<drawing>.*?)(<!-- /drawn -->)", re.DOTALL)


def diagrams() -> dict[str, str]:
    """Mermaid text by the name of its place in the page."""
    return {
        "agent": _drawing(AgentState.SIGNED_OUT, _arrows(AGENT_MOVES)),
        "call": _drawing(CallState.WAITING, _arrows(CALL_MOVES)),
        "ticket": _drawing(
            State.REGISTERED,
            _ticket_arrows(),
            [f'    state "{state.term} {state.value}" as {state.name}' for state in State],
        ),
    }


def drawn(page: str) -> dict[str, str]:
    """The diagrams that stand in a page."""
    return {match["name"]: match["drawing"] for match in _BLOCK.finditer(page)}


def redrawn(page: str) -> str:
    """The page with every diagram as the tables have it."""
    now = diagrams()
    return _BLOCK.sub(lambda match: f"{match[1]}{now[match['name']]}{match[4]}", page)


def _arrows(moves: Mapping[AgentState, frozenset[AgentState]] | Mapping[CallState, frozenset[CallState]]) -> list[str]:
    return [f"    {source} --> {target}" for source, targets in moves.items() for target in sorted(targets)]


def _ticket_arrows() -> list[str]:
    """One arrow for each pair of states; actions between the same two share it."""
    actions: dict[tuple[State, State], list[Action]] = {}
    for (source, action), rule in TRANSITIONS.items():
        actions.setdefault((source, rule.next), []).append(action)
    return [
        f"    {source.name} --> {target.name}: {', '.join(f'{action.term} {action.value}' for action in between)}"
        for (source, target), between in actions.items()
    ]


def _drawing(first: StrEnum | State, arrows: list[str], names: Iterable[str] = ()) -> str:
    lines = ["stateDiagram-v2", *names, f"    [*] --> {first.name}", *arrows]
    return "\n".join(["```mermaid", *lines, "```", ""])


def main(page: Path = PAGE) -> None:
    """Write the page anew."""
    page.write_text(redrawn(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
