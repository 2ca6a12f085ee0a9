"""来信受理: mails become tickets, each once, by its Message-ID (TH 3: 信箱; TH 8).

A mail's row, its ticket and its attachments are one transaction; only then it is put aside in the mailbox. So a mail
is in the box until it is kept, and one that comes to be read twice is known. Two different mails of one Message-ID are
two demands.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from hotline.clock import Clock
from hotline.database import Database
from hotline.errors import HotlineError, InvalidInput
from hotline.tasks import through_outages
from ticketing.attachments.errors import TooManyAttachments
from ticketing.attachments.keeping import Attachments
from ticketing.attachments.kinds import safe_name
from ticketing.channels import mail_reading, registry
from ticketing.channels.errors import KeyTaken
from ticketing.channels.mail_reading import Letter, MailUnreadable
from ticketing.channels.mailboxes import Mailbox, MailboxAway, Waiting
from ticketing.channels.receiving import GatewayDemand, Reception
from ticketing.channels.registry import Channel
from ticketing.channels.tables import MailRow
from ticketing.channels.words import MailOutcome

_log = structlog.get_logger(__name__)

_BATCH: Final = 50
_LONGEST_TITLE: Final = 200
_LONGEST_TEXT: Final = 19_900
_CUT: Final = "\n（来信过长，以下未录入，见原邮件。）"

ANSWERS: Final[Mapping[MailOutcome, str]] = {
    MailOutcome.TICKET: "您的来信已收到并登记，工单编号：{ticket}。",
    MailOutcome.TOO_LARGE: "您的来信超过{largest}MB，未能受理。请减少附件后重新发送，或拨打12345。",
    MailOutcome.EMPTY: "您的来信没有内容，未能受理。请写明诉求后重新发送，或拨打12345。",
    MailOutcome.UNREADABLE: "您的来信无法读取，未能受理。请用纯文本重新发送，或拨打12345。",
}
"""What the citizen is told; nobody is told where a machine wrote."""
LEFT_OUT: Final = "以下附件因格式或大小未能收取：{names}。"


@dataclass(frozen=True, slots=True)
class Box:
    """A mailbox that is read: the channel it is, and how it is opened (blocking)."""

    channel: str
    open: Callable[[], Mailbox]


class MailIntake:
    """Reads mailboxes. `largest` is the length of a mail in bytes from which on it is refused unread."""

    def __init__(
        self,
        boxes: Sequence[Box],
        *,
        database: Database,
        reception: Reception,
        attachments: Attachments,
        clock: Clock,
        largest: int,
        every_seconds: float,
    ) -> None:
        self._boxes = boxes
        self._database = database
        self._reception = reception
        self._attachments = attachments
        self._clock = clock
        self._largest = largest
        self._every = every_seconds

    async def run(self) -> None:
        """Look until cancelled, through outages."""
        await through_outages(self.step, every=self._every, waits="mail.intake_waits")

    async def step(self) -> int:
        """Read what lies in the boxes; returns how many mails were looked at. A box that cannot be read keeps no other
        one from being read."""
        looked_at = 0
        for box in self._boxes:
            try:
                looked_at += await self._look(box)
            except HotlineError as error:
                _log.warning("mail.box_waits", channel=box.channel, code=error.code, reason=error.detail)
        return looked_at

    async def _look(self, box: Box) -> int:
        async with self._database.transaction() as session:
            channel = await registry.one(session, box.channel)
        if channel.suspended_at is not None:
            # They lie well where they are.
            return 0
        mailbox = await asyncio.to_thread(box.open)
        try:
            waiting = await asyncio.to_thread(mailbox.waiting, _BATCH)
            for mail in waiting:
                try:
                    await self._take(channel, mailbox, mail)
                except MailboxAway:
                    raise
                except HotlineError as error:
                    # It stays in the box, and keeps those behind it from nothing.
                    _log.error("mail.not_taken", channel=channel.code, code=error.code, reason=error.detail)
            return len(waiting)
        finally:
            await asyncio.to_thread(mailbox.close)

    async def _take(self, channel: Channel, mailbox: Mailbox, mail: Waiting) -> None:
        too_large = mail.bytes > self._largest
        raw = await asyncio.to_thread(mailbox.head if too_large else mailbox.read, mail.id)
        try:
            letter = await asyncio.to_thread(mail_reading.read, raw)
        except MailUnreadable as error:
            _log.warning("mail.unreadable", channel=channel.code, reason=error.detail)
            letter = Letter("", "", "", "", "", (), MailOutcome.UNREADABLE)
        outcome = letter.refused or (MailOutcome.TOO_LARGE if too_large else _of(letter))
        async with self._database.transaction() as session:
            kept = await self._keep(session, channel, letter, outcome, raw=raw, size=mail.bytes)
        if kept:
            _log.info("mail.taken", channel=channel.code, outcome=outcome, bytes=mail.bytes)
        await asyncio.to_thread(mailbox.done, mail.id)

    async def _keep(
        self, session: AsyncSession, channel: Channel, letter: Letter, outcome: MailOutcome, *, raw: bytes, size: int
    ) -> bool:
        """Whether this mail is new."""
        digest = letter.digest()
        key = hashlib.sha256(letter.message_id.encode(errors="replace") if letter.message_id else raw).hexdigest()
        if outcome is not MailOutcome.TICKET:
            return await self._write(session, channel, key, outcome, letter, size=size)
        try:
            ticket, repeated = await self._register(session, channel, key, letter)
        except KeyTaken:
            # Another mail had this Message-ID before: some programs repeat theirs.
            key = hashlib.sha256(key.encode() + digest).hexdigest()
            ticket, repeated = await self._register(session, channel, key, letter)
        if repeated:
            return False
        left_out = await self._files(session, channel, ticket, letter)
        return await self._write(session, channel, key, outcome, letter, size=size, ticket=ticket, left_out=left_out)

    async def _register(self, session: AsyncSession, channel: Channel, key: str, letter: Letter) -> tuple[str, bool]:
        demand = GatewayDemand(
            title=(letter.subject or letter.text.replace("\n", " ") or "来信")[:_LONGEST_TITLE].strip(),
            content=_content(letter),
            source=channel.sources[0],
            contact=letter.sender,
            caller_name=letter.sender_name,
        )
        received = await self._reception.receive(session, channel, key, demand, now=self._clock.now())
        return received.ticket, received.repeated

    async def _files(self, session: AsyncSession, channel: Channel, ticket: str, letter: Letter) -> list[str]:
        """Keep the attachments; names of those that are not taken."""
        left_out = []
        for name, content in letter.files:
            try:
                await self._attachments.add(
                    session,
                    ticket,
                    name,
                    content,
                    by=f"channel:{channel.code}",
                    at=self._clock.now(),
                    released=False,
                )
            except (InvalidInput, TooManyAttachments):
                left_out.append(safe_name(name))
        return left_out

    async def _write(
        self,
        session: AsyncSession,
        channel: Channel,
        key: str,
        outcome: MailOutcome,
        letter: Letter,
        *,
        size: int,
        ticket: str | None = None,
        left_out: Sequence[str] = (),
    ) -> bool:
        answer = ANSWERS.get(outcome, "").format(ticket=ticket, largest=self._largest >> 20) if letter.sender else ""
        if answer and left_out:
            answer += LEFT_OUT.format(names="、".join(left_out))
        statement = insert(MailRow).values(
            channel=channel.code,
            key=key,
            outcome=outcome.value,
            bytes=size,
            left_out=list(left_out),
            sender=letter.sender if answer else "",
            ticket=ticket,
            answer=answer,
            received_at=self._clock.now(),
        )
        made = await session.execute(statement.on_conflict_do_nothing().returning(MailRow.key))
        return made.scalar_one_or_none() is not None


def _of(letter: Letter) -> MailOutcome:
    return MailOutcome.TICKET if letter.text or letter.files else MailOutcome.EMPTY


def _content(letter: Letter) -> str:
    text = letter.text or "（来信没有文字，见附件。）"
    return text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + _CUT
