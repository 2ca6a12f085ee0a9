"""The front of citizens' pages, their style sheet, and what is answered where there is no page."""

from __future__ import annotations

from fastapi import Request, Response

from web.citizen.pages import STYLE, page, pages, trouble

router = pages()


@router.get("")
@router.get("/")
async def front(request: Request) -> Response:
    """What can be done here."""
    return page(request, "front.html")


@router.get("/style.css")
async def style() -> Response:
    """The one style sheet."""
    return Response(STYLE, media_type="text/css", headers={"Cache-Control": "public, max-age=3600"})


@router.api_route("/{rest:path}", methods=["GET", "POST"])
async def nothing(request: Request) -> Response:
    """No page of this name."""
    return trouble(request, 404)
