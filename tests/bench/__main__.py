"""`python -m tests.bench NAME`: one benchmark; the last line is a JSON object."""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import signal
import sys

import structlog

from tests.bench.report import machine, versions

BENCHES = {
    "agi": "processor time of a FastAGI command, beside a bare asyncio stream doing the same dialogue",
    "cost": "processor time of a call and calls in a second of the whole path, beside app_queue",
    "dispatch": "from an agent's BYE to the next INVITE at the same phone, beside app_queue",
    "ivr": "steps per second of the interpreter of menus, and what a menu adds to a key, beside Read()",
    "match": "matches per second at 100, 1,000 and 10,000 agents and callers who wait",
    "pages": "the agent desk: its weight and when it can be used; pops with 300 sockets open",
    "simulate": "a million matches with stale writers, and waits beside exact ones and Erlang C",
    "tickets": "lists, filters, search, one ticket, a new one and the sweep of deadlines, with 5,000,000 tickets",
}


def main() -> None:
    """The command."""
    told = "\n".join(f"  {name:<10}{about}" for name, about in BENCHES.items())
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", epilog=told, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name")
    name = parser.parse_args().name
    if name not in BENCHES:
        print(f"no benchmark {name!r}; there are:\n{told}", file=sys.stderr)
        sys.exit(2)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # servers end with us
    print(f"{machine()}\n{versions('uvloop', 'redis', 'hiredis')}", flush=True)
    print(json.dumps(importlib.import_module(f"tests.bench.{name}").run()))


if __name__ == "__main__":
    main()
