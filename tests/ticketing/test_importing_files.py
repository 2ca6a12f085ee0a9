"""Files of an old system: encodings, workbooks, bombs, and what people write in cells."""

from __future__ import annotations

import tracemalloc
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from openpyxl import Workbook

from ticketing.importing import written
from ticketing.importing.errors import FileUnreadable, MappingWrong
from ticketing.importing.files import FileRow, TableFile, Unusable
from ticketing.importing.mapping import FileMapping, lay_out, read_mapping
from ticketing.importing.words import Kind
from ticketing.vocabulary import TicketType

ZONE = ZoneInfo("Asia/Shanghai")
LINES = '编号,内容\r\nA1,路灯不亮\r\n\r\nA2,"两行\r\n内容，含,逗号"\r\n'


def rows(path: Path) -> list[FileRow]:
    return list(TableFile(path).rows())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk"])
def test_a_csv_in_any_encoding_of_the_country(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "old.csv"
    path.write_bytes(LINES.encode(encoding))
    first, second = rows(path)
    assert first == FileRow(2, {"编号": "A1", "内容": "路灯不亮"})
    assert second == FileRow(4, {"编号": "A2", "内容": "两行\r\n内容，含,逗号"})


def test_a_character_that_only_gb18030_has(tmp_path: Path) -> None:
    path = tmp_path / "old.csv"
    path.write_bytes("编号,内容\nA1,㙦家湾𠀀村\n".encode("gb18030"))
    assert rows(path)[0].cells["内容"] == "㙦家湾𠀀村"


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_the_delimiter_is_found(delimiter: str, tmp_path: Path) -> None:
    path = tmp_path / "old.csv"
    path.write_text(f"编号{delimiter}内容\nA1{delimiter}路灯\n", encoding="utf-8")
    assert rows(path)[0].cells == {"编号": "A1", "内容": "路灯"}


@pytest.mark.parametrize(
    "content",
    [
        "编号,内容".encode("utf-16"),
        b"\xff\xfe\xff\x81\x20",
        b"",
        b"\n",
        "编号,编号\nA1,A2\n".encode(),
        '编号,内容\nA1,"没有结束'.encode(),
        b"PK\x03\x04 no zip",
    ],
)
def test_what_is_no_table_is_refused_by_name(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "old"
    path.write_bytes(content)
    with pytest.raises(FileUnreadable):
        rows(path)


def workbook(path: Path, *lines: list[object]) -> None:
    book = Workbook()
    assert book.active is not None
    for line in lines:
        book.active.append(line)
    book.save(path)


def test_a_workbook_keeps_moments_and_whole_numbers(tmp_path: Path) -> None:
    path = tmp_path / "old.xlsx"
    at = datetime(2024, 1, 31, 8, 5, 6)
    workbook(
        path, ["编号", "时间", "数", None], [20240131001, at, 1.5, None], [None, None, None, None], ["A2", "", True]
    )
    first, second = rows(path)
    assert first == FileRow(2, {"编号": "20240131001", "时间": at, "数": "1.5"})
    assert second == FileRow(4, {"编号": "A2", "时间": "", "数": "是"})


def test_formulas_and_errors_are_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "old.xlsx"
    workbook(path, ["编号", "内容"], ["A1", '=HYPERLINK("http://x","y")'], ["A2", "#REF!"])
    assert all(isinstance(row.cells["内容"], Unusable) for row in rows(path))
    other = tmp_path / "old.csv"
    other.write_text("编号,内容\nA1,=cmd()\n", encoding="utf-8")
    assert isinstance(rows(other)[0].cells["内容"], Unusable)


def _with(part: str, content: bytes) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        workbook(path, ["编号"], ["A1"])
        with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr(part, content)

    return make


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (_with("xl/worksheets/sheet9.xml", b"0" * (8 << 20)), "压缩比"),
        (_with("xl/other.xml", b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'), "实体"),
    ],
)
def test_bombs_are_refused_before_they_are_unpacked(make: Callable[[Path], None], why: str, tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    make(path)
    with pytest.raises(FileUnreadable, match=why):
        rows(path)


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-31 08:05:06",
        "2024/1/31 8:05:06",
        "2024.1.31 8:05:06",
        "2024年1月31日 8时5分6秒",
        "2024年1月31日8时05分06秒",
        "2024/1/31 上午 8:05:06",
        "2024/1/31 星期三 8:05:06",
        "２０２４/1/31 8：05：06",
        "20240131080506",
        "2024-01-31T08:05:06",
        "2024-01-31T08:05:06.123",
        "2024-01-31T00:05:06Z",
        "2024-01-31T00:05:06+00:00",
        "1/31",
        "45322.336875",
    ],
)
def test_moments_in_the_forms_people_write(text: str) -> None:
    if text == "1/31":
        with pytest.raises(ValueError, match="应为日期时间"):
            written.moment(text, ZONE)
        return
    assert written.moment(text, ZONE) == datetime(2024, 1, 31, 0, 5, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "hour", "minute"),
    [
        ("2024-1-31 下午3:05", 15, 5),
        ("2024-1-31 3:05 PM", 15, 5),
        ("2024/1/31 12:00 AM", 0, 0),
        ("2024年1月31日", 0, 0),
    ],
)
def test_halves_of_the_day(text: str, hour: int, minute: int) -> None:
    assert written.moment(text, ZONE).astimezone(ZONE) == datetime(2024, 1, 31, hour, minute, tzinfo=ZONE)


