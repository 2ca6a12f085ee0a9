"""公开办理: settled demands and their course, where the city's policy shows them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Final

from fastapi import Path, Query, Request, Response

from ticketing import public_cases
from ticketing.public_cases import CaseNotPublic
from web.access import Parts, Transaction
from web.citizen.pages import page, pages
from web.public_limits import per_minute
from web.services import Services

router = pages()

_PAGE: Final = 20


def _settled_before(services: Services) -> datetime:
    """Raises CaseNotPublic where nothing is shown."""
    policy = services.settings.citizen
    if not policy.cases:
        raise CaseNotPublic("the city shows no cases")
    return services.clock.now() - timedelta(days=policy.case_after_days)


@router.get("/cases", dependencies=[per_minute("cases")])
async def listed(
    request: Request,
    session: Transaction,
    services: Parts,
    before: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
) -> Response:
    """The newest first."""
    settled_before = _settled_before(services)
    found = await public_cases.cases(
        session,
        types=services.settings.citizen.case_types,
        settled_before=settled_before,
        before=before,
        limit=_PAGE + 1,
    )
    shown = found[:_PAGE]
    further = shown[-1].id if len(found) > _PAGE else None
    return page(request, "cases.html", found=shown, further=further, first=before is None)


@router.get("/cases/{case}", dependencies=[per_minute("cases")])
async def one(
    request: Request, case: Annotated[int, Path(ge=1, lt=2**63)], session: Transaction, services: Parts
) -> Response:
    """One with its course."""
    found, steps = await public_cases.course(
        session, case, types=services.settings.citizen.case_types, settled_before=_settled_before(services)
    )
    return page(request, "case.html", found=found, steps=steps)
