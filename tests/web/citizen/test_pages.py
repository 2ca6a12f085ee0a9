"""Citizens' pages: a demand, its progress, questions, evaluation, knowledge and public cases; every error in place."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from hotline.settings import Citizen as CitizenKeys
from hotline.settings import Progress
from tests.web.citizen.reading import Citizen
from tests.web.conftest import Caller
from tests.web.people import Units
from ticketing.models import TicketHistoryRow, TicketRow
from ticketing.procedures.tables import QuestionRow
from ticketing.procedures.words import QuestionState
from ticketing.vocabulary import Action, State
from web.app import create_app
from web.services import Services

PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\rIDATx\x9cc\xf8\xff\xff?\x00\x05\xfe\x02\xfe\xdc\xccY\xe7\x00\x00\x00\x00IEND\xaeB`\x82"
)
DEMAND = {"title": "路灯不亮", "content": "黄河路口三盏路灯\n一周没有亮", "address": "湖滨区黄河路"}


@pytest.fixture
def services(services: Services) -> Services:
    """Quick answers; cases are shown at once."""
    keys = services.settings.model_copy(
        update={"progress": Progress(answer_ms=0), "citizen": CitizenKeys(cases=True, case_after_days=0)}
    )
    return replace(services, settings=keys)


@pytest.fixture
async def citizen(app: Any) -> AsyncIterator[Citizen]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as http:
        yield Citizen(http)


async def registered(citizen: Citizen, **more: str) -> tuple[str, str]:
    await citizen.open("/public/demand")
    await citizen.send("/public/demand", **(DEMAND | more))
    assert citizen.status == 201, citizen.wrong
    return citizen.told("受理编号"), citizen.told("查询码")


async def test_from_the_front_to_every_page(citizen: Citizen) -> None:
    for name in ("登记诉求", "查询进度", "在线解答", "公开办理"):
        await citizen.open("/public/")
        links = [one for one in citizen.document.one("nav").all("a") if one.text == name]
        assert len(links) == 1
        await citizen.open(links[0].attributes["href"])
        assert citizen.status == 200
        current = citizen.document.one("nav", **{"aria-label": "公众服务"}).all("a", **{"aria-current": "page"})
        assert [one.text for one in current] == [name]
    style = await citizen.http.get("/public/style.css")
    assert style.headers["content-type"].startswith("text/css")


async def test_a_demand_and_its_progress(citizen: Citizen) -> None:
    number, code = await registered(citizen, caller_name="王芳", caller_number="13812345678")
    assert len(code) == 6
    await citizen.open("/public/progress")
    await citizen.send("/public/progress", number=number, code=code)
    assert citizen.status == 200
    assert citizen.told("所处环节") == "受理"
    assert "王芳" not in citizen.document.text


async def test_a_form_sent_twice_is_one_demand(citizen: Citizen) -> None:
    await citizen.open("/public/demand")
    form = citizen.document
    await citizen.send("/public/demand", **DEMAND)
    first = citizen.told("受理编号"), citizen.told("查询码")
    citizen.document = form
    await citizen.send("/public/demand", **DEMAND)
    assert (citizen.told("受理编号"), citizen.told("查询码")) == first
    citizen.document = form
    await citizen.send("/public/demand", **(DEMAND | {"title": "另一件"}))
    assert citizen.status == 409
    await citizen.send("/public/demand")
    assert citizen.status == 201, "sent again it is another demand"
    assert citizen.told("受理编号") != first[0]


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"title": " "}, "title", "请填写标题。"),
        ({"content": ""}, "content", "请填写具体内容。"),
        ({"title": "长" * 201}, "title", "标题最多200个字。"),
        ({"caller_name": "长" * 65}, "caller_name", "姓名最多64个字。"),
        ({"caller_number": "不是号码"}, "caller_number", "联系电话填写不正确，请检查。"),
        ({"title": "a\x07b"}, "title", "标题填写不正确，请检查。"),
        ({"type": "nothing"}, "type", "诉求类型填写不正确，请检查。"),
        ({"confidentiality": "anonymous", "caller_name": "王芳"}, "confidentiality", "选择匿名"),
    ],
)
async def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(
    citizen: Citizen, services: Services, typed: dict[str, str], field: str, said: str
) -> None:
    await citizen.open("/public/demand")
    given = DEMAND | {"caller_name": "王芳", "caller_number": "13812345678"} | typed
    await citizen.send("/public/demand", **given)
    assert citizen.status == 422
    assert [one[: len(said)] for one in citizen.wrong] == [said]
    marked = [one for tag in ("input", "textarea", "fieldset") for one in citizen.document.all(tag)]
    (at,) = [one for one in marked if one.attributes.get("aria-invalid")]
    assert at.attributes["id"] == f"f-{field}"
    assert f"w-{field}" in at.attributes["aria-describedby"]
    assert citizen.document.all("div", role="alert")[0].all("a", href=f"#f-{field}")
    held = citizen.typed("/public/demand")
    assert {name: held.get(name, "") for name in given} == {
        name: "" if (name, value) == ("type", "nothing") else value for name, value in given.items()
    }
    async with services.database.transaction() as session:
        assert (await session.scalars(select(TicketRow))).all() == []
    mended = (
        {"type": "help", "confidentiality": "open"} | DEMAND | {"caller_name": "王芳", "caller_number": "13812345678"}
    )
    await citizen.send("/public/demand", **mended)
    assert citizen.status == 201, "what is mended goes through"


async def test_what_a_citizen_typed_is_never_markup(citizen: Citizen) -> None:
    await citizen.open("/public/demand")
    evil = '"><script>alert(1)</script><b a="'
    await citizen.send("/public/demand", title=evil, content="", address="</textarea><i>")
    assert citizen.status == 422
    assert citizen.typed("/public/demand")["title"] == evil


@pytest.mark.parametrize(
    "spoil",
    [
        lambda form: form.pop("form_token"),
        lambda form: form.update(form_token="another"),
        lambda form: form.update(website="http://spam.example"),
    ],
)
async def test_a_form_that_is_none_of_ours(citizen: Citizen, spoil: Callable[[dict[str, str]], object]) -> None:
    await citizen.open("/public/demand")
    form = citizen.typed("/public/demand") | DEMAND
    spoil(form)
    citizen._read(await citizen.http.post("/public/demand", data=form))
    assert citizen.status == 403
    await citizen.open("/public/demand")
    await citizen.send("/public/demand", headers={"Origin": "https://evil.example"}, **DEMAND)
    assert citizen.status == 403


async def test_files_are_added_and_refused_one_by_one(citizen: Citizen) -> None:
    await registered(citizen)
    await citizen.send("/public/files", files=[("照片.png", PNG), ("程序.exe", b"MZ\x90\x00")])
    assert citizen.status == 422
    assert "已收下：照片.png" in citizen.document.text
    assert citizen.wrong == ["没有收下：程序.exe。请检查文件的类型、大小和数量。"]
    await citizen.send("/public/files", files=[("另一张.png", PNG + b"\x00")])
    assert citizen.status in (200, 422)
    await citizen.send("/public/files", files=[])
    assert citizen.wrong == ["请先选择文件。"]


async def test_files_of_another_ones_demand(citizen: Citizen) -> None:
    await registered(citizen)
    await citizen.send("/public/files", files=[("a.png", PNG)], code="000000", number="SMX20200101000001")
    assert (citizen.status, citizen.wrong) == (404, ["没有查到这件诉求。"])


async def test_one_answer_to_a_wrong_number_and_a_wrong_code(citizen: Citizen) -> None:
    number, code = await registered(citizen)
    other = f"{(int(code) + 1) % 10**6:06d}"
    said = []
    for typed in ((number, other), ("20200101000001", code), *[(number, other)] * 4, (number, code)):
        await citizen.open("/public/progress")
        await citizen.send("/public/progress", number=typed[0], code=typed[1])
        assert citizen.typed("/public/progress")["number"] == typed[0]
        said.append((citizen.status, tuple(citizen.wrong)))
    assert len(set(said)) == 1
    assert said[0][0] == 404


@pytest.mark.parametrize(("number", "code"), [("", "123456"), ("1", ""), ("1", "12345"), ("<b>", "123456")])
async def test_a_question_without_form(citizen: Citizen, number: str, code: str) -> None:
    await citizen.open("/public/progress")
    await citizen.send("/public/progress", number=number, code=code)
    assert citizen.status == 422
    assert len(citizen.wrong) == 1


async def asked(services: Services, units: Units, number: str) -> None:
    """A unit's question, as it lies in the table."""
    now = services.clock.now()
    async with services.database.transaction() as session:
        ticket = (await session.scalars(select(TicketRow).where(TicketRow.number.endswith(number)))).one()
        session.add(
            QuestionRow(
                ticket_id=ticket.id,
                unit_id=units.urban,
                state=QuestionState.ASKED.value,
                version=1,
                words="路灯杆的编号是多少？",
                pauses=False,
                due_at=now + timedelta(days=2),
                asked_by="other_unit",
                asked_at=now,
            )
        )


