"""The Range header of a request for sound (RFC 9110, 14)."""

from __future__ import annotations

import re
from typing import Final

from hotline.errors import InvalidInput

_ONE: Final = re.compile(r"bytes=(?P<first>[0-9]{0,18})-(?P<last>[0-9]{0,18})")


class RangeNotSatisfiable(InvalidInput):
    """Nothing of what is there lies in the range asked for."""

    code = "http.range_not_satisfiable"

    def __init__(self, size: int) -> None:
        super().__init__("the range lies outside")
        self.size = size


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """The first byte asked for and the one after the last; None: all of it.

    A header that is not understood, and one that asks for several ranges, counts as none, as section 14.2 allows.
    Raises RangeNotSatisfiable.
    """
    asked = _ONE.fullmatch((header or "").replace(" ", ""))
    if asked is None or asked["first"] == asked["last"] == "":
        return None
    if not asked["first"]:
        start, end = max(0, size - int(asked["last"])), size
    else:
        start, end = int(asked["first"]), size if not asked["last"] else int(asked["last"]) + 1
        if asked["last"] and end <= start:
            return None
    if start >= size or end <= start:
        raise RangeNotSatisfiable(size)
    return start, min(end, size)
