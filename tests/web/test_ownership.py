"""Whose ticket it is: role by endpoint by ownership. A unit's people reach what their unit has a part in; nothing of
any other ticket gets to them, by whatever route; of a caller who asked for confidence they learn nothing at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import pytest
from fastapi import FastAPI

from acd.service import Acd
from directory.models import Role
from tests.web import test_rest as doors
from tests.web.conftest import Caller, Units
from tests.web.contract import document_of
from web.services import Services

Operation = tuple[str, str]

OF_UNITS: Final = (Role.UNIT_HANDLER, Role.UNIT_HEAD, Role.UNIT_LEADER, Role.COUNTY_BODY)
SECRET: Final = {"caller_name": "诸葛不明", "caller_number": "13612340000", "address": "湖滨区秘密路7号"}
"""Of every caller here."""
_TRACES: Final = ("诸葛不明", "13612340000", "秘密路")

_BY_PART: Final = {
    ("GET", "/api/tickets/{number}"),
    ("GET", "/api/tickets/{number}/attachments"),
    ("GET", "/api/tickets/{number}/attachments/{attachment}"),
    ("POST", "/api/tickets/{number}/attachments"),
    ("POST", "/api/tickets/{number}/actions"),
    ("GET", "/api/tickets/{number}/contacts"),
    ("POST", "/api/tickets/{number}/contacts"),
    ("GET", "/api/tickets/{number}/figure-exclusions"),
    ("GET", "/api/tickets/{number}/findings"),
    ("GET", "/api/tickets/{number}/first-unit"),
    ("POST", "/api/tickets/{number}/first-unit/actions"),
    ("GET", "/api/tickets/{number}/force-majeure"),
    ("POST", "/api/tickets/{number}/force-majeure"),
    ("GET", "/api/tickets/{number}/handlers"),
    ("POST", "/api/tickets/{number}/handlers/{handler}/actions"),
    ("POST", "/api/tickets/{number}/parts/{part}/handlers"),
    ("GET", "/api/tickets/{number}/masked-calls"),
    ("POST", "/api/tickets/{number}/masked-calls"),
    ("GET", "/api/tickets/{number}/meetings"),
    ("POST", "/api/tickets/{number}/meetings"),
    ("GET", "/api/tickets/{number}/parts/{part}"),
    ("POST", "/api/tickets/{number}/parts/{part}/actions"),
    ("GET", "/api/tickets/{number}/parts/{part}/steps"),
    ("GET", "/api/tickets/{number}/questions"),
    ("POST", "/api/tickets/{number}/questions"),
    ("POST", "/api/tickets/{number}/questions/{question}/actions"),
    ("POST", "/api/tickets/{number}/refuse"),
    ("GET", "/api/tickets/{number}/refusal"),
    ("GET", "/api/tickets/{number}/refusal-grounds"),
    ("GET", "/api/tickets/{number}/relations"),
    ("GET", "/api/tickets/{number}/rulings"),
    ("GET", "/api/tickets/{number}/statutory-procedures"),
    ("POST", "/api/tickets/{number}/statutory-procedures"),
    ("POST", "/api/tickets/{number}/unmask"),
    ("GET", "/api/tickets/{number}/visits"),
}
"""Roles of a unit get through where their unit has a part, as far as the ticket's state lets them."""

_CENTRE_ONLY: Final = {
    ("PATCH", "/api/tickets/{number}"),
    ("GET", "/api/tickets/{number}/accused"),
    ("POST", "/api/tickets/{number}/accused"),
    ("POST", "/api/tickets/{number}/answer"),
    ("GET", "/api/tickets/{number}/archive"),
    ("POST", "/api/tickets/{number}/attachments/{attachment}/release"),
    ("POST", "/api/tickets/{number}/attachments/{attachment}/remove"),
    ("POST", "/api/tickets/{number}/calls"),
    ("GET", "/api/tickets/{number}/duplicates"),
    ("POST", "/api/tickets/{number}/figure-exclusions"),
    ("POST", "/api/tickets/{number}/figure-exclusions/{exclusion_id}/revoke"),
    ("POST", "/api/tickets/{number}/findings"),
    ("POST", "/api/tickets/{number}/findings/{finding}/actions"),
    ("POST", "/api/tickets/{number}/force-majeure/{majeure}/actions"),
    ("POST", "/api/tickets/{number}/meetings/{meeting}/actions"),
    ("POST", "/api/tickets/{number}/merge"),
    ("POST", "/api/tickets/{number}/query-code"),
    ("GET", "/api/tickets/{number}/repeat-determinations"),
    ("POST", "/api/tickets/{number}/repeat-determinations"),
    ("POST", "/api/tickets/{number}/repeat-determinations/{repeat}/actions"),
    ("POST", "/api/tickets/{number}/repeats"),
    ("POST", "/api/tickets/{number}/rulings/{ruling}/actions"),
    ("POST", "/api/tickets/{number}/split"),
    ("POST", "/api/tickets/{number}/statutory-procedures/{procedure}/actions"),
    ("GET", "/api/tickets/{number}/suggestions"),
    ("GET", "/api/tickets/{number}/surveys"),
    ("GET", "/api/tickets/{number}/transfers"),
    ("GET", "/api/tickets/{number}/unattended"),
    ("POST", "/api/tickets/{number}/transfers"),
}
"""Whatever part their unit has: 403."""


