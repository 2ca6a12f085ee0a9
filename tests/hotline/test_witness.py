"""The witness: lines that stay, whoever writes, and tell when they were changed."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from hotline.witness import Witness, WitnessBroken

A, B, C = ("a" * 64, "b" * 64, "c" * 64)


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return Witness(tmp_path / "audit" / "witness")


def told(witness: Witness) -> list[tuple[str, int, str]]:
    return [(one.kind, one.number, one.hash) for one in witness.lines()]


async def test_what_several_processes_write_is_one_file_for_its_owner_alone(witness: Witness) -> None:
    other = Witness(witness.path)
    witness.note("head", 1, A)
    other.note("read", 7, B)
    witness.note("head", 2, C)
    await witness.flush()
    await other.flush()
    assert told(witness) == [("head", 1, A), ("read", 7, B), ("head", 2, C)]
    assert stat.S_IMODE(witness.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(witness.path.parent.stat().st_mode) == 0o700


def test_a_file_that_was_taken_away_begins_anew_where_it_is_looked_for(witness: Witness) -> None:
    witness.note("head", 1, A)
    witness.path.unlink()
    witness.note("head", 2, B)
    assert told(witness) == [("head", 2, B)]


@pytest.mark.parametrize("line", range(3))
def test_a_line_that_was_changed_is_found(witness: Witness, line: int) -> None:
    for number, hash_ in enumerate((A, B, C), 1):
        witness.note("head", number, hash_)
    lines = witness.path.read_text().splitlines(keepends=True)
    lines[line] = lines[line].replace("head", "read")
    witness.path.write_text("".join(lines))
    with pytest.raises(WitnessBroken, match=f"line {line + 1}"):
        told(witness)


@pytest.mark.parametrize("spoil", ["", "nothing\n", "head 2\n"])
def test_a_line_in_the_middle_that_is_gone_or_spoilt_is_found(witness: Witness, spoil: str) -> None:
    for number, hash_ in enumerate((A, B, C), 1):
        witness.note("head", number, hash_)
    lines = witness.path.read_text().splitlines(keepends=True)
    witness.path.write_text(lines[0] + spoil + lines[2])
    with pytest.raises(WitnessBroken):
        told(witness)


@pytest.mark.parametrize("kept", [1, 40, 120])
def test_what_a_power_cut_left_half_written_counts_for_nothing(witness: Witness, kept: int) -> None:
    witness.note("head", 1, A)
    whole = witness.path.stat().st_size
    witness.note("head", 2, B)
    witness.path.write_bytes(witness.path.read_bytes()[: whole + kept])
    assert told(witness) == [("head", 1, A)]
    witness.note("head", 3, C)
    assert told(witness) == [("head", 1, A), ("head", 3, C)]
    witness.note("head", 4, A)
    assert told(witness) == [("head", 1, A), ("head", 3, C), ("head", 4, A)]
