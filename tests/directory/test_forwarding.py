"""The line a forwarded call was first dialled on is read from Diversion or History-Info."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory.forwarding import diverted_from


@pytest.mark.parametrize(
    ("diversion", "history", "uris"),
    [
        (None, None, []),
        ("", "", []),
        ("<sip:12333@carrier>;reason=unconditional;counter=1", None, ["sip:12333@carrier"]),
        # RFC 5806: the newest diversion stands first.
        (
            "<sip:12345@b>;reason=user-busy, <sip:03982812345@a>;reason=no-answer",
            None,
            ["sip:03982812345@a", "sip:12345@b"],
        ),
        ('"热线, 12333" <sip:12333@a>;reason=unknown', None, ["sip:12333@a"]),
        ("sip:12333@a;reason=unknown", None, ["sip:12333@a"]),
        ("tel:+8639812333", None, ["tel:+8639812333"]),
        # RFC 7044: order is by index, not by place.
        (None, "<sip:12345@c>;index=1.1, <sip:12333@a>;index=1", ["sip:12333@a", "sip:12345@c"]),
        (
            None,
            "<sip:12333@a?Reason=SIP%3Bcause%3D302>;index=1,<sip:12345@c>;index=1.10;mp=1,<sip:x@c>;index=1.2",
            ["sip:12333@a", "sip:x@c", "sip:12345@c"],
        ),
        (None, "<sip:12333@a>", []),
        (None, "<sip:12333@a;index=9>", []),
        ("<sip:2@a>", "<sip:1@a>;index=1", ["sip:1@a", "sip:2@a"]),
        ("<>, ,;;,<sip:12333@a", None, ["sip:12333@a"]),
    ],
)
def test_headers(diversion: str | None, history: str | None, uris: list[str]) -> None:
    assert diverted_from(diversion, history) == uris


@given(st.text(), st.text())
def test_any_text_is_taken(diversion: str, history: str) -> None:
    assert len(diverted_from(diversion, history)) <= 40


def test_an_endless_header_is_cut_and_cheap() -> None:
    assert len(diverted_from("<sip:1@a>," * 100_000, ";index=1.1" * 100_000)) <= 20
    diverted_from('"' * 4096 + "<" * 4096, "\\" * 4096)
