"""Files of an old system (CSV or XLSX), a row at a time however long they are. Pure but for reading the file.

A workbook is read as it lies in its ZIP; what it says of its own size is checked first, and formulas are not believed:
what they show depends on who opened the file last.
"""

from __future__ import annotations

import codecs
import csv
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Final, TextIO

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from ticketing.importing.errors import FileUnreadable

LARGEST_BYTES: Final = 2 << 30
_LARGEST_UNPACKED: Final = 2 << 30
_LARGEST_WORDS: Final = 64 << 20
"""A workbook's shared words (sharedStrings.xml) are all held in memory."""
_MOST_PACKED: Final = 200
"""A part that is packed tighter than this, 100:1 being what real sheets come to, is a bomb."""
_SMALL: Final = 1 << 20
MOST_ROWS: Final = 2_000_000
_MOST_COLUMNS: Final = 200
_LONGEST_CELL: Final = 32_767
"""What a workbook's cell may hold."""
_ZIP: Final = b"PK\x03\x04"
_CHUNK: Final = 1 << 16
_DELIMITERS: Final = ",\t;"
_FORMULA: Final = "是公式，请改为数值后再导入"


@dataclass(frozen=True, slots=True)
class Unusable:
    """A cell that cannot be taken as it is, and why."""

    why: str


Cell = str | datetime | date | Unusable


@dataclass(frozen=True, slots=True)
class FileRow:
    """A row that is not empty, its number as a spreadsheet shows it (the header being row 1), its cells by header."""

    number: int
    cells: Mapping[str, Cell]


class TableFile:
    """A file's rows, as often as they are asked for. Raises FileUnreadable, here or while it is read."""

    def __init__(self, path: Path, *, sheet: str = "") -> None:
        self._path = path
        self._sheet = sheet
        size = path.stat().st_size
        if size > LARGEST_BYTES:
            raise FileUnreadable(f"文件超过 {LARGEST_BYTES >> 30} GiB，请拆分")
        with path.open("rb") as stream:
            self._packed = stream.read(4) == _ZIP
        self._encoding = "" if self._packed else _encoding(path)

    @property
    def headers(self) -> list[str]:
        """The names of its columns. Raises FileUnreadable."""
        _, cells = next(self._lines(), (0, []))
        return _headers(cells)

    def rows(self) -> Iterator[FileRow]:
        """Each row that is not empty."""
        lines = self._lines()
        headers = _headers(next(lines, (0, []))[1])
        for number, cells in lines:
            if number > MOST_ROWS:
                raise FileUnreadable(f"文件超过 {MOST_ROWS} 行，请拆分")
            values = {name: cells[place] if place < len(cells) else "" for place, name in enumerate(headers) if name}
            if any(value != "" for value in values.values()):
                yield FileRow(number, values)

    def _lines(self) -> Iterator[tuple[int, Sequence[Cell]]]:
        return self._of_workbook() if self._packed else self._of_csv()

    def _of_csv(self) -> Iterator[tuple[int, Sequence[Cell]]]:
        number = 1
        with self._path.open(encoding=self._encoding, newline="") as stream:
            try:
                for number, cells in enumerate(csv.reader(stream, delimiter=_delimiter(stream), strict=True), 1):
                    yield number, [_written(cell) for cell in cells]
            except csv.Error as error:
                raise FileUnreadable(f"第 {number + 1} 行之后不是完整的 CSV：{error}") from None

    def _of_workbook(self) -> Iterator[tuple[int, Sequence[Cell]]]:
        _check_packed(self._path)
        try:
            book = load_workbook(self._path, read_only=True, data_only=False, keep_links=False)
        except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, SyntaxError, OSError) as error:
            raise FileUnreadable(f"不是可读的工作簿：{type(error).__name__}") from None
        try:
            if self._sheet and self._sheet not in book.sheetnames:
                raise FileUnreadable(f"工作簿中没有名为“{self._sheet[:64]}”的工作表")
            if not book.worksheets:
                raise FileUnreadable("工作簿中没有工作表")
            sheet = book[self._sheet] if self._sheet else book.worksheets[0]
            for number, cells in enumerate(sheet.iter_rows(), 1):
                yield number, [_cell(cell) for cell in cells]
        except (KeyError, ValueError, SyntaxError, zipfile.BadZipFile, EOFError, OverflowError) as error:
            raise FileUnreadable(f"工作表读不下去：{type(error).__name__}") from None
        finally:
            book.close()


def _encoding(path: Path) -> str:
    """UTF-8 with or without its mark, else GB 18030, which holds GBK and GB 2312; by reading all of it once."""
    for encoding in ("utf-8-sig", "gb18030"):
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            with path.open("rb") as stream:
                while chunk := stream.read(_CHUNK):
                    if "\0" in decoder.decode(chunk):
                        raise FileUnreadable("文件既不是 CSV 也不是 XLSX（含有空字符；UTF-16 请另存为 UTF-8）")
                decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return encoding
    raise FileUnreadable("文件既不是 UTF-8 或 GB 18030 编码的 CSV，也不是 XLSX")


def _delimiter(stream: TextIO) -> str:
    head = stream.readline(_LONGEST_CELL)
    stream.seek(0)
    return max(_DELIMITERS, key=head.count)


def _headers(cells: Sequence[Cell]) -> list[str]:
    names = [cell.strip() if isinstance(cell, str) else "" for cell in cells]
    if not any(names):
        raise FileUnreadable("第 1 行应为列名")
    while not names[-1]:
        names.pop()
    if len(names) > _MOST_COLUMNS:
        raise FileUnreadable(f"最多 {_MOST_COLUMNS} 列")
    if twice := {name for name in names if name and names.count(name) > 1}:
        raise FileUnreadable(f"列名重复：{'、'.join(sorted(twice))[:200]}")
    return names


def _check_packed(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as packed:
            parts = packed.infolist()
            if sum(part.file_size for part in parts) > _LARGEST_UNPACKED:
                raise FileUnreadable("工作簿解压后过大")
            for part in parts:
                if part.file_size > _SMALL and part.file_size > _MOST_PACKED * max(part.compress_size, 1):
                    raise FileUnreadable("工作簿的压缩比异常")
                if part.filename.endswith("sharedStrings.xml") and part.file_size > _LARGEST_WORDS:
                    raise FileUnreadable("工作簿的文字过多，请拆分或另存为 CSV")
                if part.filename.endswith((".xml", ".rels")):
                    with packed.open(part) as stream:
                        # Entities (billion laughs) are declared before anything else; no real workbook has any.
                        if b"<!DOCTYPE" in stream.read(4096):
                            raise FileUnreadable("工作簿中含有实体声明")
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError) as error:
        raise FileUnreadable(f"不是可读的工作簿：{type(error).__name__}") from None


def _written(text: str) -> Cell:
    text = text.strip()
    if text.startswith("=") and len(text) > 1:
        return Unusable(_FORMULA)
    return text


def _cell(cell: Any) -> Cell:
    """A number typed as a number is one in the workbook; a moment is a moment."""
    if cell.data_type == "f":
        return Unusable(_FORMULA)
    if cell.data_type == "e":
        return Unusable(f"是错误值 {str(cell.value)[:16]}")
    value = cell.value
    match value:
        case None:
            return ""
        case bool():
            return "是" if value else "否"
        case datetime() | date():
            return value
        case time():
            return value.isoformat()
        case float():
            return str(int(value)) if value.is_integer() else repr(value)
        case _:
            return str(value).strip()
