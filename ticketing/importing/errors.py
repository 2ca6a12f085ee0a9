"""What can go wrong with an import as a whole, by name. What is wrong with its rows is in the report."""

from __future__ import annotations

from collections.abc import Sequence

from hotline.errors import InvalidInput


class FileUnreadable(InvalidInput):
    """The file as a whole is no table we read; nothing was changed."""

    code = "import.unreadable"


class MappingWrong(InvalidInput):
    """The mapping of columns and words does not fit; nothing was changed."""

    code = "import.mapping_wrong"


class RowsRefused(InvalidInput):
    """The file has bad rows; nothing was changed. `wrong` names each by row and column."""

    code = "import.rows_refused"

    def __init__(self, bad: Sequence[tuple[str, str]], count: int) -> None:
        super().__init__(f"{count} bad cells", remedy="correct these rows, or have the good ones imported without them")
        self.wrong = tuple(bad)
