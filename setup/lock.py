"""`python3 -m setup.lock`: writes requirements.lock anew from pyproject.toml, versions and hashes only.

The lock holds for every supported Python: differences between them are markers. It needs `uv`, taken from the
machine's own package index into a folder that goes away again.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from setup.console import CommandFailed, Console

_PROJECT = Path(__file__).resolve().parent.parent
_HEAD = "# Made by `make lock` from pyproject.toml (with its extra `dev`). Versions and hashes only; do not edit.\n"


def main() -> int:
    """Resolve and write; exit status 1 with the resolver's words if that fails."""
    console = Console(_PROJECT / "var" / "log" / "setup.log")
    with tempfile.TemporaryDirectory() as scratch:
        fresh = Path(scratch) / "requirements.lock"
        try:
            console.run(sys.executable, "-m", "venv", f"{scratch}/tool")
            console.run(f"{scratch}/tool/bin/pip", "install", "--quiet", "uv")
            console.run(
                *(f"{scratch}/tool/bin/uv", "pip", "compile", "--universal", "--python-version", "3.11"),
                *("--extra", "dev", "--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url"),
                *("--no-emit-find-links", "--quiet", _PROJECT / "pyproject.toml", "--output-file", fresh),
            )
        except CommandFailed as error:
            console.say(f"{error}\n{error.output}")
            return 1
        (_PROJECT / "requirements.lock").write_text(_HEAD + fresh.read_text())
    console.say("requirements.lock is written; `make setup` installs it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
