"""A day of agents, as facts of calls: for the route that tells of it and for the page."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from calls.callback_ids import call_out_id
from calls.callback_models import CallbackRow
from calls.callback_states import CallbackKind, CallbackState
from calls.facts import Entry, Kind, seq_at
from calls.figure_tables import AgentStateRow
from calls.ingest import insert_entries
from calls.intervals import Intervals
from calls.survey_tables import SurveyRow
from hotline.clock import to_ms
from web.services import Services

ZONE: Final = ZoneInfo("Asia/Shanghai")
MINE, MISSED, OUT, OTHERS = "ast1-1763761000.1", "ast1-1763761000.2", call_out_id(7), "ast1-1763761000.4"
CITIZEN = "+8613812345678"


def _fact(call: str, kind: Kind, at: datetime, agent: str | None = None, about: str = "1", **told: object) -> Entry:
    at_ms = to_ms(at)
    return Entry(call, seq_at(at_ms, len(kind)), f"{kind}:{about}", kind.value, at_ms, "ast1/voice-1", agent, told)


def _talk(call: str, at: datetime, agent: str, seconds: int) -> list[Entry]:
    """A call that came in, rang for three seconds and was a talk."""
    ringing = at + timedelta(seconds=5)
    answered = at + timedelta(seconds=8)
    return [
        _fact(call, Kind.ENTERED, at, caller=CITIZEN, line="12333", dialled="12333"),
        _fact(call, Kind.QUEUED, at, queue="general"),
        _fact(call, Kind.RINGING, ringing, agent),
        _fact(call, Kind.ANSWERED, answered, agent),
        _fact(call, Kind.ENDED, answered + timedelta(seconds=seconds), outcome="answered"),
    ]


async def told(services: Services) -> datetime:
    """Noon of yesterday, when 1001 had a talk, one offer too many, and a call out that reached nobody; and 1002 one."""
    day = services.clock.now().astimezone(ZONE) - timedelta(days=1)
    noon = day.replace(hour=12, minute=0, second=0, microsecond=0)
    later, out = noon + timedelta(minutes=10), noon + timedelta(minutes=20)
    entries = [
        *_talk(MINE, noon, "1001", 60),
        _fact(MINE, Kind.SURVEY, noon + timedelta(minutes=2), "1001", outcome="rated", level=4, source="ivr"),
        _fact(MISSED, Kind.ENTERED, later, caller=CITIZEN, line="12345"),
        _fact(MISSED, Kind.QUEUED, later, queue="general"),
        _fact(MISSED, Kind.RINGING, later, "1001"),
        _fact(MISSED, Kind.OFFER_FAILED, later + timedelta(seconds=20), "1001", outcome="NO_ANSWER"),
        _fact(MISSED, Kind.ABANDONED, later + timedelta(seconds=30)),
        _fact(OUT, Kind.CALL_OUT, out, called=CITIZEN, line="12345"),
        _fact(OUT, Kind.RINGING, out, "1001"),
        _fact(OUT, Kind.CALL_OUT_DIALLED, out + timedelta(seconds=2), "1001"),
        _fact(OUT, Kind.ENDED, out + timedelta(seconds=22), outcome="no_answer"),
        *_talk(OTHERS, noon, "1002", 30),
    ]
    async with services.database.transaction() as session:
        await insert_entries(session, entries)
        over = noon + timedelta(seconds=68)
        session.add(
            AgentStateRow(agent="1001", state="WRAP_UP", reason="", since=over, until=over + timedelta(seconds=30))
        )
    await Intervals(services.database).step()
    return noon


async def owed(services: Services, noon: datetime) -> int:
    """The citizen of the talk was dissatisfied, and is owed a callback."""
    async with services.database.transaction() as session:
        row = CallbackRow(
            kind=CallbackKind.SURVEY,
            caller=CITIZEN,
            line="12333",
            queue="",
            call_id=MINE,
            entered_ms=to_ms(noon),
            head_start_ms=0,
            requested_at=noon,
            state=CallbackState.OPEN,
            attempts=0,
            next_at=noon + timedelta(hours=1),
            at_once=False,
        )
        session.add(row)
        await session.flush()
        survey = await session.get(SurveyRow, MINE)
        assert survey is not None
        survey.callback_id = row.id
        return row.id
