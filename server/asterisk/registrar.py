"""Takes a phone's registration back from this host's Asterisk: the phone has moved to another host of the site.

SIP has a request for it, with the phone's own password; AMI has none.
"""

from __future__ import annotations

import asyncio
from typing import Final

from hotline.errors import PartUnavailable
from hotline.ids import extension
from hotline.settings import Settings
from server.asterisk import secrets
from server.demo.sip import Message, digest_answer, new_token, parse

_ANSWER_SECONDS: Final = 2.0


class _Answers(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.queue: asyncio.Queue[Message] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:  # noqa: ARG002
        try:
            self.queue.put_nowait(parse(data))
        except (ValueError, IndexError):
            return


async def unregister(settings: Settings, seat: str) -> None:
    """Afterwards this host has no contact of the extension. Raises PartUnavailable when Asterisk does not do it."""
    user = extension(seat)
    asterisk = settings.asterisk
    host = "127.0.0.1" if asterisk.bind == "0.0.0.0" else asterisk.bind  # noqa: S104 - compared, not bound
    loop = asyncio.get_running_loop()
    transport, answers = await loop.create_datagram_endpoint(_Answers, remote_addr=(host, asterisk.sip_port))
    try:
        own_host, own_port = transport.get_extra_info("sockname")[:2]
        uri, call, tag = f"sip:{host}:{asterisk.sip_port}", new_token(), new_token()
        authorization: list[tuple[str, str]] = []
        for cseq in (1, 2):
            request = Message(
                method="REGISTER",
                uri=uri,
                headers=[
                    ("via", f"SIP/2.0/UDP {own_host}:{own_port};branch=z9hG4bK{new_token()};rport"),
                    ("max-forwards", "70"),
                    ("from", f"<sip:{user}@{host}>;tag={tag}"),
                    ("to", f"<sip:{user}@{host}>"),
                    ("call-id", call),
                    ("cseq", f"{cseq} REGISTER"),
                    # Every contact there is (RFC 3261 section 10.2.2).
                    ("contact", "*"),
                    ("expires", "0"),
                    *authorization,
                ],
            )
            transport.sendto(request.dump())
            async with asyncio.timeout(_ANSWER_SECONDS):
                while (answer := await answers.queue.get()).cseq[0] != cseq or answer.status < 200:
                    pass
            if answer.status == 200:
                return
            if answer.status != 401:
                break
            response = digest_answer(
                answer.get("www-authenticate"),
                user=user,
                password=secrets.load(settings).phone(user),
                method="REGISTER",
                uri=uri,
            )
            authorization = [("authorization", response)]
        raise PartUnavailable(f"Asterisk keeps a registration ({answer.status})")
    except (TimeoutError, OSError) as error:
        raise PartUnavailable(f"Asterisk does not answer on SIP ({type(error).__name__})") from error
    finally:
        transport.close()