@dataclass(frozen=True)
class Tickets:
    """One ticket of each ownership, as the labour office's people see it."""

    own: str
    """Their unit leads."""
    assisting: str
    confidential: str
    """Their unit leads; the caller asked for confidence."""
    another: str
    """Of the urban management office alone."""
    returned: str
    """Was theirs, and is not any more."""
    nobodys: str

    @property
    def theirs(self) -> tuple[str, ...]:
        return (self.own, self.assisting, self.confidential)

    @property
    def foreign(self) -> tuple[str, ...]:
        return (self.another, self.returned, self.nobodys)


def _title(ownership: str) -> str:
    return f"事项{ownership}"


@pytest.fixture
async def tickets(services: Services, nobody: Caller, units: Units) -> Tickets:
    await services.directory.refresh()
    agent, dispatcher, handler = [await nobody.as_(who) for who in ("agent", "dispatcher", "unit_handler")]

    async def registered(ownership: str, **more: Any) -> str:
        answer = await agent.post("/api/tickets", title=_title(ownership), content="泥沙", **SECRET, **more)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["number"])

    async def act(caller: Caller, number: str, action: str, **said: Any) -> None:
        version = (await agent.get(f"/api/tickets/{number}")).json()["ticket"]["version"]
        path = f"/api/tickets/{number}/actions"
        answer = await caller.post(path, action=action, version=version, **said)
        assert answer.status_code == 200, answer.text

    async def dispatched(ownership: str, *to: int, **more: Any) -> str:
        number = await registered(ownership, **more)
        await act(agent, number, "accept")
        await act(dispatcher, number, "dispatch", lead_unit=to[0], assisting_units=list(to[1:]))
        return number

    found = Tickets(
        own=await dispatched("own", units.labour),
        assisting=await dispatched("assisting", units.urban, units.labour),
        confidential=await dispatched("confidential", units.labour, confidentiality="confidential"),
        another=await dispatched("another", units.urban),
        returned=await dispatched("returned", units.labour),
        nobodys=await registered("nobodys"),
    )
    await act(handler, found.returned, "return", note="不属我局职责", basis="三定方案第三条")
    await act(dispatcher, found.returned, "agree_return")
    return found


async def _knock(caller: Caller, operation: Operation, number: str, **values: Any) -> Any:
    method, route = operation
    path = route.format_map(doors._PATH | {"number": number, "exclusion_id": 2**40, "handler": 2**40} | values)
    body = doors._BODIES.get(operation, {})
    params = doors._QUERIES.get(operation, {})
    return await caller.request(method, path, json=None if method == "GET" else body, params=params)


def _operations(app: FastAPI) -> set[Operation]:
    return {(method.upper(), path) for path, methods in document_of(app)["paths"].items() for method in methods}


def test_every_route_of_a_ticket_is_in_the_matrix(app: FastAPI) -> None:
    of_tickets = {one for one in _operations(app) if one[1].startswith("/api/tickets/{number}")}
    unlisted = of_tickets - _BY_PART - _CENTRE_ONLY
    assert unlisted == set(), "say whose it is: _BY_PART or _CENTRE_ONLY"
    assert not _BY_PART & _CENTRE_ONLY


async def test_a_unit_reads_what_it_has_a_part_in_and_nothing_else(
    nobody: Caller, app: FastAPI, tickets: Tickets
) -> None:
    wrong = []
    reads = [one for one in _operations(app) & _BY_PART if one[0] == "GET" and one[1].count("{") == 1]
    for role in OF_UNITS:
        person = await nobody.as_(role.value)
        for operation in sorted(reads):
            # Whom a refusal concerns is decided before what state the ticket is in.
            readers = doors.ROUTES.get(operation, set(OF_UNITS))
            for number in tickets.theirs:
                answer = await _knock(person, operation, number)
                if answer.status_code not in (200, 404) and role in readers and not _by_role(operation, role):
                    wrong.append((role, *operation, number, answer.status_code))
            for number in tickets.foreign:
                answer = await _knock(person, operation, number)
                # 首接负责: who had it first stays answerable until somebody else has it.
                first = number == tickets.returned and operation[1].endswith("/first-unit")
                if answer.status_code != (200 if first else 403):
                    wrong.append((role, *operation, number, answer.status_code))
    assert wrong == [], wrong


