"""The FastAPI application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import structlog
from fastapi import APIRouter, FastAPI

from calls.figure_board import FigureBoard
from calls.lookups import LookupDesk, SignedHttp
from hotline.errors import PartUnavailable
from hotline.tasks import end
from media.studio_decode import LARGEST_BYTES
from web import agent_socket, citizen, figures_socket, openapi, problems
from web.agent_states import AgentStates
from web.body_limit import LONGEST_BODY, LimitBody
from web.figures_socket import FigureChanges
from web.file_uploads import FileUploads
from web.metrics import MeasureRequests, WebMetrics
from web.no_nul import RefuseNul
from web.pages import ServePages
from web.phone import sip_socket
from web.phone.lines import PhoneLines
from web.routes import (
    accountability,
    agent_calls,
    agents,
    attachments,
    audit,
    auth,
    callbacks,
    calls,
    calls_out,
    catalogue,
    channel_demands,
    channels,
    collected,
    contacts,
    directory,
    erasures,
    exchange,
    exchange_platforms,
    figures,
    floor,
    floor_messages,
    guests,
    handovers,
    health,
    hours,
    imports,
    knowledge,
    knowledge_editing,
    knowledge_public,
    line_modes,
    lookups,
    masked_calls,
    menu_lines,
    menu_rehearsals,
    menu_releases,
    menu_texts,
    menus,
    message_desk,
    messages,
    nuisance,
    open311,
    partners,
    phone,
    progress,
    prompt_recordings,
    prompts,
    public_demands,
    queues,
    recordings,
    refusals,
    reports,
    rosters,
    rounds,
    session,
    sign_in_help,
    skills,
    staff,
    supervision,
    surveys,
    talks,
    targets,
    teams,
    ticket_archive,
    ticket_contacts,
    ticket_coordination,
    ticket_figures,
    ticket_lists,
    ticket_parts,
    ticket_policies,
    ticket_procedures,
    ticket_relations,
    ticket_rulings,
    ticket_supervisions,
    ticket_visits,
    tickets,
    topics,
    unit_desk,
)
from web.screen_beats import ScreenBeats
from web.security_headers import SecurityHeaders
from web.services import Services
from web.web_calls import line_socket

_log = structlog.get_logger(__name__)

_DIRECTORY_SECONDS = 3.0
_LARGER = {
    prompt_recordings.UPLOADS: LARGEST_BYTES + LONGEST_BODY,
    catalogue.IMPORTS: catalogue.LARGEST_BYTES + LONGEST_BODY,
    imports.IMPORTS: imports.LARGEST_BYTES + LONGEST_BODY,
}


def create_app(services: Services) -> FastAPI:
    """REST, WebSocket and OpenAPI over `services`, which stay the caller's to close."""
    metrics = WebMetrics()
    beats = ScreenBeats(services)
    states = AgentStates(services.acd, services.redis, services.settings.site.id)
    changes = FigureChanges(FigureBoard(services.blocking_redis, services.settings.site.id))
    phones = PhoneLines(services)
    departments = SignedHttp.of(services.settings, services.clock)
    app = FastAPI(
        title="12345 政务服务便民热线",
        summary="Calls, agents and tickets of a city's 12345 line.",
        version="0.1.0",
        lifespan=_lifespan(
            *(states.run, beats.run, changes.run, phones.run, lambda: _keep_directory(services)),
            close=departments.close,
        ),
    )
    app.state.services = services
    app.state.metrics = metrics
    app.state.agent_states = states
    app.state.screen_beats = beats
    app.state.figure_changes = changes
    app.state.phone_lines = phones
    app.state.lookups = LookupDesk(
        services.settings, database=services.database, acd=services.acd, clock=services.clock, system=departments
    )
    app.state.uploads = prompt_recordings.Uploads()
    app.state.file_uploads = FileUploads()
    problems.install(app)
    openapi.install(app)
    for module in (
        auth,
        session,
        sign_in_help,
        staff,
        phone,
        agent_calls,
        agents,
        calls,
        figures,
        ticket_figures,
        topics,
        reports,
        directory,
        line_modes,
        rosters,
        ticket_relations,
        refusals,
        catalogue,
        imports,
        ticket_lists,
        tickets,
        erasures,
        ticket_parts,
        ticket_policies,
        ticket_rulings,
        ticket_contacts,
        ticket_supervisions,
        ticket_procedures,
        ticket_coordination,
        ticket_visits,
        unit_desk,
        guests,
        accountability,
        ticket_archive,
        queues,
        skills,
        hours,
        supervision,
        teams,
        floor_messages,
        recordings,
        floor,
        talks,
        nuisance,
        callbacks,
        calls_out,
        rounds,
        messages,
        message_desk,
        targets,
        contacts,
        masked_calls,
        partners,
        handovers,
        exchange,
        exchange_platforms,
        open311,
        surveys,
        menus,
        menu_releases,
        menu_rehearsals,
        menu_texts,
        menu_lines,
        prompts,
        prompt_recordings,
        progress,
        public_demands,
        attachments,
        channel_demands,
        channels,
        collected,
        knowledge,
        knowledge_editing,
        knowledge_public,
        lookups,
        audit,
        health,
    ):
        _mount(app, module.router)
    for router in (
        session.several,
        reports.published,
        reports.assessment,
        agent_socket.router,
        figures_socket.router,
        sip_socket.router,
        line_socket.router,
        *citizen.ROUTERS,
    ):
        _mount(app, router)
    # A little more than the largest upload: what is larger is refused there, in the words of who reads it.
    files = {attachments.UPLOADS: (services.settings.attachments.largest_mb << 20) + LONGEST_BODY}
    files[citizen.UPLOADS] = files[attachments.UPLOADS]
    app.add_middleware(LimitBody, larger=_LARGER | files)
    app.add_middleware(RefuseNul)
    app.add_middleware(ServePages, routes=app.routes)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(MeasureRequests, metrics=metrics)
    return app


def _mount(app: FastAPI, router: APIRouter) -> None:
    """Its routes as they are. `include_router` makes each of them anew for the application, at the requests that look
    for it first: milliseconds a route in which nobody else is answered, and more than a second for all."""
    app.router.routes.extend(router.routes)


def _lifespan(
    *works: Callable[[], Coroutine[Any, Any, None]], close: Callable[[], None]
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(work()) for work in works]
        try:
            yield
        finally:
            await end(tasks)
            close()

    return lifespan


async def _keep_directory(services: Services) -> None:
    while True:
        try:
            await services.directory.refresh()
        except PartUnavailable:
            _log.warning("web.directory_unavailable")
        await asyncio.sleep(_DIRECTORY_SECONDS)
