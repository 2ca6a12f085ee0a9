"""What the people of an office do with one ticket, each at the desk of their role."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from datetime import datetime
from typing import Any, Self

from directory.models import Role
from tests.accept.ticketing.office import CITY, UNITS, Office, Person, Refused, local


class Desks:
    """The desks of an office. Every step is a request of the person whose step it is."""

    def __init__(self, office: Office) -> None:
        self.office = office

    def at(self, moment: str) -> Self:
        """Turn the office's clock."""
        self.office.at(moment)
        return self

    @property
    def agent(self) -> Person:
        return self.office.someone(Role.AGENT)

    @property
    def dispatcher(self) -> Person:
        return self.office.someone(Role.DISPATCHER)

    @property
    def visitor(self) -> Person:
        return self.office.someone(Role.VISIT_AGENT)

    @property
    def supervisor(self) -> Person:
        return self.office.someone(Role.SUPERVISOR)

    @property
    def inspector(self) -> Person:
        return self.office.someone(Role.INSPECTOR)

    @property
    def admin(self) -> Person:
        return self.office.someone(Role.ADMIN)

    def handler(self, unit: str = UNITS[0]) -> Person:
        return self.office.someone(Role.UNIT_HANDLER, unit)

    def head(self, unit: str = UNITS[0]) -> Person:
        return self.office.someone(Role.UNIT_HEAD, unit)

    def leader(self, unit: str = UNITS[0]) -> Person:
        return self.office.someone(Role.UNIT_LEADER, unit)

    async def registered(self, **fields: Any) -> str:
        """An agent writes a demand down; its number."""
        ticket = await self.agent.post("/api/tickets", **{"type": "help", "title": "路灯不亮", **fields})
        return str(ticket["number"])

    async def accepted(self, **fields: Any) -> str:
        number = await self.registered(**fields)
        await self.agent_acts(number, "accept")
        return number

    async def agent_acts(self, number: str, action: str, **details: Any) -> None:
        await self.agent.act(number, action, **details)

    async def dispatch(
        self, number: str, *, to: str = UNITS[0], assisting: tuple[str, ...] = (), **details: Any
    ) -> None:
        units = self.office.units
        others = {"assisting_units": [units[name] for name in assisting]} if assisting else {}
        await self.dispatcher.act(number, "dispatch", lead_unit=units[to], **others, **details)

    async def dispatched(self, *, to: str = UNITS[0], assisting: tuple[str, ...] = (), **fields: Any) -> str:
        """Written down, accepted and dispatched, all at this moment."""
        number = await self.accepted(**fields)
        told = {"handed_over_to": "值班员王工"} if fields.get("urgency") == "urgent" else {}
        await self.dispatch(number, to=to, assisting=assisting, **told)
        return number

    async def handling(self, **fields: Any) -> str:
        """Dispatched and signed for."""
        number = await self.dispatched(**fields)
        await self.handler(fields.get("to", UNITS[0])).act(number, "sign_for")
        return number

    async def extended(self, number: str, *, signed: bool = False) -> None:
        """Asked for by the handler, signed by the leader in charge if so, granted by the centre."""
        await self.handler().act(number, "extend", note="需现场勘验")
        if signed:
            await self.leader().act(number, "sign_extension")
        await self.dispatcher.act(number, "grant_extension")

    async def citizen_answered(self, number: str, unit: str = UNITS[0]) -> None:
        """The handler tells the citizen, and writes that down."""
        now = self.office.clock.now().isoformat()
        contact = {"at": now, "way": "phone", "by": "张工", "outcome": "answered"}
        await self.handler(unit).post(f"/api/tickets/{number}/contacts", **contact)

    async def replied(self, number: str, unit: str = UNITS[0], **details: Any) -> None:
        """The citizen is answered; the handler reports, the head reviews."""
        await self.citizen_answered(number, unit)
        await self.handler(unit).act(number, "reply", note="已修复")
        await self.head(unit).act(number, "approve_reply", **details)

    async def closed(self, number: str, satisfaction: str = "satisfied") -> None:
        """Replied, visited, closed."""
        await self.replied(number)
        await self.visitor.act(number, "visit", note="已办理", satisfaction=satisfaction)
        await self.visitor.act(number, "close")

    async def file(self, number: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.dispatcher.get(f"/api/tickets/{number}")
        return found

    async def state(self, number: str) -> str:
        return str((await self.file(number))["ticket"]["state"])

    async def clock(self, number: str, kind: str, unit: str | None = None) -> Mapping[str, Any]:
        """The newest clock of this kind, of `unit` if it is said."""
        wanted = None if unit is None else self.office.units[unit]
        clocks: list[dict[str, Any]] = (await self.file(number))["clocks"]
        return [c for c in clocks if c["kind"] == kind and (unit is None or c["unit_id"] == wanted)][-1]

    async def ends(
        self, number: str, kind: str, moment: str, unit: str | None = None, *, provisional: bool = False
    ) -> None:
        """The clock of this kind ends at this moment of the city's clocks, literally."""
        clock = await self.clock(number, kind, unit)
        found = datetime.fromisoformat(clock["ends_at"]).astimezone(CITY)
        assert found == local(moment), f"{number}: {kind} ends {found}, not {moment}"
        assert clock["provisional"] is provisional, f"{number}: {kind} provisional {clock['provisional']}"

    async def ended(self, number: str, kind: str, how: str | None, unit: str | None = None) -> None:
        """How the newest clock of this kind came to its end; None: it runs."""
        found = (await self.clock(number, kind, unit))["ended"]
        assert found == how, f"{number}: {kind} ended {found}, not {how}"

    async def moves(self, number: str, kind: str = "handling") -> list[tuple[str, datetime, datetime]]:
        """Ends of the ticket's clocks of this kind that were moved: why, from, to."""
        rows = await self.office.rows(
            "SELECT m.why, m.old_ends_at, m.new_ends_at FROM ticket_clock_move m"
            " JOIN ticket_clock c ON c.id = m.clock_id JOIN ticket t ON t.id = c.ticket_id"
            " WHERE t.number = $1 AND c.kind = $2 ORDER BY m.id",
            number,
            kind,
        )
        return [tuple(row) for row in rows]

    async def notices(self, number: str, kind: str = "handling") -> list[tuple[str, datetime]]:
        """What was told of the ticket's clocks of this kind, and when."""
        rows = await self.office.rows(
            "SELECT n.kind, n.at FROM ticket_notice n JOIN ticket_clock c ON c.id = n.clock_id"
            " JOIN ticket t ON t.id = n.ticket_id WHERE t.number = $1 AND c.kind = $2 ORDER BY n.id",
            number,
            kind,
        )
        return [(row["kind"], row["at"].astimezone(CITY)) for row in rows]

    async def leads(self, number: str) -> list[str]:
        """Grounds of the accountability leads of a ticket, oldest first."""
        found = await self.inspector.get("/api/accountability-leads", number=number)
        return [lead["ground"] for lead in reversed(found)]

    @staticmethod
    async def refused(asking: Awaitable[Any], code: str) -> None:
        """The API says no, for this reason."""
        given, refused = None, None
        try:
            given = await asking
        except Refused as no:
            refused = no
        assert refused is not None, f"not refused ({code}): {given}"
        assert refused.code == code, f"refused as {refused.code}, not {code}: {refused}"
