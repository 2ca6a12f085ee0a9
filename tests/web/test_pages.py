"""Serving pages: what a browser may keep, what it is told to forbid, and that the interface stays what it was."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from web.pages import POLICY, ServePages

INDEX = "<!doctype html><title>页面</title>"
SCRIPT = "export default 1 // " + "x" * 2000


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A build with a script that has a hash in its name and is packed beside."""
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(INDEX)
    script = folder / "assets" / "index-Bd3.js"
    script.write_text(SCRIPT)
    script.with_suffix(".js.gz").write_bytes(gzip.compress(SCRIPT.encode()))
    (tmp_path / "secret.js").write_text("secret")
    return folder


def _application(folder: Path) -> FastAPI:
    app = FastAPI()

    @app.get("/api/things/{thing}")
    async def read(thing: int) -> int:
        return thing

    @app.post("/api/things")
    async def write() -> str:
        return "written"

    @app.get("/citizen")
    async def citizen() -> str:
        return "a page of the interface's own"

    included = APIRouter(prefix="/open311")

    @included.get("/discovery.json")
    async def discovery() -> str:
        return "of a router"

    app.include_router(included)
    app.add_middleware(ServePages, routes=app.routes, folder=folder)
    return app


@pytest.fixture
async def browser(built: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(_application(built)), base_url="http://web") as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/desk", "/menus/7/edit", "/apiary", "/index.html"])
async def test_a_page_is_the_index_asked_for_anew_each_time(browser: httpx.AsyncClient, path: str) -> None:
    answer = await browser.get(path)
    assert (answer.status_code, answer.text) == (200, INDEX)
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["content-security-policy"] == POLICY
    again = await browser.get(path, headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


def test_the_policy_takes_nothing_inline_and_nothing_from_elsewhere() -> None:
    assert "unsafe" not in POLICY
    assert "http" not in POLICY
    assert "default-src 'self'" in POLICY
    assert "frame-ancestors 'none'" in POLICY


async def test_hashed_files_are_kept_for_ever_and_sent_packed_to_who_takes_it(browser: httpx.AsyncClient) -> None:
    packed = await browser.get("/assets/index-Bd3.js", headers={"Accept-Encoding": "br;q=0, gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(SCRIPT) / 2
    plain = await browser.get("/assets/index-Bd3.js", headers={"Accept-Encoding": "gzip;q=0"})
    assert "content-encoding" not in plain.headers
    for answer in (packed, plain):
        assert answer.text == SCRIPT
        assert answer.headers["content-type"].startswith("text/javascript")
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    "path", ["/assets/gone-1.js", "/nothing.js", "/../secret.js", "/%2e%2e/secret.js", "/assets/..%2f..%2fsecret.js"]
)
async def test_a_file_that_is_not_in_the_build_is_missing_and_no_page(browser: httpx.AsyncClient, path: str) -> None:
    answer = await browser.get(path)
    assert answer.status_code == 404
    assert "secret" not in answer.text
    assert answer.headers.get("cache-control") != "public, max-age=31536000, immutable"


async def test_the_interface_answers_for_itself(browser: httpx.AsyncClient) -> None:
    assert (await browser.get("/api/things/7")).json() == 7
    assert (await browser.get("/api/unknown")).headers["content-type"] == "application/json"
    assert (await browser.get("/ws/agent")).status_code == 404
    assert (await browser.get("/citizen")).json() == "a page of the interface's own"
    assert (await browser.get("/open311/discovery.json")).json() == "of a router"
    assert (await browser.get("/open311/unknown")).headers["content-type"] == "application/json"
    assert (await browser.get("/docs")).status_code == 200
    wrong = await browser.delete("/api/things")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    assert (await browser.post("/desk")).status_code == 404


async def test_what_is_not_built_says_how_to_build_it(tmp_path: Path) -> None:
    app = _application(tmp_path / "nowhere")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://web") as client:
        answer = await client.get("/desk")
        assert answer.status_code == 503
        assert "make pages" in answer.text
        assert (await client.get("/api/things/7")).json() == 7
