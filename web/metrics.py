"""What Prometheus is told: of the web process, and of queues and agents."""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from calls.figure_board import LINE, QUEUE, Board


class WebMetrics:
    """One set per application, so that two applications in one process do not share figures."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "hotline_http_requests", "Requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "hotline_http_seconds",
            "Time from request to response, seconds.",
            ("method", "route"),
            buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
            registry=self.registry,
        )
        self.screens = Gauge("hotline_agent_screens", "Agents' sockets open now.", registry=self.registry)
        self.frames = Counter(
            "hotline_agent_frames", "Frames written to agents' sockets.", ("kind",), registry=self.registry
        )
        self.frame_seconds = Histogram(
            "hotline_agent_frame_seconds",
            "Time from publishing a frame to having it on the socket, seconds.",
            buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.3, 1, 5),
            registry=self.registry,
        )
        self.takeovers = Counter(
            "hotline_agent_takeovers", "Sockets closed because a newer one came.", registry=self.registry
        )
        self.figures = FigureMetrics(self.registry)


_QUEUE_NOW = {
    "waiting": "Calls that wait.",
    "ready": "Agents ready for a call that comes now.",
    "talking": "Agents in talks.",
    "wrap_up": "Agents in wrap-up.",
}
_QUEUE_TODAY = {
    "offered": "Calls offered today.",
    "answered": "Of those, answered.",
    "abandoned": "Of those, abandoned; short abandons are apart.",
    "short_abandoned": "Of those, abandoned within 5 s.",
    "connection_rate": "接通率 of today; absent while nothing was offered.",
    "promptness": "15秒及时率 of today.",
    "service_level": "Service level of today.",
    "abandonment": "Abandonment of today.",
}


class FigureMetrics:
    """Queues and agents as the board of live figures has them. No agent by name: a work number is personal."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, told: str, *labels: str) -> Gauge:
            return Gauge(name, told, labels, registry=registry)

        self._kept_up = gauge("hotline_figures_kept_up", "1 while a process works the live figures out.")
        self._by_queue = {
            **{name: gauge(f"hotline_queue_{name}", told, "queue") for name, told in _QUEUE_NOW.items()},
            **{name: gauge(f"hotline_queue_today_{name}", told, "queue") for name, told in _QUEUE_TODAY.items()},
        }
        self._longest = gauge("hotline_queue_longest_wait_seconds", "How long the longest has waited.", "queue")
        self._agents = gauge("hotline_agents", "Agents signed in, by state.", "state")
        self._rolling = gauge("hotline_connection_rate_24h", "接通率 of the last 24 hours.", "line")

    def update(self, board: Board | None, now_ms: int) -> None:
        """Show a board; None when it cannot be read, and then nothing old is shown either."""
        for labelled in (*self._by_queue.values(), self._longest, self._agents, self._rolling):
            labelled.clear()
        self._kept_up.set(bool(board and board.kept_up))
        if board is None or not board.kept_up:
            return
        for queue, entry in board.of(QUEUE).items():
            for name, gauge in self._by_queue.items():
                if entry[name] is not None:
                    gauge.labels(queue).set(entry[name])
            since_ms = entry["longest_since_ms"]
            self._longest.labels(queue).set(0 if since_ms is None else max(0, now_ms - since_ms) / 1000)
        line = board.entries.get(LINE, {})
        for state, agents in line.get("agents", {}).items():
            self._agents.labels(state).set(agents)
        if line.get("connection_rate_24h") is not None:
            self._rolling.labels("all").set(line["connection_rate_24h"])


class MeasureRequests:
    """Count every request under its route's pattern, never under its path: a path may hold a number."""

    def __init__(self, app: ASGIApp, metrics: WebMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500
        began = time.perf_counter()

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._metrics.requests.labels(method, route, status).inc()
            self._metrics.seconds.labels(method, route).observe(time.perf_counter() - began)


_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
