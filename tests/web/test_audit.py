"""The audit log over REST: narrowed by what, whom and when, and taken out as a table by auditors alone."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from directory import audit
from hotline.clock import ManualClock
from tests.web.conftest import Caller
from web.routes import audit as routes
from web.services import Services

NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
HOUR = 3600.0


@pytest.fixture
def hands() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def services(services: Services, hands: ManualClock) -> Services:
    return replace(services, clock=hands)


@pytest.fixture
async def written(services: Services, hands: ManualClock) -> None:
    """An hour between any two."""
    for actor, action, subject, after in (
        ("admin", "queue.saved", "queue:night", {"name": "夜间"}),
        ("1001", "ticket.unmasked", "ticket:SMX1", {"reason": "=HYPERLINK(1)"}),
        ("admin", "queue.opening_saved", "queue:general", None),
        ("supervisor", "queued.saved", "queues:x", None),
    ):
        async with services.database.transaction() as session:
            await audit.record(session, at=hands.now(), actor=actor, action=action, subject=subject, after=after)
        hands.advance(HOUR)


def _numbers(told: Any) -> list[int]:
    return [one["seq"] for one in told["entries"]]


@pytest.mark.parametrize(
    ("wanted", "rows"),
    [
        ({}, [4, 3, 2, 1]),
        ({"action": "queue"}, [3, 1]),
        ({"action": "queue.saved"}, [1]),
        ({"action": "queue_"}, []),
        ({"actor": "admin", "subject": "queue:general"}, [3]),
        ({"from": "2026-11-20T13:00:00+08:00"}, [4, 3, 2]),
        ({"to": "2026-11-20T05:00:00Z"}, [1]),
        ({"from": "2026-11-20T05:00:00Z", "to": "2026-11-20T07:00:00Z", "limit": "1"}, [3]),
    ],
)
async def test_rows_by_what_whom_and_when(
    written: None, nobody: Caller, wanted: dict[str, str], rows: list[int]
) -> None:
    answer = await (await nobody.as_("auditor")).get("/api/audit", **wanted)
    assert _numbers(answer.json()) == rows


async def test_the_page_that_follows_keeps_to_the_question(written: None, nobody: Caller) -> None:
    auditor = await nobody.as_("auditor")
    first = await auditor.get("/api/audit", action="queue", limit=1)
    (following,) = [link.split(">")[0].lstrip("<") for link in first.headers["link"].split(",")]
    assert _numbers((await auditor.request("GET", following)).json()) == [1]


async def test_a_moment_without_a_zone_is_refused(nobody: Caller) -> None:
    answer = await (await nobody.as_("auditor")).get("/api/audit", **{"from": "2026-11-20T04:00:00"})
    assert (answer.status_code, answer.json()["code"]) == (422, "input.invalid")


async def test_an_auditor_takes_a_table_out_and_that_is_audited(written: None, nobody: Caller) -> None:
    auditor = await nobody.as_("auditor")
    answer = await auditor.get("/api/audit/entries.csv", to="2026-11-20T14:00:00+08:00")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    heads, second, first = csv.reader(io.StringIO(answer.text.lstrip("\ufeff")))
    assert heads[:5] == ["序号", "时间", "人员", "动作", "对象"]
    assert first[:7] == ["1", "2026-11-20 12:00:00", "admin", "queue.saved", "queue:night", "", '{"name":"夜间"}']
    assert second[6] == '{"reason":"=HYPERLINK(1)"}'
    (row,) = (await auditor.get("/api/audit", action="audit")).json()["entries"]
    assert (row["actor"], row["action"]) == ("auditor", "audit.exported")
    assert (row["after"]["rows"], row["after"]["to"]) == (2, "2026-11-20T14:00:00+08:00")


async def test_an_administrator_reads_but_takes_nothing_out(written: None, nobody: Caller) -> None:
    admin = await nobody.as_("admin")
    assert _numbers((await admin.get("/api/audit")).json()) == [4, 3, 2, 1]
    assert (await admin.get("/api/audit/entries.csv")).status_code == 403


async def test_more_rows_than_a_table_has_are_refused_and_not_audited(
    written: None, nobody: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "TAKEN_AT_MOST", 3)
    auditor = await nobody.as_("auditor")
    answer = await auditor.get("/api/audit/entries.csv")
    assert (answer.status_code, answer.json()["code"]) == (422, "audit.too_many_rows")
    assert _numbers((await auditor.get("/api/audit")).json()) == [4, 3, 2, 1]
    assert (await auditor.get("/api/audit/entries.csv", action="queue")).status_code == 200
