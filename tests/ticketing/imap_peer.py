"""A small IMAP server (RFC 3501, MOVE of RFC 6851) on a port of its own, as much of it as a mail reader uses."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

USER, PASSWORD = "suqiu", "s3cret pass"


@dataclass
class ImapPeer:
    """Folders of mails by UID. `moves` False: a server without MOVE. `dies_after`: it hangs up before it answers the
    command with that number, counted over all connections."""

    port: int = 0
    moves: bool = True
    dies_at: str = ""
    folders: dict[str, dict[int, bytes]] = field(default_factory=lambda: {"INBOX": {}})
    deleted: set[int] = field(default_factory=set)
    commands: list[str] = field(default_factory=list)
    _next: int = 1

    def deliver(self, mail: bytes) -> int:
        """A mail comes in; returns its UID."""
        uid, self._next = self._next, self._next + 1
        self.folders["INBOX"][uid] = mail
        return uid

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            writer.write(b"* OK ready\r\n")
            while line := await reader.readline():
                tag, _, command = line.decode().rstrip("\r\n").partition(" ")
                self.commands.append(re.sub(r"^(LOGIN \S+) .*", r"\1", command))
                if self.dies_at and command.startswith(self.dies_at):
                    self.dies_at = ""
                    break
                untagged, answer = self._answer(command)
                writer.write(b"".join(untagged) + f"{tag} {answer}\r\n".encode())
                await writer.drain()
                if command == "LOGOUT":
                    break
        writer.close()

    def _answer(self, command: str) -> tuple[list[bytes], str]:
        inbox = self.folders["INBOX"]
        if command == "CAPABILITY":
            more = " MOVE" if self.moves else " UIDPLUS"
            return [f"* CAPABILITY IMAP4rev1{more}\r\n".encode()], "OK done"
        if command.startswith("LOGIN"):
            right = command == f'LOGIN {USER} "{PASSWORD}"'
            return [], "OK logged in" if right else "NO [AUTHENTICATIONFAILED] no"
        if command.startswith("SELECT"):
            return [f"* {len(inbox)} EXISTS\r\n".encode()], "OK [READ-WRITE] selected"
        if found := re.fullmatch(r'CREATE "(\w+)"', command):
            if found[1] in self.folders:
                return [], "NO [ALREADYEXISTS] there"
            self.folders[found[1]] = {}
            return [], "OK created"
        if command == "UID SEARCH UNDELETED":
            uids = " ".join(str(uid) for uid in sorted(set(inbox) - self.deleted))
            return [f"* SEARCH {uids}\r\n".encode()], "OK searched"
        if found := re.fullmatch(r"UID FETCH ([\d,]+) \((.+)\)", command):
            return [self._fetched(int(uid), found[2]) for uid in found[1].split(",")], "OK fetched"
        if found := re.fullmatch(r'UID (MOVE|COPY) (\d+) "(\w+)"', command):
            uid = int(found[2])
            self.folders[found[3]][uid] = inbox[uid]
            if found[1] == "MOVE":
                del inbox[uid]
            return [], "OK moved"
        if found := re.fullmatch(r"UID STORE (\d+) \+FLAGS\.SILENT \(\\Deleted\)", command):
            self.deleted.add(int(found[1]))
            return [], "OK stored"
        if found := re.fullmatch(r"UID EXPUNGE (\d+)", command):
            inbox.pop(int(found[1]), None)
            return [], "OK expunged"
        return ([b"* BYE\r\n"], "OK bye") if command == "LOGOUT" else ([], "BAD unknown")

    def _fetched(self, uid: int, what: str) -> bytes:
        mail = self.folders["INBOX"][uid]
        if what == "UID RFC822.SIZE":
            return f"* {uid} FETCH (UID {uid} RFC822.SIZE {len(mail)})\r\n".encode()
        part = mail if what == "BODY.PEEK[]" else mail.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        name = what.replace(".PEEK", "")
        return f"* {uid} FETCH (UID {uid} {name} {{{len(part)}}}\r\n".encode() + part + b")\r\n"


@asynccontextmanager
async def imap_peer() -> AsyncIterator[ImapPeer]:
    """One that runs until the block ends."""
    peer = ImapPeer()
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    peer.port = server.sockets[0].getsockname()[1]
    async with server:
        yield peer
