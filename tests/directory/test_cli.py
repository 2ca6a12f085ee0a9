"""`hotline directory` as an operator types it, on a real database."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import make_url
from typer.testing import CliRunner

from directory.importer import SANMENXIA
from server.commands.directory import app
from tests.conftest import free_port

Hotline = Callable[..., Result]


def typed(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(app, arguments, input=stdin)


@pytest.fixture
def directory(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Hotline:
    url = make_url(database_url)
    monkeypatch.setenv("HOTLINE_CONFIG", os.devnull)
    monkeypatch.setenv("HOTLINE_POSTGRES__PORT", str(url.port))
    monkeypatch.setenv("HOTLINE_POSTGRES__DATABASE", str(url.database))
    return typed


def test_import_list_show_confirm_and_change(directory: Hotline) -> None:
    assert directory("import").stdout.strip() == "32 added, 0 changed, 0 unchanged, 0 refused"
    again = directory("import", str(SANMENXIA))
    assert again.stdout.strip() == "0 added, 0 changed, 32 unchanged, 0 refused"
    assert "line 16: 12333: the spoken name '人力资源和社会保障服务热线' is not confirmed" in again.stderr
    listed = directory("list").stdout
    assert listed.count("整体并入") == 12
    assert directory("confirm", "0398-12333").stdout.strip() == "12333 is announced as 人力资源和社会保障服务热线"
    assert directory("mode", "12366", "dual", "--experts", "--from", "2099-01-01").stdout.strip() == "changed"
    shown = directory("show", "+86398 12366").stdout
    assert "branch 设分中心, own (by import)" in shown
    assert "from 2099-01-01T00:00:00+08:00: dual 双号并行, ours with expert seats (by cli)" in shown
    assert "a call now: transfer, groups general, else agent" in shown


def test_a_bad_file_is_refused_row_by_row(directory: Hotline, tmp_path: Path) -> None:
    bad = tmp_path / "list.csv"
    bad.write_text(SANMENXIA.read_text("utf-8").replace("96119,", "x96119,").replace("12367,", "12366,"), "utf-8")
    refused = directory("import", str(bad))
    assert refused.exit_code == 1
    assert "refused: line 13: number: not a telephone number" in refused.stderr
    assert "refused: line 24: number: already on line 23" in refused.stderr
    taken = directory("import", str(bad), "--good-rows-only")
    assert taken.stdout.strip() == "30 added, 0 changed, 0 unchanged, 2 refused"


def test_people(directory: Hotline) -> None:
    added = directory(
        *(
            "users",
            "add",
            "1001",
            "--name",
            "张三",
            "--role",
            "agent",
            "--group",
            "general",
            "--group",
            "expert-12333:2",
        ),
        *("--extension", "8001", "--password-stdin"),
        stdin="a good password\n",
    )
    assert added.stdout.strip() == "1001 can sign in", added.stderr
    listed = directory("users", "list").stdout
    assert "expert-12333:2, general:1" in listed
    assert directory("users", "password", "1001", "--password-stdin", stdin="short\n").exit_code == 1
    assert directory("users", "password", "1001", "--password-stdin", stdin="longer one\n").exit_code == 0
    unknown = directory("users", "password", "nobody", "--password-stdin", stdin="longer one\n")
    assert (unknown.exit_code, unknown.stderr.strip()) == (1, "user.unknown: no such user")
    assert directory("users", "unlock", "1001").stdout.splitlines()[-1] == "it was not locked"
    assert directory("users", "totp-reset", "1001").stdout.splitlines()[-1] == "there was none"
    assert directory("users", "unlock", "nobody").exit_code == 1


def test_a_demonstration(directory: Hotline) -> None:
    first = directory("demo", "--password-stdin", stdin="Sanmenxia-1\n").stdout
    assert "32 lines added; logins made: 1001" in first
    assert directory("demo").stdout.strip() == "0 lines added; logins made: none"


def test_no_database_is_a_clear_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLINE_CONFIG", os.devnull)
    monkeypatch.setenv("HOTLINE_POSTGRES__PORT", str(free_port()))
    done = typed("list")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "hotline doctor" in done.stderr
