"""What HTTP makes of errors: the one place where domain errors meet status codes (RFC 9457, problem details)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

import orjson
import redis.exceptions
import sqlalchemy.exc
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import Match

from hotline.errors import (
    Conflict,
    HotlineError,
    InvalidInput,
    NotAllowed,
    NotFound,
    NotSignedIn,
    PartUnavailable,
    Stale,
    TooMany,
)
from web.conditional import PreconditionFailed, PreconditionRequired

_log = structlog.get_logger(__name__)

_STATUS: Mapping[type[HotlineError], HTTPStatus] = {
    NotSignedIn: HTTPStatus.UNAUTHORIZED,
    NotAllowed: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    TooMany: HTTPStatus.TOO_MANY_REQUESTS,
    PartUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    PreconditionFailed: HTTPStatus.PRECONDITION_FAILED,
    PreconditionRequired: HTTPStatus.PRECONDITION_REQUIRED,
}
"""A subclass of one of these shares its status; any other domain error is ours to mend: 500."""

PROBLEM_TYPE: Final = "application/problem+json"

HTTP_CODES: Final[Mapping[int, str]] = {
    400: "http.bad_request",
    404: "http.not_found",
    405: "http.method_not_allowed",
    413: "http.request_entity_too_large",
}
"""Codes of what is refused before any of ours sees it. Written out: Python's names of statuses change."""

_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

_REDIS_AWAY = (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, redis.exceptions.ReadOnlyError)
_DATABASE_AWAY = (
    sqlalchemy.exc.OperationalError,
    sqlalchemy.exc.InterfaceError,
    sqlalchemy.exc.TimeoutError,
    OSError,  # asyncpg's refused or timed-out connect
)


class Wrong(BaseModel):
    """One wrong field of a request. The value itself is not repeated: it may be personal."""

    where: str
    why: str


class Problem(BaseModel):
    """`application/problem+json`. `code` is stable; `detail` is English for logs and developers."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    remedy: str = ""
    wrong: list[Wrong] = []


DOCUMENTED: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": HTTPStatus(status).phrase} for status in (401, 403, 404, 409, 422, 503)
}
"""For routers, so that OpenAPI tells of them."""


def status_of(error: HotlineError) -> HTTPStatus:
    """The HTTP status of a domain error."""
    for kind in type(error).__mro__:
        if (status := _STATUS.get(kind)) is not None:
            return status
    return HTTPStatus.INTERNAL_SERVER_ERROR


def as_domain_error(error: Exception) -> HotlineError | None:
    """The domain error behind a third party's one, if it means that a part is away or that two writes collided."""
    if isinstance(error, HotlineError):
        return error
    if isinstance(error, _REDIS_AWAY):
        return PartUnavailable("Redis does not answer")
    if isinstance(error, sqlalchemy.exc.IntegrityError):
        return Conflict("the record was written by somebody else meanwhile")
    if isinstance(error, _DATABASE_AWAY) or getattr(error, "connection_invalidated", False):
        return PartUnavailable("PostgreSQL does not answer")
    return None


def _respond(
    status: HTTPStatus,
    code: str,
    detail: str,
    *,
    remedy: str = "",
    wrong: list[Wrong] | None = None,
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, Any] = MappingProxyType({}),
) -> Response:
    problem = Problem(
        type=f"urn:hotline:problem:{code}",
        title=status.phrase,
        status=status.value,
        code=code,
        detail=detail,
        remedy=remedy,
        wrong=wrong or [],
    )
    return Response(
        orjson.dumps({**more, **problem.model_dump()}),
        status_code=status.value,
        media_type=PROBLEM_TYPE,
        headers=dict(headers or {}),
    )


def respond(
    error: HotlineError, more: Mapping[str, Any] = MappingProxyType({}), status: HTTPStatus | None = None
) -> Response:
    """The problem+json of a domain error: `more` are extension members (RFC 9457, 3.2), `status` overrides its own."""
    status = status or status_of(error)
    headers = {}
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = "1"
    if status is HTTPStatus.TOO_MANY_REQUESTS:
        headers["Retry-After"] = "60"
    wrong = [Wrong(where=where, why=why) for where, why in error.wrong]
    return _respond(status, error.code, error.detail, remedy=error.remedy, wrong=wrong, headers=headers, more=more)


def refusal_of_stale(request: Request) -> HTTPStatus:
    """What a change of an outdated version is answered: 412 to If-Match (RFC 9110, 13.1.1), else 409."""
    return HTTPStatus.PRECONDITION_FAILED if "if-match" in request.headers else HTTPStatus.CONFLICT


async def _on_domain_error(request: Request, error: Exception) -> Response:
    domain = as_domain_error(error)
    if domain is None:
        raise error
    if not isinstance(error, HotlineError):
        _log.warning("web.part_failed", code=domain.code, kind=type(error).__name__)
    return respond(domain, status=refusal_of_stale(request) if isinstance(domain, Stale) else None)


async def _on_invalid_request(_request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    wrong = [Wrong(where=".".join(map(str, one["loc"])), why=one["msg"]) for one in error.errors()]
    return _respond(
        HTTPStatus.UNPROCESSABLE_ENTITY, InvalidInput.code, "the request does not have the form asked for", wrong=wrong
    )


async def _on_http_exception(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    status = HTTPStatus(error.status_code)
    headers = dict(error.headers or {})
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed(request))
    return _respond(status, HTTP_CODES.get(status.value, "http.error"), str(error.detail), headers=headers)


def _allowed(request: Request) -> list[str]:
    """Methods of every route of the path: the router names only those of the first."""
    routes = request.app.router.routes

    def known(method: str) -> bool:
        return any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes)

    return [method for method in _METHODS if known(method)]


async def _on_bug(request: Request, error: Exception) -> Response:
    _log.error("web.bug", route=request.url.path, kind=type(error).__name__)
    return _respond(HTTPStatus.INTERNAL_SERVER_ERROR, HotlineError.code, "unforeseen; see the log")


def install(app: FastAPI) -> None:
    """Give every error of the application its problem+json."""
    for kind in (HotlineError, sqlalchemy.exc.SQLAlchemyError, redis.exceptions.RedisError, OSError):
        app.add_exception_handler(kind, _on_domain_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(Exception, _on_bug)
