"""Merger modes of hotlines (归并方式) and THE table of what happens to a call for a number of each mode.

Sources in brackets: SMX = 三政办〔2021〕26号, SX = 晋政办发电〔2020〕47号, YZ = 永州整合实施方案 (2017).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from hotline.errors import InvalidInput

MAIN_LINE = "12345"
EMERGENCY_NUMBERS = frozenset({"110", "119", "120", "122"})
GENERAL_GROUP = "general"


class UnsupportedMode(InvalidInput):
    """No path is laid down for this mode on this platform."""

    code = "mode.unsupported"


class Mode(StrEnum):
    """How a number was brought to 12345. MAIN is 12345 itself, which was merged into nothing."""

    MAIN = "main"
    MERGED = "merged"
    FORWARDED = "forwarded"
    RETAINED = "retained"
    DUAL = "dual"
    BRANCH = "branch"
    EMERGENCY = "emergency"
    UTILITY = "utility"
    EXCLUDED = "excluded"

    @property
    def chinese(self) -> str:
        """The field's own word."""
        return _CHINESE[self]


_CHINESE = {
    Mode.MAIN: "主号",
    Mode.MERGED: "整体并入",
    Mode.FORWARDED: "来电转移",
    Mode.RETAINED: "专号保留",
    Mode.DUAL: "双号并行",
    Mode.BRANCH: "设分中心",
    Mode.EMERGENCY: "紧急类",
    Mode.UTILITY: "公共事业",
    Mode.EXCLUDED: "不纳入归并",
}


class Platform(StrEnum):
    """Whose seats answer the number."""

    OURS = "ours"
    OWN = "own"


class PathKind(StrEnum):
    """What happens to the call first."""

    DIRECT = "direct"
    """Greeted, then the general queue."""
    EXPERTS = "experts"
    """Greeted, then expert seats (专家座席), general agents too after a while."""
    TRANSFER = "transfer"
    """Sent to the line's own targets, in their order."""
    ANNOUNCE = "announce"
    """Told whose number it is, then the general queue."""


class Fallback(StrEnum):
    """Where a call goes when no target takes it: busy, silent, closed, refused or unreachable."""

    AGENT = "agent"
    """An agent here, at the place of its time of entry."""
    REDIAL = "redial"
    """Not queued like others: tried again, then the citizen is told to dial the number directly, before all else."""


@dataclass(frozen=True, slots=True)
class Path:
    """One row of the table."""

    kind: PathKind
    fallback: Fallback
    source: str
    greet_first: bool = True
    """Whether the line's greeting is heard before anything else."""
    with_data: bool = False
    """Whether the call's data go with the transfer (电话和数据一并转接)."""
    unit_required: bool = True
    """Whether a number of this mode must name its unit: the call's tag and its tickets' addressee."""


PATHS: Mapping[tuple[Mode, Platform], Path] = MappingProxyType(
    {
        (Mode.MAIN, Platform.OURS): Path(
            PathKind.DIRECT, Fallback.AGENT, "SMX 一(一): 语音呼叫号码为12345", unit_required=False
        ),
        (Mode.MERGED, Platform.OURS): Path(PathKind.DIRECT, Fallback.AGENT, "SMX 二(二)1, SX 二(二)2 直接合并"),
        (Mode.FORWARDED, Platform.OURS): Path(PathKind.DIRECT, Fallback.AGENT, "SX 二(二)2 来电转移"),
        (Mode.RETAINED, Platform.OURS): Path(PathKind.DIRECT, Fallback.AGENT, "YZ 二(二) 专号保留"),
        (Mode.DUAL, Platform.OURS): Path(PathKind.EXPERTS, Fallback.AGENT, "SMX 二(二)2, SX 二(二)2 并行接听"),
        (Mode.DUAL, Platform.OWN): Path(PathKind.TRANSFER, Fallback.AGENT, "SMX 二(二)2: 暂用原热线平台,电话转接机制"),
        (Mode.BRANCH, Platform.OWN): Path(PathKind.TRANSFER, Fallback.AGENT, "SMX 二(二)3 设分中心"),
        (Mode.EMERGENCY, Platform.OWN): Path(
            PathKind.TRANSFER,
            Fallback.REDIAL,
            "SMX 一(一), 二(三)1; 国办发〔2022〕12号",
            greet_first=False,
            unit_required=False,
        ),
        (Mode.UTILITY, Platform.OWN): Path(PathKind.TRANSFER, Fallback.AGENT, "SMX 二(三)1 联动机制", with_data=True),
        (Mode.EXCLUDED, Platform.OWN): Path(
            PathKind.ANNOUNCE, Fallback.AGENT, "SMX 二(二): 由省级以上部门接听", unit_required=False
        ),
    }
)


def path_of(mode: Mode, platform: Platform) -> Path:
    """The row for this mode and platform; raises UnsupportedMode naming both."""
    try:
        return PATHS[mode, platform]
    except KeyError:
        raise UnsupportedMode(f"no path for mode {mode.value!r} on platform {platform.value!r}") from None


def check_line(number: str, mode: Mode, platform: Platform, *, expert_seats: bool) -> Path:
    """The path of a line, or UnsupportedMode saying what does not fit.

    110, 119, 120 and 122 are never merged (SMX 一(一)), 12345 is nothing but the main line, and only a dual number
    that we answer has expert seats here (SMX 二(二)2).
    """
    path = path_of(mode, platform)
    if number in EMERGENCY_NUMBERS and mode is not Mode.EMERGENCY:
        raise UnsupportedMode(f"an emergency number is never {mode.value!r}")
    if (number == MAIN_LINE) != (mode is Mode.MAIN):
        raise UnsupportedMode(f"{MAIN_LINE} and only {MAIN_LINE} is the main line")
    if expert_seats and path.kind is not PathKind.EXPERTS:
        raise UnsupportedMode(f"mode {mode.value!r} on platform {platform.value!r} has no expert seats here")
    return path


def expert_group(number: str) -> str:
    """The skill group of a line's expert seats, e.g. `expert-12333`."""
    return f"expert-{number}"
