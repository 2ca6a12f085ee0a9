"""The web process beside a running Asterisk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from fastapi import FastAPI

from acd.service import Acd
from directory.models import Role
from directory.users import Agent, NewUser, add_user
from server.asterisk import secrets
from tests.asterisk_fixtures import LiveAsterisk, live_asterisk
from tests.web.conftest import served
from tests.web.people import PASSWORD, Units, quick_passwords
from web.app import create_app
from web.services import Services

__all__ = ["live_asterisk"]


@pytest.fixture
async def app(services: Services, units: Units, live_asterisk: LiveAsterisk, line: Acd) -> FastAPI:
    """Two agents have a browser phone of their own: 9001 and 9002."""
    asterisk = live_asterisk.settings.asterisk
    async with services.database.transaction() as session:
        for login, work_number, extension in (("web1", "1101", "9001"), ("web2", "1102", "9002")):
            agent = Agent(work_number, {"general": 1}, extension)
            new = NewUser(login, "网页话机", frozenset({Role.AGENT}), None, agent)
            await add_user(session, new, PASSWORD, quick_passwords(), now=services.clock.now())
    settings = services.settings.model_copy(update={"asterisk": asterisk})
    phones = secrets.load(live_asterisk.settings).phone
    return create_app(replace(services, settings=settings, phone_password=phones))


@pytest.fixture
async def port(app: FastAPI) -> AsyncIterator[int]:
    async with served(app) as port:
        yield port
