"""Open311 GeoReport v2, read and create (http://wiki.open311.org/GeoReport_v2/): each operation as XML and as JSON.

Paging by `page` and `page_size` is the extension that most servers have.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ValidationError

from ticketing.exchange import open311, open311_keys
from ticketing.exchange.errors import ClientKeyTaken
from ticketing.exchange.open311 import LONGEST_SPAN, MOST, NewRequest, PublicRequest, Service, Wanted, span
from web.access import Parts, Transaction
from web.open311_form import FORMATS, Open311Error, Open311Route, told, told_once
from web.public_limits import per_minute
from web.routes.tickets import desk_of
from web.services import Services

_MOST_IDS: Final = 100
_LARGEST_PAGE: Final = 10_000
_SPECIFICATION: Final = "http://wiki.open311.org/GeoReport_v2"
_CHANGED: Final = "2026-11-22 00:00"
"""When what is offered here changed last; it is not the services, which are asked for."""


ClientKey = Annotated[
    str | None,
    Header(pattern=r"^[A-Za-z0-9_.-]{8,64}$", description="The app's own key for the request, e.g. a UUID."),
]


class ErrorOut(BaseModel):
    """One error; an answer holds a list of them."""

    code: int
    description: str


class ServiceOut(BaseModel):
    """A service: a category of demands (事项分类)."""

    service_code: str
    service_name: str
    description: str
    metadata: bool
    type: str
    keywords: str
    group: str


class DefinitionOut(BaseModel):
    """What a service asks for beside the standard's own fields: nothing."""

    service_code: str
    attributes: list[dict[str, Any]]


class RequestOut(BaseModel):
    """A request. Nothing that anybody wrote is told, nor where somebody lives."""

    service_request_id: str
    status: str
    status_notes: str
    service_name: str
    service_code: str
    description: str | None = None
    agency_responsible: str | None = None
    service_notice: str | None = None
    requested_datetime: str
    updated_datetime: str
    expected_datetime: str | None = None
    address: str | None = None
    address_id: str | None = None
    """Administrative division code (行政区划代码) of the place."""
    zipcode: str | None = None
    lat: float | None = None
    long: float | None = None
    media_url: str | None = None


class CreatedOut(BaseModel):
    """A new request."""

    service_request_id: str
    service_notice: str
    account_id: str | None = None


class EndpointOut(BaseModel):
    """Where the standard is spoken."""

    specification: str
    url: str
    changeset: str
    type: str
    formats: list[str]


class DiscoveryOut(BaseModel):
    """Service discovery (http://wiki.open311.org/Service_Discovery/)."""

    changeset: str
    contact: str
    key_service: str
    endpoints: list[EndpointOut]


router = APIRouter(
    prefix="/open311",
    tags=["open311"],
    route_class=Open311Route,
    dependencies=[per_minute("open311")],
)

Jurisdiction = Annotated[str | None, Query(max_length=253, description="Needed nowhere: this is one city's.")]
Listed = Annotated[str | None, Query(max_length=4_000)]
Moment = Annotated[str | None, Query(max_length=40, description="W3 format with its zone, 2010-01-01T00:00:00Z.")]
Number = Annotated[str | None, Query(max_length=9)]


