"""网页通话: a citizen calls 12345 from the browser. Without a script the page says to dial."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from calls.web_calls import ENDPOINT
from directory.modes import MAIN_LINE
from directory.numbers import InvalidNumber, normalise, subscriber_digits
from hotline.errors import NotFound
from web.access import Parts
from web.citizen.forms import keep_token, opened, sent
from web.citizen.pages import POLICY, PREFIX, page, pages
from web.pages import script_of
from web.public_limits import ClientAddress, per_minute
from web.routes.phone import DOMAIN
from web.web_calls.line_socket import PATH
from web.web_calls.permits import Permits

router = pages()
permits = APIRouter(prefix=f"{PREFIX}/call", include_in_schema=False)

SCRIPT: Final = "src/citizen/call.ts"
"""Entry of the pages' build."""

_HEADERS: Final = {
    "Content-Security-Policy": f"{POLICY}; script-src 'self'; connect-src 'self'",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
}


class PermitOut(BaseModel):
    """What the page's phone needs for its one call. `password` is good for this socket alone."""

    socket: str
    password: str
    user: str
    uri: str
    target: str


@router.get("/call")
async def call(request: Request, services: Parts) -> Response:
    """The page; its script finds the call in it."""
    script = script_of(SCRIPT) if services.settings.web_calls.enabled else ""
    form = opened(request)
    response = page(request, "call.html", form=form, script=script)
    if script:
        response.headers.update(_HEADERS)
    return keep_token(response, request, form)


@permits.post("/permit", status_code=201, dependencies=[per_minute("calls")])
async def permit(request: Request, response: Response, services: Parts, address: ClientAddress) -> PermitOut:
    """A permit for one call, to be used at once; errors are for the page's script. `number`: where to call back, told
    to the agent as what it is, unverified."""
    if not services.settings.web_calls.enabled:
        raise NotFound("the page does not call")
    typed, _ = await sent(request, services.settings)
    declared = _subscriber(typed["number"].strip(), services.settings.site.area_code)
    token = await Permits(services).give(services.progress.codes.tag(address), declared)
    response.headers["Cache-Control"] = "no-store"
    return PermitOut(
        socket=f"{PATH}?permit={token}",
        password=token,
        user=ENDPOINT,
        uri=f"sip:{ENDPOINT}@{DOMAIN}",
        target=f"sip:{MAIN_LINE}@{DOMAIN}",
    )


def _subscriber(typed: str, area_code: str) -> str:
    """The number, or empty as typed. Raises InvalidNumber for what is nobody's telephone."""
    if not typed:
        return ""
    number = normalise(typed, area_code)
    if subscriber_digits(number) is None:
        raise InvalidNumber("not a subscriber's number")
    return number
