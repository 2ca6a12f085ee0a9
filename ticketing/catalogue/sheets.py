"""Tables as cities send them (CSV or XLSX): rows by the names of their columns, each with its line. Pure."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from ticketing.catalogue.errors import UnreadableTable

LARGEST_BYTES: Final = 4 << 20
_LARGEST_UNPACKED: Final = 64 << 20
"""An XLSX is a ZIP: what it says of itself is not believed."""
_MOST_ROWS: Final = 50_000
_ZIP: Final = b"PK\x03\x04"


@dataclass(frozen=True, slots=True)
class Column:
    """A column by the name the code uses, the Chinese name in the file, and whether a file must have it."""

    name: str
    term: str
    needed: bool = True


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row that is not empty. `line` counts from 1, the header being line 1; values are stripped, empty if absent."""

    line: int
    values: Mapping[str, str]


def read(content: bytes, columns: Sequence[Column]) -> list[SheetRow]:
    """The rows of a file: CSV in UTF-8 or GB 18030, or the first sheet of an XLSX. Raises UnreadableTable."""
    if len(content) > LARGEST_BYTES:
        raise UnreadableTable(f"a table has at most {LARGEST_BYTES >> 20} MiB")
    lines = _of_xlsx(content) if content.startswith(_ZIP) else _of_csv(content)
    header = next(lines, (0, []))[1]
    places = _places(header, columns)
    rows = []
    for line, cells in lines:
        values = {name: cells[place].strip() if place < len(cells) else "" for name, place in places.items()}
        if any(values.values()):
            rows.append(SheetRow(line, {column.name: values.get(column.name, "") for column in columns}))
        if len(rows) > _MOST_ROWS:
            raise UnreadableTable(f"a table has at most {_MOST_ROWS} rows")
    return rows


def _places(header: Sequence[str], columns: Sequence[Column]) -> dict[str, int]:
    given = [cell.strip() for cell in header]
    places = {
        column.name: place
        for column in columns
        for place, cell in enumerate(given)
        if cell in {column.name, column.term}
    }
    if missing := [column.term for column in columns if column.needed and column.name not in places]:
        raise UnreadableTable(f"the header has no {', '.join(missing)}")
    known = {name for column in columns for name in (column.name, column.term)}
    if unknown := [cell for cell in given if cell and cell not in known]:
        raise UnreadableTable(f"unknown columns: {', '.join(unknown)[:200]}")
    if len([cell for cell in given if cell]) > len(places):
        raise UnreadableTable("a column stands twice in the header")
    return places


def _of_csv(content: bytes) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(_text(content), newline=""), strict=True)
    begins = 1
    try:
        for cells in reader:
            yield begins, cells
            begins = reader.line_num + 1
    except csv.Error as error:
        raise UnreadableTable(f"line {begins}: {error}") from None


def _text(content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        return text
    raise UnreadableTable("the file is neither CSV in UTF-8 or GB 18030 nor XLSX")


def _of_xlsx(content: bytes) -> Iterator[tuple[int, list[str]]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if sum(part.file_size for part in packed.infolist()) > _LARGEST_UNPACKED:
                raise UnreadableTable("the workbook is too large")
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, SyntaxError, OSError) as error:
        raise UnreadableTable(f"no workbook: {type(error).__name__}") from None
    try:
        if not book.worksheets:
            raise UnreadableTable("the workbook has no sheet")
        rows: Iterable[Sequence[Any]] = book.worksheets[0].iter_rows(values_only=True)
        for line, cells in enumerate(rows, 1):
            yield line, [_cell(cell) for cell in cells]
    except (KeyError, ValueError, SyntaxError, zipfile.BadZipFile, EOFError) as error:
        raise UnreadableTable(f"the sheet cannot be read: {type(error).__name__}") from None
    finally:
        book.close()


def _cell(value: Any) -> str:
    """A code typed as a number is a number in the workbook, a day is a moment."""
    match value:
        case None:
            return ""
        case bool():
            return "是" if value else "否"
        case float() if value.is_integer():
            return str(int(value))
        case datetime():
            return value.date().isoformat()
        case date():
            return value.isoformat()
        case _:
            return str(value)
