"""Calls that ask for an agent: enqueue, leave, and where each stands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from acd.model import CallRequest, CallView, Offer
from acd.needs import Need
from acd.queues import QueueRule, TieBreak
from acd.records import CALL, pairs
from acd.scripting import owned_key
from acd.site import Site
from acd.states import CallState
from hotline.errors import InvalidInput
from hotline.ids import agent_id, call_id, group_id

_ASKED = ("call", "entered_ms", "place", "queue", "hotline", "label")
_MAY_ASK = ("queued_ms", "prefer", "even_if_full")
"""What `enqueue` is told, in this order."""


class Queue(Site):
    """The calls' part of distribution."""

    async def enqueue(self, request: CallRequest) -> CallState:
        """排队: the call waits at its place, or is offered at once (the offer comes through the owner's inbox).

        Returns the call's state now; `position` says where it stands.

        Idempotent by call. A second enqueue, by whatever process, takes over the ownership and keeps the place; an
        offer of a former owner is taken back; a call that was moved stays in its queue. Raises AnsweredCall once the
        call was answered, QueueFull for a new call (nothing was changed), UnknownQueue, InvalidInput for a request that
        cannot be meant, EpochChanged.
        """
        asked = self._request(request)
        # One by one, as the scripts read them at no cost: this one runs for every call.
        told = (*(asked[name] for name in _ASKED), *(asked.get(name, "") for name in _MAY_ASK))
        return CallState(await self._run("enqueue", *told))

    async def resend_call(self, request: CallRequest) -> CallState:
        """After a new epoch the owner sends a waiting call again; give `queued_ms`, so that its steps go on."""
        return await self.enqueue(request)

    async def resend_talk(self, request: CallRequest, offer: Offer, state: CallState = CallState.TALKING) -> Offer:
        """After a new epoch the owner sends a call that has an agent; the returned offer replaces the old one.

        `state` is TALKING, RINGING or RESERVED. A talk displaces an offer the agent may have got meanwhile. Raises
        Conflict if agent, extension or call are taken by something as real, EpochChanged.
        """
        record = await self._run(
            "resend_talk", _json(self._request(request)), orjson.dumps(offer.as_message()).decode(), state
        )
        renewed = CallView.from_record(request.call, orjson.loads(record)).offer
        if renewed is None:
            raise InvalidInput("only a call with an agent can be sent again as a talk")
        return renewed

    async def leave(self, call: str) -> None:
        """The caller is no longer to be connected; a reserved agent becomes free. Nothing happens if unknown or ended.

        Raises Conflict for a talk (use `finished`), StaleReservation if another process owns the call, EpochChanged.
        """
        await self._run("leave", call_id(call))

    async def configure(self, rules: Sequence[QueueRule], version: int) -> bool:
        """Lay down the rules of all queues; the newest version wins. Returns whether this one did.

        Calls that wait are listed under their queue's new steps at once, at their places; a queue that is left out
        goes on under its last rule until it is empty. Raises InvalidInput, EpochChanged.
        """
        names = {rule.queue for rule in rules}
        if len(names) != len(rules):
            raise InvalidInput("a queue is named twice")
        if any(rule.when_late.queue and rule.when_late.queue not in names for rule in rules):
            raise InvalidInput("an overflow names a queue that does not exist")
        needs = {_pool(need, rule): need.skills for rule in rules for step in rule.steps for need in step.needs}
        self._rules = (version, _json([_rule(rule) for rule in rules]), _json(needs))
        return bool(await self._run_once("configure", *self._rules))

    async def pick(self, call: str, agent: str) -> None:
        """A waiting call goes to this agent, whoever else waits; an agent who was not ready is not ready afterwards.

        Raises Conflict when the call does not wait, or the agent is neither READY nor NOT_READY or has no phone;
        EpochChanged.
        """
        await self._run("pick", call_id(call), agent_id(agent))

    async def call_out(self, request: CallRequest) -> None:
        """外呼: the agent `request.only` is reserved for a call of their own; the offer comes to the owner's inbox.

        The agent may be READY, NOT_READY or in WRAP_UP, which ends; afterwards what was asked for before holds again.
        Such a call never waits: an offer that does not become a talk is its end. Raises Conflict when the agent is
        occupied, signed out or has no phone, or the call is known; InvalidInput, UnknownQueue, EpochChanged.
        """
        if not request.only:
            raise InvalidInput("a call out is one agent's")
        await self._run("call_out", _json(self._request(request)))

    async def move(self, call: str, queue: str) -> None:
        """A waiting call into another queue, with its place and the time it has waited; its owner is told.

        Raises Conflict when it does not wait, UnknownQueue, EpochChanged.
        """
        await self._run("move", call_id(call), group_id(queue))

    async def release(self, call: str) -> None:
        """A call that waits for one agent alone is open to all. Raises Conflict when it does not wait, EpochChanged."""
        await self._run("release", call_id(call))

    async def call(self, call: str) -> CallView | None:
        """One call, None if unknown or forgotten."""
        record = await self._read("HGET", self._calls, call, packed=True)
        return CallView.from_record(call, CALL.unpack(record)) if record else None

    async def calls(self, owner: str | None = None) -> list[CallView]:
        """Calls that have not ended, oldest place first; only those of one process if `owner` is given."""
        if owner is None:
            found = pairs(await self._read("HGETALL", self._calls, packed=True), CALL.unpack)
        else:
            found = await self._named(await self._read("SMEMBERS", owned_key(self._site, owner)))
        views = [CallView.from_record(call, record) for call, record in found]
        return sorted((view for view in views if view.state is not CallState.ENDED), key=lambda v: (v.place_ms, v.call))

    async def waiting(self, queue: str) -> list[CallView]:
        """The calls that wait in a queue, in their order."""
        found = await self._named(
            member.partition("|")[2] for member in await self._members(self._waiting, f"#{queue}")
        )
        views = (CallView.from_record(call, record) for call, record in found)
        return [view for view in views if view.state is CallState.WAITING]

    async def position(self, call: str) -> int | None:
        """From 1, in the call's queue; None if it does not wait or its owner is dead."""
        view = await self.call(call)
        if view is None or view.state is not CallState.WAITING or view.parked:
            return None
        pool = f"#{view.queue}"
        upto = f"[{pool}|{view.place_ms:013d}|{call}"
        return int(await self._read("ZLEXCOUNT", self._waiting, f"[{pool}|", upto))

    async def queue_lengths(self) -> dict[str, int]:
        """How many calls wait in each queue."""
        queues = await self._read("HKEYS", self._queues)
        return {q: int(await self._read("ZLEXCOUNT", self._waiting, f"[#{q}|", f"(#{q}}}")) for q in sorted(queues)}

    async def _members(self, index: str, pool: str) -> list[str]:
        """The members of a pool, without it."""
        return [m[len(pool) + 1 :] for m in await self._read("ZRANGEBYLEX", index, f"[{pool}|", f"({pool}}}")]

    async def _named(self, calls: Iterable[str]) -> list[tuple[str, dict[str, Any]]]:
        names = list(calls)
        records = await self._read("HMGET", self._calls, *names, packed=True) if names else []
        return [(name, CALL.unpack(record)) for name, record in zip(names, records, strict=True) if record]

    def _request(self, request: CallRequest) -> dict[str, Any]:
        """What a request tells the scripts; raises InvalidInput."""
        if request.owner != self._process:
            raise InvalidInput("a call is enqueued by the process that owns it")
        head_start = min(max(request.head_start_ms, 0), self._policy.head_start_max_ms)
        body: dict[str, Any] = {
            "call": call_id(request.call),
            "entered_ms": request.entered_ms,
            "place": max(request.entered_ms - head_start, 0),
            "queue": group_id(request.queue),
            "hotline": request.hotline,
            "label": request.label,
        }
        if request.queued_ms is not None:
            body["queued_ms"] = request.queued_ms
        if request.prefer:
            body["prefer"] = agent_id(request.prefer)
        if request.even_if_full:
            body["even_if_full"] = 1
        if request.only:
            body["only"] = agent_id(request.only)
        return body


_MARKS = {TieBreak.LONGEST_IDLE: "", TieBreak.LEAST_OCCUPIED: "!o", TieBreak.MOST_PROFICIENT: "!p"}


def _pool(need: Need, rule: QueueRule) -> str:
    """Its mark says how the pool ranks its ready agents."""
    return need.text + _MARKS[rule.tie_break]


def _rule(rule: QueueRule) -> dict[str, Any]:
    """As the scripts read it; what has no limit is left out."""
    told: dict[str, Any] = {
        "queue": rule.queue,
        "steps": [
            {"after_ms": step.after_ms, "pools": " ".join(_pool(need, rule) for need in step.needs)}
            for step in rule.steps
        ],
        "affinity_ms": rule.affinity_ms,
        "wrap_up_ms": rule.wrap_up_ms,
        "wrap_up_max_ms": rule.wrap_up_max_ms,
    }
    limits = {"max_waiting": rule.max_waiting, "late_ms": rule.max_wait_ms, "late_queue": rule.when_late.queue or None}
    return told | {name: limit for name, limit in limits.items() if limit is not None}


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
