"""Every operation of the API under requests of every kind, and what is wrong with its answers."""

from __future__ import annotations

import asyncio
import traceback
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any
from urllib.parse import urlsplit

import httpx
import requests
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.errors import SerializationNotPossible

from media.errors import SpeechUnavailable
from tests.web.contract import Contract, document_of
from tests.web.hostile import METHODS, Sent, from_good
from web.problems import PROBLEM_TYPE

Operation = tuple[str, str]

NOT_FUZZED: frozenset[Operation] = frozenset({("POST", "/api/auth/logout")})
"""What would end the session that everything is asked with."""

OPTIONAL = frozenset({SpeechUnavailable.code})
"""Codes of parts that a host may do without: where they are missing, what needs them is answered 503, as the document
says. Any other answer of 500 and more is a breach."""

_BEARER = {"security": [{"HTTPBearer": []}]}


@dataclass
class Examiner:
    """Sends requests to an application and keeps what does not fit its document."""

    app: FastAPI
    tokens: Mapping[Operation, Sequence[str]]
    """Of people who get through each operation's door."""
    good: Mapping[Operation, Sequence[Sent]]
    """Requests that were answered 2xx."""
    breaches: dict[tuple[str, str, str], str] = field(default_factory=dict)
    counted: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.contract = Contract(document_of(self.app))
        # What the application raises is answered 500; its traceback is no answer.
        self._http = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=False), base_url="http://web"
        )

    @property
    def operations(self) -> list[Operation]:
        """Every operation that the document tells of."""
        paths = self.contract.document["paths"]
        return [(method.upper(), path) for path, methods in paths.items() for method in methods]

    async def send(self, sent: Sent, token: str | None) -> httpx.Response | None:
        """The answer, judged; None where the client itself cannot send such a thing."""
        headers: dict[str, Any] = dict(sent.headers)
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            answer = await self._http.request(sent.method, sent.target, headers=headers, content=sent.content)
        except (httpx.InvalidURL, UnicodeError):
            return None
        self.counted[answer.status_code] += 1
        return answer

    def judge(self, sent: Sent, answer: httpx.Response) -> None:
        """Keep what is wrong with the answer to a request of a documented method."""
        why = None
        if answer.status_code == 307:
            # A slash at the end is redirected away before anything else.
            return
        if answer.status_code >= 500 and not _not_installed(answer):
            why = f"{answer.status_code} {answer.text[:200]}"
        elif sent.route != (found := self.contract.route(sent.method, urlsplit(str(answer.url)).path)):
            # A path that was made longer, or empty: whatever it is, it is an orderly refusal. NUL is refused (422)
            # before anybody looks for an operation.
            if found is None and answer.status_code not in (404, 405, 422):
                why = f"{answer.status_code} where there is no operation"
        else:
            why = self.contract.breach(sent.method, sent.route, answer)
        if why is not None:
            self.breaches.setdefault(
                (sent.method, sent.route, why[:60]), f"{sent.why}: {sent.target[:200]} {sent.content[:200]!r} -> {why}"
            )

    async def hostile(self, operation: Operation, share: float, random: Random) -> None:
        """`share` of what can be written into each place of its good requests."""
        names: dict[str, list[str]] = {}
        method, route = operation
        for parameter in self.contract.document["paths"][route][method.lower()].get("parameters", ()):
            names.setdefault(parameter["in"], []).append(parameter["name"])
        for good in self.good.get(operation, [])[:1]:
            for sent in from_good(good, names):
                if random.random() < share:
                    answer = await self.send(sent, random.choice(self.tokens[operation]))
                    if answer is not None:
                        self.judge(sent, answer)

    async def methods(self, route: str) -> None:
        """405 with `Allow`, as a problem, to every method that the path has none for."""
        path = route.replace("{", "").replace("}", "")
        known = self.contract.methods(path)
        for method in METHODS:
            sent = Sent(method, route, path, why="method")
            answer = await self.send(sent, None)
            if method in known or answer is None or answer.status_code != 405:
                if method not in known and not (method == "HEAD" and answer is not None and answer.status_code < 500):
                    self.breaches[method, route, "no 405"] = f"{answer and answer.status_code}"
                continue
            allowed = set(answer.headers.get("allow", "").split(", ")) - {"HEAD"}
            kind = answer.headers["content-type"]
            # An answer to HEAD has no body to look into.
            code = "http.method_not_allowed" if method == "HEAD" else _code(answer)
            if allowed != known or kind != PROBLEM_TYPE or code != "http.method_not_allowed":
                self.breaches[method, route, "405"] = f"allow {allowed}, known {known}, {kind}"

    async def unsigned(self, operation: Operation) -> None:
        """401 to whoever is not signed in, wherever the document asks for it."""
        method, route = operation
        if not self.contract.document["paths"][route][method.lower()].get("security"):
            return
        for sent in self.good.get(operation, [])[:1]:
            good = replace(sent, headers={name: value for name, value in sent.headers.items() if name != "Cookie"})
            for token in (None, "nonsense", "x" * 10_000):
                answer = await self.send(good, token)
                wanted = (401, "access.unauthenticated")
                if answer is not None and (answer.status_code, _code(answer)) != wanted:
                    self.breaches[method, route, "401"] = (
                        f"{answer.status_code} {answer.text[:200]} to {str(token)[:9]}"
                    )

    async def generated(self, operation: Operation, examples: int, number: int) -> None:
        """Requests that schemathesis makes from the document, fitting and not, with ids that there are and not."""
        loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._generated, operation, examples, number, loop)

    def _generated(self, operation: Operation, examples: int, number: int, loop: asyncio.AbstractEventLoop) -> None:
        method, route = operation
        wanted = self._schema()[route][method]
        known = [_values(route, good.path) for good in self.good.get(operation, [])] or [{}]
        modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        cases = st.one_of(
            [wanted.as_strategy(generation_mode=mode, path_parameters=ids) for ids in known[:4] for mode in modes]
            + ([wanted.as_strategy()] if "{" in route else [])
        )

        @seed(number)
        @settings(
            max_examples=examples,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(cases, st.sampled_from(self.tokens[operation]))
        def sends(case: schemathesis.Case, token: str) -> None:
            sent = _as_sent(case, route)
            if sent is not None:
                answer = asyncio.run_coroutine_threadsafe(self.send(sent, token), loop).result()
                if answer is not None:
                    self.judge(sent, answer)

        try:
            sends()
        except SerializationNotPossible:
            # Sound: what is uploaded there is tested where it is read.
            return
        except Exception:  # noqa: BLE001 - what cannot be generated is a finding
            self.breaches[method, route, "not generated"] = traceback.format_exc()[-400:]

    def _schema(self) -> schemathesis.BaseSchema:
        if not _SCHEMAS:
            _SCHEMAS.append(schemathesis.openapi.from_dict(dict(self.contract.document)))
        return _SCHEMAS[0]

    async def close(self) -> None:
        """Let go of the application."""
        await self._http.aclose()

    def told(self) -> str:
        """The breaches, one a line."""
        return "\n".join(f"{method} {route}: {what}" for (method, route, _), what in sorted(self.breaches.items()))


_SCHEMAS: list[schemathesis.BaseSchema] = []
"""Made once a run: it takes seconds."""


def _code(answer: httpx.Response) -> str | None:
    try:
        found: str | None = answer.json()["code"]
    except (ValueError, KeyError, TypeError):
        return None
    return found


def _not_installed(answer: httpx.Response) -> bool:
    return answer.status_code == 503 and _code(answer) in OPTIONAL


def _values(route: str, path: str) -> dict[str, str]:
    pairs = zip(route.split("/"), path.split("/"), strict=True)
    return {name[1:-1]: value for name, value in pairs if name.startswith("{")}


def _as_sent(case: schemathesis.Case, route: str) -> Sent | None:
    """A generated case as a request; None for what no client can write."""
    words = case.as_transport_kwargs(base_url="http://web")
    parts = ("method", "url", "headers", "params", "data", "json", "files")
    try:
        request = requests.Request(**{name: words[name] for name in parts if name in words}).prepare()
    except (requests.RequestException, UnicodeError, ValueError):
        return None
    there = urlsplit(str(request.url))
    headers = {name: value for name, value in request.headers.items() if name.lower() != "authorization"}
    body = request.body or b""
    content = body if isinstance(body, bytes) else str(body).encode(errors="surrogatepass")
    return Sent(str(request.method), route, there.path, there.query, headers, content, "generated")
