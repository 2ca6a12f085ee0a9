"""The whole API against its own document: in stories that are granted, and under requests that mean harm.

One application over a database of its own, so that nothing else has to be there; `python -m tests.accept ticketing`
runs it at length, the tests with a few examples of each kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from fastapi import FastAPI

from calls.lookups import LookupDesk
from hotline.settings import LookupQuery, Lookups
from tests.web import positive
from tests.web.examining import NOT_FUZZED, Examiner
from tests.web.people import settle, voice
from tests.web.positive import calls
from tests.web.positive.recorder import Recorder
from web.app import create_app
from web.services import Services


@dataclass(frozen=True)
class Effort:
    """How much is asked: `share` of the hostile requests (about 200 an operation with a body), `examples` that
    schemathesis makes of each operation, by `seed`."""

    share: float
    examples: int
    seed: int = 20261001


def at_any_hour(services: Services) -> Services:
    """A line that may call citizens by night as well: tests run when they run."""
    always = {"opens": "00:00", "closes": "00:00"}
    keys = services.settings
    changed: dict[str, Any] = {
        name: type(getattr(keys, name)).model_validate(always) for name in ("calls_out", "rounds")
    }
    changed["lookups"] = Lookups.model_validate({"queries": [calls.LOOKUP]})
    return replace(services, settings=keys.model_copy(update=changed))


class _Department:
    """A department's system that knows one card."""

    async def ask(self, query: LookupQuery, values: Mapping[str, str], *, operator: str, reason: str) -> Any:
        return {"state": "正常"} if values["card"] == "A12345678" else None


async def stories(services: Services) -> tuple[FastAPI, Recorder]:
    """People, their stories, and what was granted in them."""
    services = at_any_hour(services)
    app = create_app(services)
    app.state.lookups = LookupDesk(
        services.settings, database=services.database, acd=services.acd, clock=services.clock, system=_Department()
    )
    units = await settle(services)
    return app, await positive.told(app, services, await voice(services), units)


def never_granted(recorder: Recorder) -> list[str]:
    """Operations that no story was granted."""
    paths = recorder.contract.document["paths"]
    asked = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    return sorted(f"{method} {path}" for method, path in asked - recorder.good.keys())


async def examined(app: FastAPI, recorder: Recorder, effort: Effort) -> Examiner:
    """Every operation under hostile and generated requests, by people who get through its door."""
    tokens = {}
    for operation, logins in recorder.people.items():
        # The stories' people may be signed out by now.
        tokens[operation] = [await _token(recorder, login) if login else "" for login in sorted(logins)]
    examiner = Examiner(app, tokens, recorder.good)
    random = Random(effort.seed)
    for route in dict.fromkeys(route for _, route in examiner.operations):
        await examiner.methods(route)
    for number, operation in enumerate(examiner.operations):
        if operation in NOT_FUZZED or operation not in tokens:
            continue
        await examiner.unsigned(operation)
        await examiner.hostile(operation, effort.share, random)
        await examiner.generated(operation, effort.examples, effort.seed + number)
    await examiner.close()
    return examiner


async def _token(recorder: Recorder, login: str) -> str:
    desk = await recorder.at(login)
    answer = await recorder.request(desk, "GET", "/api/auth/me")
    if answer.status_code == 401:
        recorder.forget(login)
        desk = await recorder.at(login)
    return desk.token
