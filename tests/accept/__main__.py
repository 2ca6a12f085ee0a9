"""`python -m tests.accept TOPIC [--short] [--only N,mN,...]`: a topic's items and mutants, a line each, the count."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any

from tests.accept.line import running_line
from tests.accept.mutants.mutant_line import Mutant, run_mutants
from tests.accept.scenario import Item, Scale, run_item

TOPICS = ("first_call", "acd", "talk", "ivr", "ticketing", "pages")


def _line_of(topic: ModuleType, scale: Scale) -> dict[str, Any]:
    """What `running_line` is told, if the topic has a wish."""
    wish = getattr(topic, "line_of", None)
    return wish(scale) if wish else {}


def _mutants(topic: str) -> list[Mutant]:
    name = f"tests.accept.mutants.{topic}"
    if importlib.util.find_spec(name) is None:
        return []
    found: list[Mutant] = importlib.import_module(name).MUTANTS
    return found


async def _run(topic: str, scale: Scale, only: set[str]) -> int:
    module = importlib.import_module(f"tests.accept.{topic}")
    items: list[Item] = module.ITEMS
    mutants = _mutants(topic)
    chosen = [item for item in items if not only or str(item.number) in only]
    mutated = [m for m in mutants if m.name in only or (not only and (scale.full or m.quick))]
    passed = []
    if chosen:
        print(f"starting a private line for {topic} ...", flush=True)
        async with running_line(**_line_of(module, scale)) as line:
            passed += [await run_item(topic, item, line, scale) for item in chosen]
    if mutated:
        print(f"starting a line for the mutants of {topic} ...", flush=True)
        passed += await run_mutants(topic, mutated, _line_of(module, scale))
    failed = passed.count(False)
    print(f"{passed.count(True)} passed, {failed} failed")
    return 1 if failed else 0


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.accept", description=__doc__)
    parser.add_argument("topic", choices=TOPICS)
    parser.add_argument("--short", action="store_true", help="the forms that `make test` runs")
    parser.add_argument("--only", default="", help="items and mutants, separated by commas: 4,m4")
    given = parser.parse_args()
    only = {name for name in given.only.split(",") if name}
    sys.exit(asyncio.run(_run(given.topic, Scale(full=not given.short), only)))


if __name__ == "__main__":
    main()
