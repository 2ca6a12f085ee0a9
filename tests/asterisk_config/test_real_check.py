"""Kind: real. `hotline asterisk check` on a real Asterisk: clean as rendered, red for anything planted."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.asterisk.check import check
from server.asterisk.layout import find
from server.asterisk.render import EmergencyRoute, render
from server.asterisk.secrets import load
from tests.asterisk_fixtures import asterisk_settings, make_media

pytestmark = pytest.mark.real

POLICE = EmergencyRoute("110", "police", "110")


def test_the_rendered_files_start_without_a_warning_and_nothing_is_left(tmp_path: Path) -> None:
    settings = asterisk_settings(tmp_path)
    homes = find(settings).home.parent

    report = check(settings, [POLICE], media=make_media(tmp_path / "media"))

    assert report.faults == ()
    assert report.modules > 70
    assert not list(homes.glob("check-*"))


@pytest.mark.parametrize(
    ("file", "planted", "expected"),
    [
        ("http.conf", "\nsession_limti = 5\n", "session_limti"),
        ("modules.conf", "\nload = res_nowhere.so\n", "res_nowhere"),
        ("features.conf", "\nautomoan = *1\n", "automoan"),
        ("extensions.conf", "\n[hl-planted]\nexten => _X.,1,Dial(PJSIP/${EXTEN}@carrier)\n", "pattern _X. dials"),
    ],
)
def test_mutant_a_planted_fault_is_reported(tmp_path: Path, file: str, planted: str, expected: str) -> None:
    settings = asterisk_settings(tmp_path)
    files = render(settings, load(settings), find(settings), [POLICE])

    report = check(settings, [POLICE], media=make_media(tmp_path / "media"), overlay={file: files[file] + planted})

    assert [fault for fault in report.faults if expected in fault], report.faults
