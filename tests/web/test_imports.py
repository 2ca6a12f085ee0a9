"""Imports over REST and as they are typed: a trial, every bad cell told, the mapping that is kept."""

from __future__ import annotations

import asyncio
import csv
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from directory.models import AuditRow, Role
from directory.passwords import Passwords
from directory.users import NewUser, add_user
from hotline.clock import SystemClock
from hotline.database import Database
from server.cli import app as command
from tests.web.conftest import Caller
from tests.web.people import PASSWORD, Units
from ticketing.models import TicketRow
from web.services import Services

FILE = "工单编号,内容,状态,受理时间,办结时间\nA1,路灯不亮,已办结,2024-01-01 08:00,2024-01-02 08:00\n"
BAD = FILE + "A2,井盖,弄着呢,昨天,\n"


async def upload(who: Caller, content: str, kind: str = "tickets", **params: Any) -> httpx.Response:
    return await who.request(
        "POST",
        f"/api/imports/{kind}/old12345",
        content=content.encode("gb18030"),
        params=params,
        extra={"Content-Type": "text/csv"},
    )


async def test_a_trial_then_the_import_then_nothing_more(services: Services, nobody: Caller, units: Units) -> None:
    admin = await nobody.as_("admin")
    trial = (await upload(admin, FILE)).json()
    assert (trial["dry_run"], trial["added"], trial["rows"]) == (True, 1, 1)
    done = (await upload(admin, FILE, dry_run=False)).json()
    assert (done["dry_run"], done["added"]) == (False, 1)
    again = (await upload(admin, FILE, dry_run=False)).json()
    assert (again["added"], again["unchanged"]) == (0, 1)
    async with services.database.transaction() as session:
        ticket = (await session.scalars(select(TicketRow))).one()
        entries = (await session.scalars(select(AuditRow).where(AuditRow.action == "import.tickets"))).all()
    assert ticket.number.startswith("SMX20240101")
    assert [(entry.actor, entry.subject, (entry.after or {})["added"]) for entry in entries] == [
        ("admin", "import:old12345", 1)
    ]
    file = (await (await nobody.as_("agent")).get(f"/api/tickets/{ticket.number}")).json()
    assert file["ticket"]["state"] == "archived"


async def test_bad_cells_are_told_and_keep_the_file_out(nobody: Caller, units: Units) -> None:
    supervisor = await nobody.as_("supervisor")
    trial = (await upload(supervisor, BAD)).json()
    assert {(one["row"], one["column"]) for one in trial["problems"]} == {(3, "状态"), (3, "受理时间")}
    refused = await upload(supervisor, BAD, dry_run=False)
    assert (refused.status_code, refused.json()["code"]) == (422, "import.rows_refused")
    assert refused.json()["wrong"][0]["where"].startswith("row 3")
    taken = await upload(supervisor, BAD, dry_run=False, good_rows_only=True)
    assert taken.json()["added"] == 1
    unreadable = await upload(supervisor, "编号\nA1\n")
    assert (unreadable.status_code, unreadable.json()["code"]) == (422, "import.unreadable")


async def test_a_mapping_is_kept_and_used(nobody: Caller, units: Units) -> None:
    admin = await nobody.as_("admin")
    mapping = {"words": {"state": {"弄着呢": "已登记"}, "registered_at": {"昨天": "2024-01-03"}}}
    kept = await admin.request("PUT", "/api/imports/tickets/old12345/mapping", json=mapping)
    assert kept.status_code == 200, kept.text
    assert (await admin.get("/api/imports/tickets/old12345/mapping")).json()["words"] == mapping["words"]
    assert (await upload(admin, BAD)).json()["added"] == 2
    wrong = await admin.request("PUT", "/api/imports/units/old12345/mapping", json={"columns": {"state": "状态"}})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "import.mapping_wrong")
    for path in ("/api/imports/people/old12345", "/api/imports/tickets/Old_1"):
        assert (await admin.request("POST", path, content=b"x")).status_code in (404, 422)


@pytest.mark.real
def test_as_it_is_typed(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    parts = urlsplit(database_url)
    monkeypatch.setenv("HOTLINE_POSTGRES__PORT", str(parts.port))
    monkeypatch.setenv("HOTLINE_POSTGRES__DATABASE", parts.path.strip("/"))

    async def people() -> None:
        database = Database(database_url)
        async with database.transaction() as session:
            for login, role in (("boss", Role.SUPERVISOR), ("agent1", Role.DISPATCHER)):
                new = NewUser(login, login, frozenset({role}), None)
                await add_user(session, new, PASSWORD, Passwords(), now=SystemClock().now())
        await database.close()

    asyncio.run(people())
    file, report = tmp_path / "old.csv", tmp_path / "report.csv"
    file.write_text(BAD, encoding="utf-8")

    def typed(*words: str) -> Any:
        return CliRunner().invoke(command, ["import", "tickets", str(file), "--source", "old12345", *words])

    denied = typed("--as", "agent1")
    assert (denied.exit_code, "access.denied" in denied.output) == (1, True)
    refused = typed("--as", "boss", "--report", str(report))
    assert refused.exit_code == 1
    assert "第 3 行“状态”" in refused.output
    with report.open(encoding="utf-8-sig", newline="") as stream:
        assert [row["行"] for row in csv.DictReader(stream)] == ["3", "3"]
    mapping = tmp_path / "map.toml"
    mapping.write_text(
        '[words]\nstate = {"弄着呢" = "已登记"}\nregistered_at = {"昨天" = "2024-01-03"}\n', encoding="utf-8"
    )
    trial = typed("--as", "boss", "--mapping", str(mapping), "--dry-run")
    assert (trial.exit_code, "新增 2" in trial.output, "试运行" in trial.output) == (0, True, True)
    done = typed("--as", "boss", "--mapping", str(mapping))
    assert (done.exit_code, "新增 2" in done.output) == (0, True)
    again = typed("--as", "boss", "--mapping", str(mapping))
    assert "新增 0，更新 0，无变化 2，冲突 0" in again.output
    bad_source = CliRunner().invoke(command, ["import", "tickets", str(file), "--source", "Old!", "--as", "boss"])
    assert (bad_source.exit_code, "import.mapping_wrong" in bad_source.output) == (1, True)
