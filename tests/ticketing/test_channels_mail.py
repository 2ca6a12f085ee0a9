"""来信受理: mails of a Maildir and of an IMAP server become tickets, once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from hotline.clock import ManualClock
from hotline.database import Database
from tests.ticketing.imap_peer import PASSWORD, USER, ImapPeer, imap_peer
from tests.ticketing.test_channels_attachments import PNG
from ticketing import erasing
from ticketing.attachments.blobs import BlobStore
from ticketing.attachments.keeping import Attachments, Limits
from ticketing.attachments.tables import AttachmentRow
from ticketing.channels import mail_reading
from ticketing.channels.mail_answers import MailAnswers, PostOfficeAway, SmtpAccount
from ticketing.channels.mail_intake import Box, MailIntake
from ticketing.channels.mail_reading import MailUnreadable
from ticketing.channels.mailboxes import Imap, ImapAccount, Maildir
from ticketing.channels.receiving import Reception
from ticketing.channels.registry import Channel, save
from ticketing.channels.tables import IntakeRequestRow, MailRow
from ticketing.channels.words import MailOutcome
from ticketing.erasing import Personal
from ticketing.intake import IntakeDesk
from ticketing.models import TicketRow
from ticketing.progress_codes import Hashed, QueryCodes
from ticketing.progress_tables import QueryCodeRow
from ticketing.vocabulary import Source

LARGEST = 200_000


def mail(
    text: str = "黄河路三号路灯三天不亮。",
    *,
    subject: str = "路灯不亮",
    message_id: str = "<1@example.com>",
    charset: str = "utf-8",
    files: dict[str, bytes] | None = None,
    more: dict[str, str] | None = None,
) -> bytes:
    """A mail as a person's program sends it."""
    made = EmailMessage()
    made["From"] = "张三 <zhang@example.com>"
    made["To"] = "12345@city.example"
    if subject:
        made["Subject"] = subject
    if message_id:
        made["Message-ID"] = message_id
    for name, value in (more or {}).items():
        made[name] = value
    made.set_content(text, charset=charset, cte="base64")
    for name, content in (files or {}).items():
        made.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return made.as_bytes().replace(b"\n", b"\r\n")


class Office:
    """The intake over a Maildir."""

    def __init__(self, intake: MailIntake, folder: Path, database: Database) -> None:
        self.intake = intake
        self.folder = folder
        self.database = database
        self._delivered = 0

    def deliver(self, content: bytes) -> Path:
        self._delivered += 1
        place = self.folder / "new" / f"{self._delivered:04d}.host"
        place.write_bytes(content)
        return place

    async def rows(self) -> list[MailRow]:
        async with self.database.transaction() as session:
            return list(await session.scalars(select(MailRow).order_by(MailRow.received_at, MailRow.key)))

    async def tickets(self) -> list[TicketRow]:
        async with self.database.transaction() as session:
            return list(await session.scalars(select(TicketRow).order_by(TicketRow.id)))

    async def ticket(self) -> TicketRow:
        (only,) = await self.tickets()
        return only


def office_of(tmp_path: Path, database: Database, desk: IntakeDesk, clock: ManualClock, *boxes: Box) -> MailIntake:
    return MailIntake(
        boxes,
        database=database,
        reception=Reception(desk, QueryCodes(tmp_path / "keys" / "query-codes")),
        attachments=Attachments(BlobStore(tmp_path / "attachments"), Limits(100_000, 20)),
        clock=clock,
        largest=LARGEST,
        every_seconds=60.0,
    )


@pytest.fixture
def office(tmp_path: Path, database: Database, desk: IntakeDesk, clock: ManualClock) -> Office:
    folder = tmp_path / "Maildir"
    for part in ("new", "cur", "tmp"):
        (folder / part).mkdir(parents=True)
    intake = office_of(tmp_path, database, desk, clock, Box("mail", lambda: Maildir(folder)))
    return Office(intake, folder, database)


