"""A ticket's course over REST: procedures, questions, meetings, visits, findings, the citizen's own evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from calls.call_out_models import CallOutRow
from directory.models import Contact
from hotline.settings import CallsOut, Progress
from tests.web.conftest import Caller
from tests.web.people import Units
from ticketing.models import TicketCallRow, TicketRow
from web.services import Services


@pytest.fixture
def services(services: Services) -> Services:
    """Quick answers of the progress desk; citizens may be called whenever the tests run."""
    hours = CallsOut.model_validate({"opens": "00:00", "closes": "00:00"})
    settings = services.settings.model_copy(update={"progress": Progress(answer_ms=0), "calls_out": hours})
    object.__setattr__(services, "settings", settings)
    return services


@dataclass
class Course:
    """One ticket and the people around it."""

    people: dict[str, Caller]
    number: str
    code: str

    async def act(self, who: str, action: str, **details: Any) -> dict[str, Any]:
        file = (await self.people[who].get(f"/api/tickets/{self.number}")).json()
        answer = await self.people[who].post(
            f"/api/tickets/{self.number}/actions", action=action, version=file["ticket"]["version"], **details
        )
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def post(self, who: str, path: str, status: int = 201, **body: Any) -> dict[str, Any]:
        answer = await self.people[who].post(f"/api/tickets/{self.number}/{path}", **body)
        assert answer.status_code == status, answer.text
        told: dict[str, Any] = answer.json()
        return told


@pytest.fixture
async def course(services: Services, units: Units, nobody: Caller) -> Course:
    """Signed for by the labour bureau."""
    people = {
        name: await nobody.as_(name)
        for name in ("agent", "dispatcher", "unit_handler", "unit_head", "other_unit", "visit_agent", "auditor")
    }
    told = (await people["agent"].post("/api/tickets", title="工资未发", caller_number="13812345678")).json()
    course = Course(people, told["number"], told["query_code"])
    await course.act("agent", "accept")
    await course.act("dispatcher", "dispatch", lead_unit=units.labour)
    await course.act("unit_handler", "sign_for")
    return course


async def replied(course: Course, services: Services) -> None:
    contact: dict[str, Any] = {
        "at": services.clock.now().isoformat(),
        "way": "phone",
        "by": "张工",
        "outcome": "answered",
    }
    await course.post("unit_handler", "contacts", **contact)
    await course.act("unit_handler", "reply", note="已责令补发")
    await course.act("unit_head", "approve_reply")


async def test_a_statutory_procedure_a_question_and_a_meeting(course: Course, units: Units, services: Services) -> None:
    today = services.clock.now().astimezone(ZoneInfo("Asia/Shanghai")).date()
    report: dict[str, Any] = {
        "kind": "filing",
        "basis": "《劳动保障监察条例》第十七条",
        "entered_on": today.isoformat(),
        "ends_on": (today + timedelta(days=60)).isoformat(),
    }
    await course.post("other_unit", "statutory-procedures", 403, **report)
    entered = await course.post("unit_handler", "statutory-procedures", **report)
    assert (entered["state_term"], entered["possible"]) == ("已反馈待审核", [])
    step = f"statutory-procedures/{entered['id']}/actions"
    told = await course.post("dispatcher", step, 200, action="accept", version=1)
    assert (told["state"], told["possible"]) == ("running", ["prolong"])
    clocks = (await course.people["dispatcher"].get(f"/api/tickets/{course.number}")).json()["clocks"]
    assert [clock["kind"] for clock in clocks if clock["ended"] is None] == ["statutory"]
    asked = await course.post("unit_handler", "questions", words="请提供考勤记录")
    assert asked["possible"] == ["withdraw"]
    step = f"questions/{asked['id']}/actions"
    stale = await course.people["agent"].post(
        f"/api/tickets/{course.number}/{step}", action="answer", note="x", version=2
    )
    assert (stale.status_code, stale.json()["code"]) == (409, "ticket.record_stale")
    told = await course.post("agent", step, 200, action="answer", note="已发至邮箱", version=1)
    assert (told["state"], told["answer"]) == ("answered", "已发至邮箱")
    both = [units.labour, units.urban]
    meeting = await course.post("dispatcher", "meetings", kind="joint", report="涉及两家单位", units=both)
    told = await course.post(
        "dispatcher", f"meetings/{meeting['id']}/actions", 200,
        action="conclude", note="市人社局主办", convener="政数局局长", version=1,
    )  # fmt: skip
    assert (told["state"], told["outcome"], told["units"]) == ("concluded", "市人社局主办", both)
    assert len((await course.people["unit_handler"].get(f"/api/tickets/{course.number}/meetings")).json()) == 1
    refused = await course.people["unit_handler"].post(f"/api/tickets/{course.number}/force-majeure", facts="暴雨")
    assert (refused.status_code, refused.json()["code"]) == (409, "ticket.not_urgent")


async def test_the_first_unit_reads_its_responsibility_after_the_ticket_has_gone(course: Course, units: Units) -> None:
    await course.act("unit_handler", "return", note="非本单位职责", basis="三定规定")
    await course.act("dispatcher", "agree_return")
    path = f"/api/tickets/{course.number}/first-unit"
    told = (await course.people["unit_handler"].get(path)).json()
    assert (told["unit_id"], told["state"], told["possible"]) == (units.labour, "held", ["follow_up"])
    assert (await course.people["other_unit"].get(path)).status_code == 403
    (held,) = (await course.people["unit_handler"].get("/api/first-units/mine")).json()
    assert (held["number"], held["ticket_state"]) == (course.number, "to_dispatch")
    await course.post("unit_handler", "first-unit/actions", 200, action="follow_up", note="已衔接", version=1)
    await course.post("dispatcher", "first-unit/actions", 200, action="release", note="职责清晰", version=2)
    assert (await course.people["unit_handler"].get("/api/first-units/mine")).json() == []


async def test_dissatisfied_waits_for_an_auditor(course: Course, services: Services) -> None:
    await replied(course, services)
    listed = await course.people["visit_agent"].get("/api/visits/due", limit=1)
    (due,) = listed.json()
    ticket = (await course.people["visit_agent"].get(f"/api/tickets/{course.number}")).json()["ticket"]
    assert (due["number"], due["title"]) == (course.number, ticket["title"])
    assert "link" not in listed.headers
    await course.act("visit_agent", "visit", note="不满意", satisfaction="dissatisfied", contacted=True, solved=False)
    visits = (await course.people["unit_handler"].get(f"/api/tickets/{course.number}/visits")).json()["visits"]
    assert [(one["outcome"], one["contacted"], one["solved"]) for one in visits] == [("reached", True, False)]
    version = (await course.people["visit_agent"].get(f"/api/tickets/{course.number}")).json()["ticket"]["version"]
    refused = await course.people["visit_agent"].post(
        f"/api/tickets/{course.number}/actions", action="close", version=version
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "ticket.not_to_close")
    asked = await course.post("visit_agent", "findings", facts="要求高于标准")
    (waits,) = (await course.people["auditor"].get("/api/findings/waiting")).json()
    assert (waits["number"], waits["possible"]) == (course.number, ["find_compliant", "find_not_compliant"])
    await course.post(
        "auditor", f"findings/{asked['id']}/actions", 200,
        action="find_compliant", note="符合规定", basis="《工资支付暂行规定》第七条", version=1,
    )  # fmt: skip
    assert (await course.act("visit_agent", "close"))["state"] == "closed"


async def test_a_citizen_evaluates_online_once_for_each_handling(
    course: Course, services: Services, nobody: Caller
) -> None:
    said = {"number": course.number, "code": course.code, "satisfaction": "satisfied", "solved": True}
    early = await nobody.post("/api/public/evaluations", **said)
    assert (early.status_code, early.json()["code"]) == (409, "ticket.action_not_possible")
    await replied(course, services)
    wrong = await nobody.post("/api/public/evaluations", **said | {"code": f"{(int(course.code) + 1) % 10**6:06d}"})
    assert (wrong.status_code, wrong.json()["code"]) == (404, "progress.refused")
    answer = await nobody.post("/api/public/evaluations", **said, words="很快")
    assert answer.status_code == 204, answer.text
    again = await nobody.post("/api/public/evaluations", **said)
    assert (again.status_code, again.json()["code"]) == (409, "ticket.evaluated_already")
    file = (await course.people["visit_agent"].get(f"/api/tickets/{course.number}")).json()
    last = file["history"][-1]
    assert (last["action"], last["actor"], last["note"], last["details"]["satisfaction"]) == (
        "evaluate", "citizen", "网上评价：很快", "satisfied",
    )  # fmt: skip
    await course.act("visit_agent", "visit", note="不满意", satisfaction="dissatisfied")
    await course.act("visit_agent", "rehandle", note="重办")
    before = await nobody.post("/api/public/evaluations", **said)
    assert (before.status_code, before.json()["code"]) == (409, "ticket.action_not_possible")


async def test_a_citizen_answers_the_units_question_online(course: Course, services: Services, nobody: Caller) -> None:
    proof = {"number": course.number, "code": course.code}
    none = await nobody.post("/api/public/questions", **proof)
    assert (none.status_code, none.json()["question"]) == (200, None)
    asked = await course.post("unit_handler", "questions", words="请提供考勤记录")
    told = (await nobody.post("/api/public/questions", **proof)).json()["question"]
    assert (told["id"], told["words"]) == (asked["id"], "请提供考勤记录")
    said = {"question": asked["id"], "answer": "已发至邮箱"}
    wrong = {"code": f"{(int(course.code) + 1) % 10**6:06d}"}
    unknown = {"number": f"{course.number[:-1]}9"}
    refusals = [
        await nobody.post("/api/public/questions", **proof | wrong),
        await nobody.post("/api/public/answers", **proof | wrong | said),
        await nobody.post("/api/public/answers", **proof | unknown | said),
    ]
    assert {(one.status_code, one.json()["code"], one.json()["detail"]) for one in refusals} == {
        (404, "progress.refused", refusals[0].json()["detail"])
    }, "one answer to wrong and unknown"
    for _ in range(2):
        answer = await nobody.post("/api/public/answers", **proof | said)
        assert answer.status_code == 204, answer.text
    late = await nobody.post("/api/public/answers", **proof | said | {"answer": "另有补充"})
    assert (late.status_code, late.json()["code"]) == (409, "ticket.no_question_open")
    assert (await nobody.post("/api/public/questions", **proof)).json()["question"] is None
    (row,) = (await course.people["unit_handler"].get(f"/api/tickets/{course.number}/questions")).json()
    assert (row["state"], row["answer"], row["version"]) == ("answered", "已发至邮箱", 2)


async def test_a_handler_calls_the_citizen_by_way_of_the_line(course: Course, services: Services, units: Units) -> None:
    await services.directory.refresh()
    async with services.database.transaction() as session:
        own = Contact(unit_id=units.labour, name="办公室", number="03982812345")
        other = Contact(unit_id=units.urban, name="办公室", number="03982812346")
        session.add_all([own, other])
        await session.flush()
        phone, others_phone = own.id, other.id
    (listed,) = (await course.people["unit_handler"].get("/api/unit-phones")).json()
    assert (listed["id"], listed["number"]) == (phone, "03982812345")
    path = f"/api/tickets/{course.number}/masked-calls"
    refused = await course.people["unit_handler"].post(path, contact=others_phone)
    assert (refused.status_code, refused.json()["code"]) == (404, "masked_call.not_the_own_phone")
    made = await course.people["unit_handler"].post(path, contact=phone)
    assert made.status_code == 201, made.text
    assert "13812345678" not in made.text
    assert (made.json()["state_term"], made.json()["asked_by"]) == ("等待呼叫", "unit_handler")
    async with services.database.transaction() as session:
        row = await session.get_one(CallOutRow, made.json()["id"])
        assert (row.number, row.phone, row.shown) == ("+8613812345678", "+863982812345", "12345")
        row.state, row.outcome = "ended", "busy"
        row.dialled_at = row.closed_at = services.clock.now()
        ticket = await session.scalar(select(TicketRow.id).where(TicketRow.number == course.number))
        session.add(TicketCallRow(call_id=made.json()["call"], ticket_id=ticket, linked_at=services.clock.now()))
    (told,) = (await course.people["unit_handler"].get(path)).json()
    assert (told["state_term"], told["outcome_term"]) == ("已结束", "诉求人忙")
    contact = {"at": services.clock.now().isoformat(), "way": "masked_call", "by": "张工", "call": told["call"]}
    lie = await course.people["unit_handler"].post(
        f"/api/tickets/{course.number}/contacts", **contact, outcome="answered"
    )
    assert (lie.status_code, lie.json()["code"]) == (409, "masked_call.no_evidence")
    await course.post("unit_handler", "contacts", **contact, outcome="unreachable")
    (seen,) = (await course.people["visit_agent"].get(path)).json()
    assert seen["call"] == told["call"]
