"""Figures of tickets and reports over REST: by whom, of whom, and with what trace."""

from __future__ import annotations

import io
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from docx import Document
from openpyxl import load_workbook
from sqlalchemy import insert, select, text

from calls.line_figures import LineFigures
from directory.models import Role
from directory.models.audit import PendingReadRow
from tests.web.conftest import Caller, Units
from ticketing.figures.definitions import FIGURES
from ticketing.intake import IntakeDesk
from ticketing.models import TicketAssignmentRow
from ticketing.reports.making import ReportMaker
from ticketing.schemas import Actor, Intake
from web.services import Services

DECEMBER = {"kind": "bulletin", "period": "2025-12"}
AGENT = Actor("1001", frozenset({Role.AGENT}))


@pytest.fixture
async def given(services: Services, units: Units) -> list[str]:
    """Six tickets: four with the labour office, two with the other; numbers in their order."""
    site = services.settings.site
    desk = IntakeDesk(site=site.id, zone=site.timezone, area_code=site.area_code, clock=services.clock)
    numbers = []
    async with services.database.transaction() as session:
        for nth in range(6):
            ticket = await desk.register(session, Intake(title=f"路灯不亮{nth}"), AGENT)
            numbers.append(ticket.number)
            row = {"part": "lead", "unit_id": units.labour if nth < 4 else units.urban}
            found = await session.scalar(text("SELECT id FROM ticket WHERE number = :n"), {"n": ticket.number})
            await session.execute(
                insert(TicketAssignmentRow).values(ticket_id=found, delivered_at=services.clock.now(), **row)
            )
    return numbers


def _month(services: Services) -> str:
    return f"{services.clock.now().astimezone(ZoneInfo(services.settings.site.timezone)):%Y-%m}"


def _maker(services: Services) -> ReportMaker:
    site = services.settings.site
    return ReportMaker(services.database, services.clock, LineFigures(), city=site.name, zone=ZoneInfo(site.timezone))


async def test_every_figure_has_one_definition(agent_of: Any) -> None:
    defined = await agent_of("supervisor", "GET", "/api/figures/definitions")
    names = [one["name"] for one in defined]
    assert names[: len(FIGURES)] == list(FIGURES)
    assert {"connection_rate", "promptness", "service_level", "average_answer_ms", "abandonment"} <= set(names)
    assert len(set(names)) == len(names)
    assert all(one["formula"] and one["source"] and one["moment"] for one in defined)


async def test_a_unit_sees_its_own_figures(agent_of: Any, services: Services, units: Units, given: list[str]) -> None:
    asked = {"from": _month(services), "figure": "return_rate", "by": "unit"}
    whole = await agent_of("supervisor", "GET", "/api/figures/tickets", params=asked)
    assert {row["subject"]: row["figures"]["return_rate"]["under"] for row in whole["rows"]} == {
        str(units.labour): 4,
        str(units.urban): 2,
    }
    assert whole["total"]["return_rate"] == {"value": 0.0, "over": 0, "under": 6, "excluded": 0}
    own = await agent_of("unit_head", "GET", "/api/figures/tickets", params=asked)
    assert [row["subject"] for row in own["rows"]] == [str(units.labour)]
    assert own["total"]["return_rate"]["under"] == 4
    await agent_of("unit_head", "GET", "/api/figures/tickets", params=asked | {"unit": units.urban}, status=403)
    # Nothing to measure is null, not 0.
    none = await agent_of("unit_head", "GET", "/api/figures/tickets", params={"from": "2020", "figure": "return_rate"})
    assert none["total"]["return_rate"]["value"] is None
    for first, last in (("2026-13", "2026-13"), ("2026-10", "2026-09"), ("2020-01-01", "2026-01-01")):
        wrong = {"from": first, "to": last}
        await agent_of("supervisor", "GET", "/api/figures/tickets", params=wrong, status=422)
    await agent_of("supervisor", "GET", "/api/figures/tickets", params=asked | {"figure": "no_such"}, status=404)