async def test_a_mail_becomes_a_ticket_with_its_source_and_its_files(office: Office) -> None:
    office.deliver(mail(files={"现场照片.png": PNG, "病毒.exe": b"MZ" + b"\0" * 100, "../../etc/a.png": PNG + b"\n"}))
    assert await office.intake.step() == 1
    ticket = await office.ticket()
    assert (ticket.source, ticket.registered_by, ticket.title) == ("mail", "channel:mail", "路灯不亮")
    assert (ticket.content, ticket.caller_name) == ("黄河路三号路灯三天不亮。", "张三")
    async with office.database.transaction() as session:
        kept = (await session.scalars(select(AttachmentRow).order_by(AttachmentRow.id))).all()
        request = (await session.scalars(select(IntakeRequestRow))).one()
    assert [(one.name, one.kind, one.ticket_id) for one in kept] == [
        ("现场照片.png", "image/png", ticket.id),
        ("a.png", "image/png", ticket.id),
    ]
    assert request.contact == "zhang@example.com"
    (row,) = await office.rows()
    assert (row.outcome, row.ticket, row.left_out, row.sender) == (
        "ticket",
        ticket.number,
        ["病毒.exe"],
        "zhang@example.com",
    )
    assert row.answer == f"您的来信已收到并登记，工单编号：{ticket.number}。以下附件因格式或大小未能收取：病毒.exe。"
    assert not list((office.folder / "new").iterdir())
    assert len(list((office.folder / "done").iterdir())) == 1


async def test_a_mail_that_comes_twice_is_one_demand_and_another_of_its_id_is_a_second(office: Office) -> None:
    first = mail()
    for content in (first, b"Received: by another way\r\n" + first, mail("另一件事")):
        office.deliver(content)
    assert await office.intake.step() == 3
    assert [one.content for one in await office.tickets()] == ["黄河路三号路灯三天不亮。", "另一件事"]
    office.deliver(mail("另一件事"))
    office.deliver(mail(message_id=""))
    office.deliver(mail(message_id=""))
    assert await office.intake.step() == 3
    assert len(await office.tickets()) == 3, "without an id the same bytes are the same mail"


