"""The terminal agent's requests: the server's refusals as errors that say what to do next."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import httpx
import orjson

from hotline.errors import HotlineError, NotSignedIn, PartUnavailable


class Refused(HotlineError):
    """The server understood, and said no."""

    code = "agent.refused"


class Requests:
    """REST at the web process, under one session. `url` is its base, without a slash at the end."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.token = ""
        # The line is in the house: a proxy of the environment is not for it.
        self._http = httpx.AsyncClient(base_url=url, timeout=10, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def login(self, user: str, password: str) -> dict[str, Any]:
        """Open a session; returns the person. Raises NotSignedIn, PartUnavailable."""
        answer = await self.post("/api/auth/login", {"user": user, "password": password})
        self.token = answer["token"]
        self._http.headers["Authorization"] = f"Bearer {self.token}"
        person: dict[str, Any] = answer["person"]
        return person

    async def get(self, path: str) -> Any:
        """What the server shows. Raises as `post` does."""
        return await self._ask("GET", path, None)

    async def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """What the server answers. Raises Refused, NotSignedIn, PartUnavailable (no answer, or a part is away)."""
        return await self._ask("POST", path, body)

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        try:
            answer = await self._http.request(method, path, json=body)
        except httpx.TransportError as error:
            raise PartUnavailable(
                f"{self.url} 没有应答 ({type(error).__name__})", remedy="确认系统已启动: hotline doctor"
            ) from None
        if not answer.is_success:
            raise _refusal(answer)
        return answer.json() if answer.content else None


def _refusal(answer: httpx.Response) -> HotlineError:
    try:
        problem = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        problem = {}
    wrong = "; ".join(f"{one['where']}: {one['why']}" for one in problem.get("wrong", []))
    detail = f"{problem.get('code', answer.status_code)}: {problem.get('detail', '')} {wrong}".strip()
    remedy = problem.get("remedy")
    match answer.status_code:
        case 503:
            return PartUnavailable(detail, remedy=remedy or "稍后再试; hotline doctor 查看各部分")
        case 401:
            return NotSignedIn(detail, remedy=remedy or "检查用户和密码后重新运行 hotline agent")
        case _:
            return Refused(detail, remedy=remedy or "按提示更正后再试")
