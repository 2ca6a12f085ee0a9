"""Answers to mails (来信告知): number and query code of what was taken in, the way to go instead for what was not.

Sent once as far as SMTP lets anybody know: a crash between the server's answer and our commit sends it again, under the
same Message-ID. The query code is made anew of what it was made of, and never kept.
"""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from hotline.clock import Clock
from hotline.database import Database
from hotline.errors import PartUnavailable
from hotline.tasks import through_outages
from ticketing.channels.receiving import Reception
from ticketing.channels.tables import MailRow

_log = structlog.get_logger(__name__)

_PAUSE_SECONDS: Final = 20.0
_BATCH: Final = 20
_SUBJECT: Final = "12345政务服务便民热线：关于您的来信"
_CODE: Final = "查询码：{code}。凭工单编号和查询码可查询办理进度。"
_CLOSING: Final = "本邮件由系统自动发出，请勿直接回复。如需补充，请重新来信或拨打12345。"


class PostOfficeAway(PartUnavailable):
    """The server that sends our mails takes none now."""

    code = "mail.post_office_away"


class AddressRefused(Exception):
    """The server, or the address itself, says that this mail will never arrive."""


Send = Callable[[EmailMessage], None]
"""Hands a mail over; blocks. Raises PostOfficeAway, AddressRefused."""


@dataclass(frozen=True, slots=True)
class SmtpAccount:
    """The server that sends our mails (RFC 5321). `security`: tls, starttls, or none for one on this machine."""

    host: str
    port: int
    security: str
    user: str
    password_file: Path
    answer_seconds: float = 30.0

    def send(self, mail: EmailMessage) -> None:
        """Hand a mail over; blocks. Raises PostOfficeAway, AddressRefused."""
        try:
            with self._connected() as server:
                server.send_message(mail)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            if codes and min(codes) >= 500:
                raise AddressRefused(str(codes[0])) from None
            raise PostOfficeAway("the recipient is put off") from None
        except smtplib.SMTPDataError as error:
            if error.smtp_code >= 500:
                raise AddressRefused(str(error.smtp_code)) from None
            raise PostOfficeAway(f"refused for now: {error.smtp_code}") from None
        except UnicodeError:
            raise AddressRefused("not an address") from None
        except (smtplib.SMTPException, OSError) as error:
            raise PostOfficeAway(f"{self.host}: {type(error).__name__}") from None

    def _connected(self) -> smtplib.SMTP:
        if self.security == "tls":
            context = ssl.create_default_context()
            server: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=self.answer_seconds, context=context)
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=self.answer_seconds)
        if self.security == "starttls":
            server.starttls(context=ssl.create_default_context())
        if self.user:
            server.login(self.user, self.password_file.read_text().strip())
        return server


class MailAnswers:
    """Sends what is due. Any number of hosts may."""

    def __init__(self, *, database: Database, reception: Reception, send: Send, sender: str, clock: Clock) -> None:
        self._database = database
        self._reception = reception
        self._send = send
        self._sender = sender
        self._clock = clock

    async def run(self) -> None:
        """Send until cancelled, through outages of the database and the server."""
        await through_outages(self.step, every=_PAUSE_SECONDS, waits="mail.answers_wait", also=(PostOfficeAway,))

    async def step(self) -> int:
        """Send what is due, oldest first; returns how many answers went out. Raises PostOfficeAway."""
        sent = 0
        for _ in range(_BATCH):
            async with self._database.transaction() as session:
                row = await self._next(session)
                if row is None:
                    break
                sent += await self._answer(session, row)
                row.answered_at = self._clock.now()
        return sent

    async def _next(self, session: AsyncSession) -> MailRow | None:
        due = (
            select(MailRow)
            .where(MailRow.answer != "", MailRow.answered_at.is_(None))
            .order_by(MailRow.received_at, MailRow.key)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        return (await session.scalars(due)).one_or_none()

    async def _answer(self, session: AsyncSession, row: MailRow) -> bool:
        code = await self._reception.code_again(session, row.channel, row.key) if row.ticket else None
        try:
            await asyncio.to_thread(self._send, self._mail(row, code))
        except (AddressRefused, ValueError) as error:
            _log.warning("mail.answer_undeliverable", channel=row.channel, reason=type(error).__name__)
            return False
        return True

    def _mail(self, row: MailRow, code: str | None) -> EmailMessage:
        mail = EmailMessage(policy=SMTP)
        mail["From"] = self._sender
        mail["To"] = row.sender
        mail["Subject"] = _SUBJECT
        mail["Message-ID"] = f"<{row.key}.answer@{self._sender.rpartition('@')[2]}>"
        # So that no machine answers it, RFC 3834.
        mail["Auto-Submitted"] = "auto-replied"
        told = [row.answer, *([_CODE.format(code=code)] if code else []), "", _CLOSING]
        mail.set_content("\n".join(told), cte="base64")
        return mail
