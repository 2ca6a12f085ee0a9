"""Kind: integration. What the doctor says of Redis' sentinels and of Kamailio, on real ones."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest

from hotline.settings import Asterisk, Kamailio, Redis, Settings, project_root
from server import doctor_site
from server.doctor_findings import Verdict
from server.provision import kamailio
from tests.redis_servers import NAME, until, watched
from tests.server.lines import free_ports


async def _said(addresses: list[str], name: str = NAME) -> tuple[Verdict, str]:
    keys = Redis(private=False, sentinels=addresses, master_name=name)
    finding = await doctor_site.sentinels(Settings(redis=keys))
    return finding.verdict, finding.seen


async def test_sentinels_that_are_silent_or_have_nobody_to_turn_to_are_named(tmp_path: Path) -> None:
    with watched(tmp_path, free_ports(5)) as site:
        primary = f"127.0.0.1:{site.primary.port}"
        assert await _said(site.addresses) == (Verdict.OK, f"primary {primary}, 1 replica, 3 sentinels")
        assert (await _said(site.addresses[:2]))[0] is Verdict.WARN
        assert (await _said(site.addresses, "other"))[0] is Verdict.FAIL
        site.sentinels[1].kill()
        verdict, seen = await _said(site.addresses)
        assert (verdict, seen) == (Verdict.WARN, f"primary {primary}; silent: {site.addresses[1]}")
        for sentinel in site.sentinels:
            sentinel.kill()
        assert (await _said(site.addresses))[0] is Verdict.FAIL


@pytest.mark.real
async def test_a_kamailio_that_sends_no_calls_to_a_host_says_which(tmp_path: Path) -> None:
    sip, trunk, other = free_ports(3)
    tmp_path.chmod(0o755)
    peers = [{"systemname": "ast2", "sip": f"127.0.0.12:{other}"}]
    keys = Kamailio(private=True, bind="127.0.0.14", sip_port=sip, trunk_port=trunk, probe_seconds=1)
    asterisk = Asterisk.model_validate({"bind": "127.0.0.11", "phone_secret": "x", "peers": peers})
    settings = Settings(var_dir=tmp_path, kamailio=keys, asterisk=asterisk)

    async def said() -> tuple[Verdict, str]:
        finding = await doctor_site.front(settings)
        return finding.verdict, finding.seen

    assert (await said())[0] is Verdict.FAIL
    argv = kamailio.prepare(settings)
    with (tmp_path / "kamailio.log").open("wb") as log:
        process = subprocess.Popen(argv, cwd=project_root(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        await asyncio.to_thread(until, lambda: asyncio.run(kamailio.answers(settings)), "Kamailio answers")
        assert await said() == (Verdict.WARN, "nobody may call, or register")
        ask = kamailio.ask
        assert "error" not in await ask(settings, "dispatcher.set_state", "dx", "1", f"sip:ready@127.0.0.12:{other}")
        assert await said() == (Verdict.WARN, "1 of 2 hosts get calls, not ast2")
        await ask(settings, "dispatcher.set_state", "ap", "1", f"sip:ready@127.0.0.12:{other}")
        # Nobody answers at either address.
        await asyncio.to_thread(
            until, lambda: not any(asyncio.run(kamailio.hosts_seen(settings)).values()), "both are put aside"
        )
        assert (await said())[0] is Verdict.FAIL
    finally:
        process.terminate()
        process.wait(10)
