"""`python -m tests.accept TOPIC [--short] [--only N,...]`: the scenarios of a topic, a line each, then the count."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import sys

from tests.accept.line import running_line
from tests.accept.scenario import Item, Scale, run_item

TOPICS = ("first_call",)


async def _run(topic: str, scale: Scale, only: set[int]) -> int:
    items: list[Item] = importlib.import_module(f"tests.accept.{topic}").ITEMS
    chosen = [item for item in items if not only or item.number in only]
    print(f"starting a private line for {topic} ...", flush=True)
    async with running_line() as line:
        passed = [await run_item(topic, item, line, scale) for item in chosen]
    failed = passed.count(False)
    print(f"{passed.count(True)} passed, {failed} failed")
    return 1 if failed else 0


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.accept", description=__doc__)
    parser.add_argument("topic", choices=TOPICS)
    parser.add_argument("--short", action="store_true", help="the forms that `make test` runs")
    parser.add_argument("--only", default="", help="item numbers, separated by commas")
    given = parser.parse_args()
    only = {int(number) for number in given.only.split(",") if number}
    sys.exit(asyncio.run(_run(given.topic, Scale(full=not given.short), only)))


if __name__ == "__main__":
    main()
