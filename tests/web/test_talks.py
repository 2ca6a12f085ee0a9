"""What an agent asks for in a talk over REST: what has to be said with it, and to whom it is told."""

from __future__ import annotations

import pytest

from tests.web.conftest import CALL, Caller

LINE = {"target": "line:12366"}


@pytest.fixture
async def agent(nobody: Caller) -> Caller:
    return await nobody.as_("agent")


@pytest.mark.parametrize(
    ("command", "body"),
    [
        ("to_menu", {}),
        ("hold", {"menu": "identity"}),
        ("to_menu", {"menu": "identity", **LINE}),
        ("consult", {}),
        ("hold", LINE),
        ("to_queue", {}),
    ],
)
async def test_what_is_missing_or_too_much_is_refused(agent: Caller, command: str, body: dict[str, str]) -> None:
    answer = await agent.post(f"/api/talks/{CALL}/{command}", **body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] == "talk.target_missing"


@pytest.mark.parametrize("menu", ["Identity", "-x", "a b", "x" * 41])
async def test_a_menus_name_has_its_grammar(agent: Caller, menu: str) -> None:
    answer = await agent.post(f"/api/talks/{CALL}/to_menu", menu=menu)
    assert answer.status_code == 422
