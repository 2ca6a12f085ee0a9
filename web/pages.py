"""The pages people work with, as `npm run build` left them in `web/ui/dist`: served beside the interface.

Every GET whose first part of the path is not one of the interface's own is a page: a file of the build if there is
one, else `index.html`, whose script shows the page of that path.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Final

import orjson
from fastapi.routing import iter_route_contexts
from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

BUILT: Final = Path(__file__).resolve().parent / "ui" / "dist"
"""In a checkout and in the wheel alike."""

BUILD: Final = "make pages"
"""What brings them where they are missing."""

POLICY: Final = "; ".join(
    (
        "default-src 'self'",
        # Marks of the component library's lists are drawings in its style sheets; QR codes and recordings are blobs.
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
"""Content-Security-Policy: no script, style or address but our own; nothing inline."""

HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
}
"""Of every page and every file of it, beside those of `web/security_headers.py`."""

_MANIFEST: Final = "manifest.json"
"""Of the build: which file each entry has become (`build.manifest` of Vite)."""

_FOREVER: Final = "public, max-age=31536000, immutable"
_ASK_FIRST: Final = "no-cache"
_ASSETS: Final = "/assets/"
"""Where every file's name holds the hash of its content."""

_CODINGS: Final = (("br", ".br"), ("gzip", ".gz"))
_RESERVED: Final = frozenset({"api", "ws", "sip"})
"""Never pages, whatever routes there are just now."""

_MISSING: Final = f"""<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><title>页面尚未构建</title></head>
<body><h1>页面尚未构建</h1>
<p>接口在运行，但网页还没有构建。请在项目目录执行 <code>{BUILD}</code>，完成后刷新本页。</p>
<p lang="en">The interface runs; the pages are not built yet. Run <code>{BUILD}</code> and load this page again.</p>
</body></html>
"""


def script_of(entry: str, folder: Path = BUILT) -> str:
    """The address of the script that an entry of the build has become, e.g. `src/citizen/call.ts`; empty where the
    pages are not built."""
    path = folder / _MANIFEST
    try:
        return _script(path, path.stat().st_mtime_ns, entry)
    except FileNotFoundError:
        return ""


@lru_cache(maxsize=8)
def _script(manifest: Path, _changed: int, entry: str) -> str:
    found = orjson.loads(manifest.read_bytes()).get(entry)
    return f"/{found['file']}" if found else ""


class ServePages:
    """ASGI: pages from `folder`, everything else from `app`. `routes` are those of the interface."""

    def __init__(self, app: ASGIApp, routes: list[BaseRoute], folder: Path = BUILT) -> None:
        self._app = app
        self._routes = routes
        self._index = folder / "index.html"
        self._files = _Built(folder)
        self._others: frozenset[str] = frozenset()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"} or not self._is_ours(scope["path"]):
            await self._app(scope, receive, send)
            return
        response = await self._page(scope)
        response.headers.update(HEADERS)
        await response(scope, receive, send)

    def _is_ours(self, path: str) -> bool:
        # Asked at the first request, when every router is in.
        self._others = self._others or _RESERVED | set(_first_parts(self._routes))
        return path.split("/", 2)[1] not in self._others if path.startswith("/") else False

    async def _page(self, scope: Scope) -> Response:
        if not self._index.is_file():
            return HTMLResponse(_MISSING, status_code=503, headers={"Cache-Control": "no-store", "Retry-After": "30"})
        path: str = scope["path"]
        if "." in path.rsplit("/", 1)[1] or path.startswith(_ASSETS):
            return await self._files.answer(path.lstrip("/"), scope)
        return await self._files.answer("index.html", scope)


class _Built(StaticFiles):
    """Files of the build; of those that were compressed with it, the smallest that the browser takes."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, check_dir=False)

    async def answer(self, path: str, scope: Scope) -> Response:
        full_path, found = self.lookup_path(path)
        if found is None or not stat.S_ISREG(found.st_mode):
            return HTMLResponse("<!doctype html><title>404</title><p>没有这个文件。</p>", status_code=404)
        response = self.file_response(full_path, found, scope)
        response.headers["Cache-Control"] = _FOREVER if scope["path"].startswith(_ASSETS) else _ASK_FIRST
        return response

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        for coding, ending in _CODINGS:
            if coding in _accepted(Headers(scope=scope).get("accept-encoding", "")):
                packed = f"{os.fspath(full_path)}{ending}"
                try:
                    response = super().file_response(packed, os.stat(packed), scope, status_code)
                except FileNotFoundError:
                    continue
                response.headers["Content-Encoding"] = coding
                break
        else:
            response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["Vary"] = "Accept-Encoding"
        return response


def _accepted(header: str) -> set[str]:
    """Content codings a browser takes (RFC 9110, 12.5.3); a weight of 0 refuses one."""
    found = re.findall(r"([\w*-]+)\s*(?:;\s*q=([\d.]+))?", header)
    return {coding.lower() for coding, weight in found if not weight or float(weight) > 0}


def _first_parts(routes: Iterable[BaseRoute]) -> set[str]:
    # Routers that were included stand among the routes as one, without a path of its own.
    paths = (getattr(route, "path", None) or "" for route in iter_route_contexts(list(routes)))
    return {path.split("/", 2)[1] for path in paths if path.startswith("/") and path != "/"}
