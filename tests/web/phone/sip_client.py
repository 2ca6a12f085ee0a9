"""A small SIP phone over a WebSocket, as a page has one: enough to register and to ask."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from dataclasses import dataclass, field

from websockets.asyncio.client import ClientConnection

DOMAIN = "hotline.invalid"


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def message(first: str, headers: list[tuple[str, str]], body: str = "") -> str:
    """Headers in the plain form that pages write."""
    lines = [first, *(f"{name}: {value}" for name, value in headers), f"Content-Length: {len(body.encode())}"]
    return "\r\n".join(lines) + "\r\n\r\n" + body


@dataclass
class WebPhone:
    socket: ClientConnection
    extension: str
    password: str
    """What it proves itself with."""
    host: str = field(default_factory=lambda: f"{secrets.token_hex(6)}.invalid")
    call: str = field(default_factory=lambda: secrets.token_hex(8))
    tag: str = field(default_factory=lambda: secrets.token_hex(5))
    cseq: int = 0

    def request(self, method: str = "REGISTER", *, proof: str = "", to: str = "", body: str = "") -> str:
        self.cseq += 1
        target = f"sip:{to or self.extension}@{DOMAIN}" if method != "REGISTER" else f"sip:{DOMAIN}"
        headers = [
            ("Via", f"SIP/2.0/WS {self.host};branch=z9hG4bK{secrets.token_hex(6)}"),
            ("Max-Forwards", "69"),
            ("To", f"<sip:{to or self.extension}@{DOMAIN}>"),
            ("From", f'"{self.extension}" <sip:{self.extension}@{DOMAIN}>;tag={self.tag}'),
            ("Call-ID", self.call),
            ("CSeq", f"{self.cseq} {method}"),
            ("Contact", f"<sip:{self.extension}@{self.host};transport=ws>;expires=120"),
            *([("Authorization", proof)] if proof else []),
            *([("Content-Type", "application/sdp")] if body else []),
        ]
        return message(f"{method} {target} SIP/2.0", headers, body)

    def proof(self, challenge: str, method: str = "REGISTER", uri: str = f"sip:{DOMAIN}") -> str:
        asked = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge))
        cnonce = secrets.token_hex(6)
        secret = md5(f"{self.extension}:{asked['realm']}:{self.password}")
        response = md5(f"{secret}:{asked['nonce']}:00000001:{cnonce}:auth:{md5(f'{method}:{uri}')}")
        given = (
            f'Digest algorithm=MD5, username="{self.extension}", realm="{asked["realm"]}", nonce="{asked["nonce"]}", '
            f'uri="{uri}", response="{response}", qop=auth, cnonce="{cnonce}", nc=00000001'
        )
        return given + (f', opaque="{asked["opaque"]}"' if "opaque" in asked else "")

    async def answer(self) -> tuple[int, str]:
        """Status and text of the next final answer."""
        async with asyncio.timeout(20):
            while True:
                text = await self.socket.recv(decode=True)
                found = re.match(r"SIP/2\.0 (\d{3})", text)
                if found and int(found[1]) >= 200:
                    return int(found[1]), text

    async def register(self) -> int:
        """The status that ends it."""
        await self.socket.send(self.request())
        status, text = await self.answer()
        if status != 401:
            return status
        challenge = re.search(r"^WWW-Authenticate: *(.*)\r$", text, re.MULTILINE | re.IGNORECASE)
        assert challenge is not None
        await self.socket.send(self.request(proof=self.proof(challenge[1])))
        return (await self.answer())[0]
