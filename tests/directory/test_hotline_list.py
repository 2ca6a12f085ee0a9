"""A list of hotlines is read row by row; each bad row is refused with its line and reason."""

from __future__ import annotations

import pytest

from directory.hotline_list import COLUMNS, UnreadableList, read_list
from directory.importer import SANMENXIA

HEADER = ",".join(COLUMNS)
GOOD = "12333,人社,人社热线,市人社局,dual,true,ours"


def read(*rows: str) -> list[tuple[int, str, str]]:
    listed = read_list("\n".join((HEADER, *rows)).encode(), "0398")
    return [(bad.line, bad.column, bad.reason) for bad in listed.bad]


def test_sanmenxia_has_32_rows_23_of_them_merged_dual_or_branch() -> None:
    listed = read_list(SANMENXIA.read_bytes(), "0398")
    assert not listed.bad
    assert len(listed.rows) == 32
    assert sum(row.mode in {"merged", "dual", "branch"} for row in listed.rows) == 23


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        ("12333,人社", "", "2 columns instead of 7"),
        (GOOD + ",x", "", "8 columns instead of 7"),
        ("abc,人社,人社热线,市人社局,dual,true,ours", "number", "not a telephone number"),
        (",人社,人社热线,市人社局,dual,true,ours", "number", "not a telephone number"),
        ("12345,总,总热线,市政府,merged,false,ours", "number", "12345 is the line itself, not one merged into it"),
        ("12300,电信,,市通管办,merged,false,ours", "name_spoken", "empty: citizens must be told which line answers"),
        (
            f"12300,电信,{'长' * 65},市通管办,merged,false,ours",
            "name_spoken",
            "longer than 64 characters, or with characters that cannot be printed",
        ),
        (
            "12300,电\x07信,电信,市通管办,merged,false,ours",
            "name_source",
            "longer than 64 characters, or with characters that cannot be printed",
        ),
        (
            "12300,电信,电信热线,市通管办,joined,false,ours",
            "mode",
            "'joined' is none of: main, merged, forwarded, retained, dual, branch, emergency, utility, excluded",
        ),
        ("12300,电信,电信热线,市通管办,merged,false,theirs", "platform", "'theirs' is none of: ours, own"),
        ("12300,电信,电信热线,市通管办,merged,yes,ours", "expert_seats", "neither true nor false"),
        ("12300,电信,电信热线,市通管办,merged,false,own", "mode", "no path for mode 'merged' on platform 'own'"),
        (
            "12300,电信,电信热线,市通管办,merged,true,ours",
            "mode",
            "mode 'merged' on platform 'ours' has no expert seats here",
        ),
        ("110,,报警,市公安局,merged,false,ours", "mode", "an emergency number is never 'merged'"),
        ("12300,电信,电信热线,市通管办,main,false,ours", "mode", "12345 and only 12345 is the main line"),
        (
            "12300,电信,电信热线,,merged,false,ours",
            "unit",
            "empty: calls for a number of mode 'merged' are tagged with its unit",
        ),
    ],
)
def test_a_bad_row_does_not_hide_the_others(row: str, column: str, reason: str) -> None:
    assert read("12301,旅游,旅游热线,市文旅局,merged,false,ours", row, GOOD) == [(3, column, reason)]


def test_a_number_listed_twice_in_two_forms() -> None:
    again = "0398-12333,人社,人社热线,市人社局,dual,true,ours"
    assert read(GOOD, again) == [(3, "number", "already on line 2")]


def test_lines_are_counted_as_an_editor_shows_them() -> None:
    quoted = '12301,"旅\n游",旅游热线,市文旅局,merged,false,ours'
    assert [line for line, _, _ in read("", quoted, "", "x")] == [3, 6]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_as_spreadsheets_save_it(end: str, mark: str) -> None:
    listed = read_list((mark + end.join((HEADER, " １２３３３ " + GOOD[5:])) + end).encode(), "0398")
    assert [row.number for row in listed.rows] == ["12333"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        HEADER.encode(),
        GOOD.encode(),
        f"{HEADER},note\n".encode(),
        f"{HEADER}\n{GOOD}".encode("gb18030"),
        f"{HEADER}\n{GOOD}".encode("utf-16"),
        f'{HEADER}\n"12333'.encode(),
        f'{HEADER}\n"12333"x,a'.encode(),
        f"{HEADER}\n{'x' * 200_000}".encode(),
        b"x" * (4 * 1024 * 1024 + 1),
    ],
)
def test_not_such_a_list(content: bytes) -> None:
    with pytest.raises(UnreadableList):
        read_list(content, "0398")