async def test_a_crash_between_keeping_and_putting_aside_makes_no_second_ticket(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = office.deliver(mail(files={"a.png": PNG}))
    with monkeypatch.context() as dying:
        dying.setattr(Maildir, "done", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            await office.intake.step()
    assert place.exists()
    assert len(await office.tickets()) == 1
    assert await office.intake.step() == 1
    assert len(await office.tickets()) == len(await office.rows()) == 1
    assert not place.exists()


async def test_a_citizen_who_is_forgotten_leaves_no_address_and_no_file(office: Office, clock: ManualClock) -> None:
    office.deliver(mail(files={"张三身份证.png": PNG}))
    await office.intake.step()
    ticket = await office.ticket()
    async with office.database.transaction() as session:
        row = await session.get_one(TicketRow, ticket.id)
        await erasing.erase(session, [row], frozenset({Personal.CALLER}), why="test", by="retention", at=clock.now())
    async with office.database.transaction() as session:
        attachment = (await session.scalars(select(AttachmentRow))).one()
        request = (await session.scalars(select(IntakeRequestRow))).one()
    (letter,) = await office.rows()
    assert (attachment.name, attachment.removed_by) == ("附件", "retention")
    assert (request.contact, letter.sender, letter.answer) == ("", "", "")
    assert (await office.ticket()).caller_name == ""


async def test_two_readers_of_one_box_make_one_ticket_of_each_mail(office: Office) -> None:
    for n in range(4):
        office.deliver(mail(f"第{n}件", message_id=f"<{n}@example.com>"))
    await asyncio.gather(*(office.intake.step() for _ in range(3)))
    await office.intake.step()
    assert sorted(one.content for one in await office.tickets()) == [f"第{n}件" for n in range(4)]


@pytest.mark.parametrize(
    ("declared", "real"),
    [
        ("utf-8", "utf-8"),
        ("gb2312", "gb18030"),
        ("GBK", "gb18030"),
        ("gb18030", "gb18030"),
        ("big5", "big5"),
        ("us-ascii", "gb18030"),
        ("iso-8859-1", "gb18030"),
        ("x-no-such", "utf-8"),
        ("", "gb18030"),
    ],
)
async def test_chinese_is_read_whatever_the_charset_is_called(office: Office, declared: str, real: str) -> None:
    # 㼆 and 镕 are beyond GB2312.
    words = "路燈不亮，請修理" if real == "big5" else "朱镕街路灯不亮，请修理"
    named = f"; charset={declared}" if declared else ""
    office.deliver(
        b"From: <li@example.com>\r\nMessage-ID: <2@x>\r\nSubject: " + words.encode(real) + b"\r\n"
        b"MIME-Version: 1.0\r\nContent-Type: text/plain" + named.encode() + b"\r\nContent-Transfer-Encoding: 8bit\r\n"
        b"\r\n" + words.encode(real) + b"\r\n"
    )
    await office.intake.step()
    assert (await office.ticket()).content == words
    if real != "big5":
        assert (await office.ticket()).title == words


def test_encoded_words_split_within_a_character_are_read() -> None:
    raw = (
        b"From: =?gb2312?B?1cXI/Q==?= <zhang@example.com>\r\n"
        b"Subject: =?utf-8?B?6Lev54Gv5LiN5Lqu77yM6K+3?=\r\n =?utf-8?B?5L+u?=\r\n =?utf-8?B?55CG?=\r\n\r\nx"
    )
    letter = mail_reading.read(raw)
    assert (letter.subject, letter.sender_name, letter.sender) == ("路灯不亮，请修理", "张三", "zhang@example.com")


async def test_a_page_without_plain_text_is_read_as_its_reader_sees_it(office: Office) -> None:
    made = EmailMessage()
    made["From"], made["Subject"], made["Message-ID"] = "li@example.com", "停水", "<3@x>"
    made.set_content(
        "<html><head><title>x</title><style>p{}</style></head><body><script>alert(1)</script>"
        "<p>阳光小区&nbsp;<b>停水</b></p><div>已\n两天</div></body></html>",
        subtype="html",
    )
    office.deliver(made.as_bytes())
    await office.intake.step()
    assert (await office.ticket()).content == "阳光小区 停水\n\n已 两天"


@pytest.mark.parametrize(
    ("headers", "outcome"),
    [
        ({"Auto-Submitted": "auto-replied"}, MailOutcome.AUTOMATIC),
        ({"Precedence": "bulk"}, MailOutcome.AUTOMATIC),
        ({"List-Id": "<news.example.com>"}, MailOutcome.AUTOMATIC),
        ({"X-Autoreply": "yes"}, MailOutcome.AUTOMATIC),
        ({"Return-Path": "<>"}, MailOutcome.BOUNCE),
    ],
)
async def test_what_a_machine_wrote_is_counted_and_answered_by_nobody(
    office: Office, headers: dict[str, str], outcome: MailOutcome
) -> None:
    office.deliver(mail(more=headers))
    await office.intake.step()
    (row,) = await office.rows()
    assert (row.outcome, row.answer, row.sender, row.ticket) == (outcome, "", "", None)
    assert await office.tickets() == []
    office.deliver(mail(message_id="<9@x>", more={"Auto-Submitted": "no"}))
    await office.intake.step()
    assert len(await office.tickets()) == 1


async def test_delivery_reports_are_bounces(office: Office) -> None:
    office.deliver(
        b"From: MAILER-DAEMON@mx.example.com\r\nSubject: Undelivered\r\nMessage-ID: <b@mx>\r\n"
        b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        b"--b\r\nContent-Type: text/plain\r\n\r\nsorry\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        b"Status: 5.1.1\r\n--b--\r\n"
    )
    await office.intake.step()
    assert [row.outcome for row in await office.rows()] == ["bounce"]


async def test_what_cannot_be_taken_is_answered(office: Office) -> None:
    office.deliver(mail(files={"a.bin": b"x" * LARGEST}))
    office.deliver(mail("", subject="空", message_id="<e@x>"))
    office.deliver(b"From: <deep@example.com>\r\n" + _deep(400))
    assert await office.intake.step() == 3
    rows = {row.outcome: row for row in await office.rows()}
    assert set(rows) == {"too_large", "empty", "unreadable"}
    assert rows["too_large"].sender == "zhang@example.com"
    assert "超过0MB" in rows["too_large"].answer
    assert rows["empty"].answer.startswith("您的来信没有内容")
    assert await office.tickets() == []
    assert not list((office.folder / "new").iterdir())


def _deep(levels: int) -> bytes:
    head = b"".join(b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n) for n in range(levels))
    return head + b"Content-Type: text/plain\r\n\r\nx\r\n"


async def test_a_long_letter_is_cut_and_says_so(office: Office) -> None:
    office.deliver(mail("路" * 30_000))
    await office.intake.step()
    content = (await office.ticket()).content
    assert len(content) < 20_000
    assert content.endswith("（来信过长，以下未录入，见原邮件。）")


async def test_a_suspended_channels_mails_stay_where_they_are(office: Office, clock: ManualClock) -> None:
    async with office.database.transaction() as session:
        await save(session, Channel("mail", "信箱", (Source.MAIL,), clock.now(), "维护"))
    place = office.deliver(mail())
    assert await office.intake.step() == 0
    assert place.exists()
    async with office.database.transaction() as session:
        await save(session, Channel("mail", "省长信箱", (Source.GOVERNOR_MAILBOX,)))
    assert await office.intake.step() == 1
    assert (await office.ticket()).source == "governor_mailbox"


async def test_a_box_that_is_away_keeps_no_other_from_being_read(
    tmp_path: Path, office: Office, database: Database, desk: IntakeDesk, clock: ManualClock
) -> None:
    office.deliver(mail())
    intake = office_of(
        tmp_path,
        database,
        desk,
        clock,
        Box("mail", lambda: Maildir(tmp_path / "nowhere")),
        Box("no-such-channel", lambda: Maildir(office.folder)),
        Box("mail", lambda: Maildir(office.folder)),
    )
    assert await intake.step() == 1
    assert len(await office.tickets()) == 1


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.binary(max_size=400), cut=st.integers(0, 600), flip=st.integers(0, 10_000))
def test_any_bytes_are_read_or_refused_by_name(raw: bytes, cut: int, flip: int) -> None:
    whole = bytearray(mail(files={"a.png": PNG}))
    whole[flip % len(whole)] ^= 0x55
    for content in (raw, bytes(whole), bytes(whole[:cut]) + raw):
        try:
            letter = mail_reading.read(content)
        except MailUnreadable:
            continue
        assert "\n" not in letter.subject + letter.sender + letter.sender_name
        assert len(letter.sender_name) <= 64


