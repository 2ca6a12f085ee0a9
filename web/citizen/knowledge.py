"""在线解答: the public part of the knowledge base."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Query, Request, Response

from ticketing.knowledge import finding
from ticketing.knowledge.errors import NotSearchable
from web.access import Parts, Transaction
from web.citizen.pages import page, pages
from web.public_limits import per_minute
from web.routes.knowledge import Code, today

router = pages()

_PAGE: Final = 10
_LONGEST: Final = 60
"""Characters of a question, as in the API."""


@router.get("/knowledge", dependencies=[per_minute("knowledge")])
async def search(
    request: Request,
    session: Transaction,
    services: Parts,
    q: Annotated[str, Query(max_length=1_000)] = "",
    at: Annotated[int, Query(ge=0, le=1_000)] = 0,
) -> Response:
    """The question, and what is found."""
    question, wrong, found = q.strip(), "", []
    if question:
        if len(question) > _LONGEST:
            wrong = f"请用不超过{_LONGEST}个字提问。"
        else:
            try:
                found = await finding.find(
                    session, question, today=today(services), public_only=True, limit=_PAGE + 1, offset=at
                )
            except NotSearchable:
                wrong = "请输入文字。"
    return page(
        request,
        "knowledge.html",
        422 if wrong else 200,
        question=q,
        wrong=wrong,
        found=found[:_PAGE],
        at=at,
        further=at + _PAGE if len(found) > _PAGE else None,
        size=_PAGE,
    )


@router.get("/knowledge/{code}", dependencies=[per_minute("knowledge")])
async def one(request: Request, code: Code, session: Transaction, services: Parts) -> Response:
    """An entry as it holds today."""
    found = await finding.current(session, code, today=today(services), public_only=True)
    return page(request, "entry.html", found=found)
