"""The application as it is put together."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette.routing import Route

from web.routes import tickets


def test_routes_are_those_of_their_routers_and_none_is_made_anew(app: FastAPI) -> None:
    """A router that was included stands among them as one, and has its routes made at the first requests."""
    assert all(isinstance(route, (APIRoute, APIWebSocketRoute, Route)) for route in app.routes)
    routes = {id(route) for route in app.routes}
    assert all(id(route) in routes for route in tickets.router.routes)
