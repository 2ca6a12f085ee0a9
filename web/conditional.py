"""ETag, If-Match and If-None-Match (RFC 9110, 13): a change names the version it rests on, a reader the one it has.

The tag of a record is its version in quotes, `"7"`; where an answer holds more than the record it goes on with a
digest of the whole answer, `"7-3f9c..."`. What stands before the hyphen is all that If-Match looks at, so the tag of
any answer about a record can be sent back with a change of it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Header, Response, status
from pydantic import BaseModel

from hotline.errors import HotlineError

_TAG: Final = r'^"?[0-9]{1,9}(-[0-9a-f]{1,64})?"?$'
_TAGS: Final = r'^(\*|(W/)?"[!#-~]{0,128}"(\s*,\s*(W/)?"[!#-~]{0,128}"){0,19})$'
_DIGEST: Final = 32
"""Hex digits of an answer's digest in its tag."""


class PreconditionFailed(HotlineError):
    """If-Match names another version than the body does."""

    code = "http.precondition_failed"


class PreconditionRequired(HotlineError):
    """Neither If-Match nor the body names the version that was read."""

    code = "http.precondition_required"


@dataclass(frozen=True, slots=True)
class Precondition:
    """The version that If-Match names; None without the header."""

    named: int | None

    def version(self, said: int | None) -> int:
        """The version a change rests on, by the header or, `said`, by the body.

        Raises PreconditionRequired for none, PreconditionFailed for two that differ.
        """
        if self.named is None and said is None:
            raise PreconditionRequired("no version", remedy='send `If-Match: "7"` or `version`, as they were read')
        if self.named is not None and said is not None and self.named != said:
            raise PreconditionFailed("If-Match and the body's version differ")
        return said if self.named is None else self.named  # type: ignore[return-value]

    def rests_on(self, version: int) -> bool:
        """Whether a change that may come without a version rests on this one; without one it overwrites."""
        return self.named is None or self.named == version


def _precondition(
    if_match: Annotated[
        str | None,
        Header(alias="If-Match", pattern=_TAG, description='The ETag that was read, e.g. `"7"`; 412 if it is not it.'),
    ] = None,
) -> Precondition:
    return Precondition(None if if_match is None else version_in(if_match))


Expected = Annotated[Precondition, Depends(_precondition)]
"""What a change rests on; every route that has it answers 412 and 428."""

IfNoneMatch = Annotated[
    str | None,
    Header(alias="If-None-Match", pattern=_TAGS, description="ETags that the asker has; 304 if one is the answer's."),
]


def version_in(tag: str) -> int:
    """The version in a tag, with its quotes or without."""
    return int(tag.strip('"').partition("-")[0])


def tag(version: int) -> str:
    """The ETag of a record of this version."""
    return f'"{version}"'


def tagged(response: Response, version: int) -> None:
    """Give an answer the ETag of the record it is about."""
    response.headers["ETag"] = tag(version)


def answer(body: BaseModel, version: int, if_none_match: str | None) -> Response:
    """`body` with an ETag of its version and digest; 304 without a body if the asker has it."""
    content = body.model_dump_json().encode()
    whole = f'"{version}-{hashlib.sha256(content).hexdigest()[:_DIGEST]}"'
    # What one person sees another may not: no cache on the way keeps it.
    headers = {"ETag": whole, "Cache-Control": "private, no-cache"}
    if if_none_match is not None and _has(if_none_match, whole):
        return Response(status_code=status.HTTP_304_NOT_MODIFIED, headers=headers)
    return Response(content, media_type="application/json", headers=headers)


def _has(if_none_match: str, whole: str) -> bool:
    """Weak comparison (RFC 9110, 8.8.3.2)."""
    had = {one.strip().removeprefix("W/") for one in if_none_match.split(",")}
    return "*" in had or whole in had
