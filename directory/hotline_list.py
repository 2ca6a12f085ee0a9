"""The government's list of merged hotlines (归并清单) as a CSV file: reading and checking, without a database."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from directory.lines import readable_name
from directory.modes import MAIN_LINE, Mode, Platform, UnsupportedMode, check_line
from directory.numbers import InvalidNumber, normalise
from hotline.errors import InvalidInput

COLUMNS = ("number", "name_source", "name_spoken", "unit", "mode", "expert_seats", "platform")
_LARGEST = 4 * 1024 * 1024

E = TypeVar("E", bound=StrEnum)


class UnreadableList(InvalidInput):
    """The file as a whole is not such a list; nothing was read."""

    code = "hotline_list.unreadable"


@dataclass(frozen=True, slots=True)
class ListedLine:
    """One good row. `line` is where it begins in the file, the header being line 1."""

    line: int
    number: str
    name_source: str
    name_spoken: str
    unit: str
    mode: Mode
    platform: Platform
    expert_seats: bool


@dataclass(frozen=True, slots=True)
class BadRow:
    """A refused row: its line, the column at fault (empty: the row as a whole) and why."""

    line: int
    column: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {f'{self.column}: ' if self.column else ''}{self.reason}"


@dataclass(frozen=True, slots=True)
class HotlineList:
    """A read file: good rows and bad ones, each in the file's order."""

    rows: tuple[ListedLine, ...]
    bad: tuple[BadRow, ...]


class _Bad(Exception):
    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column
        self.reason = reason


def read_list(content: bytes, area_code: str) -> HotlineList:
    """Read a CSV file in UTF-8 (with or without BOM) with exactly the columns COLUMNS.

    Raises UnreadableList if the file is no such list; a bad row is reported and does not hide the others.
    """
    if len(content) > _LARGEST:
        raise UnreadableList("larger than 4 MiB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableList(f"not UTF-8 at byte {error.start}", remedy="save the file as UTF-8") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    good: list[ListedLine] = []
    bad: list[BadRow] = []
    seen: dict[str, int] = {}
    try:
        header = next(reader, None)
        if header is None or tuple(header) != COLUMNS:
            raise UnreadableList(f"the first line must be: {','.join(COLUMNS)}")
        begins = reader.line_num + 1
        for cells in reader:
            line, begins = begins, reader.line_num + 1
            if not cells:
                continue
            try:
                row = _row(line, cells, area_code)
                if row.number in seen:
                    raise _Bad("number", f"already on line {seen[row.number]}")
            except _Bad as error:
                bad.append(BadRow(line, error.column, error.reason))
            else:
                seen[row.number] = line
                good.append(row)
    except csv.Error as error:
        raise UnreadableList(f"not CSV at line {reader.line_num}: {error}") from None
    if not good and not bad:
        raise UnreadableList("no rows")
    return HotlineList(tuple(good), tuple(bad))


def _row(line: int, cells: list[str], area_code: str) -> ListedLine:
    if len(cells) != len(COLUMNS):
        raise _Bad("", f"{len(cells)} columns instead of {len(COLUMNS)}")
    values = {column: cell.strip() for column, cell in zip(COLUMNS, cells, strict=True)}
    try:
        number = normalise(values["number"], area_code)
    except InvalidNumber:
        raise _Bad("number", "not a telephone number") from None
    if number == MAIN_LINE:
        raise _Bad("number", "12345 is the line itself, not one merged into it")
    for column in ("name_source", "name_spoken", "unit"):
        if values[column] and not readable_name(values[column]):
            raise _Bad(column, "longer than 64 characters, or with characters that cannot be printed")
    if not values["name_spoken"]:
        raise _Bad("name_spoken", "empty: citizens must be told which line answers")
    mode = _member(Mode, "mode", values["mode"])
    platform = _member(Platform, "platform", values["platform"])
    if values["expert_seats"] not in {"true", "false"}:
        raise _Bad("expert_seats", "neither true nor false")
    expert_seats = values["expert_seats"] == "true"
    try:
        path = check_line(number, mode, platform, expert_seats=expert_seats)
    except UnsupportedMode as error:
        raise _Bad("mode", error.detail) from None
    if path.unit_required and not values["unit"]:
        raise _Bad("unit", f"empty: calls for a number of mode {mode.value!r} are tagged with its unit")
    return ListedLine(
        line=line,
        number=number,
        name_source=values["name_source"],
        name_spoken=values["name_spoken"],
        unit=values["unit"],
        mode=mode,
        platform=platform,
        expert_seats=expert_seats,
    )


def _member(kind: type[E], column: str, text: str) -> E:
    try:
        return kind(text)
    except ValueError:
        raise _Bad(column, f"{text[:32]!r} is none of: {', '.join(kind)}") from None
