"""办理进度自助查询 (TH 13, 24): a citizen asks how a ticket stands, by its number and query code, and hears a sentence.

A wrong number, a wrong code, a ticket there is not and a locked one get one answer, after the same work and no sooner
than `answer_ms` after the question. Who could tell them apart could collect numbers first and guess codes afterwards.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from redis.exceptions import RedisError
from sqlalchemy import bindparam, select
from sqlalchemy.exc import SQLAlchemyError

from hotline.database import Database
from hotline.errors import NotFound, PartUnavailable
from hotline.redis import Redis
from hotline.settings import Settings
from ticketing.models import TicketRow
from ticketing.progress_codes import Hashed, QueryCodes
from ticketing.progress_guard import GuessGuard, GuessPolicy, Question
from ticketing.progress_tables import QueryCodeRow
from ticketing.progress_words import NOT_FOUND, SENTENCES
from ticketing.vocabulary import Stage, State

_LONGEST: Final = 40
"""Characters of a ticket's number."""
_OTHER: Final = re.compile("[^0-9A-Z]")


class ProgressRefused(NotFound):
    """No such ticket, another code, or too many questions: never which."""

    code = "progress.refused"


@dataclass(frozen=True, slots=True)
class Progress:
    """How a ticket stands, for a citizen."""

    number: str = field(repr=False)
    state: State
    sentence: str
    registered_at: datetime
    updated_at: datetime

    @property
    def stage(self) -> Stage:
        """Of the eight stages of TH 13."""
        return self.state.stage


def typed_number(number: str, site: str) -> str:
    """A ticket's number as it is typed on a telephone: day and serial, without the site's letters.

    `SMX20261121000001` -> `20261121000001`; each site has telephones of its own, so nothing is lost.
    """
    return number.removeprefix(site.upper())


def number_of(written: str, site: str) -> str:
    """The ticket's number of what a citizen typed or wrote: with the site's letters, in any case, or without."""
    plain = _OTHER.sub("", written.upper())[:_LONGEST]
    prefix = site.upper()
    return plain if plain.startswith(prefix) else f"{prefix}{plain}"


class ProgressDesk:
    """Answers citizens. `site` is the prefix of ticket numbers; `answer_seconds` from question to answer, at least."""

    def __init__(
        self,
        *,
        database: Database,
        redis: Redis,
        codes: QueryCodes,
        site: str,
        policy: GuessPolicy,
        answer_seconds: float,
    ) -> None:
        self._database = database
        self._codes = codes
        self._site = site
        self._guard = GuessGuard(redis, site, policy)
        self._answer_seconds = answer_seconds

    @classmethod
    def of(cls, settings: Settings, *, database: Database, redis: Redis) -> ProgressDesk:
        """The desk as `hotline.toml` has it."""
        return cls(
            database=database,
            redis=redis,
            codes=QueryCodes.of(settings),
            site=settings.site.id,
            policy=GuessPolicy.of(settings),
            answer_seconds=settings.progress.answer_ms / 1000,
        )

    @property
    def codes(self) -> QueryCodes:
        """Where codes are made."""
        return self._codes

    async def look_up(self, written: str, code: str, *, way: str, caller: str) -> Progress:
        """How a ticket stands. `way` is phone or web, `caller` whoever asks: a number, an address, empty if unknown.

        Raises ProgressRefused, PartUnavailable without PostgreSQL, Redis or the key file.
        """
        earliest = asyncio.get_running_loop().time() + self._answer_seconds
        try:
            found = await self._look_up(written, code, way, caller)
        except (RedisError, SQLAlchemyError, OSError) as error:
            # Their own words would hold what was asked for.
            raise PartUnavailable(f"progress cannot be looked up: {type(error).__name__}") from None
        await asyncio.sleep(max(0.0, earliest - asyncio.get_running_loop().time()))
        if found is None:
            raise ProgressRefused(NOT_FOUND)
        return found

    async def lift_lock(self, number: str) -> None:
        """Whoever has a new code may try it. Raises RedisError."""
        await self._guard.forget(self._codes.tag(number))

    async def _look_up(self, written: str, code: str, way: str, caller: str) -> Progress | None:
        number = number_of(written, self._site)
        question = Question(way, self._codes.tag(number), self._codes.tag(caller))
        counted = await self._guard.count(question)
        rows = await self._database.ask(_TICKET, {"number": number})
        row = rows[0] if rows else None
        kept = Hashed(row.key_id, row.hash) if row is not None and row.hash is not None else None
        fits = self._codes.fits(number, code, kept)
        right = fits and counted
        await self._guard.settle(question, right=right)
        if not right or row is None:
            return None
        state = State(row.state)
        return Progress(number, state, SENTENCES[state], row.registered_at, row.updated_at)


_TICKET: Final = (
    select(TicketRow.state, TicketRow.registered_at, TicketRow.updated_at, QueryCodeRow.key_id, QueryCodeRow.hash)
    .outerjoin(QueryCodeRow, QueryCodeRow.ticket_id == TicketRow.id)
    .where(TicketRow.number == bindparam("number"))
)
