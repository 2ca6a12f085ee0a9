"""Query codes (查询码): six random digits that prove, beside a ticket's number, that somebody may ask how it stands.

A code is told once, when it is made. What is kept is HMAC-SHA256 of it under a key in a file of its own: six digits are
few, and a plain hash of them would be undone in a second by whoever reads a backup of the database.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from hotline.errors import PartUnavailable
from hotline.keys import KeyFileUnusable, KeyMissing, KeyRing, SealingKey, own_keys
from hotline.settings import Settings
from ticketing import repository
from ticketing.progress_tables import QueryCodeRow

_log = structlog.get_logger(__name__)

DIGITS: Final = 6
_NOBODYS: Final = bytes(32)


def key_file(settings: Settings) -> Path:
    """Where the key is, as `hotline.toml` has it."""
    named = settings.progress.key_file
    return Path(named) if named else settings.var_dir / "keys" / "query-codes"


@dataclass(frozen=True, slots=True)
class Hashed:
    """A code as it is kept."""

    key_id: str
    hash: bytes = field(repr=False)


class QueryCodes:
    """The codes of one site. `key_file` is the same on every host; it is made where there is none yet.

    A key that is added (`hotline.keys.add_key`) hashes what is new; the former ones still prove what they have hashed.
    """

    def __init__(self, key_file: Path) -> None:
        self._key_file = key_file
        self._ring: KeyRing | None = None

    @classmethod
    def of(cls, settings: Settings) -> QueryCodes:
        """The codes under the key that `hotline.toml` names."""
        return cls(key_file(settings))

    async def first(
        self, session: AsyncSession, number: str, *, by: str, at: datetime, seed: str | None = None
    ) -> str | None:
        """The first code of a ticket, to be told now; None if it has one already. One made of a `seed` can be told
        again (`derived_again`). Raises TicketNotFound, PartUnavailable without the key file."""
        ticket = await repository.row(session, number)
        code, kept = self._new(number, seed)
        statement = (
            insert(QueryCodeRow)
            .values(ticket_id=ticket.id, key_id=kept.key_id, hash=kept.hash, issued_by=by, issued_at=at, issues=1)
            .on_conflict_do_nothing()
            .returning(QueryCodeRow.ticket_id)
        )
        return None if (await session.execute(statement)).scalar_one_or_none() is None else code

    async def derived_again(self, session: AsyncSession, number: str, seed: str) -> str | None:
        """The code that `first` made of the seed; None once the ticket has another one, or its key is gone. Raises as
        `first` does."""
        ticket = await repository.row(session, number)
        row = await session.get(QueryCodeRow, ticket.id, populate_existing=True)
        key = self._key(row.key_id) if row is not None else None
        if row is None or key is None:
            return None
        code = _derived(key.secret, seed)
        return code if hmac.compare_digest(_hash(key.secret, number, code), row.hash) else None

    async def again(self, session: AsyncSession, number: str, *, by: str, at: datetime) -> str:
        """A new code in place of the one a citizen has lost, or was never told; the former one is void at once. Raises
        as `first` does."""
        ticket = await repository.row(session, number)
        code, kept = self._new(number)
        new = {"key_id": kept.key_id, "hash": kept.hash, "issued_by": by, "issued_at": at}
        statement = insert(QueryCodeRow).values(ticket_id=ticket.id, issues=1, **new)
        await session.execute(
            statement.on_conflict_do_update(
                index_elements=[QueryCodeRow.ticket_id], set_=new | {"issues": QueryCodeRow.issues + 1}
            )
        )
        return code

    def fits(self, number: str, code: str, kept: Hashed | None) -> bool:
        """Whether this is the ticket's code. Takes the same work, and the same time, for a ticket there is not and a
        key that is gone. Raises PartUnavailable without the key file."""
        key, against = self._keys().current, _NOBODYS
        if kept is not None and (found := self._key(kept.key_id)) is not None:
            key, against = found, kept.hash
        same = hmac.compare_digest(_hash(key.secret, number, code), against)
        return same and against is not _NOBODYS

    def tag(self, text: str) -> str:
        """A stand-in for a number where only sameness counts: what it stands for cannot be found from it."""
        return _hash(self._keys().current.secret, "tag", text).hex()[:32]

    def _new(self, number: str, seed: str | None = None) -> tuple[str, Hashed]:
        key = self._keys().current
        code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}" if seed is None else _derived(key.secret, seed)
        return code, Hashed(key.id, _hash(key.secret, number, code))

    def _key(self, key_id: str) -> SealingKey | None:
        if key_id not in self._keys().ids:
            # Another process may have been given a new one.
            self._ring = None
        try:
            return self._keys().of(key_id)
        except KeyMissing:
            _log.error("progress.key_missing", key=key_id)
            return None

    def _keys(self) -> KeyRing:
        if self._ring is None:
            try:
                self._ring = own_keys(self._key_file)
            except (KeyFileUnusable, OSError) as error:
                raise PartUnavailable(
                    f"the key file of query codes cannot be used: {error}",
                    remedy=getattr(error, "remedy", "") or f"put {self._key_file} back from its copy",
                ) from None
        return self._ring


def _hash(secret: bytes, number: str, code: str) -> bytes:
    # With its length, so that no two pairs are hashed as the same text.
    text = f"query code {len(number)}:{number}{code}"
    return hmac.new(secret, text.encode(errors="backslashreplace"), hashlib.sha256).digest()


def _derived(secret: bytes, seed: str) -> str:
    # 32 bytes over a million: no digit is likelier than another by anything that could be used.
    made = hmac.new(secret, f"derived query code {seed}".encode(), hashlib.sha256).digest()
    return f"{int.from_bytes(made) % 10**DIGITS:0{DIGITS}d}"
