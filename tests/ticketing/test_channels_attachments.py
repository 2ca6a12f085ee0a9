"""附件: what a file is, where it lies, and what a crash leaves."""

from __future__ import annotations

import asyncio
import hashlib
import io
import itertools
import os
import struct
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from tests.ticketing.conftest import Counter
from ticketing import repository
from ticketing.attachments import keeping
from ticketing.attachments.blobs import YOUNG_SECONDS, BlobStore
from ticketing.attachments.errors import (
    AttachmentDamaged,
    AttachmentNotFound,
    EmptyFile,
    KindMismatch,
    KindNotAllowed,
    TicketIsArchived,
    TooLarge,
    TooManyAttachments,
)
from ticketing.attachments.keeping import Attachments, Limits
from ticketing.attachments.kinds import KINDS, kind_of, safe_name
from ticketing.attachments.sweeping import Sweep
from ticketing.models import TicketRow


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


PNG = b"\x89PNG\r\n\x1a\n" + b"".join(
    (
        chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)),
        chunk(b"IDAT", zlib.compress(b"\0\0")),
        chunk(b"IEND", b""),
    )
)


def zipped(*names: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as container:
        for name in names:
            container.writestr(name, "x")
    return made.getvalue()


DOCX = zipped("[Content_Types].xml", "word/document.xml")
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600
FITTING = {
    "照片.PNG": PNG,
    "a.jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF\0\1\1" + b"\0" * 50 + b"\xff\xd9",
    "a.gif": b"GIF89a" + b"\0" * 20,
    "a.webp": b"RIFF\x24\0\0\0WEBPVP8 " + b"\0" * 20,
    "a.heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 30,
    "合同.pdf": b"%PDF-1.7\n" + b"x" * 50 + b"\n%%EOF",
    "a.docx": DOCX,
    "a.xlsx": zipped("[Content_Types].xml", "xl/workbook.xml"),
    "公文.ofd": zipped("OFD.xml", "Doc_0/Document.xml"),
    "a.doc": OLE,
    "a.xls": OLE,
    "a.mp3": b"\xff\xfb\x90\x64" + b"\0" * 400,
    "a.wav": b"RIFF\x24\0\0\0WAVEfmt " + b"\0" * 40,
    "a.amr": b"#!AMR\n" + b"\0" * 30,
    "a.mp4": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"\0" * 30,
    "a.m4a": b"\0\0\0\x1cftypM4A \0\0\2\0M4A isom" + b"\0" * 30,
    "a.mov": b"\0\0\0\x14ftypqt  \0\0\2\0qt  " + b"\0" * 30,
    "说明.txt": "路灯不亮".encode("gb18030"),
}


@pytest.mark.parametrize("name", FITTING)
def test_a_file_is_what_it_holds(name: str) -> None:
    kind = kind_of(name, FITTING[name])
    assert kind.name == name
    extension = name.rpartition(".")[2].lower()
    assert kind.media_type == KINDS["jpg" if extension == "jpeg" else extension]


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("photo.jpg", PNG, KindMismatch),
        ("photo.png", b"MZ\x90\0" + b"\0" * 200, KindMismatch),
        ("photo.png", b"<html><script>alert(1)</script>", KindMismatch),
        ("a.docx", zipped("META-INF/MANIFEST.MF", "a.class"), KindMismatch),
        ("a.docx", zipped("word/document.xml", "word/vbaProject.bin"), KindMismatch),
        ("a.docx", zipped("xl/workbook.xml"), KindMismatch),
        ("a.docx", DOCX[:40], KindMismatch),
        ("a.txt", b"a\0b", KindMismatch),
        ("a.txt", PNG, KindMismatch),
        ("a.exe", b"MZ\x90\0" + b"\0" * 200, KindNotAllowed),
        ("a.exe", PNG, KindMismatch),
        ("a.html", b"<html><script>alert(1)</script>", KindNotAllowed),
        ("a.svg", b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', KindNotAllowed),
        ("a.zip", zipped("a.txt"), KindNotAllowed),
        ("a.png.exe", PNG, KindMismatch),
        ("nothing", b"\x7fELF" + b"\0" * 60, KindNotAllowed),
        ("a.png", b"", EmptyFile),
    ],
    # Not named after what they hold: an archive has the time in it, and workers have to name tests alike.
    ids=itertools.count(),
)
def test_a_file_that_lies_or_is_not_wanted_is_refused(name: str, content: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        kind_of(name, content)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\a.png", "a.png"),
        ("/etc/cron.d/a.png", "a.png"),
        ("a\r\nSet-Cookie: x.png", "a Set-Cookie_ x.png"),
        ("gnp\u202eexe.png", "gnpexe.png"),
        ("...png", "png"),
        (".htaccess", "htaccess"),
        ("con?<a>|b*.png", "con__a__b_.png"),
        ("  照片 一.png ", "照片 一.png"),
        ("\x00", "附件"),
        ("照" * 300 + ".png", "照" * 96 + ".png"),
    ],
)
def test_a_name_leads_nowhere(written: str, kept: str) -> None:
    assert safe_name(written) == kept


