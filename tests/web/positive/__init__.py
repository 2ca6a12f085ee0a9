"""What each operation of the API is for: stories in which every one of them is answered 2xx, by somebody who may."""

from __future__ import annotations

from fastapi import FastAPI

from acd.service import Acd
from tests.web.people import Units
from tests.web.positive import (
    browsers,
    calls,
    exchange,
    knowledge,
    menus,
    procedures,
    reports,
    rules,
    seats,
    sources,
    tickets,
)
from tests.web.positive.recorder import Recorder
from web.services import Services


async def told(app: FastAPI, services: Services, line: Acd, units: Units) -> Recorder:
    """Every story, one after the other; what was asked and answered in them."""
    recorder = Recorder(app, services, line, units)
    for story in (
        *(rules.lines, rules.queues, rules.teams, rules.directory, rules.policies, rules.partners),
        *(seats.signing_in, seats.rosters, seats.floor, seats.waiting, seats.guests),
        *(menus.menus, menus.prompts),
        *(tickets.intake, tickets.handling, tickets.relations, tickets.refusals, tickets.supervision, tickets.disputes),
        *(tickets.demands, tickets.catalogue, procedures.beside, procedures.visited),
        *(reports.figures, reports.reports),
        *(knowledge.knowledge, sources.channels, sources.attachments, sources.collected, sources.imports),
        *(
            calls.calls,
            calls.recordings,
            calls.promises,
            calls.rounds,
            calls.masked,
            calls.callers,
            calls.handovers,
            calls.lookups,
        ),
        *(exchange.receivers, exchange.open311, exchange.messages, exchange.unit_desk),
        *(browsers.sessions, browsers.phones),
        *(rules.everywhere,),
    ):
        await story(recorder)
    return recorder