def _by_role(operation: Operation, role: Role) -> bool:
    """Of the unit's people only the head refuses."""
    return operation[1].endswith("/refusal-grounds") and role is not Role.UNIT_HEAD


async def test_a_unit_changes_no_ticket_of_others(nobody: Caller, app: FastAPI, tickets: Tickets) -> None:
    agent = await nobody.as_("agent")
    before = {number: (await agent.get(f"/api/tickets/{number}")).json()["ticket"] for number in tickets.foreign}
    wrong = []
    for role in OF_UNITS:
        person = await nobody.as_(role.value)
        for operation in sorted(one for one in _operations(app) & (_BY_PART | _CENTRE_ONLY) if one[0] != "GET"):
            for number in tickets.foreign:
                answer = await _knock(person, operation, number)
                if answer.status_code not in (400, 403, 404, 409, 412, 422, 428) or _title("") in answer.text:
                    wrong.append((role, *operation, number, answer.status_code))
    assert wrong == [], wrong
    for number, was in before.items():
        assert (await agent.get(f"/api/tickets/{number}")).json()["ticket"] == was


async def test_what_is_the_centres_is_refused_to_units_whatever_their_part(
    nobody: Caller, app: FastAPI, tickets: Tickets
) -> None:
    wrong = []
    for role in OF_UNITS:
        person = await nobody.as_(role.value)
        for operation in sorted(_operations(app) & _CENTRE_ONLY):
            for number in (*tickets.theirs, tickets.another):
                answer = await _knock(person, operation, number)
                # Of a ticket that is theirs they may be told that its state does not allow it.
                late = answer.status_code == 409 and number != tickets.another
                if answer.status_code != 403 and not late:
                    wrong.append((role, *operation, number, answer.status_code))
    assert wrong == [], wrong


async def test_a_record_of_another_ticket_is_not_reached_by_way_of_an_own_one(nobody: Caller, tickets: Tickets) -> None:
    agent, handler = await nobody.as_("agent"), await nobody.as_("unit_handler")
    file = (await agent.get(f"/api/tickets/{tickets.another}")).json()
    foreign = file["assignments"][0]["id"]
    path = f"/api/tickets/{tickets.own}/parts/{foreign}"
    for answer in (
        await handler.get(path),
        await handler.get(f"{path}/steps"),
        await handler.post(f"{path}/actions", action="sign_for", version=1),
    ):
        assert answer.status_code == 404, answer.text


async def test_no_list_tells_a_unit_of_tickets_of_others(
    nobody: Caller, app: FastAPI, line: Acd, tickets: Tickets
) -> None:
    leaked = []
    asked = 0
    for role in OF_UNITS:
        person = await nobody.as_(role.value)
        for operation in sorted(one for one in _operations(app) if one[0] == "GET" and "{" not in one[1]):
            if operation[1] == "/metrics":
                continue
            answer = await _knock(person, operation, "")
            asked += answer.status_code == 200
            hidden = {*tickets.foreign, *_TRACES}
            if operation[1] == "/api/first-units/mine":
                hidden -= {tickets.returned}
            # What citizens may read without a login is no secret from a unit, but for the caller.
            if operation[1].startswith(("/api/public/", "/open311/")):
                hidden = set(_TRACES)
            leaked += [(role, *operation, one) for one in hidden if one in answer.text]
    assert leaked == []
    assert asked > 3 * 10, "most lists were refused, or wanted parameters: nothing was looked at"


async def test_a_unit_learns_nothing_of_a_caller_who_asked_for_confidence(
    nobody: Caller, app: FastAPI, tickets: Tickets
) -> None:
    told = []
    for role in OF_UNITS:
        person = await nobody.as_(role.value)
        for operation in sorted(_operations(app) & _BY_PART):
            answer = await _knock(person, operation, tickets.confidential)
            if any(trace in answer.text for trace in _TRACES):
                told.append((role, *operation))
    assert told == []
    searched = await (await nobody.as_("unit_handler")).get("/api/tickets", caller_number=SECRET["caller_number"])
    assert tickets.confidential not in searched.text