async def test_cases_go_on_from_page_to_page(caller_of: Any, services: Services, given: list[str]) -> None:
    supervisor = await caller_of("supervisor")
    path: str | None = f"/api/figures/tickets/return_rate/cases?period={_month(services)}&limit=4"
    seen = []
    while path:
        answer = await supervisor.request("GET", path)
        assert answer.status_code == 200, answer.text
        seen += [one["ticket"] for one in answer.json()["cases"]]
        path = answer.links["next"]["url"] if "next" in answer.links else None
    assert sorted(seen) == given
    wrong = await supervisor.request(
        "GET", f"/api/figures/tickets/return_rate/cases?period={_month(services)}&cursor=1.2"
    )
    assert wrong.status_code == 422


async def test_what_is_left_out_is_listed_with_why(
    agent_of: Any, services: Services, units: Units, given: list[str]
) -> None:
    path = f"/api/tickets/{given[0]}/figure-exclusions"
    said = {"reason": "force_majeure", "facts": "强降雨致道路中断", "unit_id": units.labour}
    made = await agent_of("supervisor", "POST", path, json=said, status=201)
    await agent_of("supervisor", "POST", path, json=said, status=409)
    await agent_of("supervisor", "POST", path, json=said | {"reason": "unreachable"}, status=422)
    await agent_of("supervisor", "POST", path, json=said | {"unit_id": units.urban}, status=422)
    asked = {"from": _month(services), "figure": ["return_rate", "registered"]}
    whole = await agent_of("supervisor", "GET", "/api/figures/tickets", params=asked)
    assert whole["total"]["return_rate"] == {"value": 0.0, "over": 0, "under": 5, "excluded": 1}
    # What happened is counted, whatever it was worth.
    assert whole["total"]["registered"] == {"value": 6.0, "over": 6, "under": 0, "excluded": 0}
    cases = await agent_of(
        "unit_handler",
        "GET",
        "/api/figures/tickets/return_rate/cases",
        params={"period": _month(services), "excluded": True},
    )
    assert [(one["ticket"], one["why_term"]) for one in cases["cases"]] == [(given[0], "不可抗力")]
    await agent_of("supervisor", "POST", f"{path}/{made['id']}/revoke", json={"reason": "道路已恢复"})
    await agent_of("supervisor", "POST", f"{path}/{made['id']}/revoke", json={"reason": "道路已恢复"}, status=404)
    whole = await agent_of("supervisor", "GET", "/api/figures/tickets", params=asked)
    assert whole["total"]["return_rate"]["under"] == 6
    (kept,) = await agent_of("unit_head", "GET", path)
    assert kept["revoked_why"] == "道路已恢复"


async def test_who_takes_figures_out_is_on_record(caller_of: Any, services: Services, given: list[str]) -> None:
    supervisor = await caller_of("supervisor")
    asked = {"from": _month(services), "by": "unit", "figure": "return_rate"}
    answer = await supervisor.get("/api/figures/tickets.csv", **asked)
    lines = answer.text.lstrip("\ufeff").splitlines()
    assert lines[0] == "期间,承办单位,退单率,分子,分母,排除"
    assert len(lines) == 3
    async with services.database.transaction() as session:
        noted = (await session.scalars(select(PendingReadRow.action))).all()
    assert noted == ["figures.exported"]


