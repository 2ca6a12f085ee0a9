"""Menus as texts over REST: files, their grammar, what changed, and two people's texts as one."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import yaml
from argon2 import PasswordHasher
from jsonschema import Draft202012Validator

from directory.models import Role
from directory.passwords import Passwords
from directory.users import NewUser, add_user
from tests.web.conftest import PASSWORD, Caller, Units
from web.services import Services

FILE = """\
flow: main
name: 直达
entry: start
nodes:
  start:
    type: entry
    next: human
  human:
    type: queue
"""


@pytest.fixture(autouse=True)
async def wang(services: Services, units: Units) -> None:
    """A second administrator."""
    passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    async with services.database.transaction() as session:
        new = NewUser("wang", "王", frozenset({Role.ADMIN}))
        await add_user(session, new, PASSWORD, passwords, now=services.clock.now())
    await services.directory.refresh()


@pytest.fixture
async def admin(nobody: Caller) -> Caller:
    return await nobody.as_("admin")


async def _import(caller: Caller, text: str, revision: int) -> httpx.Response:
    extra = {"If-Match": f'"{revision}"', "Content-Type": "application/yaml"}
    return await caller.request("PUT", "/api/menus/flows/main/yaml", content=text.encode(), extra=extra)


async def _merge(caller: Caller, stash: int, **choices: str) -> Any:
    answer = await caller.post(f"/api/menus/flows/main/stashes/{stash}/merge", choices=choices)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_file_in_and_the_same_file_out(admin: Caller) -> None:
    saved = await _import(admin, FILE, 0)
    assert (saved.status_code, saved.json()["revision"]) == (200, 1), saved.text
    exported = await admin.get("/api/menus/flows/main/yaml")
    assert (exported.text, exported.headers["etag"]) == (FILE, '"1"')
    assert exported.headers["content-type"].startswith("application/yaml")
    assert (await admin.post("/api/menus/flows/main/versions", revision=1)).status_code == 201
    await _import(admin, FILE.replace("直达", "直接"), 1)
    assert (await admin.get("/api/menus/flows/main/yaml", version=1)).text == FILE
    drawn = (await admin.get("/api/menus/flows/main/layout")).json()
    assert drawn == {
        "spots": {"start": {"column": 0, "row": 0}, "human": {"column": 1, "row": 0}},
        "lines": [{"node": "start", "field": "next", "to": "human", "back": False}],
    }
    schema = (await admin.get("/api/menus/schema")).json()
    Draft202012Validator(schema).validate(yaml.safe_load(FILE))


async def test_a_file_that_cannot_be_read_is_refused_by_line(admin: Caller) -> None:
    refused = await _import(admin, FILE.replace("type: queue", "type: moon"), 0)
    assert (refused.status_code, refused.json()["code"]) == (422, "menu.file_unreadable")
    assert "第 8 行" in refused.json()["detail"]
    other = await _import(admin, FILE.replace("flow: main", "flow: other"), 0)
    assert other.json()["code"] == "menu.other_flow"


async def test_what_changed_is_told_in_words(admin: Caller) -> None:
    await _import(admin, FILE, 0)
    await admin.post("/api/menus/flows/main/versions", revision=1)
    await _import(admin, FILE + "  night:\n    type: queue\n    queue: night\n", 1)
    told = (await admin.get("/api/menus/flows/main/difference", before=1)).json()
    assert [(one["kind"], one["node"]) for one in told] == [("node_added", "night")]
    assert "night" in told[0]["words"]
    assert (await admin.get("/api/menus/flows/main/difference", before=1, after=1)).json() == []
    assert {one["kind"] for one in (await admin.get("/api/menus/flows/main/difference", after=1)).json()} >= {
        "node_added"
    }


async def test_the_late_editor_merges_and_saves(nobody: Caller, admin: Caller) -> None:
    wang = await nobody.as_("wang")
    await _import(admin, FILE, 0)
    await _import(admin, FILE.replace("直达", "甲").replace("type: queue", "type: queue\n    queue: general"), 1)
    late = await _import(wang, FILE.replace("直达", "乙") + "  night:\n    type: queue\n    queue: night\n", 1)
    assert late.status_code == 412
    stash = late.json()["stash"]
    view = await _merge(wang, stash)
    assert view["document"] is None
    assert [(one["at"], one["sides"]) for one in view["conflicts"]] == [
        ("name", {"base": "直达", "mine": "乙", "theirs": "甲"})
    ]
    assert {one["kind"] for one in view["my_changes"]} == {"flow", "node_added"}
    merged = await _merge(wang, stash, name="mine")
    assert merged["conflicts"] == []
    nodes = merged["document"]["nodes"]
    assert (merged["document"]["name"], nodes["human"]["queue"], nodes["night"]["queue"]) == ("乙", "general", "night")
    saved = await wang.request(
        "PUT",
        "/api/menus/flows/main/draft",
        json=merged["document"],
        extra={"If-Match": f'"{merged["theirs"]["revision"]}"'},
    )
    assert (saved.status_code, saved.json()["revision"]) == (200, 3), saved.text
    stolen = await admin.post(f"/api/menus/flows/main/stashes/{stash}/merge", choices={})
    assert stolen.status_code == 404
