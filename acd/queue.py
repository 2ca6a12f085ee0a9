"""Calls that ask for an agent: enqueue, leave, and where each stands."""

from __future__ import annotations

from typing import Any

import orjson

from acd.model import CallRequest, CallView, EnqueueResult, Offer
from acd.site import Site
from acd.states import CallState
from hotline.errors import InvalidInput
from hotline.ids import call_id, group_id


class Queue(Site):
    """The calls' part of distribution."""

    async def enqueue(self, request: CallRequest) -> EnqueueResult:
        """排队: the call waits at its place, or is offered at once (the offer comes through the owner's inbox).

        Idempotent by call. A second enqueue, by whatever process, takes over the ownership and keeps the place; an
        offer of a former owner is taken back. Raises AnsweredCall once the call was answered, InvalidInput for a
        request that cannot be meant, EpochChanged.
        """
        state, position = await self._run("enqueue", self._request_json(request))
        return EnqueueResult(position=int(position), state=CallState(state))

    async def resend_call(self, request: CallRequest) -> EnqueueResult:
        """After a new epoch the owner sends a waiting call again; give `queued_ms`, so that its steps go on."""
        return await self.enqueue(request)

    async def resend_talk(self, request: CallRequest, offer: Offer, state: CallState = CallState.TALKING) -> Offer:
        """After a new epoch the owner sends a call that has an agent; the returned offer replaces the old one.

        `state` is TALKING, RINGING or RESERVED. A talk displaces an offer the agent may have got meanwhile. Raises
        Conflict if agent, extension or call are taken by something as real, EpochChanged.
        """
        record = await self._run(
            "resend_talk", self._request_json(request), orjson.dumps(offer.as_message()).decode(), state
        )
        renewed = self._call_view(request.call, record).offer
        if renewed is None:
            raise InvalidInput("only a call with an agent can be sent again as a talk")
        return renewed

    async def leave(self, call: str) -> None:
        """The caller is no longer to be connected; a reserved agent becomes free. Nothing happens if unknown or ended.

        Raises Conflict for a talk (use `finished`), StaleReservation if another process owns the call, EpochChanged.
        """
        await self._run("leave", call_id(call))

    async def call(self, call: str) -> CallView | None:
        """One call, None if unknown or forgotten."""
        text = await self._read("HGET", self._calls, call)
        return self._call_view(call, text) if text else None

    async def calls(self, owner: str | None = None) -> list[CallView]:
        """Calls that have not ended, oldest place first; only those of one process if `owner` is given."""
        if owner is None:
            found = list((await self._read("HGETALL", self._calls)).items())
        else:
            members = await self._read("ZRANGEBYLEX", self._owned, f"[{owner}|", f"({owner}}}")
            names = [member[len(owner) + 1 :] for member in members]
            texts = await self._read("HMGET", self._calls, *names) if names else []
            found = [(name, text) for name, text in zip(names, texts, strict=True) if text]
        views = [self._call_view(call, text) for call, text in found]
        return sorted((view for view in views if view.state is not CallState.ENDED), key=lambda v: (v.place_ms, v.call))

    async def position(self, call: str) -> int | None:
        """From 1, in the shortest of the call's queues; None if it does not wait or its owner is dead."""
        view = await self.call(call)
        if view is None or view.state is not CallState.WAITING or view.parked or not view.groups:
            return None
        ahead = [
            await self._read("ZLEXCOUNT", self._waiting, f"[{group}|", f"({group}|{view.place_ms:016d}|{call}")
            for group in view.groups
        ]
        return int(min(ahead)) + 1

    def _request_json(self, request: CallRequest) -> str:
        if request.owner != self._process:
            raise InvalidInput("a call is enqueued by the process that owns it")
        if not request.steps or any(not step.groups for step in request.steps):
            raise InvalidInput("a call needs at least one step, and each step a group")
        if sorted(request.steps, key=lambda step: step.after_ms) != list(request.steps):
            raise InvalidInput("steps must be in the order of their times")
        head_start = min(max(request.head_start_ms, 0), self._policy.head_start_max_ms)
        body: dict[str, Any] = {
            "call": call_id(request.call),
            "entered_ms": request.entered_ms,
            "place": max(request.entered_ms - head_start, 0),
            "steps": orjson.dumps(
                [
                    {"after_ms": step.after_ms, "groups": [group_id(group) for group in step.groups]}
                    for step in request.steps
                ]
            ).decode(),
            "hotline": request.hotline,
            "label": request.label,
        }
        if request.queued_ms is not None:
            body["queued_ms"] = request.queued_ms
        return orjson.dumps(body).decode()

    @staticmethod
    def _call_view(call: str, text: Any) -> CallView:
        return CallView.from_record(call, orjson.loads(text))
