"""The web request of a menu against a unit's system of every temper: bounded, signed, and nothing is left behind."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpcore
import orjson
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from calls.handover_keys import PartnerKeys
from calls.handover_signature import SIGNATURE, BadSignature, claimed, verify
from calls.web_address import AddressRefused, CheckedNetwork, HostUnknown, permitted
from calls.web_request import LONGEST_ANSWER, WebRequestFailed, WebRequests, Why, key_name
from hotline.clock import SystemClock
from ivr.flow import Web
from tests.calls.unit_system import Asked, UnitSystem, Write, answer
from tests.ports import free_port

KEY = "a-key-of-a-unit-that-is-long-enough-32"
HOST = "127.0.0.1"


@pytest.fixture
async def unit() -> AsyncIterator[UnitSystem]:
    async with UnitSystem() as unit:
        yield unit


@pytest.fixture
def keys(tmp_path: Path) -> PartnerKeys:
    keys = PartnerKeys(tmp_path / "partner-keys.json")
    for host in (HOST, "localhost", "unit.example", "169.254.169.254", "::1"):
        keys.change(key_name(host), KEY)
    return keys


Maker = Callable[..., WebRequests]


@pytest.fixture
async def make(keys: PartnerKeys) -> AsyncIterator[Maker]:
    made: list[WebRequests] = []

    def make(named: tuple[str, ...] = (HOST,), at_once: int = 4) -> WebRequests:
        made.append(WebRequests(keys=keys, clock=SystemClock(), site="smx", named=list(named), at_once=at_once))
        return made[-1]

    yield make
    for one in made:
        one.close()


def node(url: str, **fields: Any) -> Web:
    return Web.model_validate({"url": url, "save": {"state": "/result/state"}, **fields})


async def why(call: Awaitable[object]) -> str:
    with pytest.raises(WebRequestFailed) as raised:
        await call
    # Nothing of what was sent or answered is in it.
    assert (str(raised.value), raised.value.detail) == (raised.value.why.value,) * 2
    return raised.value.why.value


async def test_values_are_saved_by_pointer(unit: UnitSystem, make: Maker) -> None:
    save = {"state": "/result/state", "count": "/result/items/0/a~1b", "paid": "/result/paid"}
    found = await make().call(node(unit.url, save=save), {"id": "41120"})
    assert found == {"state": "已审核", "count": "7", "paid": "true"}
    await unit.settled()


async def test_a_post_is_signed_over_method_host_target_and_body(unit: UnitSystem, make: Maker) -> None:
    await make().call(node(unit.url + "?from=menu"), {"id": "411", "名": "张三"})
    (asked,) = unit.asked
    assert (asked.method, asked.target) == ("POST", "/query?from=menu")
    assert orjson.loads(asked.body) == {"id": "411", "名": "张三"}
    signed = claimed(asked.headers)
    assert signed.sender == "smx"

    def proves(text: bytes, key: str = KEY) -> bool:
        try:
            verify([key.encode()], signed, asked.headers[SIGNATURE], text, now=time.time(), window_seconds=30)
        except BadSignature:
            return False
        return True

    host = f"127.0.0.1:{unit.port}"
    assert proves(f"POST\n{host}\n/query?from=menu\n".encode() + asked.body)
    for other in (
        f"GET\n{host}\n/query?from=menu\n".encode() + asked.body,
        b"POST\nelsewhere\n/query?from=menu\n" + asked.body,
        f"POST\n{host}\n/query?from=other\n".encode() + asked.body,
        f"POST\n{host}\n/query?from=menu\n".encode() + asked.body + b" ",
        asked.body,
    ):
        assert not proves(other)
    assert not proves(f"POST\n{host}\n/query?from=menu\n".encode() + asked.body, KEY + "x")


async def test_a_get_sends_its_values_in_the_signed_target(unit: UnitSystem, make: Maker) -> None:
    await make().call(node(unit.url + "?v=1", method="GET"), {"b": "a&c=d\r\nX: y", "a": "字"})
    (asked,) = unit.asked
    assert asked.target == "/query?v=1&a=%E5%AD%97&b=a%26c%3Dd%0D%0AX%3A+y"
    assert "X" not in asked.headers
    text = f"GET\n127.0.0.1:{unit.port}\n{asked.target}\n".encode()
    verify([KEY.encode()], claimed(asked.headers), asked.headers[SIGNATURE], text, now=time.time(), window_seconds=30)


async def test_each_request_has_an_id_of_its_own(unit: UnitSystem, make: Maker) -> None:
    requests = make()
    for _ in range(3):
        await requests.call(node(unit.url), {})
    assert len({claimed(asked.headers).id for asked in unit.asked}) == 3


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (answer(b"{}", status="500 No"), Why.SERVER_ERROR),
        (answer(b"{}", status="503 No"), Why.SERVER_ERROR),
        (answer(b"{}", status="404 No"), Why.CLIENT_ERROR),
        (b"HTTP/1.1 204 Nothing\r\n\r\n", Why.NOT_JSON),
        (answer(b"<html>", kind="text/html"), Why.CONTENT_TYPE),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", Why.CONTENT_TYPE),
        (answer(b"{", kind="application/json; charset=utf-8"), Why.NOT_JSON),
        (answer(b"[" * 30_000 + b"]" * 30_000), Why.NOT_JSON),
        (answer(b'{"result": "\xff"}'), Why.NOT_JSON),
        (answer(b""), Why.NOT_JSON),
        (answer(b"{}"), Why.MISSING),
        (answer(b'{"result": {"state": null}}'), Why.MISSING),
        (answer(b'{"result": ["state"]}'), Why.MISSING),
        (answer(b'{"result": {"state": {"a": 1}}}'), Why.NO_TEXT),
        (answer(b'{"result": {"state": []}}'), Why.NO_TEXT),
        (answer(b'{"result": {"state": "a\\nb"}}'), Why.NO_TEXT),
        (answer(b'{"result": {"state": "' + b"a" * 201 + b'"}}'), Why.NO_TEXT),
        (answer(b" " * LONGEST_ANSWER + b"{}"), Why.TOO_LARGE),
        (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{}", Why.BROKEN_OFF),
        (b"HTTP/1.1 200 OK\r\nContent-Type: appl", Why.BROKEN_OFF),
        (b"", Why.BROKEN_OFF),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Why.BROKEN_OFF),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n", Why.BROKEN_OFF),
        (answer(b"{}", more="Content-Encoding: br\r\n"), Why.COMPRESSED),
    ],
)
async def test_whatever_is_no_good_answer_is_one_word(
    said: bytes, expected: Why, unit: UnitSystem, make: Maker
) -> None:
    unit.says(said)
    assert await why(make().call(node(unit.url), {})) == expected
    assert len(unit.asked) == 1
    await unit.settled()


async def test_a_text_may_be_empty_and_as_long_as_allowed(unit: UnitSystem, make: Maker) -> None:
    unit.says(answer(b'{"result": {"state": "", "long": "' + b"a" * 200 + b'", "half": 0.5}}'))
    save = {"state": "/result/state", "long": "/result/long", "half": "/result/half"}
    assert await make().call(node(unit.url, save=save), {}) == {"state": "", "long": "a" * 200, "half": "0.5"}


async def test_a_redirect_is_a_failure_and_nobody_goes_there(unit: UnitSystem, make: Maker) -> None:
    async with UnitSystem() as inside:
        unit.says(answer(b"{}", status="302 Found", more=f"Location: {inside.url}\r\n"))
        assert await why(make().call(node(unit.url), {})) == Why.REDIRECT
        assert inside.most_open == 0
    assert len(unit.asked) == 1


@pytest.mark.parametrize("temper", ["never", "dripping"])
async def test_the_time_is_total(temper: str, unit: UnitSystem, make: Maker) -> None:
    unit.serve = getattr(unit, temper)
    began = time.monotonic()
    assert await why(make().call(node(unit.url, seconds=0.6), {})) == Why.TIMEOUT
    assert 0.5 < time.monotonic() - began < 2.5
    await unit.settled()


async def test_a_host_that_takes_no_connection_costs_the_time_and_no_more(make: Maker) -> None:
    with socket.socket() as full:
        full.bind((HOST, 0))
        full.listen(0)
        # With the backlog full the kernel answers a new connection with silence.
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            with suppress(BlockingIOError):
                one.connect(full.getsockname())
        url = f"http://127.0.0.1:{full.getsockname()[1]}/"
        began = time.monotonic()
        assert await why(make().call(node(url, seconds=0.5), {})) == Why.TIMEOUT
        assert time.monotonic() - began < 2.5
        for one in waiting:
            one.close()


@pytest.mark.parametrize(("temper", "expected"), [("huge", Why.TOO_LARGE), ("bomb", Why.COMPRESSED)])
async def test_no_answer_fills_the_memory(temper: str, expected: Why, unit: UnitSystem, make: Maker) -> None:
    unit.serve = getattr(unit, temper)
    assert await why(make().call(node(unit.url, seconds=5), {})) == expected
    await unit.settled()


async def test_nobody_listening(make: Maker) -> None:
    assert await why(make().call(node(f"http://127.0.0.1:{free_port()}/"), {})) == Why.NO_CONNECTION


async def test_plain_http_where_tls_is_spoken_is_no_connection(make: Maker) -> None:
    async def plain(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(plain, HOST, 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert await why(make().call(node(f"https://127.0.0.1:{port}/"), {})) == Why.NO_CONNECTION


async def test_a_host_without_a_key_is_asked_nothing(unit: UnitSystem, make: Maker, keys: PartnerKeys) -> None:
    keys.forget(key_name(HOST))
    assert await why(make().call(node(unit.url), {})) == Why.NO_KEY
    assert unit.most_open == 0


async def test_plain_http_is_for_named_hosts(unit: UnitSystem, make: Maker) -> None:
    assert await why(make(()).call(node(unit.url), {})) == Why.PLAIN_HTTP
    assert await why(make().call(node("http://user:pw@127.0.0.1/"), {})) == Why.BAD_URL
    assert unit.most_open == 0


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1:{port}/",
        "https://localhost:{port}/",
        "https://[::1]:{port}/",
        "https://169.254.169.254/latest/meta-data/",
    ],
)
async def test_private_addresses_are_for_named_hosts(url: str, unit: UnitSystem, make: Maker) -> None:
    assert await why(make(()).call(node(url.format(port=unit.port)), {})) == Why.ADDRESS
    assert unit.most_open == 0


_PUBLIC = ("1.1.1.1", "202.102.224.68", "2606:4700::1111", "64:ff9b::101:101", "2002:101:101::1")
_PRIVATE = ("10.0.0.1", "172.16.3.4", "192.168.1.1", "127.0.0.1", "127.255.0.1", "100.64.0.1", "100.100.100.200")
_PRIVATE_6 = ("::1", "fd00:ec2::254", "fc00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::1")
_NEVER = (
    *("169.254.169.254", "0.0.0.0", "224.0.0.1", "239.1.2.3", "255.255.255.255", "240.0.0.1"),
    *("fe80::1", "ff02::1", "::", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1"),
)


@pytest.mark.parametrize("address", [*_PUBLIC, *_PRIVATE, *_PRIVATE_6, *_NEVER])
def test_which_addresses_may_be_asked(address: str) -> None:
    assert permitted(ip_address(address), named=False) is (address in _PUBLIC)
    assert permitted(ip_address(address), named=True) is (address not in _NEVER)


@given(st.ip_addresses(v=4))
def test_what_nobody_named_is_on_the_public_network(address: Any) -> None:
    if permitted(address, named=False):
        assert address.is_global
        assert not address.is_private
        assert not address.is_multicast


class Names:
    """A name server that answers otherwise each time it is asked."""

    def __init__(self, *answers: tuple[str, ...]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def getaddrinfo(self, host: str, port: int, **_: Any) -> list[Any]:
        self.asked.append(host)
        found = self.answers.pop(0)
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]


async def test_a_name_is_resolved_once_and_that_address_is_asked(
    unit: UnitSystem, make: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = Names((HOST,), ("10.255.255.1",))
    monkeypatch.setattr(socket, "getaddrinfo", names.getaddrinfo)
    url = f"http://unit.example:{unit.port}/query"
    assert await make(("unit.example",)).call(node(url), {}) == {"state": "已审核"}
    assert names.asked == ["unit.example"]
    assert unit.asked[0].headers["Host"] == f"unit.example:{unit.port}"


@pytest.mark.parametrize("found", [(HOST,), ("1.1.1.1", "10.0.0.1"), ("169.254.169.254",), ("::ffff:10.0.0.1",)])
async def test_a_public_name_with_a_private_address_is_refused(
    found: tuple[str, ...], unit: UnitSystem, make: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Names(found).getaddrinfo)
    assert await why(make().call(node(f"https://unit.example:{unit.port}/"), {})) == Why.ADDRESS
    assert unit.most_open == 0


async def test_a_name_that_nobody_knows(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Names(()).getaddrinfo)
    assert await why(make().call(node("https://unit.example/"), {})) == Why.UNKNOWN_HOST


async def test_a_name_server_that_hangs_holds_up_nobody_else(
    unit: UnitSystem, make: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: free.wait(30))
    requests = make()
    try:
        slow = [
            asyncio.create_task(why(requests.call(node("https://unit.example/", seconds=1), {}))) for _ in range(20)
        ]
        # An address needs no name server, and threads of the process are free for whatever else it does.
        assert await requests.call(node(unit.url), {}) == {"state": "已审核"}
        async with asyncio.timeout(20):
            assert await asyncio.to_thread(lambda: 1) == 1
        assert set(await asyncio.gather(*slow)) <= {Why.TIMEOUT, Why.BUSY}
    finally:
        free.set()


async def test_requests_to_one_host_wait_for_each_other_and_for_nobody_else(unit: UnitSystem, make: Maker) -> None:
    requests = make((HOST, "localhost"), at_once=2)
    unit.serve = unit.never
    async with UnitSystem() as other:
        hanging = [asyncio.create_task(requests.call(node(unit.url, seconds=8), {})) for _ in range(2)]
        await unit.came(2)
        waiting = [asyncio.create_task(why(requests.call(node(unit.url, seconds=1), {}))) for _ in range(4)]
        began = time.monotonic()
        assert await requests.call(node(f"http://localhost:{other.port}/"), {}) == {"state": "已审核"}
        assert not any(task.done() for task in hanging)
        assert time.monotonic() - began < 5
        assert await asyncio.gather(*waiting) == [Why.BUSY] * 4
    assert unit.most_open == 2
    for task in hanging:
        task.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)
    await unit.settled()
    # Turns are given back, and nothing is kept of hosts that nobody asks.
    unit.serve = unit.well
    assert await requests.call(node(unit.url), {}) == {"state": "已审核"}
    assert requests._turns == {}


async def test_a_caller_who_hangs_up_leaves_nothing_behind(unit: UnitSystem, make: Maker) -> None:
    unit.serve = unit.dripping
    requests = make(at_once=1)
    before = set(asyncio.all_tasks())
    asking = asyncio.create_task(requests.call(node(unit.url, seconds=8), {}))
    waiting = asyncio.create_task(requests.call(node(unit.url, seconds=8), {}))
    await unit.came(1)
    for task in (asking, waiting):
        task.cancel()
    await asyncio.gather(asking, waiting, return_exceptions=True)
    await unit.settled()
    assert requests._turns == {}
    assert {task for task in asyncio.all_tasks() - before if "UnitSystem" not in repr(task)} == set()


async def test_no_socket_is_left_open_after_any_failure(unit: UnitSystem, make: Maker) -> None:
    requests = make()
    await requests.call(node(unit.url), {})
    await unit.settled()
    before = len(os.listdir("/proc/self/fd"))
    for temper in ("never", "dripping", "huge", "bomb", "well"):
        unit.serve = getattr(unit, temper)
        with suppress(WebRequestFailed):
            await requests.call(node(unit.url, seconds=0.3), {})
        await unit.settled()
    assert len(os.listdir("/proc/self/fd")) <= before


async def test_proxies_of_the_environment_are_ignored(
    unit: UnitSystem, make: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with UnitSystem() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert await make().call(node(unit.url), {}) == {"state": "已审核"}
        assert proxy.most_open == 0


async def test_nothing_that_was_sent_or_answered_is_logged(unit: UnitSystem, make: Maker) -> None:
    async def secretive(_asked: Asked, write: Write) -> None:
        await write(answer(b'{"result": {"state": ["geheim-4711"]}}'))

    unit.serve = secretive
    with structlog.testing.capture_logs() as logs:
        await why(make().call(node(unit.url + "?id=8899"), {"card": "411202199001011234"}))
    assert [(entry["event"], entry["why"]) for entry in logs] == [("menu.web_request_failed", "no_text")]
    assert not any(secret in str(logs) for secret in ("411202199001011234", "8899", "geheim-4711"))


async def test_the_network_opens_no_unix_sockets() -> None:
    network = CheckedNetwork([])
    with pytest.raises(AddressRefused):
        await network.connect_unix_socket("/run/postgresql/.s.PGSQL.5432")
    assert issubclass(CheckedNetwork, httpcore.AsyncNetworkBackend)
    network.close()
    with pytest.raises((HostUnknown, RuntimeError)):
        await network.connect_tcp("unit.example", 443)
