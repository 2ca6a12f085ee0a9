"""Whether the parts answer, and figures for Prometheus. Both without a login and without personal data."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from redis.exceptions import RedisError
from sqlalchemy import text

from calls.figure_board import FigureBoard
from web.access import Parts
from web.metrics import WebMetrics
from web.problems import as_domain_error
from web.services import Services

_PART_SECONDS = 3.0

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """`ok` only if every part is; a part is `ok` or `unavailable`."""

    status: str
    parts: dict[str, str]


async def _postgres(services: Services) -> None:
    async with services.database.transaction() as session:
        await session.execute(text("SELECT 1"))


async def _redis(services: Services) -> None:
    await services.redis.ping()


async def _state(check: Callable[[Services], Awaitable[None]], services: Services) -> str:
    try:
        async with asyncio.timeout(_PART_SECONDS):
            await check(services)
    except Exception as error:
        if as_domain_error(error) is None:
            raise
        return "unavailable"
    return "ok"


@router.get("/healthz", responses={503: {"model": Health}})
async def healthz(services: Parts, response: Response) -> Health:
    """200 if the web process and its parts can serve, else 503."""
    postgres, redis = await asyncio.gather(_state(_postgres, services), _state(_redis, services))
    well = postgres == redis == "ok"
    response.status_code = 200 if well else 503
    return Health(status="ok" if well else "unavailable", parts={"postgres": postgres, "redis": redis})


@router.get("/metrics", response_class=Response, responses={200: {"content": {CONTENT_TYPE_LATEST: {}}}})
async def metrics(request: Request, services: Parts) -> Response:
    """Prometheus' text format."""
    measured: WebMetrics = request.app.state.metrics
    try:
        board = await FigureBoard(services.redis, services.settings.site.id).read()
    except (RedisError, OSError):
        board = None
    measured.figures.update(board, services.clock.now_ms())
    return Response(generate_latest(measured.registry), media_type=CONTENT_TYPE_LATEST)