async def test_what_a_unit_asks_is_answered_once(citizen: Citizen, services: Services, units: Units) -> None:
    number, code = await registered(citizen)
    await asked(services, units, number)
    await citizen.open("/public/progress")
    await citizen.send("/public/progress", number=number, code=code)
    assert "路灯杆的编号是多少？" in citizen.document.text
    question = citizen.document
    await citizen.send("/public/answer", answer="")
    assert (citizen.status, citizen.wrong) == (422, ["请填写您的答复。"])
    await citizen.send("/public/answer", answer="H-17\n和 H-18")
    assert citizen.status == 200, citizen.wrong
    assert "已提交" in citizen.document.one("p", role="status").text
    assert "路灯杆的编号是多少？" not in citizen.document.text
    async with services.database.transaction() as session:
        row = (await session.scalars(select(QuestionRow))).one()
    assert (row.state, row.answer) == (QuestionState.ANSWERED.value, "H-17\n和 H-18")
    citizen.document = question
    await citizen.send("/public/answer", answer="另一个答复")
    assert citizen.status == 409
    said = citizen.document.one("div", role="alert").text
    assert "该询问已结束" in said
    assert "另一个答复" in said, "it is there to be read out on the telephone"


async def test_the_handling_is_evaluated_once(citizen: Citizen, services: Services) -> None:
    number, code = await registered(citizen)
    await closed(services, number, state=State.REPLIED.value)
    await citizen.open("/public/progress")
    await citizen.send("/public/progress", number=number, code=code)
    form = citizen.document
    await citizen.send("/public/evaluate")
    assert citizen.status == 422
    assert citizen.wrong == ["评价填写不正确，请检查。"]
    await citizen.send("/public/evaluate", satisfaction="satisfied", solved="yes", words="很快")
    assert citizen.status == 200, citizen.wrong
    assert "感谢您的评价" in citizen.document.text
    citizen.document = form
    await citizen.send("/public/evaluate", satisfaction="satisfied")
    assert (citizen.status, citizen.wrong) == (409, ["这次办理您已经评价过了。"])


