"""What a citizen typed into a form: read, checked by the API's own models, and shown again where something is wrong."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from fastapi import Request, Response
from pydantic import BaseModel, ValidationError
from starlette.datastructures import UploadFile

from hotline.errors import NotAllowed
from hotline.settings import Settings
from web.browser import on_loopback, refuse_foreign
from web.citizen.pages import PREFIX

_COOKIE: Final = "hotline_form"
_TOKEN: Final = "form_token"  # noqa: S105 - the name of a field
_TRAP: Final = "website"
"""A field that nobody sees: whoever fills it in is no citizen."""
_FIELDS: Final = 30
_LONGEST: Final = 100_000
_EMPTY: Final = frozenset({"string_too_short", "too_short", "missing"})

_Model = TypeVar("_Model", bound=BaseModel)


class NotFromOurForm(NotAllowed):
    """The form was not one of ours, or its cookie is gone."""

    code = "form.forged"


@dataclass(frozen=True, slots=True)
class Typed:
    """A form as it was typed: `values` to show again, `wrong` by field."""

    values: Mapping[str, str] = field(default_factory=dict)
    wrong: Mapping[str, str] = field(default_factory=dict)
    token: str = ""

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")

    def but(self, **wrong: str) -> Typed:
        """The same with something wrong."""
        return Typed(self.values, {**self.wrong, **wrong}, self.token)


def opened(request: Request, **values: str) -> Typed:
    """An empty form. Its token is this browser's: the one it has, or a new one."""
    return Typed(values, {}, request.cookies.get(_COOKIE) or secrets.token_urlsafe(24))


def keep_token(response: Response, request: Request, typed: Typed) -> Response:
    """Give the browser its form's token."""
    response.set_cookie(
        _COOKIE, typed.token, path=PREFIX, httponly=True, samesite="strict", secure=not on_loopback(request)
    )
    return response


async def sent(request: Request, settings: Settings) -> tuple[Typed, list[UploadFile]]:
    """What was sent, and the files with it. Raises NotFromOurForm."""
    refuse_foreign(request, settings)
    form = await request.form(max_files=8, max_fields=_FIELDS, max_part_size=_LONGEST)
    values, files = {}, []
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            if value.filename:
                files.append(value)
        else:
            values[name] = value.replace("\r\n", "\n")
    kept, shown = request.cookies.get(_COOKIE, ""), values.pop(_TOKEN, "")
    if not kept or not hmac.compare_digest(kept.encode(), shown.encode()) or values.pop(_TRAP, ""):
        raise NotFromOurForm("the form is not one of ours", remedy="open the form anew")
    return Typed(values, {}, kept), files


def checked(
    typed: Typed, model: type[_Model], words: Mapping[str, str], *, whole: tuple[str, str] = ("", ""), **more: Any
) -> tuple[_Model | None, Typed]:
    """What was typed, as the API's model has it; or the form again, with what is wrong at each field in `words`.

    `whole`: where and how it is said that the fields do not go together.
    """
    given: dict[str, Any] = {name: typed[name] for name in words if name in model.model_fields} | more
    try:
        return model.model_validate(given), typed
    except ValidationError as error:
        wrong = {}
        for one in error.errors(include_url=False, include_input=False):
            if not one["loc"]:
                wrong[whole[0]] = whole[1]
                continue
            name = str(one["loc"][0])
            wrong[name] = _said(one["type"], one.get("ctx", {}), words.get(name, "这一项"))
        return None, typed.but(**wrong)


def _said(kind: str, context: Mapping[str, Any], name: str) -> str:
    if kind in _EMPTY:
        return f"请填写{name}。"
    if kind in ("string_too_long", "too_long"):
        return f"{name}最多{context['max_length']}个字。"
    return f"{name}填写不正确，请检查。"