@pytest.mark.parametrize(
    "text", ["2024-02-30", "2024-13-01 8:00", "2024-01-01 25:00", "昨天", "24-01-31", "0001-01-01"]
)
def test_what_is_no_moment_is_said(text: str) -> None:
    with pytest.raises(ValueError, match=r"日期|年"):
        written.moment(text, ZONE)


def test_days_and_words() -> None:
    assert written.day(date(2024, 2, 29), ZONE) == date(2024, 2, 29)
    assert written.one_of(TicketType, "投诉", {}) is TicketType.COMPLAINT
    assert written.one_of(TicketType, "意见", {"意见": TicketType.SUGGESTION}) is TicketType.SUGGESTION
    with pytest.raises(ValueError, match="咨询、求助、投诉、举报、建议"):
        written.one_of(TicketType, "其它", {})


def test_columns_are_found_by_usual_names_and_by_the_mapping() -> None:
    layout = lay_out(Kind.TICKETS, FileMapping(), ["工单号", "内容", "状态", "受理时间", "备用"])
    assert layout.columns == {"key": "工单号", "content": "内容", "state": "状态", "registered_at": "受理时间"}
    assert layout.ignored == ("备用",)
    mapping = FileMapping(columns={"key": "流水", "title": None}, defaults={"state": "已办结"})
    layout = lay_out(Kind.TICKETS, mapping, ["流水", "工单号", "标题", "内容", "受理时间"])
    assert layout.columns["key"] == "流水"
    assert "title" not in layout.columns
    with pytest.raises(FileUnreadable, match="流水、状态、受理时间"):
        lay_out(Kind.TICKETS, FileMapping(columns={"key": "流水"}), ["内容"])


def test_a_mapping_is_written_as_toml() -> None:
    text = '[columns]\nkey = "流水"\n[words.state]\n"归档完毕" = "已办结"\n'
    mapping = read_mapping(text, Kind.TICKETS)
    assert mapping.words["state"]["归档完毕"] == "已办结"
    for wrong in ("[columns]\nnumber = 'x'", "[colums]", "= 1"):
        with pytest.raises(MappingWrong):
            read_mapping(wrong, Kind.TICKETS)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    with path.open("w", encoding="gb18030") as stream:
        stream.write("编号,内容\n")
        stream.writelines(f"A{n},{'路灯不亮' * 20}\n" for n in range(60_000))
    file = TableFile(path)
    tracemalloc.start()
    try:
        assert sum(1 for _ in file.rows()) == 60_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 << 20 < path.stat().st_size
