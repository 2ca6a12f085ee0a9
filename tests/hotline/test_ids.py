"""Identifiers: what has the form passes unchanged, and nothing that could mean something in AGI, AMI or Redis does."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline import ids
from hotline.errors import InvalidInput

GOOD = [
    (ids.call_id, "ast1-1763761000.12"),
    (ids.call_id, "north-host_2-1763761000.999999999"),
    (ids.agent_id, "1001"),
    (ids.agent_id, "a" * 32),
    (ids.extension, "80"),
    (ids.extension, "80000001"),
    (ids.process_id, "ast1/voice-1"),
    (ids.group_id, "expert-12333"),
]

BAD = [
    (ids.call_id, "1763761000.12"),
    (ids.call_id, "ast1-1763761000"),
    (ids.call_id, "ast1-1763761000.12\n"),
    (ids.call_id, "-1763761000.12"),
    (ids.agent_id, ""),
    (ids.agent_id, "A1001"),
    (ids.agent_id, "a" * 33),
    (ids.agent_id, "１００１"),
    (ids.extension, "8"),
    (ids.extension, "8001&PJSIP/110@police"),
    (ids.extension, "八〇〇一"),
    (ids.process_id, "voice-1"),
    (ids.process_id, "ast1/voice/1"),
    (ids.group_id, "expert 12333"),
]

READERS = [ids.call_id, ids.agent_id, ids.extension, ids.process_id, ids.group_id]
LANGUAGE = re.compile(r"[\s\x00-\x1f\x7f,&$\"'\\(){}\[\]|;:@!*<>=%^`~+#?]|[^\x00-\x7f]")
"""What has a meaning in AGI or AMI text, in an expression, a dial string or a key, and anything outside ASCII."""


@pytest.mark.parametrize(("read", "text"), GOOD)
def test_what_has_the_form_passes_unchanged(read: Callable[[str], str], text: str) -> None:
    assert read(text) == text


@pytest.mark.parametrize(("read", "text"), BAD)
def test_what_has_not_is_refused_and_not_repeated(read: Callable[[str], str], text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(text)
    assert caught.value.code == "input.invalid"
    if text:
        assert text not in caught.value.detail


@pytest.mark.parametrize("read", READERS)
@given(text=st.one_of(st.text(max_size=40), st.from_regex(r"\A[A-Za-z0-9_./\-]{1,40}.?\Z", fullmatch=True)))
def test_whatever_passes_means_nothing_elsewhere(read: Callable[[str], str], text: str) -> None:
    try:
        passed = read(text)
    except InvalidInput:
        return
    assert passed == text
    assert not LANGUAGE.search(passed)
    assert len(passed) <= 65


@given(
    host=st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,15}", fullmatch=True),
    seconds=st.integers(0, 10**12 - 1),
    number=st.integers(0, 10**9 - 1),
)
def test_every_unique_id_of_asterisk_is_a_call_id(host: str, seconds: int, number: int) -> None:
    text = f"{host}-{seconds}.{number}"
    assert ids.call_id(text) == text


@given(st.text(alphabet=st.sampled_from("\r\n\0 ,&"), min_size=1, max_size=3), st.integers(0, 18))
def test_a_line_break_or_separator_anywhere_is_refused(break_: str, at: int) -> None:
    good = "ast1-1763761000.12"
    with pytest.raises(InvalidInput):
        ids.call_id(good[:at] + break_ + good[at:])


def test_tokens_are_long_safe_in_addresses_and_never_the_same() -> None:
    made = {ids.token() for _ in range(200)}
    assert len(made) == 200
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", token) for token in made)
