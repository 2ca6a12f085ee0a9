"""A stand-in for `hotline run voice --name <name>`: answers pings, takes AGI calls and holds them in phase `waiting`.

Run as `python voice_process.py run voice --name voice-1 --port 4573 --folder DIR`. It prints `ready`, then a line
`call <HL_CALL> <HL_ENTRY> <HL_PHASE>` for each call it takes.
"""

from __future__ import annotations

import argparse
import asyncio
import os


async def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("words", nargs="*")
    options.add_argument("--name", required=True)
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--folder", required=True)
    told = options.parse_args()
    calls = 0

    async def health(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.readline() == b"ping\n":
            writer.write(f"pong {os.getpid()} {calls}\n".encode())
            await writer.drain()
        writer.close()

    async def call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        header: dict[str, str] = {}
        while line := (await reader.readline()).decode().strip():
            name, _, value = line.partition(": ")
            header[name] = value
        if not header:
            writer.close()
            return
        calls += 1
        for command in ("ANSWER", "SET VARIABLE HL_PHASE waiting", "SET MUSIC ON hl"):
            writer.write(f"{command}\n".encode())
            await reader.readline()
        print("call", header["agi_arg_1"], header["agi_arg_3"], header["agi_arg_4"], flush=True)
        await reader.read()
        writer.close()

    path = os.path.join(told.folder, f"{told.name}.sock")
    if os.path.exists(path):
        os.unlink(path)
    await asyncio.start_unix_server(health, path)
    server = await asyncio.start_server(call, "127.0.0.1", told.port)
    print("ready", flush=True)
    await server.serve_forever()


asyncio.run(main())
