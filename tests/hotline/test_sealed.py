"""Personal data in fields: sealed for their place, found by a keyed index, sealed anew when keys rotate."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from hotline import resealing, sealed
from hotline.database import Database
from hotline.keys import KeyMissing, add_key
from hotline.sealed import FieldBroken, FieldKeys
from ticketing.models import TicketRow

NUMBER = "+8613812345678"
_NOW = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)


@pytest.fixture
def keys(tmp_path: Path) -> FieldKeys:
    return FieldKeys(tmp_path / "keys" / "personal")


def test_what_is_sealed_opens_in_its_own_field_only(keys: FieldKeys) -> None:
    kept = keys.seal("ticket.caller_number", NUMBER)
    assert keys.open("ticket.caller_number", kept) == NUMBER
    for other in ("ticket.caller_name", "callback.caller_number", ""):
        with pytest.raises(FieldBroken):
            keys.open(other, kept)


def test_equal_values_are_not_seen_to_be_equal_but_have_one_index(keys: FieldKeys) -> None:
    assert keys.seal("ticket.caller_number", NUMBER) != keys.seal("ticket.caller_number", NUMBER)
    assert keys.index(NUMBER) == keys.index(NUMBER) != keys.index(NUMBER[:-1])
    assert len(keys.index(NUMBER)) == sealed.INDEX_BYTES


@settings(max_examples=50, deadline=None)
@given(value=st.text(st.characters(codec="utf-8"), max_size=300), at=st.integers(0, 400), flipped=st.integers(1, 255))
def test_whatever_is_changed_does_not_open(value: str, at: int, flipped: int) -> None:
    kept = sealed.keys().seal("ticket.address", value)
    assert sealed.keys().open("ticket.address", kept) == value
    if kept:
        changed = bytearray(kept)
        changed[at % len(kept)] ^= flipped
        with pytest.raises((FieldBroken, KeyMissing)):
            sealed.keys().open("ticket.address", bytes(changed))


@pytest.mark.parametrize("kept", [b"x", NUMBER.encode(), b"\x01" + b"0" * 8])
def test_what_was_never_sealed_does_not_open(keys: FieldKeys, kept: bytes) -> None:
    with pytest.raises((FieldBroken, KeyMissing)):
        keys.open("ticket.caller_number", kept)


def test_keys_rotate_under_a_running_process_and_the_index_stays(keys: FieldKeys) -> None:
    before, index = keys.seal("ticket.address", "黄河路"), keys.index(NUMBER)
    other = FieldKeys(keys.path)
    assert other.open("ticket.address", before) == "黄河路"
    new = add_key(keys.path).current.id
    after = keys.seal("ticket.address", "黄河路")
    assert (sealed.sealed_with(after), sealed.sealed_with(before)) == (new, keys.ids[0])
    assert [one.open("ticket.address", kept) for one in (keys, other) for kept in (before, after)] == ["黄河路"] * 4
    assert other.index(NUMBER) == index
    assert {stat.S_IMODE(file.stat().st_mode) for file in keys.path.parent.iterdir()} == {0o600}


def test_a_sealed_field_cannot_be_compared_by_mistake() -> None:
    with pytest.raises(TypeError, match="keyed index"):
        _ = TicketRow.caller_number == NUMBER
    with pytest.raises(TypeError, match="keyed index"):
        TicketRow.caller_name.like("张%")
    assert "IS NOT NULL" in str(TicketRow.address.is_not(None))


async def test_former_values_are_sealed_anew_in_batches(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(sealed.keys().path).parent / "rotating"
    own = FieldKeys(folder / "personal")
    monkeypatch.setattr(sealed, "keys", lambda: own)
    monkeypatch.setattr(resealing, "keys", lambda: own)
    monkeypatch.setattr(resealing, "_BATCH", 2)
    database = Database(database_url)
    try:
        async with database.transaction() as session:
            for serial in range(5):
                session.add(_ticket(serial))
        (place,) = [place for place in resealing.places() if place.name == "ticket.caller_number"]
        old = own.ids[-1]
        assert await resealing.counted(database, place) == {old: 5}
        assert await resealing.some(database, place) == (0, ())
        new = add_key(own.path).current.id
        # Broken off after a batch, it goes on where it was.
        assert (await resealing.some(database, place))[0] == 2
        assert await resealing.counted(database, place) == {old: 3, new: 2}
        behind: Sequence[Any] = ()
        for expected in (2, 1, 0):
            some, behind = await resealing.some(database, place, behind)
            assert some == expected
        assert await resealing.counted(database, place) == {new: 5}
        async with database.transaction() as session:
            rows = (await session.execute(text("SELECT caller_number, caller_index FROM ticket ORDER BY id"))).all()
        assert [own.open("ticket.caller_number", kept) for kept, _ in rows] == [f"+861380000000{n}" for n in range(5)]
        assert [index for _, index in rows] == [own.index(f"+861380000000{n}") for n in range(5)]
    finally:
        await database.close()


def _ticket(serial: int) -> TicketRow:
    fields = dict.fromkeys(("content", "address", "area_code", "hotline", "unit_tag", "caller_name"), "")
    words = {"type": "help", "source": "phone", "urgency": "general", "confidentiality": "open", "state": "registered"}
    return TicketRow(
        number=f"SMX{serial}", title="x", caller_number=f"+861380000000{serial}", version=1, registered_by="1001",
        registered_at=_NOW, updated_at=_NOW, **fields, **words,
    )  # fmt: skip
