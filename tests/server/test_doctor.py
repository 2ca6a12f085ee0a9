"""What `hotline doctor` says of parts that are not as they should be, and of ones that are."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import tempfile
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import pytest

from hotline.settings import Settings
from server import doctor
from server.doctor_findings import Finding, Verdict
from server.processes import Stack
from server.provision.programs import all_programs
from tests.server.lines import Line, make_line

_Usage = namedtuple("_Usage", "total used free")


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    with tempfile.TemporaryDirectory(prefix="hl-", dir="/tmp") as folder:
        yield make_line(Path(folder), monkeypatch)


def _disk(settings: Settings, free: float, monkeypatch: pytest.MonkeyPatch) -> Finding:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: _Usage(0, 0, free))
    return doctor.disk(settings)


def test_a_full_disk_fails_and_a_small_one_warns(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _disk(line.settings, 0.2e9, monkeypatch).verdict is Verdict.FAIL
    assert _disk(line.settings, 3e9, monkeypatch).verdict is Verdict.WARN
    assert _disk(line.settings, 90e9, monkeypatch).verdict is Verdict.OK


def test_an_unknown_time_zone_names_the_key(line: Line) -> None:
    lost = line.settings.model_copy(
        update={"site": line.settings.site.model_copy(update={"timezone": "Asia/Sanmenxia"})}
    )
    finding = doctor.clock(lost)
    assert finding.verdict is Verdict.FAIL
    assert "site.timezone" in finding.remedy


def test_a_stranger_on_a_port_is_named_with_the_key_that_moves_it(line: Line) -> None:
    web = next(program for program in all_programs(line.settings) if program.name == "web")
    assert doctor.ports(web, line.settings) == []
    with socket.create_server(("127.0.0.1", line.settings.web.port)):
        (finding,) = doctor.ports(web, line.settings)
    assert finding.verdict is Verdict.FAIL
    assert f"process {os.getpid()}" in finding.seen
    assert "web.port" in finding.remedy


async def test_servers_that_are_down_say_how_to_start_them(line: Line) -> None:
    for finding in (
        await doctor.database_server(line.settings),
        await doctor.live_state(line.settings),
        await doctor.asterisk(line.settings),
        await doctor.process(line.settings, "voice-1", 0, "STOPPED"),
    ):
        assert finding.verdict is Verdict.FAIL
        assert "hotline up" in finding.remedy


async def test_a_process_that_does_not_answer_is_to_be_restarted(line: Line) -> None:
    """It runs (our own id stands for it), and nothing answers on its socket, its port or in its report."""
    for name in ("voice-1", "web", "jobs", "watchdog"):
        finding = await doctor.process(line.settings, name, os.getpid(), "RUNNING")
        assert finding.verdict is Verdict.FAIL
        assert f"hotline restart {name}" in finding.remedy


@pytest.mark.real
async def test_running_servers_are_found_well(line: Line) -> None:
    stack = Stack(line.settings, config=line.config)
    await asyncio.to_thread(stack.start, ("postgres", "redis"))
    try:
        findings = {finding.part: finding async for finding in doctor.examine(line.settings)}
    finally:
        await asyncio.to_thread(stack.stop)
    assert findings["postgres"].verdict is Verdict.OK, findings["postgres"]
    assert findings["redis"].verdict is Verdict.OK, findings["redis"]
    assert findings["web"].verdict is Verdict.FAIL
    assert not any(part.startswith("port ") for part in findings), "a line's own servers are no strangers"