@pytest.fixture
async def server() -> AsyncIterator[ImapPeer]:
    async with imap_peer() as peer:
        yield peer


@pytest.fixture
def account(server: ImapPeer, tmp_path: Path) -> ImapAccount:
    password = tmp_path / "password"
    password.write_text(f"{PASSWORD}\n")
    return ImapAccount("127.0.0.1", server.port, USER, password, aside="Done", encrypted=False, answer_seconds=10.0)


@pytest.fixture
def remote(
    account: ImapAccount, tmp_path: Path, database: Database, desk: IntakeDesk, clock: ManualClock
) -> MailIntake:
    """The intake over the IMAP server."""
    return office_of(tmp_path, database, desk, clock, Box("mail", lambda: Imap(account)))


@pytest.mark.parametrize("moves", [True, False])
async def test_an_imap_server_is_read_and_what_is_done_is_put_aside(
    moves: bool, server: ImapPeer, remote: MailIntake, office: Office
) -> None:
    server.moves = moves
    server.deliver(mail())
    server.deliver(mail("第二件", message_id="<2@x>"))
    server.deliver(mail(message_id="<3@x>", files={"a.bin": b"x" * LARGEST}))
    assert await remote.step() == 3
    assert [one.content for one in await office.tickets()] == ["黄河路三号路灯三天不亮。", "第二件"]
    assert (server.folders["INBOX"], sorted(server.folders["Done"])) == ({}, [1, 2, 3])
    assert "UID FETCH 3 (BODY.PEEK[HEADER])" in server.commands
    assert "UID FETCH 3 (BODY.PEEK[])" not in server.commands, "what is too large is not fetched"
    assert await remote.step() == 0


@pytest.mark.parametrize("dies_at", ["LOGIN", "SELECT", "UID SEARCH", "UID FETCH 1 (B", "UID MOVE"])
async def test_a_server_that_hangs_up_anywhere_costs_no_mail_and_doubles_none(
    dies_at: str, server: ImapPeer, remote: MailIntake, office: Office
) -> None:
    server.deliver(mail())
    server.deliver(mail("第二件", message_id="<2@x>"))
    server.dies_at = dies_at
    assert await remote.step() == 0
    assert await remote.step() == 2
    assert [one.content for one in await office.tickets()] == ["黄河路三号路灯三天不亮。", "第二件"]
    assert sorted(server.folders["Done"]) == [1, 2]


