"""Item 2: random lives of tickets over the real database, judged by rules written a second time."""

from __future__ import annotations

import asyncio
import random
from datetime import datetime

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from hotline.database import Database
from tests.accept.line import Line
from tests.accept.scenario import Scale
from tests.accept.ticketing.independent_calendar import BEIJING
from tests.accept.ticketing.independent_model import WAYS
from tests.accept.ticketing.lives import Lives, of_units
from tests.accept.ticketing.office import database_admin, fresh_database
from tests.accept.ticketing.real_lives import Real

_PAIRS = {(state, action) for state, ways in WAYS.items() for action in ways}


async def random_lives(line: Line, scale: Scale) -> str:
    """Some lives in the short form, of seed 1; three hundred in the full one, of a seed that is printed."""
    chosen = random.SystemRandom().randrange(2**32) if scale.full else 1
    lived = await lives(line, chosen=chosen, examples=scale(300, 6), steps=scale(50, 25))
    counts = ", ".join(f"{count} {what}" for what, count in sorted(lived.counted.items()))
    missed = sorted(f"{state}/{action}" for state, action in _PAIRS - lived.seen)
    if scale.full:
        assert len(missed) < len(_PAIRS) / 5, f"seed {chosen}: never taken: {', '.join(missed)}"
    return f"seed {chosen}: {lived.steps} steps: {counts}; {len(lived.seen)} of {len(_PAIRS)} pairs"


async def lives(line: Line, *, chosen: int, examples: int, steps: int) -> type[Lives]:
    """So many lives of this seed, in a database of their own; gives what was counted."""
    keys = await fresh_database(line)
    try:
        return await asyncio.to_thread(_live, keys.postgres.url, chosen, examples, steps)
    finally:
        await database_admin(line, f"DROP DATABASE {keys.postgres.database} WITH (FORCE)")


def _live(url: str, chosen: int, examples: int, steps: int) -> type[Lives]:
    """Run the machine in this thread, on a loop of its own."""

    class OfThisRun(Lives):
        pass

    with asyncio.Runner() as runner:
        database = Database(url, pool_size=8)
        OfThisRun.run = staticmethod(runner.run)
        OfThisRun.real = Real(database, datetime(2026, 1, 2, tzinfo=BEIJING))
        OfThisRun.units = runner.run(OfThisRun.real.units())
        runner.run(OfThisRun.real.enter(of_units(OfThisRun.units)))
        OfThisRun.steps, OfThisRun.seen, OfThisRun.counted = 0, set(), {}
        print(f"random lives of seed {chosen}", flush=True)
        try:
            run_state_machine_as_test(
                seed(chosen)(OfThisRun),
                settings=settings(
                    max_examples=examples,
                    stateful_step_count=steps,
                    deadline=None,
                    database=None,
                    # Which of two at once was first is not the seed's choice: a shorter life would be another one.
                    phases=(Phase.generate,),
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(database.close())
    return OfThisRun
