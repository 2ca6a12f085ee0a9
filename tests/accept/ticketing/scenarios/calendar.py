"""Limits in working days on the State Council's calendar of 2026, which has days off and weekends that are worked."""

from __future__ import annotations

from functools import partial

from tests.accept.ticketing.desks import Desks
from tests.accept.ticketing.office import local
from tests.accept.ticketing.scenarios.scenario import Scenarios

SCENARIOS = Scenarios()

_DELIVERED = {
    # Dispatched at: the last days of the handling (5 working days) and of the return window (2).
    "2025-12-30 10:00": ("2026-01-07", "2026-01-04", "Tue before New Year; Sunday 01-04 is worked"),
    "2026-02-13 17:00": ("2026-02-27", "2026-02-24", "Fri before the Spring Festival; Saturday 02-14 is worked"),
    "2026-02-26 09:00": ("2026-03-04", "2026-02-28", "Thu; Saturday 02-28 is worked"),
    "2026-03-02 08:00": ("2026-03-09", "2026-03-04", "a plain Monday"),
    "2026-04-03 09:00": ("2026-04-13", "2026-04-08", "Fri before Qingming, Monday 04-06 is off"),
    "2026-04-30 08:00": ("2026-05-11", "2026-05-07", "Thu before Labour Day; Saturday 05-09 is worked"),
    "2026-06-18 08:00": ("2026-06-26", "2026-06-23", "Thu before the Dragon Boat Festival"),
    "2026-09-18 09:00": ("2026-09-24", "2026-09-21", "Fri; Sunday 09-20 is worked"),
    "2026-09-18 23:59": ("2026-09-24", "2026-09-21", "the day counts, not the hour"),
    "2026-09-19 00:00": ("2026-09-24", "2026-09-21", "Saturday that is off, a minute later"),
    "2026-09-24 16:00": ("2026-10-09", "2026-09-29", "Thu before Mid-Autumn, five days reach over National Day"),
    "2026-09-30 09:00": ("2026-10-13", "2026-10-09", "Wed before National Day; Saturday 10-10 is worked"),
    "2026-10-01 10:00": ("2026-10-13", "2026-10-09", "on a holiday"),
    "2026-10-09 09:00": ("2026-10-15", "2026-10-12", "Fri; Saturday 10-10 is worked"),
}


async def _delivered(desks: Desks, handling: str, returning: str) -> None:
    number = await desks.dispatched()
    await desks.ends(number, "handling", f"{handling} 24:00")
    await desks.ends(number, "return", f"{returning} 24:00")


for _begins, (_handling, _returning, _why) in _DELIVERED.items():
    SCENARIOS(_begins, f"dispatched {_begins}, due {_handling} 24:00: {_why}")(
        partial(_delivered, handling=_handling, returning=_returning)
    )


@SCENARIOS("2026-11-16 09:00", "a day is taken out of the calendar mid-flight, and given back")
async def _amended(desks: Desks) -> None:
    number, longer = await desks.handling(), await desks.handling()
    urgent = await desks.handling(urgency="urgent")
    await desks.extended(longer)
    await desks.office.jobs()
    await desks.ends(number, "handling", "2026-11-23 24:00")
    await desks.admin.ask("PUT", "/api/hours/workdays/2026-11-18", json={"worked": False, "note": "暴雪停工"})
    await desks.office.jobs()
    await desks.ends(number, "handling", "2026-11-24 24:00")
    await desks.ends(longer, "handling", "2026-12-01 24:00")
    await desks.ends(urgent, "handling", "2026-11-16 21:00")
    assert await desks.moves(urgent) == []
    was, became = local("2026-11-23 24:00"), local("2026-11-24 24:00")
    assert ("calendar", was, became) in await desks.moves(number), "the old end is kept"
    desks.at("2026-11-17 09:00")
    await desks.admin.ask("DELETE", "/api/hours/workdays/2026-11-18")
    await desks.office.jobs()
    await desks.ends(number, "handling", "2026-11-23 24:00")
    assert [why for why, _, _ in await desks.moves(longer)] == ["extension", "calendar", "calendar"]


@SCENARIOS("2026-12-24 09:00", "days nobody has published: a provisional end, until the year is entered")
async def _unpublished(desks: Desks) -> None:
    number = await desks.dispatched()
    await desks.ends(number, "handling", "2026-12-31 24:00", provisional=True)
    await desks.ends(number, "return", "2026-12-28 24:00")
    desks.at("2026-12-30 09:00")
    late = await desks.dispatched()
    await desks.ends(late, "handling", "2027-01-06 24:00", provisional=True)
    await desks.admin.ask("PUT", "/api/hours/workdays/2027-01-01", json={"worked": False, "note": "元旦"})
    await desks.admin.ask("PUT", "/api/hours/workdays/years/2027", json={"complete": True})
    await desks.office.jobs()
    await desks.ends(number, "handling", "2026-12-31 24:00")
    await desks.ends(late, "handling", "2027-01-07 24:00")
