"""A voice process as the dialplan sees it: a FastAGI listener that plays its part by a script of its own."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Session:
    """One AGI session: the header, and commands that wait for their reply."""

    connection: socket.socket
    header: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._lines = self.connection.makefile("r", encoding="utf-8", newline="\n")
        while line := self._lines.readline().strip():
            name, _, value = line.partition(": ")
            self.header[name] = value

    @property
    def arguments(self) -> list[str]:
        """Arguments of AGI() in their order."""
        return [self.header[f"agi_arg_{n}"] for n in range(1, 6)]

    def ask(self, command: str) -> str:
        """Send a command, return its reply; empty when the connection is gone."""
        self.connection.sendall(f"{command}\n".encode())
        line = self._lines.readline().strip()
        while line == "HANGUP":
            line = self._lines.readline().strip()
        return line

    def end(self) -> None:
        """Close the connection, at once and for both directions."""
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()

    def wait_for_end(self) -> str:
        """Block until Asterisk says something by itself: HANGUP, or the end of the connection."""
        return self._lines.readline().strip()


class VoicePeer:
    """Listens on a port; each session runs `play` in a thread. `hang`: accepts nothing, as a stopped process does."""

    def __init__(self, port: int, play: Callable[[Session], None], *, hang: bool = False) -> None:
        self.sessions: list[Session] = []
        self._play = play
        self._listener = socket.create_server(("127.0.0.1", port))
        if not hang:
            threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._run, args=(connection,), daemon=True).start()

    def _run(self, connection: socket.socket) -> None:
        session = Session(connection)
        self.sessions.append(session)
        with contextlib.suppress(OSError):
            self._play(session)
        session.end()

    def refuse(self) -> None:
        """Stop listening; sessions that are there go on."""
        with contextlib.suppress(OSError):  # it does so already
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def close(self) -> None:
        """Stop listening and drop every session, as a killed process does."""
        self.refuse()
        for session in self.sessions:
            session.end()

    def __enter__(self) -> VoicePeer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
