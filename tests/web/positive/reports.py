"""Figures, topics, reports and the method of assessment."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from calls.line_figures import LineFigures
from tests.web.positive.recorder import Recorder
from tests.web.positive.tickets import dispatched
from ticketing.reports.making import ReportMaker


async def figures(r: Recorder) -> None:
    """指标, what is left out of them, 热点."""
    supervisor = await r.at("supervisor")
    number = await dispatched(r)
    month = f"{r.services.clock.now():%Y-%m}"
    await supervisor.get("/api/figures/definitions")
    await supervisor.get("/api/figures/tickets", **{"from": month, "by": "unit", "figure": ["return_rate"]})
    await supervisor.get("/api/figures/tickets.csv", **{"from": month, "by": "source"})
    await supervisor.get("/api/figures/tickets/return_rate/cases", period=month, limit=1)
    path = f"/api/tickets/{number}/figure-exclusions"
    made = await supervisor.post(path, reason="force_majeure", facts="强降雨致道路中断", unit_id=r.units.labour)
    await supervisor.get(path)
    await supervisor.post(f"{path}/{made['id']}/revoke", reason="已恢复通行")
    for question in ("rises", "words", "concentrated"):
        await supervisor.get(f"/api/topics/{question}")


async def reports(r: Recorder) -> None:
    """通报: asked for, made, published, corrected."""
    supervisor, admin = await r.at("supervisor"), await r.at("admin")
    site, services = r.services.settings.site, r.services
    maker = ReportMaker(services.database, services.clock, LineFigures(), city=site.name, zone=ZoneInfo(site.timezone))
    revisions = []
    for reason in ("", "回访评价录入有误"):
        asked = await supervisor.post("/api/reports", kind="bulletin", period="2025-Q4")
        await maker.step()
        path = f"/api/reports/{asked['id']}"
        revisions.append(await supervisor.post(f"{path}/publish", reason=reason))
    await supervisor.get("/api/reports")
    for what in ("", "/content", "/document", "/workbook"):
        await supervisor.get(f"{path}{what}")
    await supervisor.get("/api/publications", limit=1)
    await supervisor.get("/api/publications/of/bulletin/2025-Q4")
    for what in ("", "/document", "/workbook"):
        await supervisor.get(f"/api/publications/{revisions[0]['id']}{what}")
    (ours,) = await admin.get("/api/assessment-methods")
    await admin.post("/api/assessment-methods", first_day="2030-01-01", method=ours["method"], note="试行")
