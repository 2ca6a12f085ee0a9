"""The FastAPI application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import structlog
from fastapi import FastAPI

from hotline.errors import PartUnavailable
from hotline.tasks import end
from web import agent_socket, problems
from web.agent_states import AgentStates
from web.body_limit import LimitBody
from web.metrics import MeasureRequests, WebMetrics
from web.routes import agents, auth, calls, directory, health, tickets
from web.services import Services

_log = structlog.get_logger(__name__)

_DIRECTORY_SECONDS = 3.0


def create_app(services: Services) -> FastAPI:
    """REST, WebSocket and OpenAPI over `services`, which stay the caller's to close."""
    metrics = WebMetrics()
    states = AgentStates(services.acd, services.redis, services.settings.site.id)
    app = FastAPI(
        title="12345 政务服务便民热线",
        summary="Calls, agents and tickets of a city's 12345 line.",
        version="0.1.0",
        lifespan=_lifespan(services, states),
    )
    app.state.services = services
    app.state.metrics = metrics
    app.state.agent_states = states
    problems.install(app)
    for module in (auth, agents, calls, directory, tickets, health):
        app.include_router(module.router)
    app.include_router(agent_socket.router)
    app.add_middleware(LimitBody)
    app.add_middleware(MeasureRequests, metrics=metrics)
    return app


def _lifespan(services: Services, states: AgentStates) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(states.run()), asyncio.create_task(_keep_directory(services))]
        try:
            yield
        finally:
            await end(tasks)

    return lifespan


async def _keep_directory(services: Services) -> None:
    while True:
        try:
            await services.directory.refresh()
        except PartUnavailable:
            _log.warning("web.directory_unavailable")
        await asyncio.sleep(_DIRECTORY_SECONDS)
