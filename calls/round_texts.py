"""短信: citizens who could not be reached for a visit are told so by SMS, through a port, and what was sent is kept.

The text is the notice's own (`ticketing.visits.visiting`); that it was sent, when, and the gateway's receipt stand with
it. A gateway may get a text again after a process died: the key says which one it is.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

import httpx
import orjson
import structlog
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from calls.round_models import VisitItemRow
from directory.numbers import subscriber_digits
from hotline import signing
from hotline.clock import Clock
from hotline.database import Database
from hotline.errors import PartUnavailable
from hotline.settings import Settings
from hotline.tasks import through_outages
from ticketing.models import TicketRow
from ticketing.refusals.tables import CitizenNoticeRow
from ticketing.vocabulary import CitizenNoticeKind, Told

_log = structlog.get_logger(__name__)

_PAUSE_SECONDS: Final = 15.0
BY: Final = "sms"
_NO_MOBILE: Final = "非手机号码，无法发送短信"


class TextSender(Protocol):
    """What sends an SMS."""

    async def send(self, digits: str, text: str, *, key: str) -> str:
        """Give one text to a mobile number; `key` is the same for the same text. Returns the gateway's receipt. Raises
        PartUnavailable."""


class SmsGateway:
    """A gateway by HTTP: a signed JSON request for each text (`hotline.signing`), answered by 2xx with a `receipt`."""

    def __init__(self, settings: Settings, clock: Clock, client: Callable[[], httpx.AsyncClient]) -> None:
        self._keys = settings.sms
        self._sender = settings.site.id
        self._file = Path(self._keys.key_file) if self._keys.key_file else settings.var_dir / "keys" / "sms"
        self._clock = clock
        self._client = client

    async def send(self, digits: str, text: str, *, key: str) -> str:
        """See `TextSender`."""
        body = orjson.dumps({"to": digits, "text": text, "key": key})
        url = httpx.URL(self._keys.url)
        request = signing.Request("POST", url.raw_path.decode(), body)
        try:
            secret = bytes.fromhex(self._file.read_text().strip())
            headers = signing.headers(
                secret, request, sender=self._sender, timestamp=self._clock.now_ms() // 1000, id=key
            )
            async with self._client() as client:
                answer = await client.post(url, content=body, headers={**headers, "Content-Type": "application/json"})
            answer.raise_for_status()
            receipt = answer.json().get("receipt", "")
        except (httpx.HTTPError, OSError, ValueError, AttributeError) as error:
            raise PartUnavailable(f"SMS gateway: {type(error).__name__}") from error
        return str(receipt)[:200]


class RoundTexts:
    """Sends what is to be told. Any number may run: a notice is taken by one (`SKIP LOCKED`)."""

    def __init__(self, database: Database, sender: TextSender, clock: Clock) -> None:
        self._database = database
        self._sender = sender
        self._clock = clock

    async def run(self) -> None:
        """Look every quarter minute until cancelled, through outages of database and gateway."""
        await through_outages(self.step, every=_PAUSE_SECONDS, waits="texts.wait", also=(PartUnavailable,))

    async def step(self) -> int:
        """Everything that is to be told; returns how many texts were sent. Raises PartUnavailable."""
        sent = 0
        while True:
            async with self._database.transaction() as session:
                found = await self._next(session)
                if found is None:
                    return sent
                notice, number = found
                digits = subscriber_digits(number) if number else None
                if digits is None or not (len(digits) == 11 and digits.startswith("1")):
                    await told(session, notice, Told.NO_CONTACT, note=_NO_MOBILE, by=BY, at=self._clock.now())
                    continue
                receipt = await self._sender.send(digits, notice.text, key=f"notice-{notice.id}")
                await told(session, notice, Told.SMS, note=f"回执 {receipt}", by=BY, at=self._clock.now())
            sent += 1

    async def _next(self, session: AsyncSession) -> tuple[CitizenNoticeRow, str] | None:
        wanted = (
            select(CitizenNoticeRow, TicketRow)
            .join(TicketRow, TicketRow.id == CitizenNoticeRow.ticket_id)
            .where(CitizenNoticeRow.kind == CitizenNoticeKind.UNREACHABLE.value, CitizenNoticeRow.told_at.is_(None))
            .order_by(CitizenNoticeRow.id)
            .limit(1)
            .with_for_update(of=CitizenNoticeRow, skip_locked=True)
        )
        row = (await session.execute(wanted)).one_or_none()
        return None if row is None else (row[0], row[1].caller_number)


async def told(session: AsyncSession, notice: CitizenNoticeRow, how: Told, *, note: str, by: str, at: datetime) -> None:
    """The citizen was told, or cannot be: on the notice, and on the items of rounds that wait for it."""
    notice.told, notice.told_by, notice.told_at, notice.note = how.value, by, at, note
    number = await session.scalar(select(TicketRow.number).where(TicketRow.id == notice.ticket_id))
    await session.execute(
        update(VisitItemRow)
        .where(VisitItemRow.ticket == number, VisitItemRow.sms_due_at.is_not(None), VisitItemRow.sms_sent_at.is_(None))
        .values(sms_sent_at=at)
    )


async def told_otherwise(session: AsyncSession, ticket: str, *, by: str, at: datetime) -> None:
    """Somebody else's gateway has told the citizen of a ticket, as `/api/rounds/sms` asked it to."""
    notices = await session.scalars(
        select(CitizenNoticeRow)
        .join(TicketRow, TicketRow.id == CitizenNoticeRow.ticket_id)
        .where(
            TicketRow.number == ticket,
            CitizenNoticeRow.kind == CitizenNoticeKind.UNREACHABLE.value,
            CitizenNoticeRow.told_at.is_(None),
        )
        .with_for_update(of=CitizenNoticeRow)
    )
    for notice in notices:
        await told(session, notice, Told.SMS, note="短信平台告知", by=by, at=at)
