"""Promises to call back are taken in once; a voice process' pulse."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path
from typing import cast

from sqlalchemy import select

from calls.callbacks import CallbackIntake
from calls.health import HealthSocket
from calls.models import CallbackRequestRow
from directory.loader import CurrentDirectory
from hotline.database import Database
from tests.calls.line import CallLine, StandingDirectory

CALL = "ast1-1763761000.5"


def promise(spool: Path, call: str = CALL, caller: str = "13812345678") -> Path:
    spool.mkdir(exist_ok=True)
    path = spool / f"{call}.json"
    told = {
        "schema": 1, "call": call, "entered_ms": 1763761000123, "dialled": "12333", "caller": caller,
        "reason": "no_agent", "requested_ms": 1763761060000,
    }  # fmt: skip
    path.write_text(json.dumps(told))
    return path


def intake(line: CallLine, database: Database | None = None) -> CallbackIntake:
    return CallbackIntake(
        spool=line.folder / "promises",
        database=database or line.database,
        directory=cast(CurrentDirectory, StandingDirectory()),
        process="ast1/jobs",
    )


async def rows(line: CallLine) -> list[CallbackRequestRow]:
    async with line.database.transaction() as session:
        return list(await session.scalars(select(CallbackRequestRow)))


async def test_a_promise_is_taken_in_once_even_if_its_file_comes_back(line: CallLine) -> None:
    path = promise(line.folder / "promises")
    again = line.folder / "copy"
    shutil.copy(path, again)
    assert await intake(line).step() == 1
    assert not path.exists()
    shutil.copy(again, path)
    assert await intake(line).step() == 1
    assert [(row.call_id, row.caller, row.dialled, row.state) for row in await rows(line)] == [
        (CALL, "+8613812345678", "12333", "open")
    ]
    assert await line.kinds(CALL) == ["entered", "callback_requested", "ended"]
    summary = await line.summary(CALL)
    assert (summary.caller, summary.line, summary.outcome) == ("+8613812345678", "12333", "callback_promised")


async def test_a_promise_stays_in_the_spool_while_postgresql_is_away(line: CallLine) -> None:
    path = promise(line.folder / "promises")
    waiting = asyncio.create_task(intake(line, Database("postgresql+asyncpg://nobody@127.0.0.1:1/none")).run())
    await asyncio.sleep(0.2)
    assert not waiting.done()
    assert path.exists()
    waiting.cancel()
    await intake(line).step()
    assert len(await rows(line)) == 1


async def test_a_bad_file_does_not_stop_the_good_ones(line: CallLine) -> None:
    spool = line.folder / "promises"
    promise(spool)
    (spool / "ast1-1.2.json").write_text("{}")
    assert await intake(line).step() == 1


async def ask(path: Path, said: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(said)
    async with asyncio.timeout(15):
        answer = await reader.read()
    writer.close()
    return answer


async def test_the_pulse(tmp_path: Path) -> None:
    path = tmp_path / "run" / "voice-1.sock"
    health = HealthSocket(path, calls=lambda: 7, metrics=lambda: "hotline_calls 7\n")
    await health.start()
    assert await ask(path, b"ping\n") == f"pong {os.getpid()} 7\n".encode()
    assert await ask(path, b"metrics\n") == b"hotline_calls 7\n"
    assert await ask(path, b"what\n") == b""
    assert await ask(path, b"x" * 100_000 + b"\n") == b""
    assert path.stat().st_mode & 0o777 == 0o600
    await health.close()
    assert not path.exists()


async def test_a_socket_that_was_left_behind_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "voice-1.sock"
    path.write_text("")
    health = HealthSocket(path, calls=lambda: 0, metrics=str)
    await health.start()
    assert (await ask(path, b"ping\n")).startswith(b"pong ")
    await health.close()
