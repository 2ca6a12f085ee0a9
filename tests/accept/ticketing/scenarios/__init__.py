"""Dated scenarios by subject: what happens on which day, and what follows, all dates literal."""

from __future__ import annotations

from tests.accept.ticketing.scenarios import calendar, ends, extensions, minutes, returns, units
from tests.accept.ticketing.scenarios.scenario import Scenario

ALL: list[Scenario] = [
    scenario for module in (calendar, minutes, extensions, returns, units, ends) for scenario in module.SCENARIOS.told
]