@given(name=st.text(max_size=300), content=st.binary(max_size=200))
def test_any_name_and_content_is_named_safely_or_refused(name: str, content: bytes) -> None:
    kept = safe_name(name)
    assert 0 < len(kept) <= 100
    assert kept.isprintable()
    assert not set(kept) & set('/\\"<>|')
    try:
        kind = kind_of(name, content)
    except (EmptyFile, KindMismatch, KindNotAllowed):
        return
    assert kind.media_type in KINDS.values()


def files(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file() and file.name != "lock"]


def test_the_same_file_is_kept_once_and_read_as_it_was(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    digest = store.put(PNG)
    assert digest == store.put(PNG) == hashlib.sha256(PNG).hexdigest()
    (file,) = files(tmp_path)
    assert file.stat().st_mode & 0o077 == 0
    assert store.read(digest) == PNG
    file.write_bytes(PNG + b"!")
    with pytest.raises(AttachmentDamaged):
        store.read(digest)
    assert store.put(PNG) == digest, "a damaged file is mended by who brings it again"
    assert store.read(digest) == PNG
    for wrong in ("0" * 64, "../../etc/passwd", digest.upper()):
        with pytest.raises(AttachmentDamaged):
            store.read(wrong)


def test_a_disk_that_fails_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = BlobStore(tmp_path)

    def full(_descriptor: int) -> None:
        raise OSError(28, "no space left")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="no space left"):
            store.put(PNG)
    assert files(tmp_path) == []


@pytest.fixture
def attachments(tmp_path: Path) -> Attachments:
    return Attachments(BlobStore(tmp_path / "attachments"), Limits(largest=10_000, per_ticket=3))


async def add(
    counter: Counter, attachments: Attachments, number: str, name: str = "照片.png", content: bytes = PNG
) -> int:
    async with counter.database.transaction() as session:
        row = await attachments.add(session, number, name, content, by="1001", at=counter.clock.now(), released=False)
        return row.id


def gif(mark: int) -> bytes:
    return b"GIF89a" + bytes([mark]) * 20


async def test_a_ticket_has_a_file_once_and_tickets_share_it(
    counter: Counter, attachments: Attachments, tmp_path: Path
) -> None:
    one, two = (await counter.register()).number, (await counter.register()).number
    first = await add(counter, attachments, one)
    assert await add(counter, attachments, one, "又一次.png") == first
    assert await add(counter, attachments, two) != first
    assert len(files(tmp_path / "attachments")) == 1
    many = await asyncio.gather(*(add(counter, attachments, one, f"{n}.png") for n in range(5)))
    assert set(many) == {first}


