"""`python -m server.runtime run voice --name voice-1`: what the supervisor starts. It imports only what that process
needs, so five processes do not pay for every command."""

from __future__ import annotations

import argparse
from collections.abc import Coroutine, Sequence
from typing import Any, Final

from hotline.settings import Settings, load_settings
from server.runtime import parts

PROCESSES: Final = ("voice", "web", "jobs", "watchdog")


def be(settings: Settings, process: str, name: str = "") -> None:
    """Be one process of the line until it is told to stop. `name` tells voice processes apart."""
    name = name or ("voice-1" if process == "voice" else process)
    parts.run(settings, name, _work(settings, process, name))


def _work(settings: Settings, process: str, name: str) -> Coroutine[Any, Any, None]:
    match process:
        case "voice":
            from server.runtime import voice

            return voice.serve(settings, name)
        case "web":
            from server.runtime import web

            return web.serve(settings, name)
        case "jobs":
            from server.runtime import jobs

            return jobs.serve(settings, name)
        case _:
            from server.watchdog import run_watchdog

            return run_watchdog(settings)


def main(words: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m server.runtime", description=__doc__)
    parser.add_argument("verb", choices=["run"])
    parser.add_argument("process", choices=PROCESSES)
    parser.add_argument("--name", default="", help="voice-1, voice-2, ...")
    given = parser.parse_args(words)
    be(load_settings(), given.process, given.name)


if __name__ == "__main__":
    main()
