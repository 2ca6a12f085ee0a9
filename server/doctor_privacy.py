"""What is seen of the keys of personal data (个人信息): whether this host can read and find the citizens of tickets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import LargeBinary, select, type_coerce
from sqlalchemy.exc import SQLAlchemyError

from hotline.database import Database
from hotline.errors import HotlineError
from hotline.sealed import FieldKeys, index_file, key_file
from hotline.settings import Settings
from server.doctor_findings import Finding, fail, ok, warn
from ticketing.models import TicketRow

_PART = "personal data"
_COPY = "copy keys/personal and keys/personal-index from another host, or from their copy"


async def personal_keys(settings: Settings) -> Finding:
    """Both key files are there, for their owner alone, and are those of the newest ticket with a caller."""
    newest = await _newest(settings)
    if newest is None:
        return warn(_PART, "not seen: PostgreSQL does not serve us", "look at postgres first")
    path = key_file(settings)
    missing = [file for file in (path, index_file(path)) if not file.exists()]
    if missing:
        if newest or settings.asterisk.peers:
            return fail(_PART, f"no {', '.join(map(str, missing))}: nobody knows who called", _COPY)
        return ok(_PART, "no keys yet; the first ticket makes them")
    keys = FieldKeys(path)
    try:
        for sealed, index in newest:
            if keys.index(keys.open("ticket.caller_number", sealed)) != index:
                return fail(_PART, f"{index_file(path)} is another key than callers are found by", _COPY)
    except HotlineError as error:
        return fail(_PART, str(error), error.remedy or _COPY)
    return ok(_PART, f"{len(keys.ids)} keys, which open what was sealed last")


async def _newest(settings: Settings) -> Sequence[Any] | None:
    """The newest caller's number as it is sealed, with its index; None without PostgreSQL."""
    database = Database(settings.postgres.url)
    raw = type_coerce(TicketRow.caller_number, LargeBinary)
    found = select(raw, TicketRow.caller_index).where(TicketRow.caller_index.is_not(None))
    try:
        return await database.ask(found.order_by(TicketRow.id.desc()).limit(1))
    except (SQLAlchemyError, OSError, TimeoutError):
        return None
    finally:
        await database.close()
