"""What failed once is run again alone, with pytest itself on files of its own; what fails twice fails the run."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.phases import Outcome, Phase, judged

_BESIDE = ("--numprocesses", "2", "--dist", "loadfile")

_GOOD = "def test_good():\n    pass\n"
_SKIPPED = "import pytest\n\ndef test_skipped():\n    pytest.skip('not here')\n"
_BAD = "def test_bad():\n    raise ValueError\n"
_ONCE = """
from pathlib import Path

def test_once():
    seen = Path(__file__).with_suffix(".seen")
    first = not seen.exists()
    seen.touch()
    assert not first
"""
_ENDS = "import os\n\ndef test_ends():\n    os._exit(3)\n"


class Runs:
    """Runs commands in a folder, and keeps what was run and what it said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.codes: list[int] = []
        self.said = ""

    def __call__(self, command: Sequence[str]) -> int:
        done = subprocess.run(command, cwd=self.folder, check=False, capture_output=True, text=True, timeout=200)
        self.codes.append(done.returncode)
        self.said += done.stdout
        return done.returncode


def judge(folder: Path, *files: dict[str, str]) -> tuple[Outcome, Runs]:
    """A phase for each set of files."""
    phases = []
    runs = Runs(folder)
    (folder / "pytest.ini").write_text("[pytest]\n")
    for number, texts in enumerate(files):
        (folder / f"p{number}").mkdir()
        for name, text in texts.items():
            (folder / f"p{number}" / f"test_{number}_{name}.py").write_text(text)
        phases.append(Phase(f"phase-{number}", (f"p{number}",), _BESIDE))
    return judged(phases, folder / "kept", runs), runs


def test_what_passes_the_second_time_is_named_and_forgiven(tmp_path: Path) -> None:
    outcome, runs = judge(tmp_path, {"good": _GOOD, "once": _ONCE, "skipped": _SKIPPED})
    assert runs.codes == [1, 0]
    assert outcome == Outcome(0, ["p0/test_0_once.py::test_once"], [], passed=2, skipped=1)
    assert outcome.closing(1.5).strip("= ") == "2 passed, 1 skipped, 1 flaky in 1.50s"


def test_what_fails_twice_fails_the_run_and_the_next_phase_is_run_all_the_same(tmp_path: Path) -> None:
    outcome, runs = judge(tmp_path, {"bad": _BAD, "once": _ONCE}, {"good": _GOOD})
    assert runs.codes == [1, 1, 0]
    assert outcome == Outcome(1, ["p0/test_0_once.py::test_once"], ["p0/test_0_bad.py::test_bad"], passed=2)
    assert outcome.closing(90).strip("= ") == "1 failed, 2 passed, 1 flaky, exit code 1 in 90.00s"
    again = runs.said.partition("rerun previous 2 failures")[2]
    assert "test_0_bad.py::test_bad" in again, "the second run says why it failed"


def test_all_passes_once(tmp_path: Path) -> None:
    outcome, runs = judge(tmp_path, {"good": _GOOD})
    assert (runs.codes, outcome) == ([0], Outcome(0, passed=1))


def test_a_run_without_tests_fails_at_once_and_the_next_phase_is_run_all_the_same(tmp_path: Path) -> None:
    outcome, runs = judge(tmp_path, {}, {"good": _GOOD})
    assert runs.codes == [5, 0]
    assert outcome == Outcome(5, passed=1)


def test_a_file_that_cannot_be_read_fails_at_once(tmp_path: Path) -> None:
    outcome, runs = judge(tmp_path, {"wrong": "import nothing_like_it"})
    assert runs.codes == [1]
    assert outcome == Outcome(1, failed=["p0/test_0_wrong.py"])


def test_a_worker_that_dies_is_a_failure_of_its_test_and_a_second_death_of_the_run(tmp_path: Path) -> None:
    outcome, runs = judge(tmp_path, {"ends": _ENDS, "good": _GOOD})
    assert runs.codes[0] == 1
    assert outcome.code == runs.codes[-1] == 3
    assert outcome.failed == ["p0/test_0_ends.py::test_ends"]


def test_where_very_much_fails_nothing_is_run_again(tmp_path: Path) -> None:
    many = "import pytest\n\n@pytest.mark.parametrize('n', range(21))\ndef test_bad(n):\n    raise ValueError\n"
    outcome, runs = judge(tmp_path, {"many": many})
    assert (runs.codes, outcome.code, len(outcome.failed)) == ([1], 1, 21)
