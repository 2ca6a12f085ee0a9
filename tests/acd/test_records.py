"""Records written by the scripts and read here, and the other way round in the scripts."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from redis.client import NEVER_DECODE

from acd.records import AGENT, CALL, Layout
from tests.acd.line import Line

FULL = {
    layout: {name: number for number, name in enumerate((*layout.placed, *layout.rare), 1)} for layout in (AGENT, CALL)
}


async def packed(line: Line, layout: Layout, record: dict[str, Any], *, again: bool = False) -> bytes:
    """As a script writes it; `again`: after it has read what it had written."""
    kind = layout.kind
    read = f"unpack_{kind}(pack_{kind}(record))" if again else "record"
    script = f"{layout.lua()} local record = cjson.decode(ARGV[1]) return pack_{kind}({read})"
    answer: bytes = await line.redis.execute_command("EVAL", script, 0, orjson.dumps(record), **{NEVER_DECODE: True})  # type: ignore[no-untyped-call]
    return answer


@pytest.mark.parametrize("layout", [AGENT, CALL], ids=lambda layout: str(layout.kind))
@pytest.mark.parametrize("again", [False, True], ids=["written", "read and written"])
async def test_every_field_comes_back(line: Line, layout: Layout, again: bool) -> None:
    record = FULL[layout]
    assert layout.unpack(await packed(line, layout, record, again=again)) == record
    for name, value in record.items():
        assert layout.unpack(await packed(line, layout, {name: value}, again=again)) == {name: value}, "alone"
        others = {other: known for other, known in record.items() if other != name}
        assert layout.unpack(await packed(line, layout, others, again=again)) == others, f"without {name}"


async def test_values_of_every_kind_come_back(line: Line) -> None:
    record = {"state": "WAITING", "place": 1763761000123, "label": '{"说":"\\u0000"}', "listed": True, "parked": True}
    assert CALL.unpack(await packed(line, CALL, record, again=True)) == record
