"""What administrators lay down: queues, skills, hours, teams, contacts, platforms."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from directory.importer import SANMENXIA, import_hotlines
from tests.web.positive.recorder import Recorder

STEPS = [{"after_ms": 0, "needs": ["general"]}]


async def lines(r: Recorder) -> None:
    """The city's lines are there before anybody asks."""
    async with r.services.database.transaction() as session:
        await import_hotlines(session, SANMENXIA.read_bytes(), r.services.settings.site, now=r.services.clock.now())
    await r.services.directory.refresh()
    agent = await r.at("agent")
    await agent.get("/api/directory/hotlines")
    await agent.get("/api/directory/units")
    await agent.get("/api/directory/areas")
    await agent.get("/api/directory/plan", dialled="12333")
    await agent.get("/api/auth/me")
    await agent.get("/api/auth/sessions")


async def queues(r: Recorder) -> None:
    """Queues, the groups they ask for, and when they are open."""
    admin, supervisor = await r.at("admin"), await r.at("supervisor")
    await admin.get("/api/queues")
    await admin.get("/api/queues/night")
    await admin.put("/api/skills/henan", name="河南话", kind="dialect")
    await admin.get("/api/skills")
    await admin.delete("/api/skills/henan")
    await supervisor.put("/api/skills/agents/1002", levels={"general": 2})
    await supervisor.get("/api/skills/agents/1002")
    spans = [{"opens": 480, "closes": 1080, "weekday": 1}]
    await admin.put("/api/hours/schedules/上班时间", spans=spans)
    await admin.get("/api/hours/schedules")
    await admin.put("/api/hours/schedules/上班时间/days/2026-12-31", spans=[], note="盘点")
    await admin.delete("/api/hours/schedules/上班时间/days/2026-12-31")
    await admin.get("/api/hours/workdays", first="2026-10-01", last="2026-10-10")
    await admin.get("/api/hours/workdays/due", start="2026-09-30", days=5)
    await admin.get("/api/hours/workdays/years")
    await admin.get("/api/hours/workdays/2026-12-12/effect", worked=True)
    await admin.put("/api/hours/workdays/2026-12-12", worked=True, note="调休")
    await admin.delete("/api/hours/workdays/2026-12-12")
    await admin.put("/api/hours/workdays/years/2030", complete=False)
    saved = await admin.put("/api/queues/duty", version=0, rule={"name": "值班", "steps": STEPS})
    opened = await admin.put("/api/queues/duty/opening", version=0, schedule="上班时间", closed_queue="night")
    await admin.delete("/api/queues/duty/opening", version=opened["opening"]["version"])
    await admin.delete("/api/queues/duty", version=saved["version"])


async def teams(r: Recorder) -> None:
    """Teams and who leads them."""
    admin = await r.at("admin")
    await admin.put("/api/teams/one", name="综合一班", agents=["1001"], supervisors=["supervisor"])
    await admin.put("/api/teams/two", name="综合二班", agents=["1002"], supervisors=[])
    await admin.get("/api/teams")
    await admin.delete("/api/teams/two")


async def directory(r: Recorder) -> None:
    """Units' contacts and who is on duty, and whom calls can go to."""
    admin, agent = await r.at("admin"), await r.at("agent")
    contact = {"unit_id": r.units.labour, "name": "王主任", "number": "0398-2800001"}
    made = await admin.post("/api/contacts", **contact)
    await admin.get("/api/contacts")
    await admin.put(f"/api/contacts/{made['id']}", **contact, duty="值班")
    await admin.delete(f"/api/contacts/{made['id']}")
    holiday = {"from_day": "2099-10-01", "to_day": "2099-10-07"}
    duty = {"unit_id": r.units.labour, "number": "0398-2800002", **holiday}
    made = await admin.post("/api/duty-numbers", **duty)
    await admin.get("/api/duty-numbers")
    await admin.put(f"/api/duty-numbers/{made['id']}", **duty, note="国庆")
    await admin.delete(f"/api/duty-numbers/{made['id']}")
    read = {"name": "市水利局", "level": "city", "parent_id": None}
    unit = await admin.post("/api/directory/units", **read)
    await admin.put(f"/api/directory/units/{unit['id']}", **{**read, "name": "市水务局"}, read=read)
    numbers = [{"endpoint": "branch-12366", "user": "99012366"}]
    await r.services.directory.refresh()
    seen = {"If-Match": str(r.services.directory.snapshot.version)}
    await admin.ask("PUT", "/api/targets/lines/12366/numbers", json=numbers, headers=seen)
    await admin.get("/api/targets/lines/12366/numbers")
    await admin.get("/api/targets/trunks")
    modes = "/api/directory/lines/12300/modes"
    later = {"mode": "retained", "platform": "ours", "effective_from": "2099-01-01T00:00:00+08:00"}
    planned = await admin.post(modes, version=r.services.directory.snapshot.version, **later)
    await admin.get(modes)
    mode = planned["modes"][-1]["id"]
    await admin.delete(f"{modes}/{mode}", version=r.services.directory.snapshot.version)
    await agent.get("/api/targets")
    await agent.get("/api/targets/line:12366")


async def policies(r: Recorder) -> None:
    """What tickets will run under, one day."""
    admin, supervisor = await r.at("admin"), await r.at("supervisor")
    told = await supervisor.get("/api/ticket-policies")
    await supervisor.get("/api/ticket-policies/schema")
    policy = {**told["versions"][-1]["policy"], "general_days": 4}
    planned = {"first_day": "2099-01-01", "policy": policy, "note": "试行"}
    made = await admin.post("/api/ticket-policies", edition=told["edition"], **planned)
    await supervisor.get(f"/api/ticket-policies/{made['number']}")
    await supervisor.get(f"/api/ticket-policies/{made['number']}/changes")
    await admin.delete(f"/api/ticket-policies/{made['number']}", edition=told["edition"] + 1)


async def partners(r: Recorder) -> None:
    """Platforms we exchange calls and data with."""
    admin = await r.at("admin")
    await admin.put("/api/partners/tax", name="税务", kind="branch", line="12366")
    await admin.get("/api/partners")
    await admin.delete("/api/partners/tax")
    await r.services.directory.refresh()


async def everywhere(r: Recorder) -> None:
    """What is asked by machines, and by who looks afterwards."""
    citizen, auditor, supervisor = await r.at(""), await r.at("auditor"), await r.at("supervisor")
    await citizen.get("/healthz")
    await citizen.get("/metrics")
    await auditor.get("/api/audit", limit=2)
    await auditor.get("/api/audit/entries.csv", action="queue", subject="queue")
    await auditor.get("/api/audit/verify")
    noon = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    period = {"from": (noon - timedelta(hours=1)).isoformat(), "to": (noon + timedelta(hours=1)).isoformat()}
    await supervisor.get("/api/figures/live")
    await supervisor.get("/api/figures/history", by="queue", **period)
    await supervisor.get("/api/figures/history.csv", by="queue", **period)
    await supervisor.get("/api/figures/satisfaction", **period)
    agent = await r.at("second")
    session = (await agent.get("/api/auth/sessions"))[0]["id"]
    await agent.delete(f"/api/auth/sessions/{session}")
    leaver = await r.at("unit_leader")
    await leaver.post("/api/auth/logout")