async def test_a_wrong_password_is_no_end(server: ImapPeer, account: ImapAccount, remote: MailIntake) -> None:
    server.deliver(mail())
    account.password_file.write_text("wrong")
    assert await remote.step() == 0
    account.password_file.unlink()
    assert await remote.step() == 0
    account.password_file.write_text(PASSWORD)
    assert await remote.step() == 1


class Post:
    """A small SMTP server (RFC 5321): what it was given, and what it says to RCPT and DATA."""

    def __init__(self) -> None:
        self.port = 0
        self.taken: list[EmailMessage] = []
        self.recipient = "250 ok"
        self.data = "250 kept"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        while line := (await reader.readline()).decode().strip():
            word = line.partition(" ")[0].upper()
            if word == "DATA":
                writer.write(b"354 go on\r\n")
                content = (await reader.readuntil(b"\r\n.\r\n")).removesuffix(b".\r\n")
                if self.data.startswith("250"):
                    self.taken.append(message_from_bytes(content, policy=default))
                writer.write(f"{self.data}\r\n".encode())
            elif word == "QUIT":
                writer.write(b"221 bye\r\n")
                break
            else:
                writer.write(f"{self.recipient if word == 'RCPT' else '250 ok'}\r\n".encode())
            await writer.drain()
        writer.close()


@pytest.fixture
async def post() -> AsyncIterator[Post]:
    office = Post()
    server = await asyncio.start_server(office.serve, "127.0.0.1", 0)
    office.port = server.sockets[0].getsockname()[1]
    async with server:
        yield office


@pytest.fixture
def answers(post: Post, tmp_path: Path, office: Office, desk: IntakeDesk, clock: ManualClock) -> MailAnswers:
    account = SmtpAccount("127.0.0.1", post.port, "none", "", tmp_path / "none", answer_seconds=10.0)
    return MailAnswers(
        database=office.database,
        reception=Reception(desk, QueryCodes(tmp_path / "keys" / "query-codes")),
        send=account.send,
        sender="12345@city.example",
        clock=clock,
    )


async def test_who_wrote_is_told_number_and_code_once(
    office: Office, post: Post, answers: MailAnswers, tmp_path: Path
) -> None:
    office.deliver(mail())
    office.deliver(mail("", subject="空", message_id="<2@x>"))
    office.deliver(mail(message_id="<3@x>", more={"Auto-Submitted": "auto-replied"}))
    await office.intake.step()
    assert await answers.step() == 2
    assert await answers.step() == 0
    told = {one.get_content().splitlines()[0]: one for one in post.taken}
    ticket = await office.ticket()
    received = told[f"您的来信已收到并登记，工单编号：{ticket.number}。"]
    assert (received["To"], received["Auto-Submitted"]) == ("zhang@example.com", "auto-replied")
    code = received.get_content().splitlines()[1][4:10]
    async with office.database.transaction() as session:
        kept = await session.get_one(QueryCodeRow, ticket.id)
    codes = QueryCodes(tmp_path / "keys" / "query-codes")
    assert codes.fits(ticket.number, code, Hashed(kept.key_id, kept.hash))
    assert any(line.startswith("您的来信没有内容") for line in told)
    # Our own answer, should it come back, is nobody's demand.
    office.deliver(received.as_bytes())
    await office.intake.step()
    assert len(await office.tickets()) == 1


async def test_an_answer_waits_for_the_server_and_gives_an_address_up_that_is_none(
    office: Office, post: Post, answers: MailAnswers
) -> None:
    office.deliver(mail())
    await office.intake.step()
    for recipient, data in (("450 later", "250 kept"), ("250 ok", "451 later")):
        post.recipient, post.data = recipient, data
        with pytest.raises(PostOfficeAway):
            await answers.step()
        assert [row.answered_at for row in await office.rows()] == [None]
    post.recipient, post.data = "550 no such user", "250 kept"
    assert await answers.step() == 0
    assert [row.answered_at is None for row in await office.rows()] == [False]
    assert post.taken == []
