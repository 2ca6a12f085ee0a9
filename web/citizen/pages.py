"""How a citizen's page is made and sent: templates, headers, and a page for whatever goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import jinja2
import structlog
from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse

from hotline.settings import Settings
from web.problems import as_domain_error, status_of

_log = structlog.get_logger(__name__)

PREFIX: Final = "/public"
"""Where citizens' pages are."""

POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

_FOLDER: Final = Path(__file__).resolve().parent
STYLE: Final = (_FOLDER / "static" / "style.css").read_text(encoding="utf-8")

_TEMPLATES: Final = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_FOLDER / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)

_WHAT: Final = {
    400: ("提交的内容不完整", "请返回上一页重新提交。"),
    404: ("没有这个页面", "您访问的页面不存在，可能地址有误。"),
    405: ("不能这样访问", "请从首页重新进入。"),
    413: ("提交的内容过大", "请减小文件后重新提交。"),
    422: ("提交的内容不符合要求", "请返回上一页检查后重新提交。"),
    403: ("无法提交", "请从本网站的页面重新填写并提交。"),
    429: ("操作过于频繁", "请等一分钟后再试。"),
    503: ("系统暂时无法处理", "请稍后再试，或直接拨打12345。"),
}
_UNFORESEEN: Final = ("系统出错", "请稍后再试，或直接拨打12345。")


def page(request: Request, template: str, status: int = 200, /, **told: Any) -> HTMLResponse:
    """A page. Nothing of it is kept by browsers or in between: it may be of one citizen."""
    settings: Settings = request.app.state.services.settings
    zone = ZoneInfo(settings.site.timezone)

    def moment(at: datetime) -> str:
        return at.astimezone(zone).strftime("%Y年%m月%d日 %H:%M")

    text = _TEMPLATES.get_template(template).render(
        city=settings.site.name,
        prefix=PREFIX,
        citizen=settings.citizen,
        web_calls=settings.web_calls.enabled,
        moment=moment,
        path=request.url.path,
        **told,
    )
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
    return HTMLResponse(text, status, headers)


def trouble(request: Request, status: int) -> HTMLResponse:
    """A page that says what is wrong, and what to do."""
    title, advice = _WHAT.get(status, _UNFORESEEN)
    answer = page(request, "trouble.html", status, title=title, advice=advice)
    if status == 429:
        answer.headers["Retry-After"] = "60"
    return answer


class _Page(APIRoute):
    """A route whose errors are pages."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                return await inner(request)
            except RequestValidationError:
                return trouble(request, 422)
            except HTTPException as error:
                return trouble(request, error.status_code)
            except Exception as error:  # noqa: BLE001 - a citizen gets a page whatever happened; it is logged
                domain = as_domain_error(error)
                if domain is None:
                    _log.error("citizen.bug", route=request.url.path, kind=type(error).__name__)
                    return trouble(request, 500)
                return trouble(request, status_of(domain))

        return handler


def pages() -> APIRouter:
    """A router of citizens' pages; they are in no document of the API."""
    return APIRouter(prefix=PREFIX, route_class=_Page, include_in_schema=False, default_response_class=HTMLResponse)
