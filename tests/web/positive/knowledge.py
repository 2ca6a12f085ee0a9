"""The knowledge base: written, checked, published, found, corrected."""

from __future__ import annotations

from tests.web.positive.recorder import Recorder

CALL = "ast1-1763761000.50"
CONTENT = {"title": "社保卡补办", "answer": "带身份证到任一合作银行网点办理。", "valid_from": "2020-01-01"}


async def knowledge(r: Recorder) -> None:
    """An entry's life."""
    editor, supervisor, agent, citizen = [await r.at(who) for who in ("knowledge_editor", "supervisor", "agent", "")]
    entries = "/api/knowledge/entries"
    entry = f"{entries}/sbk"
    content = {**CONTENT, "public": True}
    await editor.post(entries, code="sbk", unit_id=r.units.labour, review_on="2099-01-01", content=content)
    await supervisor.get("/api/knowledge/waiting")
    await supervisor.post(f"{entry}/versions/1/check")
    await editor.post(f"{entry}/versions/1/publish")
    await editor.get(entries)
    await editor.get(entry)
    await agent.get("/api/knowledge", q="社保卡")
    await agent.get(f"{entry}/answer")
    await agent.post(f"{entry}/uses", call=CALL)
    await agent.get(f"/api/calls/{CALL}/answers")
    report = await agent.post(f"{entry}/reports", version=1, note="网点已变更")
    await editor.get("/api/knowledge/stale")
    await editor.post(f"{entry}/reports/{report['id']}/settle", outcome="已更正")
    await editor.put(f"{entry}/review", review_on="2099-02-01")
    await citizen.get("/api/public/knowledge", q="社保卡")
    await citizen.get("/api/public/knowledge/sbk")
    await editor.post(f"{entry}/versions", read=1, content=content)
