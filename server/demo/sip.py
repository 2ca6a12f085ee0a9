"""SIP messages (RFC 3261): just enough of them for a phone on loopback."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, field

_COMPACT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length"}


@dataclass(slots=True)
class Message:
    """A request (`method`, `uri`) or a response (`status`). Header names are lower case; repeated ones keep order."""

    method: str = ""
    uri: str = ""
    status: int = 0
    reason: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: str = ""

    def get(self, name: str) -> str:
        """The first header of this name, or an empty string."""
        return next((value for key, value in self.headers if key == name), "")

    def all(self, name: str) -> list[tuple[str, str]]:
        return [(key, value) for key, value in self.headers if key == name]

    @property
    def cseq(self) -> tuple[int, str]:
        number, _, method = self.get("cseq").partition(" ")
        return int(number), method.strip()

    def dump(self) -> bytes:
        first = f"SIP/2.0 {self.status} {self.reason}" if self.status else f"{self.method} {self.uri} SIP/2.0"
        body = self.body.encode()
        lines = [first, *(f"{key.title()}: {value}" for key, value in self.headers), f"Content-Length: {len(body)}"]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def parse(datagram: bytes) -> Message:
    """A message from a datagram. Raises ValueError on what is not SIP."""
    head, _, body = datagram.decode("utf-8", "replace").partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    message = Message(body=body)
    if first.startswith("SIP/2.0 "):
        _, code, message.reason = first.split(" ", 2)
        message.status = int(code)
    else:
        message.method, message.uri, _ = first.split(" ", 2)
    for line in lines:
        name, _, value = line.partition(":")
        name = name.strip().lower()
        if name != "content-length":
            message.headers.append((_COMPACT.get(name, name), value.strip()))
    return message


def tag_of(header: str) -> str:
    """The tag parameter of a From or To header."""
    found = re.search(r";\s*tag=([^;\s]+)", header)
    return found[1] if found else ""


def uri_of(header: str) -> str:
    """The URI of a Contact, From or To header."""
    found = re.search(r"<([^>]+)>", header)
    return found[1] if found else header.split(";", maxsplit=1)[0].strip()


def routes(message: Message) -> list[str]:
    """The proxies of the Record-Route headers, topmost first."""
    return [proxy for _, value in message.all("record-route") for proxy in re.findall(r"<[^>]+>[^,]*", value)]


def new_token() -> str:
    return secrets.token_hex(8)


def digest_answer(challenge: str, *, user: str, password: str, method: str, uri: str) -> str:
    """The Authorization header for a Digest challenge (RFC 2617, MD5, qop=auth)."""
    asked = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge))
    count, cnonce = "00000001", new_token()

    def md5(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    secret = md5(f"{user}:{asked['realm']}:{password}")
    what = md5(f"{method}:{uri}")
    given = {"username": user, "realm": asked["realm"], "nonce": asked["nonce"], "uri": uri, "algorithm": "MD5"}
    if "opaque" in asked:
        given["opaque"] = asked["opaque"]
    if "qop" in asked:
        response = md5(f"{secret}:{asked['nonce']}:{count}:{cnonce}:auth:{what}")
        extra = f', qop=auth, nc={count}, cnonce="{cnonce}"'
    else:
        response, extra = md5(f"{secret}:{asked['nonce']}:{what}"), ""
    quoted = ", ".join(
        f'{name}="{value}"' if name != "algorithm" else f"{name}={value}" for name, value in given.items()
    )
    return f'Digest {quoted}, response="{response}"{extra}'


def offer_sdp(host: str, port: int) -> str:
    """A session description for A-law and telephone events (RFC 4566, RFC 4733)."""
    return "\r\n".join(
        [
            "v=0",
            f"o=- 1 1 IN IP4 {host}",
            "s=-",
            f"c=IN IP4 {host}",
            "t=0 0",
            f"m=audio {port} RTP/AVP 8 101",
            "a=rtpmap:8 PCMA/8000",
            "a=rtpmap:101 telephone-event/8000",
            "a=fmtp:101 0-15",
            "a=ptime:20",
            "a=sendrecv",
            "",
        ]
    )


def media_address(sdp: str) -> tuple[str, int]:
    """Where the other side wants its RTP. Raises ValueError when the description names no audio."""
    host = re.search(r"^c=IN IP4 (\S+)", sdp, re.MULTILINE)
    port = re.search(r"^m=audio (\d+) ", sdp, re.MULTILINE)
    if not host or not port:
        raise ValueError("no audio in the session description")
    return host[1], int(port[1])
