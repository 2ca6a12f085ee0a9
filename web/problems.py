"""What HTTP makes of errors: the one place where domain errors meet status codes (RFC 9457, problem details)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
import redis.exceptions
import sqlalchemy.exc
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from hotline.errors import (
    Conflict,
    HotlineError,
    InvalidInput,
    NotAllowed,
    NotFound,
    NotSignedIn,
    PartUnavailable,
)

_log = structlog.get_logger(__name__)

_STATUS: Mapping[type[HotlineError], HTTPStatus] = {
    NotSignedIn: HTTPStatus.UNAUTHORIZED,
    NotAllowed: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    PartUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""A subclass of one of these shares its status; any other domain error is ours to mend: 500."""

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
        orjson.dumps(problem.model_dump()),
        status_code=status.value,
        media_type="application/problem+json",
        headers=dict(headers or {}),
    )


def respond(error: HotlineError) -> Response:
    """The problem+json of a domain error."""
    status = status_of(error)
    headers = {}
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = "1"
    return _respond(status, error.code, error.detail, remedy=error.remedy, headers=headers)


async def _on_domain_error(_request: Request, error: Exception) -> Response:
    domain = as_domain_error(error)
    if domain is None:
        raise error
    if not isinstance(error, HotlineError):
        _log.warning("web.part_failed", code=domain.code, kind=type(error).__name__)
    return respond(domain)


async def _on_invalid_request(_request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    wrong = [Wrong(where=".".join(map(str, one["loc"])), why=one["msg"]) for one in error.errors()]
    return _respond(
        HTTPStatus.UNPROCESSABLE_ENTITY, InvalidInput.code, "the request does not have the form asked for", wrong=wrong
    )


async def _on_http_exception(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    status = HTTPStatus(error.status_code)
    code = f"http.{status.name.lower()}"
    return _respond(status, code, str(error.detail), headers=error.headers)


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
