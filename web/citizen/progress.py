"""办理进度查询: how a demand stands, what its unit asks, and the citizen's answer and evaluation."""

from __future__ import annotations

from typing import Final

from fastapi import Request, Response

from ticketing.errors import ActionNotPossible
from ticketing.procedures import answering
from ticketing.procedures.errors import NoQuestionOpen
from ticketing.progress import Progress, ProgressRefused
from ticketing.visits import evaluating
from ticketing.visits.errors import EvaluatedAlready
from ticketing.visits.evaluating import Evaluation
from ticketing.vocabulary import Satisfaction, Stage, State
from web.access import Parts
from web.citizen.forms import Typed, checked, keep_token, opened, sent
from web.citizen.pages import page, pages
from web.public_limits import ClientAddress, per_minute
from web.routes.progress import AnswerIn, EvaluationIn, ProgressQuestion
from web.services import Services

router = pages()

_WORDS: Final = {"number": "受理编号", "code": "查询码"}
_ANSWER: Final = _WORDS | {"question": "询问", "answer": "您的答复"}
_EVALUATION: Final = _WORDS | {"satisfaction": "评价", "words": "您的意见"}
_WRONG_CODE: Final = "请填写六位数字的查询码。"
_NOT_FOUND: Final = "没有查到。请核对受理编号和查询码；多次查询不成功会暂停一段时间，也可以拨打12345查询。"
_OVER: Final = "该询问已结束，您的答复没有提交。如有补充，请拨打12345。"
_STAGES: Final = (Stage.INTAKE, Stage.DISPATCH, Stage.HANDLING, Stage.REPLY, Stage.VISIT, Stage.CLOSING)
_EVALUABLE: Final = frozenset({State.ANSWERED, State.REPLIED, State.VISITED, State.CLOSED})


def _form(request: Request, typed: Typed, status: int = 200) -> Response:
    return keep_token(page(request, "progress.html", status, form=typed), request, typed)


async def _result(
    request: Request,
    services: Services,
    found: Progress,
    typed: Typed,
    *,
    done: str = "",
    over: str = "",
    status: int = 200,
) -> Response:
    async with services.database.transaction() as session:
        asked = await answering.asked(session, found.number)
    response = page(
        request,
        "progress_result.html",
        status,
        found=found,
        stages=_STAGES,
        asked=asked,
        form=typed,
        done=done,
        over=over,
        levels=list(Satisfaction) if found.state in _EVALUABLE else [],
    )
    return keep_token(response, request, typed)


@router.get("/progress")
async def ask(request: Request) -> Response:
    """The form."""
    return _form(request, opened(request))


@router.post("/progress", dependencies=[per_minute("progress")])
async def answer(request: Request, services: Parts, address: ClientAddress) -> Response:
    """How it stands; one answer to a wrong number, a wrong code and a locked ticket."""
    typed, _ = await sent(request, services.settings)
    found = await _known(request, services, typed, address)
    return found if isinstance(found, Response) else await _result(request, services, found, typed)


@router.post("/answer", dependencies=[per_minute("answers")])
async def reply(request: Request, services: Parts, address: ClientAddress) -> Response:
    """The citizen answers what the unit asked (补充询问)."""
    typed, _ = await sent(request, services.settings)
    found = await _known(request, services, typed, address)
    if isinstance(found, Response):
        return found
    said, typed = checked(typed, AnswerIn, _ANSWER)
    if said is None:
        return await _result(request, services, found, typed, status=422)
    try:
        async with services.database.transaction() as session:
            await answering.own(session, found.number, said.question, said.answer, at=services.clock.now())
    except NoQuestionOpen:
        return await _result(request, services, found, typed, over=_OVER, status=409)
    return await _result(request, services, found, typed, done="您的答复已提交，承办单位会继续办理。")


@router.post("/evaluate", dependencies=[per_minute("evaluations")])
async def evaluate(request: Request, services: Parts, address: ClientAddress) -> Response:
    """The citizen evaluates how it was handled (好差评)."""
    typed, _ = await sent(request, services.settings)
    found = await _known(request, services, typed, address)
    if isinstance(found, Response):
        return found
    solved = {"yes": True, "no": False}.get(typed["solved"])
    said, typed = checked(typed, EvaluationIn, _EVALUATION, solved=solved)
    if said is None:
        return await _result(request, services, found, typed, status=422)
    own = Evaluation.model_validate(said.model_dump(exclude={"number", "code"}))
    try:
        async with services.database.transaction() as session:
            await evaluating.own(session, found.number, own, at=services.clock.now())
    except EvaluatedAlready:
        return await _result(request, services, found, typed.but(satisfaction="这次办理您已经评价过了。"), status=409)
    except ActionNotPossible:
        return await _result(request, services, found, typed, over="现在还不能评价。", status=409)
    return await _result(request, services, found, typed, done="感谢您的评价。")


async def _known(request: Request, services: Services, typed: Typed, address: str) -> Progress | Response:
    question, typed = checked(typed, ProgressQuestion, _WORDS)
    if question is None:
        wrong = {"code": _WRONG_CODE} if "code" in typed.wrong else {}
        return _form(request, typed.but(**wrong), 422)
    try:
        return await services.progress.look_up(question.number, question.code, way="web", caller=address)
    except ProgressRefused:
        return _form(request, typed.but(number=_NOT_FOUND), 404)
