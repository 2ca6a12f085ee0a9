"""Personal data stays out of logs and off screens that have no business with it."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from hotline import logs
from hotline.privacy import drop_personal, mask_number


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What a process with our logs writes; the settings of other tests are put back."""
    before = structlog.get_config()
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    logs.configure("voice-1", level="info")
    yield written
    structlog.contextvars.clear_contextvars()
    structlog.configure(**before)


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("13812345678", "138****5678"),
        ("+8613812345678", "138****5678"),
        ("+863982812345", "039****2345"),
        ("+864001234567", "40****4567"),
        ("+12125550123", "+12*****0123"),
        ("2812345", "*******"),
        ("82812345", "****2345"),
        ("110", "***"),
        ("", ""),
    ],
)
def test_the_middle_of_a_number_is_hidden(number: str, shown: str) -> None:
    assert mask_number(number) == shown


@given(st.from_regex(r"[0-9]{8,15}", fullmatch=True))
def test_a_mask_keeps_the_length_and_hides_at_least_four_digits(number: str) -> None:
    masked = mask_number(number)
    assert len(masked) == len(number)
    assert masked.count("*") >= 4
    assert all(letter in ("*", digit) for letter, digit in zip(masked, number, strict=True))


PERSONAL = {
    "caller": "13812345678", "caller_number": "13812345678", "caller_name": "张三", "phone": "13812345678",
    "digits": "4101", "dtmf": "5", "password": "pw", "token": "t0", "secret": "s3", "text": "我家停水", "name": "李四",
}  # fmt: skip


def test_nothing_personal_reaches_the_log_whatever_is_passed(written: io.StringIO) -> None:
    structlog.get_logger("calls").info("call.entered", call="ast1-1.1", **PERSONAL)
    line = json.loads(written.getvalue())
    assert {line[key] for key in PERSONAL} == {"<withheld>"}
    assert not [value for value in PERSONAL.values() if len(value) > 2 and value in written.getvalue()]
    assert (line["event"], line["call"], line["process"], line["level"]) == (
        "call.entered", "ast1-1.1", "voice-1", "info",
    )  # fmt: skip
    assert line["timestamp"].endswith("Z")


def test_what_is_bound_to_a_logger_is_withheld_too_and_low_levels_are_not_written(written: io.StringIO) -> None:
    log = structlog.get_logger("calls").bind(caller="13812345678")
    log.debug("call.detail")
    log.warning("call.odd")
    lines = written.getvalue().splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["call.odd"]
    assert "13812345678" not in lines[0]


def test_mutant_without_the_processor_a_number_is_written() -> None:
    event = {"event": "call.entered", "caller": "13812345678"}
    assert "13812345678" in structlog.processors.JSONRenderer()(None, "info", dict(event))
    assert "13812345678" not in structlog.processors.JSONRenderer()(None, "info", drop_personal(None, "info", event))
