"""What the doctor says of mailboxes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hotline.settings import Settings
from server.doctor_findings import Finding, Verdict
from server.doctor_mail import mailboxes
from tests.ports import free_ports


def _settings(folder: Path, *boxes: dict[str, Any]) -> Settings:
    return Settings(var_dir=folder, mail={"boxes": list(boxes)})


async def looked_at(settings: Settings) -> list[Finding]:
    return [finding async for finding in mailboxes(settings)]


async def test_a_line_without_mailboxes_has_no_finding(tmp_path: Path) -> None:
    assert await looked_at(_settings(tmp_path)) == []


async def test_each_box_is_opened_and_one_that_is_away_is_named(tmp_path: Path) -> None:
    new = tmp_path / "mail" / "new"
    new.mkdir(parents=True)
    (port,) = free_ports(1)
    (tmp_path / "password").write_text("x")
    here = {"channel": "mail", "kind": "maildir", "path": "mail"}
    gone = {"channel": "letters", "kind": "maildir", "path": "nowhere"}
    silent = {
        "channel": "governor",
        "kind": "imap",
        "host": "127.0.0.1",
        "port": port,
        "encrypted": False,
        "user": "u",
        "password_file": str(tmp_path / "password"),
    }
    without = silent | {"channel": "without", "password_file": "keys/none"}
    settings = _settings(tmp_path, here, gone, silent, without)
    found = await looked_at(settings)
    assert [(one.part, one.verdict) for one in found] == [
        ("mailbox mail", Verdict.OK),
        ("mailbox letters", Verdict.WARN),
        ("mailbox governor", Verdict.WARN),
        ("mailbox without", Verdict.WARN),
    ]
    assert "empty" in found[0].seen
    assert "ConnectionRefusedError" in found[2].seen
    assert all(one.remedy for one in found[1:])
    (new / "1.eml").write_text("From: x\n\n")
    assert "wait" in (await looked_at(_settings(tmp_path, here)))[0].seen
    assert (new / "1.eml").exists(), "nothing is taken out"
