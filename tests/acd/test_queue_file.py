"""Queues in a file: what is written is read back, and what cannot be meant is refused by name."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acd.needs import Need
from acd.queue_file import OpeningLine, QueueFile, read, write
from acd.queue_tables import SkillKind
from acd.queues import Overflow, OverflowAction, QueueRule, QueueStep, TieBreak
from acd.skills import SkillGroup
from hotline.errors import InvalidInput

IDS = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,12}", fullmatch=True)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NEEDS = st.dictionaries(IDS, st.integers(1, 9), min_size=1, max_size=3).map(Need.of)
OVERFLOWS = st.builds(Overflow, st.sampled_from([one for one in OverflowAction if one is not OverflowAction.QUEUE]))
OVERFLOWS |= st.builds(Overflow, st.just(OverflowAction.QUEUE), IDS)
LIMITS = st.none() | st.integers(0, 10**6)


@st.composite
def rules(draw: st.DrawFn) -> QueueRule:
    times = [0, *sorted(draw(st.sets(st.integers(1, 10**6), max_size=3)))]
    steps = tuple(QueueStep(at, tuple(draw(st.lists(NEEDS, min_size=1, max_size=3)))) for at in times)
    return QueueRule(
        queue=draw(IDS),
        name=draw(NAMES),
        steps=steps,
        tie_break=draw(st.sampled_from(TieBreak)),
        wrap_up_ms=draw(st.integers(0, 1000)),
        wrap_up_max_ms=draw(st.integers(1000, 2000)),
        affinity_ms=draw(st.integers(0, 1000)),
        max_waiting=draw(LIMITS),
        when_full=draw(OVERFLOWS),
        max_wait_ms=draw(LIMITS),
        when_late=draw(OVERFLOWS),
        service_level_ms=draw(st.integers(0, 1000)),
    )


FILES = st.builds(
    QueueFile,
    st.lists(rules(), max_size=3).map(lambda found: {rule.queue: rule for rule in found}),
    st.lists(st.builds(SkillGroup, IDS, NAMES, st.sampled_from(SkillKind)), max_size=3).map(
        lambda found: {group.group: group for group in found}
    ),
    st.dictionaries(IDS, st.builds(OpeningLine, NAMES, IDS | st.just("")), max_size=3),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(FILES)
def test_what_is_written_is_read_back(content: QueueFile) -> None:
    assert read(write(content)) == content


def test_a_changed_step_is_one_changed_line() -> None:
    def text(level: int) -> list[str]:
        steps = (QueueStep(0, (Need.of({"expert-12333": level}),)), QueueStep(20_000, (Need("general"),)))
        return write(QueueFile({"expert-12333": QueueRule("expert-12333", "人社专家", steps)})).splitlines()

    assert [line for line, other in zip(text(4), text(5), strict=True) if line != other] == [
        '  { after_ms = 0, needs = ["expert-12333:4"] },'
    ]


GOOD = '[queues.night]\nname = "夜间"\nsteps = [{ after_ms = 0, needs = ["night"] }]\n'


def test_what_is_left_out_is_as_usual() -> None:
    assert read(GOOD).rules["night"] == QueueRule("night", "夜间", (QueueStep(0, (Need("night"),)),))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[queues.night", "TOML"),
        ("nonsense = 1", "nonsense"),
        ("queues = 1", "queues"),
        ('[queues.night]\nname = "夜间"', "queue night"),
        (GOOD.replace("night]", "Night]"), "queue Night"),
        (GOOD.replace('"night"', '"night:10"'), "queue night"),
        (GOOD.replace("after_ms = 0", "after_ms = 1"), "queue night"),
        (GOOD.replace("after_ms = 0", "after_ms = true"), "queue night"),
        (GOOD.replace('["night"]', "[1]"), "queue night"),
        (GOOD.replace('["night"]', "[]"), "queue night"),
        (GOOD + 'wrap_up = "30 s"', "wrap_up"),
        (GOOD + 'wrap_up_ms = "30 s"', "queue night"),
        (GOOD + 'tie_break = "the best"', "queue night"),
        (GOOD + 'when_full = { action = "queue" }', "queue night"),
        (GOOD + 'when_late = "callback"', "queue night"),
        (GOOD + "[queues.night.opening]\nclosed_queue = 'general'", "queue night"),
        ("[groups.night]\nname = '夜间'", "group night"),
        ("[groups.night]\nname = '夜间'\nkind = 'dark'", "group night"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(text: str, named: str) -> None:
    with pytest.raises(InvalidInput, match=named):
        read(text)
