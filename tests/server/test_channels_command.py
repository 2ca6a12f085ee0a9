"""`hotline channels` as an operator types it, on a real database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import structlog
from sqlalchemy import make_url
from typer.testing import CliRunner, Result

from calls.handover_keys import CHANNEL_KEYS, PartnerKeys
from server.commands.channels import app

Hotline = Callable[..., Result]
THEIRS = "a-key-that-the-gateway-has-made-itself"


@pytest.fixture
def channels(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Hotline:
    url = make_url(database_url)
    config = tmp_path / "hotline.toml"
    config.write_text(f'[mail]\nboxes = [{{ kind = "maildir", path = "{tmp_path}/Maildir" }}]\n')
    monkeypatch.setenv("HOTLINE_CONFIG", str(config))
    monkeypatch.setenv("HOTLINE_VAR_DIR", str(tmp_path))
    monkeypatch.setenv("HOTLINE_POSTGRES__PORT", str(url.port))
    monkeypatch.setenv("HOTLINE_POSTGRES__DATABASE", str(url.database))

    def run(*words: str, stdin: str = "") -> Result:
        # The command configures logging for its process; here it must not stay so.
        kept = structlog.get_config()
        try:
            return CliRunner().invoke(app, list(words), input=stdin)
        finally:
            structlog.configure(**kept)

    return run


def test_a_gateway_is_entered_gets_keys_and_is_suspended(channels: Hotline, tmp_path: Path) -> None:
    added = channels("add", "wechat", "微信公众号", "--source", "wechat", "--source", "app")
    assert added.exit_code == 0, added.output
    key = channels("key", "wechat").output.strip()
    keys = PartnerKeys(tmp_path / CHANNEL_KEYS)
    assert keys.of("wechat") == [key.encode()]
    assert channels("key", "wechat", "--stdin", stdin=f"{THEIRS}\n").output == ""
    assert keys.of("wechat") == [THEIRS.encode(), key.encode()]
    assert channels("suspend", "wechat", "网关被盗用").exit_code == 0
    told = channels("list")
    assert told.exit_code == 0, told.exception
    listed = told.output
    assert "wechat app" in listed
    assert "no: 网关被盗用" in listed
    assert key not in listed
    assert channels("resume", "wechat").exit_code == 0
    assert "网关被盗用" not in channels("list").output
    assert "nothing is taken" in channels("key", "wechat", "--forget").output
    assert keys.of("wechat") == []


@pytest.mark.parametrize(
    ("words", "code", "remedy"),
    [
        (("key", "nobody"), "channel.not_found", "hotline channels list"),
        (("key", "web-form", "--stdin"), "input.invalid", ""),
        (("add", "x", "某网", "--source", "fax"), "input.invalid", "wechat"),
        (("add", "x", "某网", "--source", "police_110"), "channel.source_not_allowed", ""),
        (("add", "X", "某网", "--source", "app"), "input.invalid", ""),
        (("suspend", "nobody", "x"), "channel.not_found", ""),
        (("check-mail",), "mail.mailbox_away", "create it"),
    ],
)
def test_what_cannot_be_done_is_said_by_name(channels: Hotline, words: tuple[str, ...], code: str, remedy: str) -> None:
    answer = channels(*words)
    assert answer.exit_code == 1
    assert code in answer.output
    assert remedy in answer.output


def test_mail_that_waits_is_counted_and_not_touched(channels: Hotline, tmp_path: Path) -> None:
    (tmp_path / "Maildir" / "new").mkdir(parents=True)
    (tmp_path / "Maildir" / "new" / "1.host").write_bytes(b"From: <a@example.com>\n\nx")
    answer = channels("check-mail")
    assert answer.output == "mail: 1 mails wait\n"
    assert (tmp_path / "Maildir" / "new" / "1.host").exists()
