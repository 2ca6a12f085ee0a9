"""A-law against the recommendation itself: ITU-T G.711, table 1a, and the property that coding is nearest."""

from __future__ import annotations

import numpy as np

from server.demo.g711 import decode, encode, tone


def reference(code: int) -> int:
    """G.711 A-law written out bit by bit, independent of the code under test; 13 bits scaled to 16."""
    bits = code ^ 0x55
    segment, step = (bits >> 4) & 7, bits & 15
    value = 2 * step + 1 if segment == 0 else (2 * step + 33) << (segment - 1)
    return value * 8 if bits & 0x80 else -value * 8


def test_every_code_decodes_as_recommended() -> None:
    assert decode(bytes(range(256))).tolist() == [reference(code) for code in range(256)]


def test_known_values() -> None:
    """Positive and negative zero, and full scale (G.711 table 1a: decoder output values 1 and 4032)."""
    assert decode(b"\xd5\x55\xaa\x2a").tolist() == [8, -8, 32256, -32256]


def test_every_code_encodes_to_itself() -> None:
    codes = bytes(range(256))
    assert encode(decode(codes).astype(np.float64)) == codes


def test_encoding_is_nearest() -> None:
    samples = np.arange(-32_768, 32_768, 7, dtype=np.float64)
    levels = np.array(sorted(reference(code) for code in range(256)))
    got = decode(encode(samples)).astype(np.float64)
    best = np.abs(samples[:, None] - levels[None, :]).min(axis=1)
    assert np.array_equal(np.abs(samples - got), best)


def test_full_scale_and_beyond_is_clipped() -> None:
    assert decode(encode(np.array([1e6, -1e6]))).tolist() == [32256, -32256]


def test_a_tone_has_its_length_and_frequency() -> None:
    heard = decode(tone(1_000, 0.5)).astype(np.float64)
    assert len(heard) == 4_000
    spectrum = np.abs(np.fft.rfft(heard))
    assert int(np.argmax(spectrum)) * 8_000 / 4_000 == 1_000