async def test_too_many_questions(citizen: Citizen, services: Services) -> None:
    keys = services.settings.web.model_copy(update={"public_per_minute": 1})
    app = create_app(replace(services, settings=services.settings.model_copy(update={"web": keys})))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as http:
        limited = Citizen(http)
        await limited.open("/public/knowledge")
        await limited.open("/public/knowledge")
        assert limited.status == 429
        assert "一分钟" in limited.document.one("main").text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/public/nothing", 404),
        ("/public/knowledge/nothing", 404),
        ("/public/cases/1", 404),
        ("/public/cases/x", 422),
        ("/public/knowledge?at=-1", 422),
    ],
)
async def test_an_error_is_a_page(citizen: Citizen, path: str, status: int) -> None:
    await citizen.open(path)
    assert citizen.status == status
    await citizen.follow("返回首页")
    assert citizen.status == 200


async def test_knowledge_that_is_not_found(citizen: Citizen) -> None:
    await citizen.open("/public/knowledge?q=医保报销")
    assert "没有找到" in citizen.document.one("main").text
    await citizen.open("/public/knowledge?q=%EF%BC%9F%EF%BC%9F")
    assert (citizen.status, citizen.wrong) == (422, ["请输入文字。"])
    await citizen.open(f"/public/knowledge?q={'问' * 61}")
    assert (citizen.status, citizen.wrong) == (422, ["请用不超过60个字提问。"])


async def closed(services: Services, number: str, **changed: Any) -> None:
    now = services.clock.now()
    async with services.database.transaction() as session:
        ticket = (await session.scalars(select(TicketRow).where(TicketRow.number.endswith(number)))).one()
        values = {"state": State.CLOSED.value} | changed
        await session.execute(update(TicketRow).where(TicketRow.id == ticket.id).values(**values))
        session.add(
            TicketHistoryRow(
                ticket_id=ticket.id,
                version=99,
                action=Action.CLOSE.value,
                actor="1001",
                to_state=State.CLOSED.value,
                at=now,
                note="经办人李四",
                details={},
            )
        )


async def test_settled_demands_and_their_course_name_nobody(citizen: Citizen, services: Services) -> None:
    person = {"caller_name": "诸葛不明", "caller_number": "13812345678"}
    title = "诸葛不明反映13812345678来电，证件41120019900101123X，路灯不亮"
    number, _ = await registered(citizen, **person, title=title)
    hidden, _ = await registered(citizen, confidentiality="confidential", title="保密的")
    complaint, _ = await registered(citizen, type="complaint", title="投诉的")
    await registered(citizen, title="没有办结的")
    for one in (number, hidden, complaint):
        await closed(services, one)
    await citizen.open("/public/cases")
    found = citizen.document.one("ul", **{"class": "found"}).all("a")
    assert [one.text for one in found] == ["*反映***********来电，证件*，路灯不亮"]
    await citizen.open(found[0].attributes["href"])
    steps = [one.text.split()[-1] for one in citizen.document.one("ol").all("li")]
    assert steps == ["登记", "办结"]
    for secret in ("诸葛", "1381", "4112", "李四", "1001", number, "黄河路", "一周没有亮"):
        assert secret not in citizen.document.text


async def test_cases_are_shown_where_the_city_says_so(services: Services, units: Units, nobody: Caller) -> None:
    app = create_app(replace(services, settings=services.settings.model_copy(update={"citizen": CitizenKeys()})))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as http:
        citizen = Citizen(http)
        await citizen.open("/public/cases")
        assert citizen.status == 404
        await citizen.open("/public/")
        assert "公开办理" not in citizen.document.text
