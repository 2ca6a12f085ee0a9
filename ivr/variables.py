"""The variables that every flow has without setting them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ivr.events import CallFacts

LINE: Final = "line"
LINE_NAME: Final = "line_name"
LANGUAGE: Final = "language"
OUTCOME: Final = "outcome"

BUILT_IN: Final[Mapping[str, str]] = MappingProxyType(
    {
        LINE: "来电拨打的号码",
        LINE_NAME: "来电拨打的热线名称",
        LANGUAGE: "通话当前使用的语言",
        OUTCOME: "最近一次子流程返回的结果，尚无子流程返回时为空",
    }
)
"""Name and meaning, as people who write flows read it. They are set from the start and are not for flows to set."""


def at_the_start(facts: CallFacts) -> dict[str, str]:
    """The variables a run begins with."""
    return {LINE: facts.line, LINE_NAME: facts.line_name, LANGUAGE: facts.language, OUTCOME: ""}
