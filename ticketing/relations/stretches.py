"""What a ticket is beside its words, as lexemes among these, so that one index finds both at once: the stretches of
tickets and of days it lies in, its category, area and source, and its units.

A word that many tickets have is asked for in the newest of them first: with the stretch in the same index, PostgreSQL
steps over every older entry without looking at it, which an index on the id beside the words cannot do. So it is with
a unit's tickets, or a category's: a word of other matters is in none of them, and to learn that takes one look. No word
has a lexeme that begins like these: `hotline.search` takes letters and digits alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Final

WIDTHS: Final = (10, 13, 16, 19)
"""A ticket is in one stretch of each: 2 ** width tickets by id."""
_DAYS: Final = 16
_DIVISIONS: Final = (4, 6)
_WHOLE: Final = 12
"""Digits of a city's code, a county's, and one down to the village (GB/T 2260, GB/T 10114)."""
_FIRST: Final = date(1970, 1, 1)


def lexemes(ticket_id: int, registered_at: datetime) -> str:
    """A ticket's own, in the notation of `tsvector`."""
    numbers = [_of_ids(place, ticket_id >> width) for place, width in enumerate(WIDTHS)]
    return " ".join([*numbers, _of_days(_day(registered_at))])


def of_category(code: str) -> str:
    """The lexeme of a category's tickets."""
    return f"'={code}'"


def of_source(source: str) -> str:
    """The lexeme of tickets that came in by a way."""
    return f"'!{source}'"


def of_area(beginning: str) -> str | None:
    """The lexeme of areas whose code begins like this: a city's, a county's, or one whole code; of others there is
    none."""
    return f"'~{beginning}'" if len(beginning) in _DIVISIONS or len(beginning) == _WHOLE else None


def marks(category: str, area_code: str, source: str) -> str:
    """A ticket's own of these, in the notation of `tsvector`."""
    areas = {area_code[:digits] for digits in (*_DIVISIONS, _WHOLE) if len(area_code) >= digits}
    found = [of_source(source), *filter(None, map(of_area, sorted(areas)))]
    return " ".join([*found, of_category(category)] if category else found)


def of_unit(unit_id: int) -> str:
    """The lexeme of tickets that the unit has, or had, a part in: as it is kept, and as the `tsquery` that asks."""
    return f"'%{unit_id}'"


def newest(below: int, place: int) -> str:
    """The `tsquery` of the two newest stretches of a width (by its place in `WIDTHS`) of tickets below an id."""
    last = (below - 1) >> WIDTHS[place]
    return _any(_of_ids(place, stretch) for stretch in {last, max(last - 1, 0)})


def reaches_first(below: int, place: int) -> bool:
    """Whether those two are all there are."""
    return (below - 1) >> WIDTHS[place] <= 1


def since(begin: datetime, end: datetime) -> str:
    """The `tsquery` of all stretches of days between two moments."""
    return _any(_of_days(stretch) for stretch in range(_day(begin), _day(end) + 1))


def _day(at: datetime) -> int:
    return (at.astimezone(UTC).date() - _FIRST).days // _DAYS


def _of_ids(place: int, stretch: int) -> str:
    return f"'#{place}:{stretch}'"


def _of_days(stretch: int) -> str:
    return f"'@{stretch}'"


def _any(wanted: Iterable[str]) -> str:
    return " | ".join(wanted)
