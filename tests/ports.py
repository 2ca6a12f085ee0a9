"""Free ports for servers under test, below those that the kernel gives to outgoing connections: a server that is killed
and started again finds its port as it left it."""

from __future__ import annotations

import contextlib
import random
import socket

_FIRST, _LAST = 10_000, 29_999
_TRIES = 200


def free_port(kind: int = socket.SOCK_STREAM, address: str = "127.0.0.1", *, in_a_row: int = 1) -> int:
    """The first of so many ports in a row that nobody uses now."""
    for _ in range(_TRIES):
        first = random.randint(_FIRST, _LAST - in_a_row)
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in range(first, first + in_a_row):
                stack.enter_context(socket.socket(socket.AF_INET, kind)).bind((address, port))
            return first
    raise RuntimeError("no free port")


def free_ports(count: int, *, kind: int = socket.SOCK_STREAM) -> list[int]:
    """So many different ports that nobody uses now."""
    found: set[int] = set()
    while len(found) < count:
        found.add(free_port(kind))
    return list(found)
