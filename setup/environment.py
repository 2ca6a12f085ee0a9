"""The Python environment: `.venv` with exactly the locked versions, each file checked against its hash."""

from __future__ import annotations

import sys
from pathlib import Path

from setup.console import CommandFailed, Console, SetupError, answer_of

_PATH_FILE = "hotline-12345.pth"

_LAUNCHER = """#!{python}
import sys

from server.cli import main

sys.exit(main())
"""


class Environment:
    """`.venv` of one checkout."""

    def __init__(self, project: Path) -> None:
        self._project = project
        self.folder = project / ".venv"
        self.python = self.folder / "bin" / "python"
        self.lock = project / "requirements.lock"

    def content(self) -> str:
        """What the environment is made from."""
        return "\n".join((str(self._project), self.lock.read_text(), _LAUNCHER))

    def present(self) -> bool:
        """Whether its interpreter still runs (a release upgrade takes the system's Python away)."""
        return self._works() and (self.folder / "bin" / "hotline").exists()

    def _works(self) -> bool:
        return answer_of(self.python, "-c", "import sys; print(sys.version_info >= (3, 11))").strip() == "True"

    def make(self, console: Console) -> None:
        """Make it or bring it up to date; raises SetupError."""
        try:
            if not (self._works() and answer_of(self.python, "-m", "pip", "--version")):
                console.run(sys.executable, "-m", "venv", "--clear", self.folder)
            console.run(
                *(self.python, "-m", "pip", "--disable-pip-version-check", "install", "--no-input"),
                *("--only-binary", ":all:", "--require-hashes", "-r", self.lock),
            )
        except CommandFailed as error:
            raise SetupError(
                f"the Python environment could not be made: {error}\n{error.output}",
                "see that pip reaches its index on this machine (pip config list), then run the same command again",
            ) from error
        # A path file instead of an installed package: the project needs no build tool, and a pull is enough to update.
        packages = answer_of(self.python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
        (Path(packages) / _PATH_FILE).write_text(f"{self._project}\n")
        launcher = self.folder / "bin" / "hotline"
        launcher.write_text(_LAUNCHER.format(python=self.python))
        launcher.chmod(0o755)
