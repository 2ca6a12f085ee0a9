"""What holds of the small table of every record."""

from __future__ import annotations

from typing import Any

import pytest

from ticketing.errors import ActionNotPossible
from ticketing.handling.records import Moves
from ticketing.vocabulary import Term


def is_in_the_table_or_refused_by_name(moves: Moves[Any, Any], state: Term, action: Term) -> None:
    """The pair has a line that somebody may take, or is refused with the terms of both."""
    if (state, action) in moves.table:
        assert moves.of(state, action).roles
    else:
        with pytest.raises(ActionNotPossible, match=f"{action.term}.*{state.term}"):
            moves.of(state, action)
