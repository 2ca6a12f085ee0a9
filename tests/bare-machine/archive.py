"""Prints this machine's own apt archive and fetch options as mmdebstrap takes them, for one suite of Debian.

Run from the project's root: `python3 tests/bare-machine/archive.py <suite> <scratch folder>`. Line by line: options
first, each after `--aptopt=`, then the archive.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from setup import asterisk, mirrors

SUITES = {"bookworm", "trixie", "forky", "stable", "oldstable", "testing", "unstable", "sid"}


def main() -> int:
    """Exit status 1 when apt's configuration names no archive of Debian."""
    suite, scratch = sys.argv[1], Path(sys.argv[2])
    own = mirrors.archives(mirrors.sources(), SUITES, {"main"})
    if not own:
        sys.stderr.write("apt's configuration names no archive of Debian with the component main\n")
        return 1
    first = own[0]
    lines = [f"--aptopt={option}" for option in asterisk.acquire_options()]
    lines.append(asterisk.line(mirrors.Source(first.uri, suite, ("main",), first.signed_by, first.trusted), scratch))
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