async def test_what_is_too_large_or_too_many_is_refused(counter: Counter, attachments: Attachments) -> None:
    number = (await counter.register()).number
    with pytest.raises(TooLarge):
        await add(counter, attachments, number, content=PNG + b"\0" * 10_000)
    answers = await asyncio.gather(
        *(add(counter, attachments, number, "a.gif", gif(mark)) for mark in range(6)), return_exceptions=True
    )
    assert sum(isinstance(one, int) for one in answers) == 3
    assert {type(one) for one in answers if not isinstance(one, int)} == {TooManyAttachments}


async def test_an_archived_ticket_is_not_added_to(counter: Counter, attachments: Attachments) -> None:
    number = (await counter.register()).number
    attachment = await add(counter, attachments, number)
    async with counter.database.transaction() as session:
        await session.execute(update(TicketRow).where(TicketRow.number == number).values(state="archived"))
    with pytest.raises(TicketIsArchived):
        await add(counter, attachments, number, "a.gif", gif(1))
    async with counter.database.transaction() as session:
        ticket = await repository.row(session, number)
        row = await keeping.one(session, ticket.id, attachment, hidden=False)
        with pytest.raises(TicketIsArchived):
            await keeping.remove(session, row, by="9001", why="x", at=counter.clock.now())


async def test_what_is_not_released_is_hidden_from_units(counter: Counter, attachments: Attachments) -> None:
    number = (await counter.register()).number
    attachment = await add(counter, attachments, number)
    async with counter.database.transaction() as session:
        ticket = (await repository.row(session, number)).id
        assert await keeping.listed(session, ticket, hidden=True) == []
        with pytest.raises(AttachmentNotFound):
            await keeping.one(session, ticket, attachment, hidden=True)
        (await keeping.one(session, ticket, attachment, hidden=False)).released = True
    async with counter.database.transaction() as session:
        assert [row.id for row in await keeping.listed(session, ticket, hidden=True)] == [attachment]


async def test_a_crash_before_the_row_leaves_a_file_that_is_swept_later(
    counter: Counter, attachments: Attachments, tmp_path: Path
) -> None:
    number = (await counter.register()).number
    await add(counter, attachments, number)

    async def dies() -> None:
        async with counter.database.transaction() as session:
            await attachments.add(session, number, "a.gif", gif(1), by="1001", at=counter.clock.now(), released=False)
            raise RuntimeError("the process dies before the commit")

    with pytest.raises(RuntimeError):
        await dies()
    folder = tmp_path / "attachments"
    assert len(files(folder)) == 2
    sweep = Sweep(counter.database, attachments.store, counter.clock)
    assert await sweep.step() == 0, "what is young may have a row soon"
    orphan = folder / hashlib.sha256(gif(1)).hexdigest()[:2] / hashlib.sha256(gif(1)).hexdigest()
    now = counter.clock.now().timestamp()
    (folder / "drafts" / "left-behind").write_bytes(b"half a file")
    for file in files(folder):
        os.utime(file, (now - YOUNG_SECONDS - 60,) * 2)
    assert await sweep.step() == 1
    assert not orphan.exists()
    assert len(files(folder)) == 1
    # It comes again, and stays.
    await add(counter, attachments, number, "a.gif", gif(1))
    assert await sweep.step() == 0
    assert orphan.exists()


async def test_a_sweep_takes_nothing_that_was_put_again_meanwhile(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    digest = store.put(PNG)
    (file,) = files(tmp_path)
    now = file.stat().st_mtime + 2 * YOUNG_SECONDS
    assert store.old(now=now) == [digest]
    os.utime(file, (now, now))
    assert not store.remove(digest, now=now, unless=lambda: False)
    os.utime(file, (now - 2 * YOUNG_SECONDS,) * 2)
    assert not store.remove(digest, now=now, unless=lambda: True)
    assert store.read(digest) == PNG
    assert store.remove(digest, now=now, unless=lambda: False)
    assert files(tmp_path) == []
