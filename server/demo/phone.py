"""A SIP phone in a few hundred lines: registers, calls, answers, refuses, hangs up, and hears.

For the demonstration and for tests on loopback only; it retransmits nothing but INVITE and REGISTER, and its last
answer to an INVITE that comes again.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from server.demo.rtp import RtpStream
from server.demo.sip import (
    Message,
    digest_answer,
    media_address,
    new_token,
    offer_sdp,
    parse,
    routes,
    tag_of,
    uri_of,
)

_RETRANSMIT_SECONDS = 0.5
_ACK_SECONDS = 5.0
_RENEWED_AT = 0.4
"""Of the time a registration lasts: once more before it is over, should the server not answer."""


@dataclass(eq=False)
class PhoneCall:
    """One call of a phone. `log` holds monotonic times of what happened: invite, ringing, answered, ended."""

    phone: Phone
    call_id: str
    local: str
    remote: str
    target: str
    incoming: bool
    invite: Message
    audio: RtpStream = field(default_factory=RtpStream)
    log: dict[str, float] = field(default_factory=dict)
    status: int = 0
    ended_by: str = ""
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    acknowledged: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    cseq: int = 1
    route: list[str] = field(default_factory=list)
    """Proxies that want to see every request of the call (RFC 3261 section 12), nearest first."""

    def note(self, what: str) -> None:
        self.log.setdefault(what, time.monotonic())

    async def ring(self) -> None:
        """Answer an incoming call with 180 Ringing."""
        self.note("ringing")
        self.phone.reply(self.invite, 180, "Ringing", tag=tag_of(self.local), contact=True)

    async def answer(self, *, sound: bool = True) -> None:
        """Answer an incoming call with 200 OK and start sending sound; without it a phone costs next to nothing."""
        if self.ended.is_set():
            return
        if sound:
            self.audio.start(media_address(self.invite.body))
        sdp = offer_sdp(self.phone.host, self.audio.port)
        self.phone.reply(self.invite, 200, "OK", tag=tag_of(self.local), contact=True, body=sdp)
        self.note("answered")
        self.answered.set()

    async def refuse(self, status: int, reason: str) -> None:
        """Refuse an incoming call, e.g. 486 Busy Here, 603 Decline."""
        self.phone.reply(self.invite, status, reason, tag=tag_of(self.local))
        self.finish("self")

    async def hang_up(self) -> None:
        """End the call: BYE when answered, CANCEL for an outgoing one that is not."""
        if self.ended.is_set():
            return
        if self.answered.is_set():
            if self.incoming:
                # RFC 3261 section 15: the callee sends no BYE before its answer is acknowledged.
                await asyncio.wait_for(self.acknowledged.wait(), _ACK_SECONDS)
            self.cseq += 1
            self.phone.send(self.request("BYE", self.cseq))
        elif not self.incoming:
            cancel = self.request("CANCEL", self.invite.cseq[0], via=self.invite.get("via"))
            cancel.uri = self.invite.uri
            self.phone.send(cancel)
        self.finish("self")

    def request(self, method: str, cseq: int, *, via: str = "") -> Message:
        return Message(
            method=method,
            uri=self.target,
            headers=[
                ("via", via or self.phone.via()),
                *(("route", proxy) for proxy in self.route),
                ("max-forwards", "70"),
                ("from", self.local),
                ("to", self.remote),
                ("call-id", self.call_id),
                ("cseq", f"{cseq} {method}"),
                ("contact", f"<{self.phone.contact}>"),
            ],
        )

    def finish(self, by: str) -> None:
        if not self.ended.is_set():
            self.ended_by = by
            self.note("ended")
            self.ended.set()
            self.audio.close()


Incoming = Callable[[PhoneCall], Awaitable[None]]


async def answer_at_once(call: PhoneCall) -> None:
    """The default behaviour: ring, then answer."""
    await call.ring()
    await call.answer()


class Phone(asyncio.DatagramProtocol):
    """A phone at `host`, speaking to the server at `server`. `user` is its extension or the caller's number."""

    def __init__(
        self,
        user: str,
        *,
        server: tuple[str, int],
        password: str = "",
        host: str = "127.0.0.1",
        port: int = 0,
        on_call: Incoming = answer_at_once,
    ) -> None:
        self.user = user
        self.host = host
        self.on_call = on_call
        self.calls: list[PhoneCall] = []
        self.incoming: asyncio.Queue[PhoneCall] = asyncio.Queue()
        self._server = server
        self._password = password
        self._port = port
        self._transport: asyncio.DatagramTransport | None = None
        self._closed = asyncio.Event()
        self._by_id: dict[str, PhoneCall] = {}
        self._said: dict[str, Message] = {}
        self._replies: dict[tuple[str, int], asyncio.Queue[Message]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._staying: asyncio.Task[None] | None = None

    async def start(self) -> Phone:
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, local_addr=(self.host, self._port))
        return self

    async def close(self) -> None:
        for call in list(self._by_id.values()):
            await call.hang_up()
        for task in self._tasks:
            task.cancel()
        if self._transport is not None:
            self._transport.close()
            # The port is free when the loop has been round: somebody may want it next.
            await self._closed.wait()

    def drop(self) -> None:
        """Lose power: nobody is told, and nothing is answered any more."""
        for call in self._by_id.values():
            call.finish("self")
        for task in self._tasks:
            task.cancel()
        if self._transport is not None:
            self._transport.close()

    @property
    def contact(self) -> str:
        return f"sip:{self.user}@{self.host}:{self._port}"

    def via(self) -> str:
        return f"SIP/2.0/UDP {self.host}:{self._port};branch=z9hG4bK{new_token()};rport"

    # -- what a person does ------------------------------------------------------------------------------------

    async def register(self, *, expires: int = 300) -> None:
        """Register with digest authentication, and stay registered; `expires` (seconds) 0 unregisters. Raises
        RuntimeError when refused."""
        if self._staying is not None:
            self._staying.cancel()
            self._staying = None
        await self._register(expires)
        if expires:
            self._staying = self._spawn(self._stay_registered(expires))

    async def _stay_registered(self, expires: int) -> None:
        while True:
            await asyncio.sleep(expires * _RENEWED_AT)
            # A server that does not answer may do so next time.
            with contextlib.suppress(TimeoutError):
                await self._register(expires)

    async def _register(self, expires: int) -> None:
        uri = f"sip:{self._server[0]}:{self._server[1]}"
        own = f"<sip:{self.user}@{self._server[0]}>"
        call_id, tag = new_token(), new_token()
        extra: list[tuple[str, str]] = []
        for cseq in (1, 2):
            message = Message(
                method="REGISTER",
                uri=uri,
                headers=[
                    ("via", self.via()),
                    ("max-forwards", "70"),
                    ("from", f"{own};tag={tag}"),
                    ("to", own),
                    ("call-id", call_id),
                    ("cseq", f"{cseq} REGISTER"),
                    ("contact", f"<{self.contact}>"),
                    ("expires", str(expires)),
                    *extra,
                ],
            )
            answer = await self._ask(message)
            if answer.status == 200:
                return
            if answer.status != 401:
                break
            challenge = answer.get("www-authenticate")
            authorization = digest_answer(
                challenge, user=self.user, password=self._password, method="REGISTER", uri=uri
            )
            extra = [("authorization", authorization)]
        raise RuntimeError(f"REGISTER of {self.user} was refused with {answer.status}")

    async def call(
        self,
        number: str,
        *,
        display: str = "",
        headers: list[tuple[str, str]] | None = None,
        sound: bytes = b"",
        from_user: str = "",
    ) -> PhoneCall:
        """Dial `number`; returns as soon as the INVITE is on its way. Wait for `answered` or `ended`."""
        target = f"sip:{number}@{self._server[0]}:{self._server[1]}"
        call = PhoneCall(
            phone=self,
            call_id=new_token(),
            local=f"{display} <sip:{from_user or self.user}@{self.host}:{self._port}>;tag={new_token()}".strip(),
            remote=f"<{target}>",
            target=target,
            incoming=False,
            invite=Message(),
        )
        await call.audio.open(self.host)
        call.audio.play(sound)
        call.invite = call.request("INVITE", call.cseq)
        call.invite.headers += [*(headers or []), ("content-type", "application/sdp")]
        call.invite.body = offer_sdp(self.host, call.audio.port)
        self._by_id[call.call_id] = call
        self.calls.append(call)
        call.note("invite")
        self._spawn(self._follow_invite(call))
        return call

    # -- the wire ----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport
        self._port = int(transport.get_extra_info("sockname")[1])

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - as the protocol has it
        self._closed.set()

    def send(self, message: Message) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(message.dump(), self._server)

    def reply(
        self, request: Message, status: int, reason: str, *, tag: str = "", contact: bool = False, body: str = ""
    ) -> None:
        to = request.get("to")
        if tag and not tag_of(to):
            to = f"{to};tag={tag}"
        headers = [*request.all("via"), *request.all("record-route"), ("from", request.get("from")), ("to", to)]
        headers += [("call-id", request.get("call-id")), ("cseq", request.get("cseq"))]
        if contact:
            headers.append(("contact", f"<{self.contact}>"))
        if body:
            headers.append(("content-type", "application/sdp"))
        answer = Message(status=status, reason=reason, headers=headers, body=body)
        if request.method == "INVITE":
            self._said[request.get("call-id")] = answer
        self.send(answer)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:  # noqa: ARG002
        try:
            message = parse(data)
        except (ValueError, IndexError):
            return
        if message.status:
            queue = self._replies.get((message.get("call-id"), message.cseq[0]))
            if queue is not None:
                queue.put_nowait(message)
            return
        match message.method:
            case "INVITE":
                self._invited(message)
            case "BYE" | "CANCEL":
                self.reply(message, 200, "OK")
                self._ended(message)
            case "ACK":
                if acknowledged := self._by_id.get(message.get("call-id")):
                    acknowledged.acknowledged.set()
            case _:
                self.reply(message, 200, "OK")

    def _invited(self, invite: Message) -> None:
        known = self._by_id.get(invite.get("call-id"))
        if known is not None:
            if known.invite.cseq == invite.cseq:
                # It has not reached the caller, or crossed this on its way: RFC 3261 section 17.2.1.
                self.send(self._said[known.call_id])
                return
            # A re-INVITE: confirm the session as it is.
            body = offer_sdp(self.host, known.audio.port)
            self.reply(invite, 200, "OK", tag=tag_of(known.local), contact=True, body=body)
            return
        call = PhoneCall(
            phone=self,
            call_id=invite.get("call-id"),
            local=f"{invite.get('to')};tag={new_token()}",
            remote=invite.get("from"),
            target=uri_of(invite.get("contact")),
            incoming=True,
            invite=invite,
            route=routes(invite),
        )
        call.note("invite")
        self._by_id[call.call_id] = call
        self.calls.append(call)
        self.reply(invite, 100, "Trying")
        self._spawn(self._meet(call))

    async def _meet(self, call: PhoneCall) -> None:
        await call.audio.open(self.host)
        self.incoming.put_nowait(call)
        await self.on_call(call)

    def _ended(self, message: Message) -> None:
        call = self._by_id.get(message.get("call-id"))
        if call is None:
            return
        if message.method == "CANCEL" and not call.answered.is_set():
            self.reply(call.invite, 487, "Request Terminated", tag=tag_of(call.local))
        call.finish("remote")

    async def _ask(self, request: Message, *, seconds: float = 5.0) -> Message:
        """Send until an answer comes; provisional ones are passed over. Raises TimeoutError."""
        key = (request.get("call-id"), request.cseq[0])
        queue = self._replies[key] = asyncio.Queue()
        async with asyncio.timeout(seconds):
            while True:
                self.send(request)
                try:
                    async with asyncio.timeout(_RETRANSMIT_SECONDS):
                        while (answer := await queue.get()).status < 200:
                            pass
                    return answer
                except TimeoutError:
                    continue

    async def _follow_invite(self, call: PhoneCall) -> None:
        queue = self._replies[call.call_id, call.cseq] = asyncio.Queue()
        self.send(call.invite)
        heard = False
        while not call.ended.is_set():
            try:
                answer = await asyncio.wait_for(queue.get(), None if heard else _RETRANSMIT_SECONDS)
            except TimeoutError:
                self.send(call.invite)
                continue
            heard = True
            if answer.cseq[1] != "INVITE":
                continue
            if answer.body:
                call.audio.start(media_address(answer.body))
            if answer.status < 200:
                call.note("ringing" if answer.status >= 180 else "trying")
                continue
            call.status = answer.status
            call.remote = answer.get("to")
            if answer.status < 300:
                call.target = uri_of(answer.get("contact"))
                call.route = routes(answer)[::-1]
                self.send(call.request("ACK", answer.cseq[0]))
                call.note("answered")
                call.answered.set()
                continue
            ack = call.request("ACK", answer.cseq[0], via=call.invite.get("via"))
            self.send(ack)
            call.finish("remote")

    def _spawn(self, work: Awaitable[None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            asyncio.get_running_loop().call_exception_handler(
                {"message": "phone behaviour failed", "exception": task.exception()}
            )
