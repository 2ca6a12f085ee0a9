"""What can go wrong at a unit's desk, by name."""

from __future__ import annotations

from hotline.errors import Conflict, InvalidInput, NotAllowed


class NotOfTheUnit(InvalidInput):
    """Nobody of this unit who works on tickets has that work number or login."""

    code = "ticket.not_of_the_unit"


class HandlesAlready(Conflict):
    """The person works on it already."""

    code = "ticket.handles_already"


class AnotherHandler(NotAllowed):
    """Others of the unit have taken it on: they, or the unit's head, act; or hand it over."""

    code = "ticket.another_handler"