def both(path: str, answer: Any, **more: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A route in both forms: `path` holds `{}` where the form's name stands."""

    def add(endpoint: Callable[..., Any]) -> Callable[..., Any]:
        for form in FORMATS:
            written = {"text/xml": {"schema": {"type": "string"}}}
            errors: dict[int | str, dict[str, Any]] = {
                one: {"model": list[ErrorOut]} if form == "json" else {"content": written}
                for one in (400, 403, 404, 429, 503)
            }
            for one, response in errors.items():
                response["description"] = HTTPStatus(int(one)).phrase
            if form == "xml":
                errors[more.get("status_code", 200)] = {"content": written}
            router.add_api_route(
                path.replace("[form]", form),
                endpoint,
                response_model=answer if form == "json" else None,
                response_class=JSONResponse if form == "json" else Response,
                operation_id=f"open311_{endpoint.__name__}_{form}",
                responses=errors,
                **more,
            )
        return endpoint

    return add


@both("/discovery.[form]", DiscoveryOut)
async def discovery(request: Request, services: Parts) -> Response:
    """Which standards are spoken, and where."""
    formats = ["text/xml", "application/json"]
    endpoint = EndpointOut(
        specification=_SPECIFICATION,
        url=f"{request.base_url}open311/v2",
        changeset=_CHANGED,
        type="production",
        formats=formats,
    )
    found = DiscoveryOut(
        changeset=_CHANGED,
        contact=f"{services.settings.site.id} 12345",
        key_service="向12345热线管理部门申请 api_key",
        endpoints=[endpoint],
    )
    return told_once(request, found.model_dump(), name="discovery")


@both("/v2/services.[form]", list[ServiceOut])
async def listed(
    request: Request, session: Transaction, services: Parts, jurisdiction_id: Jurisdiction = None
) -> Response:
    """The services: every category that a request may have."""
    _check(services, jurisdiction_id)
    rows = [_service(one).model_dump() for one in await open311.services(session)]
    return told(request, rows, names=("services", "service"))


@both("/v2/services/{service_code}.[form]", DefinitionOut)
async def definition(
    service_code: str, request: Request, session: Transaction, services: Parts, jurisdiction_id: Jurisdiction = None
) -> Response:
    """A service's further fields: there are none."""
    _check(services, jurisdiction_id)
    found = await open311.service(session, service_code)
    if found is None:
        raise Open311Error(HTTPStatus.NOT_FOUND, "service_code not found")
    row = DefinitionOut(service_code=found.code, attributes=[])
    return told_once(request, row.model_dump(), name="service_definition")


@both("/v2/requests.[form]", list[RequestOut], methods=["GET"])
async def requests(  # noqa: PLR0917
    request: Request,
    session: Transaction,
    services: Parts,
    jurisdiction_id: Jurisdiction = None,
    service_request_id: Listed = None,
    service_code: Listed = None,
    start_date: Moment = None,
    end_date: Moment = None,
    status: Annotated[str | None, Query(max_length=20, description="`open`, `closed`, or both by a comma.")] = None,
    page: Number = None,
    page_size: Number = None,
) -> Response:
    """Requests, newest first: of the last 90 days if nothing else is said, at most 1000."""
    _check(services, jurisdiction_id)
    start, end = span(_moment("start_date", start_date), _moment("end_date", end_date), services.clock.now())
    if not start <= end <= start + LONGEST_SPAN:
        raise Open311Error(HTTPStatus.BAD_REQUEST, "start_date to end_date may not span more than 90 days")
    ids = _list(service_request_id)
    if len(ids) > _MOST_IDS:
        raise Open311Error(HTTPStatus.BAD_REQUEST, f"at most {_MOST_IDS} service_request_id at a time")
    wanted = Wanted(start, end, ids, _list(service_code), _status(status))
    found = await open311.requests(
        session,
        wanted,
        page=_number("page", page, _LARGEST_PAGE) or 1,
        page_size=_number("page_size", page_size, MOST) or MOST,
    )
    return told(request, [_request(one).model_dump() for one in found], names=("service_requests", "request"))


@both("/v2/requests/{service_request_id}.[form]", list[RequestOut])
async def one(
    service_request_id: str,
    request: Request,
    session: Transaction,
    services: Parts,
    jurisdiction_id: Jurisdiction = None,
) -> Response:
    """One request."""
    _check(services, jurisdiction_id)
    now = services.clock.now()
    found = await open311.requests(session, Wanted(now, now, (service_request_id,)))
    if not found:
        raise Open311Error(HTTPStatus.NOT_FOUND, "service_request_id not found")
    return told(request, [_request(found[0]).model_dump()], names=("service_requests", "request"))


_FORM: Final = NewRequest.model_json_schema()
_FORM["properties"] = {"api_key": {"type": "string"}, "jurisdiction_id": {"type": "string"}} | _FORM["properties"]
_FORM["required"] = ["api_key", "service_code"]


@both(
    "/v2/requests.[form]",
    list[CreatedOut],
    methods=["POST"],
    status_code=201,
    openapi_extra={
        "requestBody": {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": _FORM}}}
    },
)
async def create(
    request: Request, session: Transaction, services: Parts, idempotency_key: ClientKey = None
) -> Response:
    """A new request becomes a ticket, whose number (工单号) is its id. Sent again, it is that ticket still: under
    the same Idempotency-Key for good, without one in the same words for some minutes."""
    said = await _form(request)
    _check(services, said.get("jurisdiction_id"))
    key = await open311_keys.holder(session, said.get("api_key", ""))
    if key is None:
        raise Open311Error(HTTPStatus.FORBIDDEN, "missing or invalid api_key")
    if not said.get("service_code"):
        raise Open311Error(HTTPStatus.BAD_REQUEST, "service_code was not provided")
    try:
        new = NewRequest.model_validate({name: value for name, value in said.items() if value})
    except ValidationError as error:
        # Where, and never what: it is somebody's demand.
        where = ", ".join(sorted({str(one["loc"][0]) for one in error.errors()}))
        raise Open311Error(HTTPStatus.BAD_REQUEST, f"cannot be read: {where}") from None
    if not new.located:
        raise Open311Error(HTTPStatus.BAD_REQUEST, "lat and long, address_string or address_id was not provided")
    if await open311.service(session, new.service_code) is None:
        raise Open311Error(HTTPStatus.NOT_FOUND, "service_code not found")
    area_code = services.settings.site.area_code
    try:
        ticket = await open311.create(
            session,
            desk_of(services),
            key,
            new,
            area_code=area_code,
            at=services.clock.now(),
            client_key=idempotency_key,
            repeats=timedelta(minutes=services.settings.exchange.open311_repeat_minutes),
        )
    except ClientKeyTaken:
        raise Open311Error(HTTPStatus.BAD_REQUEST, "the Idempotency-Key stands for another request") from None
    row = CreatedOut(service_request_id=ticket.number, service_notice="您的诉求已经登记，正在受理。")
    return told(request, [row.model_dump()], names=("service_requests", "request"), status=201)


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form, the first of each name."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Open311Error(HTTPStatus.BAD_REQUEST, "Content-Type is application/x-www-form-urlencoded")
    try:
        found = parse_qsl((await request.body()).decode(), keep_blank_values=True, max_num_fields=100)
    except ValueError:
        raise Open311Error(HTTPStatus.BAD_REQUEST, "the form cannot be read") from None
    said: dict[str, str] = {}
    for name, value in found:
        said.setdefault(name, value)
    if any("\x00" in value for value in said.values()):
        raise Open311Error(HTTPStatus.BAD_REQUEST, "the form cannot be read")
    return said


def _check(services: Services, jurisdiction: str | None) -> None:
    ours = services.settings.exchange.jurisdiction
    if jurisdiction and ours and jurisdiction != ours:
        raise Open311Error(HTTPStatus.NOT_FOUND, "jurisdiction_id not found")


def _list(written: str | None) -> tuple[str, ...]:
    return tuple(filter(None, (one.strip() for one in (written or "").split(","))))


def _status(written: str | None) -> bool | None:
    """Open ones alone, closed ones alone, or both."""
    asked = set(_list(written))
    if asked - {"open", "closed"}:
        raise Open311Error(HTTPStatus.BAD_REQUEST, "status is open or closed")
    return None if len(asked) != 1 else asked == {"open"}


def _moment(name: str, written: str | None) -> datetime | None:
    if not written:
        return None
    try:
        # A query string turns the plus of a zone into a space.
        moment = datetime.fromisoformat(written.replace(" ", "+"))
        if moment.tzinfo is None:
            raise ValueError(name)
        span(moment, None, moment)
        span(None, moment, moment)
    except (ValueError, OverflowError):
        raise Open311Error(HTTPStatus.BAD_REQUEST, f"{name} has the form 2010-01-01T00:00:00Z") from None
    return moment


def _number(name: str, written: str | None, most: int) -> int | None:
    if not written:
        return None
    if not (written.isascii() and written.isdigit() and 1 <= int(written) <= most):
        raise Open311Error(HTTPStatus.BAD_REQUEST, f"{name} is 1 to {most}")
    return int(written)


def _service(one: Service) -> ServiceOut:
    return ServiceOut(
        service_code=one.code,
        service_name=one.name,
        description=one.name,
        metadata=False,
        type="realtime",
        keywords="",
        group=one.group,
    )


def _request(one: PublicRequest) -> RequestOut:
    return RequestOut(
        service_request_id=one.id,
        status="open" if one.open else "closed",
        status_notes=one.notes,
        service_name=one.service_name,
        service_code=one.service_code,
        requested_datetime=one.requested_at.isoformat(timespec="seconds"),
        updated_datetime=one.updated_at.isoformat(timespec="seconds"),
        address_id=one.area_code or None,
    )
