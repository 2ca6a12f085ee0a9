"""网上诉求登记: a citizen writes a demand down, is told number and query code, and may add files to it."""

from __future__ import annotations

import secrets
from typing import Final

from fastapi import Request, Response
from starlette.datastructures import UploadFile

from hotline.errors import Conflict, InvalidInput
from ticketing.attachments.keeping import Attachments
from ticketing.channels import registry
from ticketing.channels.receiving import Demand, Reception
from ticketing.channels.words import FORM
from ticketing.progress import ProgressRefused, number_of, typed_number
from ticketing.vocabulary import Confidentiality, TicketType
from web.access import Parts
from web.citizen.forms import Typed, checked, keep_token, opened, sent
from web.citizen.pages import page, pages
from web.file_uploads import Uploads
from web.public_limits import ClientAddress, per_minute
from web.routes.progress import ProgressQuestion
from web.routes.public_demands import Form
from web.routes.tickets import desk_of
from web.services import Services

router = pages()

_WORDS: Final = {
    "type": "诉求类型",
    "title": "标题",
    "content": "具体内容",
    "address": "事发地点",
    "caller_name": "姓名",
    "caller_number": "联系电话",
    "confidentiality": "身份信息",
    "request_key": "本次填写",
}
_TYPES: Final = (
    TicketType.HELP,
    TicketType.CONSULT,
    TicketType.COMPLAINT,
    TicketType.REPORT,
    TicketType.SUGGESTION,
)
_ANONYMOUS: Final = "选择匿名时请不要填写姓名和电话；需要答复请选择“保密”。"
UPLOADS: Final = r"/public/files"
"""Path whose requests may hold files."""


def _form(request: Request, typed: Typed, status: int = 200) -> Response:
    response = page(request, "demand.html", status, form=typed, types=_TYPES, ways=list(Confidentiality), words=_WORDS)
    return keep_token(response, request, typed)


@router.get("/demand")
async def write(request: Request) -> Response:
    """The form. Its key makes a form that is sent twice one demand."""
    new = {"request_key": secrets.token_hex(16), "type": TicketType.HELP.value}
    return _form(request, opened(request, confidentiality=Confidentiality.OPEN.value, **new))


@router.post("/demand", dependencies=[per_minute("demands")])
async def send(request: Request, services: Parts) -> Response:
    """Register it; a form with something wrong comes back as it was typed."""
    typed, _ = await sent(request, services.settings)
    form, typed = checked(typed, Form, _WORDS, whole=("confidentiality", _ANONYMOUS))
    if form is None:
        return _form(request, typed, 422)
    demand = Demand.model_validate(form.model_dump(exclude={"request_key"}))
    reception = Reception(desk_of(services), services.progress.codes)
    key = form.request_key or secrets.token_hex(16)
    try:
        async with services.database.transaction() as session:
            channel = await registry.one(session, FORM)
            received = await reception.receive(session, channel, key, demand, now=services.clock.now())
    except InvalidInput:
        # What only the register itself finds out: a number that is no telephone number.
        return _form(request, typed.but(caller_number="联系电话填写不正确，请检查。"), 422)
    except Conflict:
        again = Typed({**typed.values, "request_key": secrets.token_hex(16)}, {}, typed.token)
        return _form(request, again.but(title="这份表单已经提交过。如需登记另一件诉求，请再次点击提交。"), 409)
    return _receipt(
        request, services, typed, number=typed_number(received.ticket, services.settings.site.id),
        code=received.query_code or "", status=201,
    )  # fmt: skip


@router.post("/files", dependencies=[per_minute("attachments")])
async def add_files(request: Request, services: Parts, address: ClientAddress, uploads: Uploads) -> Response:
    """Files for one's own demand, known by number and query code. Each is told apart: some may be kept, others not."""
    async with uploads.turn("citizens"):
        typed, files = await sent(request, services.settings)
        question, typed = checked(typed, ProgressQuestion, {"number": "受理编号", "code": "查询码"})
        if question is None:
            return _receipt(request, services, typed.but(files="请填写受理编号和查询码。"), status=422)
        number, code = question.number, question.code
        try:
            found = await services.progress.look_up(question.number, question.code, way="web", caller=address)
        except ProgressRefused:
            return _receipt(
                request, services, typed.but(files="没有查到这件诉求。"), number=number, code=code, status=404
            )
        if not files:
            return _receipt(request, services, typed.but(files="请先选择文件。"), number=number, code=code, status=422)
        kept: list[str] = []
        refused: list[str] = []
        for file in files:
            (kept if await _kept(services, found.number, file) else refused).append(file.filename or "")
    if refused:
        typed = typed.but(files=f"没有收下：{'、'.join(refused)}。请检查文件的类型、大小和数量。")
    return _receipt(request, services, typed, number=number, code=code, kept=kept, status=422 if refused else 200)


async def _kept(services: Services, number: str, file: UploadFile) -> bool:
    content = await file.read()
    await file.close()
    try:
        async with services.database.transaction() as session:
            await Attachments.of(services.settings).add(
                session,
                number_of(number, services.settings.site.id),
                (file.filename or "")[:255],
                content,
                by=f"channel:{FORM}",
                at=services.clock.now(),
                released=False,
            )
    except (InvalidInput, Conflict):
        return False
    return True


def _receipt(
    request: Request,
    services: Services,
    typed: Typed,
    *,
    number: str = "",
    code: str = "",
    kept: list[str] | None = None,
    status: int,
) -> Response:
    response = page(
        request,
        "receipt.html",
        status,
        number=number,
        code=code,
        kept=kept or [],
        form=typed,
        largest_mb=services.settings.attachments.largest_mb,
        new=status == 201,
    )
    return keep_token(response, request, typed)
