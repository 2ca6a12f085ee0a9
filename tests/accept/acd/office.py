"""Who administers the line in a test: queues' rules, agents' levels and callers' marks, over REST like everybody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx

from tests.accept.line import Line
from tests.accept.people import log_in


class Office:
    """An administrator (or a supervisor) who is signed in. What is changed here is put back at the item's end."""

    def __init__(self, line: Line, http: httpx.AsyncClient) -> None:
        self._line = line
        self._http = http

    async def _ask(self, method: str, path: str, **more: Any) -> Any:
        answer = await self._http.request(method, path, **more)
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    async def get(self, path: str, **params: Any) -> Any:
        """What this address says."""
        return await self._ask("GET", path, params=params)

    async def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Ask for something to be done."""
        return await self._ask("POST", path, json=body)

    async def change_queue(self, queue: str, **changes: Any) -> None:
        """Lay a queue down with some of its rule changed."""
        now = await self._ask("GET", f"/api/queues/{queue}")
        body = {"version": now["version"], "rule": now["rule"] | changes}
        after = await self._ask("PUT", f"/api/queues/{queue}", json=body)
        if now["version"] == 0:

            async def put_back() -> None:
                last = await self._ask("GET", f"/api/queues/{queue}")
                await self._ask("DELETE", f"/api/queues/{queue}", params={"version": last["version"]})

            self._line.cleanup.append(put_back)
        assert after["rule"] == body["rule"], "a rule is not kept as it was laid down"

    async def set_levels(self, agent: str, levels: dict[str, int]) -> None:
        """Another proficiency for an agent."""
        path = f"/api/skills/agents/{agent}"
        before = await self._ask("GET", path)
        await self._ask("PUT", path, json={"levels": levels})

        async def put_back() -> None:
            await self._ask("PUT", path, json=before)

        self._line.cleanup.append(put_back)

    async def mark_vulnerable(self, numbers: Sequence[str]) -> None:
        """Callers (特殊群体) with a head start."""
        for number in numbers:
            await self._ask("POST", "/api/callers/vulnerable", json={"caller": number, "reason": "独居老人"})

    async def waiting(self, queue: str) -> list[dict[str, Any]]:
        """The calls that wait in a queue, by place."""
        found: list[dict[str, Any]] = await self._ask("GET", "/api/supervision/waiting", params={"queue": queue})
        return found


async def office(line: Line) -> Office:
    """Sign the demonstration's administrator in."""
    http = httpx.AsyncClient(base_url=line.web, timeout=10.0, trust_env=False)
    line.cleanup.append(http.aclose)
    await log_in(http, "admin")
    return Office(line, http)
