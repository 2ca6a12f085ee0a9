"""Set-up is repeatable: done steps are left alone, an interrupted one is taken up again, system files come back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from setup import packages, quiet, steps
from setup.console import CommandFailed, Console, SetupError


class _Machine:
    """Three steps that count how often they were worked on; one can be told to fail."""

    def __init__(self, folder: Path) -> None:
        self.worked: list[str] = []
        self.content = {"a": "1", "b": "1", "c": "1"}
        self.present = {"a": True, "b": True, "c": True}
        self.failing = ""
        self.console = Console(folder / "log" / "setup.log")
        self.stamps = steps.Stamps(folder / "stamps")

    def run(self) -> int:
        return steps.run([self._step(name) for name in self.content], self.stamps, self.console)

    def _step(self, name: str) -> steps.Step:
        def work(_console: Console) -> None:
            self.worked.append(name)
            if name == self.failing:
                raise SetupError("cut off", "again")

        return steps.Step(name, name, lambda: self.content[name], lambda: self.present[name], work)


@pytest.fixture
def machine(tmp_path: Path) -> _Machine:
    return _Machine(tmp_path)


def test_a_second_run_does_nothing(machine: _Machine) -> None:
    assert machine.run() == 3
    assert machine.run() == 0
    assert machine.worked == ["a", "b", "c"]


def test_an_interrupted_run_goes_on_where_it_stopped(machine: _Machine) -> None:
    machine.failing = "b"
    with pytest.raises(SetupError):
        machine.run()
    machine.failing = ""
    assert machine.run() == 2
    assert machine.worked == ["a", "b", "b", "c"]


def test_a_step_interrupted_while_it_is_renewed_is_not_taken_for_done(machine: _Machine) -> None:
    machine.run()
    machine.content["b"], machine.failing = "2", "b"
    with pytest.raises(SetupError):
        machine.run()
    machine.content["b"], machine.failing = "1", ""
    assert machine.run() == 1
    assert machine.worked == ["a", "b", "c", "b", "b"]


def test_changed_content_and_a_vanished_result_are_made_again(machine: _Machine) -> None:
    machine.run()
    machine.content["a"] = "2"
    machine.present["c"] = False
    machine.run()
    assert machine.worked == ["a", "b", "c", "a", "c"]


def test_a_failed_command_shows_its_last_words(tmp_path: Path) -> None:
    console = Console(tmp_path / "setup.log")
    with pytest.raises(CommandFailed) as raised:
        console.run("sh", "-c", "seq 1 40; echo no such mirror >&2; exit 7")
    assert raised.value.output.splitlines()[-2:] == ["40", "no such mirror"]
    assert "1\n2\n" in (tmp_path / "setup.log").read_text()


def test_replaced_files_come_back_with_content_and_mode(tmp_path: Path) -> None:
    had, had_not = tmp_path / "policy-rc.d", tmp_path / "createcluster.conf"
    had.write_text("theirs")
    had.chmod(0o755)
    replaced = quiet.Replaced(tmp_path / "kept")
    replaced.put(had, "ours", mode=0o700)
    replaced.put(had_not, "ours", mode=0o644)
    assert (had.read_text(), had_not.read_text()) == ("ours", "ours")

    replaced.back()

    assert had.read_text() == "theirs"
    assert had.stat().st_mode & 0o777 == 0o755
    assert not had_not.exists()


def test_a_killed_run_does_not_lose_the_original(tmp_path: Path) -> None:
    file = tmp_path / "policy-rc.d"
    file.write_text("theirs")
    quiet.Replaced(tmp_path / "kept").put(file, "ours", mode=0o755)  # killed before `back`
    second = quiet.Replaced(tmp_path / "kept")
    second.put(file, "ours again", mode=0o755)
    second.back()
    assert file.read_text() == "theirs"


def test_without_root_the_missing_package_and_the_command_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    missing = [packages.Need("Redis", "redis-server", lambda: False)]
    with pytest.raises(SetupError) as raised:
        packages.install(Console(tmp_path / "log"), missing, quiet.Replaced(tmp_path / "kept"))
    assert "Redis (redis-server)" in raised.value.problem
    assert "sudo make setup" in raised.value.remedy
    assert "apt-get install -y --no-install-recommends redis-server" in raised.value.remedy
