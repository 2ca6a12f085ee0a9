"""One row as it is read: our fields out of its cells, with everything that is wrong with any of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final, TypeVar

from ticketing.importing.files import FileRow, Unusable
from ticketing.importing.mapping import FileMapping, Layout
from ticketing.importing.words import Kind
from ticketing.schemas import printable

T = TypeVar("T")
LONGEST_KEY: Final = 64


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a row: its number as a spreadsheet shows it, the column's name, and why, in Chinese."""

    row: int
    column: str
    why: str

    def __str__(self) -> str:
        return f"第 {self.row} 行“{self.column}”：{self.why}"


@dataclass
class RowReader:
    """Reads fields of a row; what is wrong is collected, and the field is then None."""

    kind: Kind
    row: FileRow
    layout: Layout
    mapping: FileMapping
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, name: str, why: str) -> None:
        """Say what is wrong with a field; what follows from that is not said too."""
        column = self.layout.header(name, self.kind)
        if all(problem.column != column for problem in self.problems):
            self.problems.append(Problem(self.row.number, column, why))

    def text(self, name: str, longest: int, *, needed: bool = False) -> str:
        """A field's text, empty if it has none."""
        cell = self._cell(name)
        if cell is None:
            return ""
        text = cell if isinstance(cell, str) else cell.isoformat(sep=" ") if isinstance(cell, datetime) else str(cell)
        if not text and needed:
            self.wrong(name, "不能为空")
        elif len(text) > longest:
            self.wrong(name, f"最多 {longest} 个字，这里有 {len(text)} 个")
            return ""
        try:
            return printable(text)
        except ValueError:
            self.wrong(name, "含有控制字符")
            return ""

    def read(self, name: str, parse: Callable[[Any], T]) -> T | None:
        """A field by a function that takes the cell (text, moment or day) and raises ValueError; None if it is empty
        or wrong."""
        cell = self._cell(name)
        if cell is None or cell == "":
            return None
        try:
            return parse(cell)
        except ValueError as error:
            self.wrong(name, str(error))
            return None

    def key(self) -> str:
        """The old system's own number."""
        return self.text("key", LONGEST_KEY, needed=True)

    def in_order(self, given: Sequence[tuple[str, datetime | None]]) -> None:
        """Moments, the earlier first, those that are missing left out."""
        before: tuple[str, datetime] | None = None
        for name, at in given:
            if at is None:
                continue
            if before is not None and at < before[1]:
                self.wrong(name, f"早于“{self.layout.header(before[0], self.kind)}”")
            before = name, at

    def _cell(self, name: str) -> str | date | datetime | None:
        """None: unusable, and said so."""
        header = self.layout.columns.get(name)
        cell = self.row.cells.get(header, "") if header else ""
        if isinstance(cell, Unusable):
            self.wrong(name, cell.why)
            return None
        if isinstance(cell, str):
            cell = self.mapping.words.get(name, {}).get(cell, cell)
            if cell == "":
                cell = self.mapping.defaults.get(name, "")
        return cell
