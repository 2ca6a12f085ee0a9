"""The OpenAPI document: what FastAPI finds out, and what holds of every operation beside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from hotline.errors import HotlineError
from web.problems import HTTP_CODES, PROBLEM_TYPE, Problem

_PROBLEM: Final = {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_REPLACED: Final = {"#/components/schemas/Problem", "#/components/schemas/HTTPValidationError"}
_ETAG: Final = {
    "ETag": {"description": "Version, and digest of the answer where it holds more.", "schema": {"type": "string"}}
}
_DESCRIPTION: Final = """\
Every error is a problem (RFC 9457) with a stable `code`. A list that goes on says so by a `Link` header with
`rel="next"` (RFC 8288): follow it until there is none. A record with a version has an `ETag`; a change names the
version it rests on by `If-Match` or by `version` in its body, and is refused if it is another by now.
"""


def install(app: FastAPI) -> None:
    """Let `app` describe itself so."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _described(app)
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]


def codes() -> list[str]:
    """Every `code` that a problem may have."""
    return sorted({*HTTP_CODES.values(), *(kind.code for kind in _kinds(HotlineError))})


def _kinds(kind: type[HotlineError]) -> Iterator[type[HotlineError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _kinds(below)


def _described(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, summary=app.summary, description=_DESCRIPTION, routes=app.routes
    )
    schemas = document["components"]["schemas"]
    schemas["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(schemas["Problem"].pop("$defs"))
    schemas["Problem"]["properties"]["code"]["enum"] = codes()
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for methods in document["paths"].values():
        for operation in methods.values():
            _complete(operation)
    return document


def _complete(operation: dict[str, Any]) -> None:
    """Every status that any operation of its kind may have, each error as a problem."""
    responses: dict[str, dict[str, Any]] = operation["responses"]
    headers = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "header"}
    further = [HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE]
    if "requestBody" in operation:
        further += [HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE]
    if "If-Match" in headers:
        further += [HTTPStatus.PRECONDITION_FAILED, HTTPStatus.PRECONDITION_REQUIRED]
    for status in further:
        responses.setdefault(str(status.value), {"description": status.phrase, "content": dict(_PROBLEM)})
    if "If-None-Match" in headers:
        responses["304"] = {"description": HTTPStatus.NOT_MODIFIED.phrase}
        responses["200"]["headers"] = _ETAG
    for status_code, response in responses.items():
        if status_code >= "400" and _reference(response) in _REPLACED:
            response["content"] = dict(_PROBLEM)


def _reference(response: Mapping[str, Any]) -> str | None:
    found: str | None = response.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref")
    return found
