"""Requests that a platform or a gateway signs (`hotline.signing`) instead of signing in.

A timestamp outside the window is refused; within it a copied request does no harm, for each of these doors gives a
repeat the first one's answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from fastapi import Request
from pydantic import BaseModel, ValidationError

from hotline import signing
from hotline.signing import Keys
from web.services import Services

HEADERS: Final[list[dict[str, Any]]] = [
    {"name": name, "in": "header", "required": True, "schema": {"type": "string"}} for name in signing.HEADERS
]
"""For OpenAPI."""


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """Who sent it, under which id, and what; proven."""

    sender: str
    id: str
    body: bytes


async def signed_request(request: Request, services: Services, keys: Keys) -> SignedRequest:
    """Read a request and prove it. Raises BadSignature, OutsideWindow, PartUnavailable; HTTPException 413."""
    claim = signing.claimed(request.headers)
    body = await request.body()
    signing.verify(
        keys.of(claim.sender),
        claim,
        signing.Request(request.method, _target(request), body),
        now=services.clock.now().timestamp(),
        window_seconds=services.settings.handovers.window_seconds,
    )
    return SignedRequest(claim.sender, claim.id, body)


def described(body: type[BaseModel]) -> dict[str, Any]:
    """What OpenAPI says of an operation whose body is read only once it is proven: the headers, and the body's form
    with all that it refers to in place."""
    schema = body.model_json_schema()
    form = _in_place(schema, schema.pop("$defs", {}))
    return {
        "parameters": HEADERS,
        "requestBody": {"required": True, "content": {"application/json": {"schema": form}}},
    }


def where_wrong(error: ValidationError) -> str:
    """Where a body is wrong, and never what it says: it is somebody's demand."""
    return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['type']}" for one in error.errors()[:10])


def _in_place(schema: Any, parts: dict[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_in_place(one, parts) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _in_place(parts[schema["$ref"].rpartition("/")[2]], parts)
    return {name: _in_place(one, parts) for name, one in schema.items() if name != "discriminator"}


def _target(request: Request) -> str:
    path = request.scope.get("raw_path") or request.url.path.encode()
    query = request.scope.get("query_string", b"")
    return (path + (b"?" + query if query else b"")).decode("latin-1")
