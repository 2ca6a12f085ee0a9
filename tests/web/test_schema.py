"""The whole API answers as its document says, whatever it is sent, and grants every operation to somebody."""

from __future__ import annotations

import pytest
from fastapi import FastAPI

from tests.web.contract import document_of
from tests.web.whole_api import Effort, examined, never_granted, stories
from web.services import Services


@pytest.mark.timeout(900)
async def test_the_whole_api_keeps_to_its_document(services: Services) -> None:
    app, recorder = await stories(services)
    assert recorder.breaches == []
    assert never_granted(recorder) == [], "tell a story with it: tests/web/positive"
    examiner = await examined(app, recorder, Effort(share=0.02, examples=1))
    await recorder.close()
    print(dict(examiner.counted))
    assert examiner.told() == ""


def test_every_number_in_an_address_is_one_that_the_database_can_hold(app: FastAPI) -> None:
    """Else it is an error of ours when somebody writes thirty nines."""
    unbounded = [
        f"{method.upper()} {route}: {parameter['name']}"
        for route, methods in document_of(app)["paths"].items()
        for method, about in methods.items()
        for parameter in about.get("parameters", ())
        for schema in (parameter["schema"], *parameter["schema"].get("anyOf", ()))
        if schema.get("type") == "integer" and not schema.keys() & {"maximum", "exclusiveMaximum"}
    ]
    assert unbounded == []