async def test_a_report_from_the_question_to_its_correction(
    caller_of: Any, agent_of: Any, services: Services, given: list[str]
) -> None:
    asked = await agent_of("supervisor", "POST", "/api/reports", json=DECEMBER, status=202)
    path = f"/api/reports/{asked['id']}"
    assert (await agent_of("inspector", "GET", path))["state"] == "queued"
    await agent_of("supervisor", "GET", f"{path}/document", status=409)
    await agent_of("dispatcher", "POST", "/api/reports", json={"kind": "bulletin", "period": "2025-12"}, status=403)
    await agent_of("supervisor", "POST", "/api/reports", json={"kind": "bulletin", "period": "2025"}, status=422)
    await _maker(services).step()
    done = await agent_of("inspector", "GET", path)
    assert (done["state"], done["steps_done"]) == ("done", done["steps"])
    supervisor = await caller_of("supervisor")
    pages = await supervisor.get(f"{path}/document")
    assert Document(io.BytesIO(pages.content)).paragraphs[0].text.endswith("2025年12月通报")
    sheets = await supervisor.get(f"{path}/workbook")
    assert "逾期事项" in load_workbook(io.BytesIO(sheets.content)).sheetnames
    first = await agent_of("supervisor", "POST", f"{path}/publish", json={}, status=201)
    await agent_of("supervisor", "POST", f"{path}/publish", json={"reason": "又"}, status=409)

    again = await agent_of("supervisor", "POST", "/api/reports", json=DECEMBER, status=202)
    await _maker(services).step()
    await agent_of("supervisor", "POST", f"/api/reports/{again['id']}/publish", json={}, status=422)
    await agent_of("supervisor", "POST", f"/api/reports/{again['id']}/publish", json={"reason": "数据补录"}, status=201)
    told = await agent_of("unit_handler", "GET", "/api/publications/of/bulletin/2025-12")
    assert [(one["revision"], one["reason"]) for one in told] == [(1, ""), (2, "数据补录")]
    assert told[0]["sha256"] == first["sha256"]
    whole = await agent_of("unit_handler", "GET", f"/api/publications/{first['id']}")
    assert whole["intact"] is True
    assert whole["content"]["period"] == "2025-12"
    async with services.database.transaction() as session:
        noted = (await session.scalars(select(PendingReadRow.action))).all()
    assert noted == ["report.exported", "report.exported"]


async def test_the_line_is_in_the_report_by_its_own_definitions(
    agent_of: Any, services: Services, given: list[str]
) -> None:
    counts = dict.fromkeys(
        (
            *("answered_elsewhere", "short_abandoned", "moved", "otherwise", "early", "handled", "talk_ms"),
            "wrap_up_ms",
        ),
        0,
    )
    async with services.database.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO call_interval (scope, starts_at, subject, service_level_ms, offered, answered,"
                " answered_promptly, answered_in_level, abandoned, wait_ms, answered_elsewhere, short_abandoned, moved,"
                " otherwise, early, handled, talk_ms, wrap_up_ms) VALUES ('hotline', '2025-12-31 15:30Z', '12345',"
                " 20000, 100, 90, 45, 60, 8, 900000, :answered_elsewhere, :short_abandoned, :moved, :otherwise, :early,"
                " :handled, :talk_ms, :wrap_up_ms)"
            ),
            counts,
        )
    asked = await agent_of("supervisor", "POST", "/api/reports", json=DECEMBER | {"period": "2025-Q4"}, status=202)
    await _maker(services).step()
    content = await agent_of("supervisor", "GET", f"/api/reports/{asked['id']}/content")
    line = {one["name"]: one["value"] for one in content["line"]}
    assert line["connection_rate"] == 0.9
    assert line["promptness"] == 0.5
    assert line["service_level"] == 60 / 98
    assert line["average_answer_ms"] == 10_000
    assert line["abandonment"] == 0.08
    assert all(one["before"] is None for one in content["line"] if one["name"] == "connection_rate")


@pytest.fixture
def caller_of(nobody: Caller) -> Any:
    """Somebody signed in, the same one each time."""
    signed_in: dict[str, Caller] = {}

    async def of(login: str) -> Caller:
        if login not in signed_in:
            signed_in[login] = await nobody.as_(login)
        return signed_in[login]

    return of


@pytest.fixture
def agent_of(caller_of: Any) -> Any:
    """Ask as somebody; the answer's JSON, if the status is the one that is expected."""

    async def ask(login: str, method: str, path: str, *, status: int = 200, **words: Any) -> Any:
        caller = await caller_of(login)
        answer = await caller.request(method, path, **words)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    return ask
