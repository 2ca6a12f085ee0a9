"""Sealed files: any part can be read, and nothing that was changed is ever given out."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotline.keys import KeyFileUnusable, KeyMissing, KeyRing, SealingKey, add_key, own_keys, read_keys
from media.cipher import CHUNK, SealedFile, SealingWriter
from media.errors import SealBroken

KEYS = KeyRing([SealingKey(bytes(range(32)))])
SUBJECT = "ast1-1763761000.12/1763761001234"
CONTENT = os.urandom(2 * CHUNK + 1234)


def sealed(path: Path, content: bytes, keys: KeyRing = KEYS) -> str:
    with SealingWriter(path, keys, SUBJECT) as writer:
        # In pieces that have nothing to do with chunks.
        for at in range(0, len(content), 10_007):
            writer.write(content[at : at + 10_007])
        return writer.finish()


def whole(path: Path, keys: KeyRing = KEYS, subject: str = SUBJECT) -> bytes:
    with SealedFile(path, keys, keys.current.id, subject) as file:
        return b"".join(file.read(0, file.size))


@pytest.mark.parametrize("length", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 17])
def test_what_is_sealed_comes_back(tmp_path: Path, length: int) -> None:
    content = os.urandom(length)
    digest = sealed(tmp_path / "file", content)
    assert whole(tmp_path / "file") == content
    assert digest == hashlib.sha256((tmp_path / "file").read_bytes()).hexdigest()
    with SealedFile(tmp_path / "file", KEYS, KEYS.current.id, SUBJECT) as file:
        assert file.size == length
        file.verify()


def test_nothing_of_it_can_be_read_without_the_key_and_nobody_else_may_read_the_file(tmp_path: Path) -> None:
    sealed(tmp_path / "file", b"\xd5" * 5000)
    assert b"\xd5" * 16 not in (tmp_path / "file").read_bytes()
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600
    sealed(tmp_path / "again", b"\xd5" * 5000)
    assert (tmp_path / "file").read_bytes()[32:] != (tmp_path / "again").read_bytes()[32:]


@pytest.fixture(scope="module")
def file() -> Path:
    path = Path(tempfile.mkdtemp()) / "file"
    sealed(path, CONTENT)
    return path


@settings(max_examples=200, deadline=None)
@given(start=st.integers(0, len(CONTENT) + 10), length=st.integers(0, len(CONTENT) + 10))
def test_every_range_is_what_the_content_has_there(file: Path, start: int, length: int) -> None:
    with SealedFile(file, KEYS, KEYS.current.id, SUBJECT) as opened:
        assert b"".join(opened.read(start, length)) == CONTENT[start : start + length]


def test_a_range_reads_only_the_chunks_it_lies_in(file: Path, tmp_path: Path) -> None:
    broken = bytearray(file.read_bytes())
    broken[40] ^= 1  # the first chunk
    path = tmp_path / "broken"
    path.write_bytes(broken)
    with SealedFile(path, KEYS, KEYS.current.id, SUBJECT) as opened:
        assert b"".join(opened.read(CHUNK, 100)) == CONTENT[CHUNK : CHUNK + 100]
        with pytest.raises(SealBroken):
            next(opened.read(CHUNK - 1, 1))


@settings(max_examples=200, deadline=None)
@given(at=st.integers(0, len(CONTENT) + 32 + 3 * 16 - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_is_noticed_wherever_it_is(file: Path, at: int, bit: int) -> None:
    changed = bytearray(file.read_bytes())
    changed[at] ^= 1 << bit
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "changed"
        path.write_bytes(changed)
        with pytest.raises(SealBroken):
            whole(path)


@pytest.mark.parametrize("region", [0, 8, 16, 31, 32, 32 + CHUNK, 32 + CHUNK + 15, 32 + 2 * (CHUNK + 16), -1])
def test_a_flipped_byte_of_each_region_is_noticed(file: Path, tmp_path: Path, region: int) -> None:
    """Mark, key id, salt, first chunk, its tag, last chunk, its tag."""
    changed = bytearray(file.read_bytes())
    changed[region] ^= 0xFF
    (tmp_path / "changed").write_bytes(changed)
    with pytest.raises(SealBroken):
        whole(tmp_path / "changed")


@settings(max_examples=100, deadline=None)
@given(kept=st.integers(0, len(CONTENT) + 32 + 3 * 16 - 1))
def test_a_file_that_was_cut_off_does_not_open(file: Path, kept: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cut"
        path.write_bytes(file.read_bytes()[:kept])
        with pytest.raises(SealBroken):
            SealedFile(path, KEYS, KEYS.current.id, SUBJECT)


def test_a_file_that_grew_does_not_open(file: Path, tmp_path: Path) -> None:
    (tmp_path / "grown").write_bytes(file.read_bytes() + b"x" * 40)
    with pytest.raises(SealBroken):
        SealedFile(tmp_path / "grown", KEYS, KEYS.current.id, SUBJECT)


def test_chunks_in_another_order_do_not_open(file: Path, tmp_path: Path) -> None:
    content, size = file.read_bytes(), CHUNK + 16
    first, second, rest = content[32:][:size], content[32 + size :][:size], content[32 + 2 * size :]
    (tmp_path / "swapped").write_bytes(content[:32] + second + first + rest)
    with pytest.raises(SealBroken):
        whole(tmp_path / "swapped")


def test_a_file_in_the_place_of_another_one_does_not_open(file: Path) -> None:
    with pytest.raises(SealBroken):
        whole(file, subject="ast1-1763761000.13/1763761001234")


def test_the_key_that_sealed_it_must_be_there(file: Path) -> None:
    others = KeyRing([SealingKey(b"x" * 32)])
    with pytest.raises(KeyMissing):
        SealedFile(file, others, KEYS.current.id, SUBJECT)
    with pytest.raises(SealBroken):
        whole(file, keys=others)


# keys


def test_a_key_is_made_once_and_kept_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "recordings"
    first = own_keys(path)
    assert own_keys(path).ids == first.ids
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["recordings"]
    assert repr(first.current) == "SealingKey()"


def test_a_new_key_seals_and_the_old_one_still_opens(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    old = own_keys(path)
    sealed(tmp_path / "file", b"before", old)
    new = add_key(path)
    assert new.ids == (*old.ids, new.current.id)
    assert new.current.id != old.current.id
    with SealedFile(tmp_path / "file", new, old.current.id, SUBJECT) as file:
        assert b"".join(file.read(0, 100)) == b"before"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    own_keys(tmp_path / "keys")
    (tmp_path / "keys").chmod(mode)
    with pytest.raises(KeyFileUnusable, match="others") as raised:
        read_keys(tmp_path / "keys")
    assert "chmod" in raised.value.remedy


def test_a_changed_key_file_is_refused_and_not_used(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    own_keys(path)
    text = path.read_bytes()
    for changed in (b"", text[:-5] + b"\n", text.replace(text[:8], b"00000000"), b"x " + b"A" * 44, b"no key"):
        path.write_bytes(changed)
        with pytest.raises(KeyFileUnusable):
            read_keys(path)
    path.unlink()
    with pytest.raises(KeyFileUnusable):
        read_keys(path)
