"""Where a menu's web request may go: to addresses of the public network, and to what the site has named.

A menu is written by people who need not know the network it runs in. Without this a flow could ask our own PostgreSQL,
a router's page, or the machine's cloud for its credentials (server-side request forgery).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

import httpcore

Address = IPv4Address | IPv6Address

_NAT64: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
"""RFC 6052, RFC 8215: the last four bytes are an IPv4 address."""
_RESOLVERS: Final = 4
"""Threads that ask for names: a name server that hangs holds up these, and nothing else of the process."""


class AddressRefused(Exception):
    """The name leads where no menu has anything to ask."""


class HostUnknown(Exception):
    """No address has this name."""


def permitted(address: Address, *, named: bool) -> bool:
    """Whether a request may go there. `named`: the site has named the host, which may then be private or loopback;
    link-local addresses (a cloud's metadata among them), multicast and reserved ones are for nobody."""
    # Of a translated or tunnelled address it counts where it comes out.
    reached: list[Address] = [*_inside(address)] or [address]
    if named:
        return not any(
            one.is_link_local or one.is_multicast or one.is_unspecified or (one.is_reserved and not one.is_loopback)
            for one in reached
        )
    return all(one.is_global and not (one.is_multicast or one.is_reserved) for one in reached)


def _inside(address: Address) -> list[IPv4Address]:
    """The IPv4 addresses that an IPv6 one leads to."""
    if isinstance(address, IPv4Address):
        return []
    found = [one for one in (address.ipv4_mapped, address.sixtofour) if one is not None]
    if address.teredo is not None:
        found.extend(address.teredo)
    if any(address in network for network in _NAT64):
        found.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return found


class CheckedNetwork(httpcore.AsyncNetworkBackend):
    """httpcore's network, by checked addresses only: a name is resolved once, and what was checked is what is connected
    to. A name server that answers differently the second time (DNS rebinding) is not asked a second time."""

    def __init__(self, named: Collection[str]) -> None:
        self._named = frozenset(host.rstrip(".").lower() for host in named)
        self._inner = httpcore.AnyIOBackend()
        self._resolvers = ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="web-request")

    def names(self, host: str) -> bool:
        """Whether the site has named this host."""
        return host.strip("[]").rstrip(".").lower() in self._named

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raises AddressRefused, HostUnknown, and what httpcore raises."""
        found = await self._addresses(host, port)
        named = self.names(host)
        # All of them, or none: a name with a private address beside a public one is no unit's system.
        if not all(permitted(address, named=named) for address in found):
            raise AddressRefused
        return await self._inner.connect_tcp(str(found[0]), port, timeout, local_address, socket_options)

    async def connect_unix_socket(
        self,
        path: str,  # noqa: ARG002
        timeout: float | None = None,  # noqa: ARG002
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> httpcore.AsyncNetworkStream:
        raise AddressRefused

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def close(self) -> None:
        """Ask for no more names."""
        self._resolvers.shutdown(wait=False, cancel_futures=True)

    async def _addresses(self, host: str, port: int) -> list[Address]:
        try:
            return [ip_address(host.strip("[]"))]
        except ValueError:
            pass
        loop = asyncio.get_running_loop()
        try:
            answers = await loop.run_in_executor(
                self._resolvers, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            )
        except (OSError, UnicodeError):
            raise HostUnknown from None
        # An IPv6 address may come with the interface it is valid on.
        found = [ip_address(str(answer[4][0]).partition("%")[0]) for answer in answers]
        if not found:
            raise HostUnknown
        return found
