"""受理: a demand is written down, answered at once where that can be done, and tied to its call (TH 14)."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from directory.numbers import normalise
from hotline.clock import Clock
from hotline.errors import Conflict
from ticketing import clocks, lifecycle, people, repository
from ticketing.catalogue import categories
from ticketing.errors import ActionNotAllowed
from ticketing.models import TicketRow
from ticketing.relations import texts
from ticketing.schemas import Actor, Changes, Details, Intake, Ticket
from ticketing.vocabulary import Action, State


def number_of_day(site: str, day: date, serial: int) -> str:
    """A ticket's number: the site's letters, the local day it was registered on, and its place in that day."""
    return f"{site}{day:%Y%m%d}{serial:06d}"


class IntakeDesk:
    """Where tickets begin. `site` is the prefix of their numbers, `zone` the IANA zone whose day counts,
    `area_code` the one that callers' numbers without one are read in.

    Nothing here commits: the caller's transaction does.
    """

    def __init__(self, *, site: str, zone: str, area_code: str, clock: Clock) -> None:
        self._site = site.upper()
        self._zone = ZoneInfo(zone)
        self._area_code = area_code
        self._clock = clock

    async def register(self, session: AsyncSession, intake: Intake, actor: Actor) -> Ticket:
        """Write a demand down as a new ticket in state 已登记, linked to its call if one is named.

        A repeated `request_key` gives the ticket of the first request and changes nothing. Raises ActionNotAllowed
        if the actor does not take demands, Conflict if the key is somebody else's, InvalidNumber if the
        caller's number is none, CategoryNotFound.
        """
        if not actor.roles & people.DESK:
            raise ActionNotAllowed("only people who take demands may register one")
        now = self._clock.now()
        # Holds the day's counter until the transaction ends, so a repeated request below sees the first one's ticket.
        serial = await repository.next_of_day(session, self._site, self._day(now))
        if intake.request_key and (earlier := await repository.by_request_key(session, intake.request_key)):
            if earlier.registered_by != actor.user:
                raise Conflict("the request key is taken")
            return earlier
        row = await self._write(session, intake, actor.user, State.REGISTERED, serial=serial, now=now)
        if intake.call is not None:
            await repository.link_call(session, row.id, intake.call, now)
        return Ticket.model_validate(row)

    async def write_down(self, session: AsyncSession, intake: Intake, by: str, *, state: State) -> TicketRow:
        """A new ticket that somebody who may do so makes of another one, in that one's state. Raises CategoryNotFound,
        InvalidNumber."""
        now = self._clock.now()
        serial = await repository.next_of_day(session, self._site, self._day(now))
        return await self._write(session, intake, by, state, serial=serial, now=now)

    async def amend(
        self, session: AsyncSession, number: str, changes: Changes, actor: Actor, *, version: int
    ) -> Ticket:
        """Correct a ticket that is still 已登记. Raises what lifecycle.apply raises, and InvalidNumber."""
        given = changes.given()
        await categories.must_be_usable(session, given.get("category", ""))
        if "caller_number" in given:
            given["caller_number"] = self._normal(given["caller_number"])
        amended = await lifecycle.apply(
            session,
            number,
            Action.AMEND,
            actor,
            version=version,
            at=self._clock.now(),
            changes=given,
        )
        await texts.remember(session, await repository.row(session, number))
        return amended

    async def answer_directly(
        self, session: AsyncSession, number: str, answer: str, actor: Actor, *, version: int
    ) -> Ticket:
        """能直接答复的直接答复 (TH 14): answered and closed in one go. Raises what lifecycle.apply raises."""
        now = self._clock.now()
        answered = await lifecycle.apply(
            session, number, Action.ANSWER, actor, version=version, at=now, details=Details(note=answer)
        )
        return await lifecycle.apply(session, number, Action.CLOSE, actor, version=answered.version, at=now)

    async def link_call(self, session: AsyncSession, number: str, call: str, actor: Actor) -> None:
        """Tie another call to a ticket. Raises TicketNotFound, CallAlreadyLinked, ActionNotAllowed."""
        if not actor.roles & people.RATERS:
            raise ActionNotAllowed("only people who talk with citizens may link a call")
        row = await repository.row(session, number)
        await repository.link_call(session, row.id, call, self._clock.now())

    async def _write(
        self, session: AsyncSession, intake: Intake, by: str, state: State, *, serial: int, now: datetime
    ) -> TicketRow:
        day = self._day(now)
        await categories.must_be_usable(session, intake.category)
        row = TicketRow(
            **intake.model_dump(mode="json", exclude={"call", "caller_number"}),
            caller_number=self._normal(intake.caller_number),
            number=number_of_day(self._site, day, serial),
            state=state.value,
            version=1,
            policy=(await clocks.policies(session)).in_force(day).number,
            registered_by=by,
            registered_at=now,
            updated_at=now,
        )
        await repository.add(session, row)
        await texts.remember(session, row)
        await repository.add_history(
            session,
            ticket_id=row.id,
            version=row.version,
            action=Action.REGISTER,
            actor=by,
            from_state=None,
            to_state=state,
            at=now,
            note="",
            details={},
        )
        return row

    def _day(self, now: datetime) -> date:
        return now.astimezone(self._zone).date()

    def _normal(self, written: str) -> str:
        return normalise(written, self._area_code) if written else ""
