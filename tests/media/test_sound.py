"""A-law, levels, trimming and joining, checked against known signals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from media.errors import NothingAudible
from media.render import ACTIVE_LEVEL_DBFS, CEILING_DBFS, join, levelled, telephone_sound
from media.sound import TELEPHONE_HZ, Pcm, active_level, from_alaw, peak_level, resample, to_alaw


def sine(hertz: float, seconds: float, amplitude: float = 0.5, rate: int = TELEPHONE_HZ) -> Pcm:
    time = np.arange(round(rate * seconds)) / rate
    pcm: Pcm = (np.sin(2 * np.pi * hertz * time) * amplitude * 32_767).astype(np.int16)
    return pcm


def strength(pcm: Pcm, hertz: float, rate: int = TELEPHONE_HZ) -> float:
    """Amplitude of one frequency, by correlation."""
    time = np.arange(len(pcm)) / rate
    return float(abs((pcm * np.exp(-2j * np.pi * hertz * time)).mean()) * 2 / 32_768)


def test_alaw_is_g711() -> None:
    # The digital milliwatt, ITU-T G.711 table 5: its eight A-law octets are a 1 kHz tone at 0 dBm0 (-3.14 dBFS rms of a
    # full-scale sine, which is 6.15 dB under a full-scale square).
    milliwatt = bytes.fromhex("34212134b4a1a1b4") * 1_000
    assert active_level(from_alaw(milliwatt)) == pytest.approx(-6.15, abs=0.05)
    assert strength(from_alaw(milliwatt), 1_000) > 0.65


def test_alaw_there_and_back_keeps_the_sound() -> None:
    tone = sine(440, 1)
    back = from_alaw(to_alaw(tone))
    noise = (back.astype(np.float64) - tone).std()
    assert 20 * math.log10(tone.std() / noise) > 35


def test_pauses_do_not_count_in_the_level() -> None:
    tone = sine(300, 1, amplitude=0.1)
    paused: NDArray[np.int16] = np.concatenate([tone, np.zeros(TELEPHONE_HZ, np.int16), tone])
    assert active_level(tone) == pytest.approx(-23.0, abs=0.05)
    assert active_level(paused) == pytest.approx(active_level(tone), abs=0.1)
    assert active_level(np.zeros(800, np.int16)) == -math.inf
    assert peak_level(np.zeros(0, np.int16)) == -math.inf
    assert peak_level(np.array([-32_768], np.int16)) == 0


def test_converting_the_rate_lets_nothing_fold_back() -> None:
    # 5 kHz lies above what 8 kHz sound can hold; without a filter it would come back as a tone at 3 kHz.
    mixed = sine(1_000, 1, 0.3, rate=24_000) + sine(5_000, 1, 0.3, rate=24_000)
    narrow = resample(mixed, 24_000, TELEPHONE_HZ)
    assert strength(narrow, 1_000) == pytest.approx(0.3, abs=0.01)
    assert strength(narrow, 3_000) < 0.001
    assert strength(mixed[::3], 3_000) > 0.25, "the check sees folding where there is no filter"


@pytest.mark.parametrize("amplitude", [0.01, 0.3, 1.0])
def test_speech_comes_out_at_one_level_whatever_went_in(amplitude: float) -> None:
    assert active_level(levelled(sine(300, 1, amplitude))) == pytest.approx(ACTIVE_LEVEL_DBFS, abs=0.1)


def test_a_lone_peak_is_turned_down_and_not_cut_off() -> None:
    speech = sine(300, 2, 0.05)
    speech[8_000:8_020] = sine(300, 2, 1.0)[8_000:8_020]
    level = levelled(speech)
    assert peak_level(level) <= CEILING_DBFS + 0.05
    assert active_level(level) == pytest.approx(ACTIVE_LEVEL_DBFS, abs=0.2)
    largest = np.abs(level.astype(np.int32)).max()
    assert (np.abs(level.astype(np.int32)) == largest).sum() <= 2, "a cut peak would be flat"


def test_silence_around_speech_is_cut_to_a_breath() -> None:
    silence = np.zeros(24_000, np.int16)
    spoken = np.concatenate([silence, sine(300, 1, 0.3, rate=24_000), silence])
    heard = telephone_sound(spoken, 24_000)
    assert len(heard) / TELEPHONE_HZ == pytest.approx(1.08, abs=0.02)
    assert abs(int(heard[0])) < 50
    assert abs(int(heard[-1])) < 50


def test_a_pause_inside_speech_stays() -> None:
    word = sine(300, 0.5, 0.3, rate=24_000)
    spoken = np.concatenate([word, np.zeros(12_000, np.int16), word])
    assert len(telephone_sound(spoken, 24_000)) / TELEPHONE_HZ == pytest.approx(1.5, abs=0.1)


def test_silence_is_no_prompt() -> None:
    with pytest.raises(NothingAudible):
        telephone_sound(np.zeros(24_000, np.int16), 24_000)


def test_prompts_are_joined_in_order_with_a_pause() -> None:
    low, high = to_alaw(sine(400, 0.5)), to_alaw(sine(1_200, 0.5))
    joined = from_alaw(join([low, high], pause_ms=100))
    assert len(joined) == TELEPHONE_HZ * 1.1
    assert strength(joined[:4_000], 400) > 0.45
    assert strength(joined[4_800:], 1_200) > 0.45
    assert np.abs(joined[4_050:4_750].astype(np.int32)).max() < 20
