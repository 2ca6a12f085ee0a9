"""How Open311 writes what it tells: XML, and JSON by the same names (http://wiki.open311.org/GeoReport_v2/)."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final
from xml.etree import ElementTree as ET

import orjson
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from hotline.errors import HotlineError
from web.problems import as_domain_error, status_of

FORMATS: Final = ("xml", "json")

Row = Mapping[str, Any]

# What XML 1.0 cannot say at all.
_UNSAYABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_PASSED_ON: Final = {
    HTTPStatus.UNAUTHORIZED: HTTPStatus.FORBIDDEN,
    HTTPStatus.FORBIDDEN: HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND: HTTPStatus.NOT_FOUND,
    HTTPStatus.TOO_MANY_REQUESTS: HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""The standard has 404 for what is not there, 403 for a wrong key, and 400 for everything else."""
_WHY: Final = {
    HTTPStatus.NOT_FOUND: "not found",
    HTTPStatus.TOO_MANY_REQUESTS: "too many requests, try again in a minute",
    HTTPStatus.SERVICE_UNAVAILABLE: "not available now, try again",
}


class Open311Error(Exception):
    """An answer of the standard that is none of what was asked for."""

    def __init__(self, status: HTTPStatus, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.description = description


class Open311Route(APIRoute):
    """A route whose errors have the form of the standard."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's own, and what becomes of its errors."""
        inner = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                return await inner(request)
            except Open311Error as error:
                return refusal(request, error.status, error.description)
            except RequestValidationError as error:
                where = ", ".join(sorted({str(one["loc"][-1]) for one in error.errors()}))
                return refusal(request, HTTPStatus.BAD_REQUEST, f"cannot be read: {where}")
            except Exception as error:
                if (known := as_domain_error(error)) is None:
                    raise
                return _of_domain(request, known)

        return handler


def told(request: Request, rows: Sequence[Row], *, names: tuple[str, str], status: int = 200) -> Response:
    """A list in the form that the request's path ends with; `names` of the list and of one of it in XML."""
    if request.url.path.endswith(".json"):
        return Response(orjson.dumps(list(rows)), status, media_type="application/json; charset=utf-8")
    root = ET.Element(names[0])
    for row in rows:
        _add(root, names[1], row)
    return _xml(root, status)


def told_once(request: Request, row: Row, *, name: str) -> Response:
    """The same for one thing."""
    if request.url.path.endswith(".json"):
        return Response(orjson.dumps(row), media_type="application/json; charset=utf-8")
    root = ET.Element(name)
    for key, value in row.items():
        _add(root, key, value)
    return _xml(root, 200)


def refusal(request: Request, status: HTTPStatus, description: str) -> Response:
    """An error of the standard."""
    row = {"code": status.value, "description": description}
    return told(request, [row], names=("errors", "error"), status=status.value)


def _of_domain(request: Request, error: HotlineError) -> Response:
    status = _PASSED_ON.get(status_of(error), HTTPStatus.BAD_REQUEST)
    answer = refusal(request, status, _WHY.get(status, f"{error.code}: {error.detail}".rstrip(": ")))
    if status is HTTPStatus.TOO_MANY_REQUESTS:
        answer.headers["Retry-After"] = "60"
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        answer.headers["Retry-After"] = "1"
    return answer


def _add(parent: ET.Element, name: str, value: Any) -> None:
    """A value below `parent`: a mapping's entries by name, a list's each by the singular of the list's own name."""
    here = ET.SubElement(parent, name)
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _add(here, key, inner)
    elif isinstance(value, list):
        for one in value:
            _add(here, name.removesuffix("s"), one)
    elif value is not None:
        text = str(value).lower() if isinstance(value, bool) else str(value)
        here.text = _UNSAYABLE.sub("", text)


def _xml(root: ET.Element, status: int) -> Response:
    body = b'<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode").encode()
    return Response(body, status, media_type="text/xml; charset=utf-8")
