"""Kind: unit. Which emergency routes reach the dialplan: one wrong name in the directory keeps no other from it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from directory.models.lines import RING_SECONDS
from directory.modes import Mode, Platform
from directory.snapshot import DialTarget, DirectorySnapshot, Line, ModeInForce, Target
from directory.snapshot_json import to_json
from hotline.settings import Settings
from server.asterisk.render import EmergencyRoute
from server.emergency import all_routes, emergency_routes, without_trunk
from tests.conftest import free_port

SHORTEST = RING_SECONDS[0]


def _line(number: str, *targets: DialTarget) -> Line:
    began = datetime(2026, 1, 1, tzinfo=UTC)
    mode = ModeInForce(Mode.EMERGENCY, Platform.OWN, expert_seats=False, effective_from=began)
    return Line(number, number, number, True, None, (mode,), tuple(Target(dial) for dial in targets))


def _settings(var: Path, *lines: Line) -> Settings:
    """A line whose PostgreSQL is away and whose copy of the directory is on disk."""
    (var / "directory-dialplan.json").write_bytes(to_json(DirectorySnapshot(1, "0398", 15_000, lines, ())))
    trunk = {"name": "police", "contact": "127.0.0.1:5099"}
    return Settings(var_dir=var, asterisk={"trunks": [trunk]}, postgres={"port": free_port()})  # type: ignore[arg-type]


def test_targets_go_into_the_dialplan_in_their_order_with_everything_the_directory_allows(tmp_path: Path) -> None:
    desk = DialTarget("police", "1", SHORTEST), DialTarget("police", "+8639811000", RING_SECONDS[-1])

    routes = emergency_routes(_settings(tmp_path, _line("110", *desk)))

    assert routes == [
        EmergencyRoute("110", "police", "1", SHORTEST),
        EmergencyRoute("110", "police", "+8639811000", RING_SECONDS[-1]),
    ]


def test_a_trunk_that_nobody_has_costs_its_own_target_only(tmp_path: Path) -> None:
    police, fire = DialTarget("police", "1101", 20), DialTarget("no-such-trunk", "1191", 20)
    settings = _settings(tmp_path, _line("110", police), _line("119", fire))

    assert [route.number for route in emergency_routes(settings)] == ["110"]
    assert [route.number for route in without_trunk(settings, all_routes(settings))] == ["119"]
