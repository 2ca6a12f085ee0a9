"""`python3 -m setup.lock`: writes requirements.lock anew from pyproject.toml, and the lock of Node.js' wheel.

Versions and hashes only.

The lock holds for every supported Python: differences between them are markers. It needs `uv`, taken from the
machine's own package index into a folder that goes away again.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from setup import node
from setup.console import CommandFailed, Console

_PROJECT = Path(__file__).resolve().parent.parent
_NODE_HEAD = "# Made by `make lock`: Node.js for machines that have none. Versions and hashes only; do not edit.\n"
_HEAD = "# Made by `make lock` from pyproject.toml (with its extra `dev`). Versions and hashes only; do not edit.\n"


def main() -> int:
    """Resolve and write; exit status 1 with the resolver's words if that fails."""
    console = Console(_PROJECT / "var" / "log" / "setup.log")
    with tempfile.TemporaryDirectory() as scratch:
        fresh = Path(scratch) / "requirements.lock"
        fresh_node, node_in = Path(scratch) / "node.lock", Path(scratch) / "node.in"
        node_in.write_text(f"{node.WHEEL}\n")
        try:
            console.run(sys.executable, "-m", "venv", f"{scratch}/tool")
            console.run(f"{scratch}/tool/bin/pip", "install", "--quiet", "uv")
            for extra, source, target in (
                (("--extra", "dev"), _PROJECT / "pyproject.toml", fresh),
                ((), node_in, fresh_node),
            ):
                console.run(
                    *(f"{scratch}/tool/bin/uv", "pip", "compile", "--universal", "--python-version", "3.11"),
                    *(*extra, "--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url"),
                    *("--no-emit-find-links", "--quiet", source, "--output-file", target),
                )
        except CommandFailed as error:
            console.say(f"{error}\n{error.output}")
            return 1
        (_PROJECT / "requirements.lock").write_text(_HEAD + fresh.read_text())
        node.LOCK.write_text(_NODE_HEAD + fresh_node.read_text())
    console.say("requirements.lock and setup/node.lock are written; `make setup` installs them")
    return 0


if __name__ == "__main__":
    sys.exit(main())
