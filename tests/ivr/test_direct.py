"""What a citizen hears before the queue."""

from __future__ import annotations

from datetime import UTC, datetime

from ivr.direct import opening
from media.digits import phone
from media.store import PromptStore
from tests.calls.line import DIRECTORY

AT = datetime(2026, 11, 21, tzinfo=UTC)


def test_a_line_is_greeted_under_its_own_name() -> None:
    plan = DIRECTORY.plan("12333", AT)
    assert opening(plan, lambda key: key == "greeting.12333", phone) == ["greeting.12333"]


def test_a_line_without_a_greeting_is_named_by_its_digits() -> None:
    plan = DIRECTORY.plan("12300", AT)
    assert opening(plan, lambda key: False, phone) == [
        "greeting.generic.before",
        "digit.yao",
        "digit.2",
        "digit.3",
        "digit.0",
        "digit.0",
        "greeting.generic.after",
    ]


def test_every_part_of_the_spoken_name_is_rendered() -> None:
    playable = PromptStore().playable()
    parts = {key for number in ("1234567890",) for key in phone(number)}
    assert parts | {"greeting.generic.before", "greeting.generic.after"} <= playable
