"""What can go wrong with the dispatch catalogue, by name."""

from __future__ import annotations

from collections.abc import Sequence

from hotline.errors import Conflict, InvalidInput, NotFound


class AccusedUnit(Conflict):
    """A report (举报) is never routed to the unit it accuses, nor to one below it."""

    code = "ticket.accused_unit"


class CategoryNotFound(NotFound):
    """The tree has no such category, or it is retired."""

    code = "ticket.category_not_found"


class UnreadableTable(InvalidInput):
    """The file as a whole is no such table; nothing was read."""

    code = "catalogue.unreadable"


class ImportRefused(InvalidInput):
    """The file has bad rows; nothing was changed. `wrong` names each by its line."""

    code = "catalogue.import_refused"

    def __init__(self, bad: Sequence[tuple[str, str]]) -> None:
        super().__init__(f"{len(bad)} bad rows", remedy="correct these rows and send the whole file again")
        self.wrong = tuple(bad)


class EntryRefused(InvalidInput):
    """A row of the catalogue cannot be so, or has begun and is not rewritten; the detail says why in Chinese."""

    code = "catalogue.entry_refused"


class EntryTaken(Conflict):
    """There is a row of this category, area and day."""

    code = "catalogue.entry_taken"
