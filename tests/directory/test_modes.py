"""One table says what happens to a call for a number of each mode."""

from __future__ import annotations

from itertools import product

import pytest

from directory.modes import PATHS, Fallback, Mode, PathKind, Platform, UnsupportedMode, check_line, path_of

OURS, OWN = Platform.OURS, Platform.OWN

TABLE = {
    (Mode.MAIN, OURS): (PathKind.DIRECT, Fallback.AGENT),
    (Mode.MERGED, OURS): (PathKind.DIRECT, Fallback.AGENT),
    (Mode.FORWARDED, OURS): (PathKind.DIRECT, Fallback.AGENT),
    (Mode.RETAINED, OURS): (PathKind.DIRECT, Fallback.AGENT),
    (Mode.DUAL, OURS): (PathKind.EXPERTS, Fallback.AGENT),
    (Mode.DUAL, OWN): (PathKind.TRANSFER, Fallback.AGENT),
    (Mode.BRANCH, OWN): (PathKind.TRANSFER, Fallback.AGENT),
    (Mode.EMERGENCY, OWN): (PathKind.TRANSFER, Fallback.REDIAL),
    (Mode.UTILITY, OWN): (PathKind.TRANSFER, Fallback.AGENT),
    (Mode.EXCLUDED, OWN): (PathKind.ANNOUNCE, Fallback.AGENT),
}


@pytest.mark.parametrize(("mode", "platform"), list(product(Mode, Platform)))
def test_every_combination_has_its_row_or_is_refused_by_name(mode: Mode, platform: Platform) -> None:
    if (mode, platform) in TABLE:
        path = path_of(mode, platform)
        assert (path.kind, path.fallback) == TABLE[mode, platform]
        assert path.source
        assert mode.chinese
    else:
        with pytest.raises(UnsupportedMode, match=f"'{mode.value}'.*'{platform.value}'"):
            path_of(mode, platform)


def test_only_an_emergency_goes_out_before_a_word_and_is_never_queued() -> None:
    assert {mode for (mode, _), path in PATHS.items() if not path.greet_first} == {Mode.EMERGENCY}
    assert {mode for (mode, _), path in PATHS.items() if path.fallback is Fallback.REDIAL} == {Mode.EMERGENCY}
    assert {mode for (mode, _), path in PATHS.items() if path.with_data} == {Mode.UTILITY}


@pytest.mark.parametrize(
    ("number", "mode", "platform", "experts"),
    [
        ("110", Mode.MERGED, OURS, False),  # SMX 一(一): never merged
        ("122", Mode.DUAL, OWN, False),
        ("12345", Mode.MERGED, OURS, False),
        ("12333", Mode.MAIN, OURS, False),
        ("12333", Mode.MERGED, OURS, True),
        ("12366", Mode.BRANCH, OWN, True),
        ("12328", Mode.DUAL, OWN, True),
    ],
)
def test_what_does_not_fit_a_number(number: str, mode: Mode, platform: Platform, experts: bool) -> None:
    with pytest.raises(UnsupportedMode):
        check_line(number, mode, platform, expert_seats=experts)
