"""Asterisk, what stands before it, the processes that have its calls and the one that watches them."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import Field, model_validator

from hotline.settings.section import HOST_AND_PORT, SYSTEMNAME, Section


class Trunk(Section):
    """A SIP trunk: the carrier, a branch centre's PBX, the province, an emergency desk."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,31}$", description="Endpoint name in pjsip.conf.")
    contact: str = Field(
        pattern=HOST_AND_PORT,
        description="host:port the far side listens on; calls go there.",
    )
    identify: list[str] = Field(
        default=[],
        description="Addresses, or address:port, calls may come from; empty: this trunk takes no incoming calls.",
    )
    inbound: bool = Field(False, description="Whether its incoming calls are citizens' calls.")


class Peer(Section):
    """Another Asterisk host of this site."""

    systemname: str = Field(pattern=SYSTEMNAME, description="Its systemname.")
    sip: str = Field(
        pattern=r"^[0-9]{1,3}(\.[0-9]{1,3}){3}:[0-9]{1,5}$",
        description="IPv4 address:port of its SIP listener; its calls come from this address and no others do.",
    )

    @property
    def address(self) -> str:
        """The address without the port."""
        return self.sip.rpartition(":")[0]


class Asterisk(Section):
    """The Asterisk this host runs."""

    systemname: str = Field("ast1", pattern=SYSTEMNAME, description="systemname; part of call ids.")
    bind: str = Field("127.0.0.1", description="Address of the SIP and RTP listeners.")
    sip_port: int = Field(15060, description="SIP over UDP (trunks, desk phones).")
    http_port: int = Field(18088, description="WebSocket for browser phones.")
    ami_port: int = Field(15038, description="AMI, loopback only.")
    rtp_start: int = Field(20000, description="First RTP port.")
    rtp_end: int = Field(20999, description="Last RTP port.")
    ami_user: str = Field("hotline", description="AMI user of our processes.")
    ami_secret: str = Field("", description="AMI secret; empty: one is made and kept under var/.")
    trunks: list[Trunk] = Field(
        default=[], description="SIP trunks. With none, nobody can call in and nothing is dialled outside."
    )
    extensions_from: int = Field(8001, description="First seat extension (desk phone endpoint).")
    extensions_count: int = Field(20, ge=0, le=2000, description="How many seat extensions.")
    webrtc_from: int = Field(9001, description="First browser-phone extension.")
    webrtc_count: int = Field(20, ge=0, le=2000, description="How many browser-phone extensions.")
    phone_secret: str = Field("", description="SIP password base of seats; empty: made and kept under var/.")
    peers: list[Peer] = Field(default=[], max_length=31, description="The other Asterisk hosts of this site.")

    @model_validator(mode="after")
    def _hosts_can_be_told_apart(self) -> Self:
        names = [self.systemname, *(peer.systemname for peer in self.peers)]
        if len({name.lower() for name in names}) != len(names):
            raise ValueError("each host of a site needs a systemname of its own")
        addresses = [peer.address for peer in self.peers]
        if len(set(addresses)) != len(addresses):
            raise ValueError("each peer needs an address of its own: that is what its calls are known by")
        if set(addresses) & {re.split("[:/]", address)[0] for trunk in self.trunks for address in trunk.identify}:
            raise ValueError("a peer's address may not be a trunk's: a citizen's call would pass for the peer's")
        if self.peers and not self.phone_secret:
            raise ValueError("phones may register with any host of a site: set one phone_secret on all of them")
        return self


_Network = Annotated[str, Field(pattern=r"^[0-9]{1,3}(\.[0-9]{1,3}){3}(/[0-9]{1,2})?$")]
"""An IPv4 address or network."""


class Kamailio(Section):
    """Kamailio in front of the Asterisk hosts of a site."""

    private: bool = Field(False, description="Whether `hotline up` runs one on this machine.")
    bind: str = Field(
        "127.0.0.1", pattern=r"^[0-9]{1,3}(\.[0-9]{1,3}){3}$", description="Its address, and nobody else's."
    )
    sip_port: int = Field(15070, description="Carriers and seats come here (UDP).")
    trunk_port: int = Field(15071, description="Citizens' calls go to the hosts from here (UDP).")
    carriers: list[_Network] = Field(default=[], max_length=64, description="Whose calls are citizens' calls.")
    seats: list[_Network] = Field(default=[], max_length=64, description="Networks whose phones may register.")
    probe_seconds: int = Field(2, ge=1, le=60, description="Each host is asked so often whether it is there.")


class Voice(Section):
    """Voice processes: FastAGI, AMI, the story of each call."""

    processes: int = Field(2, ge=1, le=16, description="Voice processes on this host.")
    fastagi_bind: str = Field("127.0.0.1", description="Address of the FastAGI listeners.")
    fastagi_port: int = Field(14573, description="FastAGI port of the first process; the next ones follow.")
    ring_seconds: int = Field(20, ge=3, le=120, description="How long one agent's phone rings.")
    pop_wait_ms: int = Field(300, ge=0, le=2000, description="Longest wait for the pop to be written before Dial.")
    redis_grace_seconds: float = Field(
        5.0, description="How long callers are kept without Redis before the native queue."
    )
    drain_seconds: float = Field(20.0, description="Longest wait for calls to leave on an orderly stop.")


class Watchdog(Section):
    """The process that notices a voice process that hangs."""

    interval_ms: int = Field(1_000, description="Time between two pings.")
    timeout_ms: int = Field(1_500, description="A ping without answer for so long counts as missed.")
    misses: int = Field(2, description="So many misses in a row: the process is hung.")
