"""`python3 -m setup`: brings a bare machine to where `hotline up` works. Repeatable; goes on after an interruption."""

from __future__ import annotations

import fcntl
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from setup import asterisk, node, packages, quiet, steps
from setup.console import Console, SetupError
from setup.environment import Environment
from setup.pages import Pages

_PROJECT = Path(__file__).resolve().parent.parent


def _steps(var: Path) -> list[steps.Step]:
    environment = Environment(_PROJECT)
    unpacked = asterisk.UnpackedAsterisk(var)
    unpack = asterisk.of_the_system() < asterisk.OLDEST
    needed = packages.needs(unpack_asterisk=unpack)
    replaced = quiet.Replaced(var / "setup" / "replaced")

    def missing() -> list[packages.Need]:
        return [need for need in needed if not need.there()]

    def install(console: Console) -> None:
        replaced.back()
        if wanted := missing():
            packages.install(console, wanted, replaced)

    system = steps.Step(
        "packages",
        "system packages",
        lambda: "\n".join(f"{need.what} {need.package}" for need in needed),
        lambda: not missing(),
        install,
    )
    python = steps.Step(
        "environment",
        "Python environment",
        environment.content,
        environment.present,
        environment.make,
    )
    own = node.of_the_system()
    javascript = steps.Step(
        "node",
        "Node.js",
        node.LOCK.read_text,
        lambda: node.of_the_environment(environment) is not None,
        lambda console: node.install(console, environment),
    )
    pages = Pages(_PROJECT, environment)
    page_packages = steps.Step(
        "page-packages",
        "packages of the pages",
        pages.packages_content,
        pages.packages_present,
        pages.install_packages,
    )
    built = steps.Step("pages", "pages", pages.content, pages.present, pages.build)
    line = steps.Step("asterisk", "Asterisk", unpacked.content, unpacked.present, unpacked.make)
    return [
        *(system, python),
        *([line] if unpack else []),
        *([] if own else [javascript]),
        *(page_packages, built),
    ]


def main() -> int:
    """Set everything up; exit status 0 when all is there, 1 with a message when something is missing."""
    # An orderly end on these, so that system files that were replaced for a while are put back.
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGHUP, _stop)
    var = _PROJECT / "var"
    console = Console(var / "log" / "setup.log")
    started = time.monotonic()
    try:
        stamps = steps.Stamps(var / "setup")
        with (var / "setup" / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            worked = steps.run(_steps(var), stamps, console)
    except SetupError as error:
        console.say(f"\nset-up cannot go on: {error.problem}\n\nWhat to do: {error.remedy}")
        return 1
    except KeyboardInterrupt:
        console.say("\nset-up was interrupted; the same command goes on from here")
        return 130
    if worked:
        console.say(f"set-up: complete after {time.monotonic() - started:.0f} s (log: {console.log})")
    return 0


def _stop(number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt(f"signal {number}")


if __name__ == "__main__":
    sys.exit(main())
