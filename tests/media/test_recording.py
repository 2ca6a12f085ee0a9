"""From raw two-channel sound to a sealed MP3 or Opus file: cut right, both sides apart, drawn, nothing left open."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hotline.keys import KeyRing, SealingKey
from media import recording
from media.cipher import SealedFile
from media.errors import EncoderUnavailable
from media.recording import BYTES_A_MS, raw_length_ms, seal
from media.sound import AudioSegment
from media.waveform import PEAKS_A_SECOND, Waveform

RATE = 8_000
KEYS = KeyRing([SealingKey(b"k" * 32)])


def tone(frequency: float, seconds: float, level: float = 8_000) -> NDArray[np.int16]:
    at = np.arange(round(seconds * RATE)) / RATE
    return (level * np.sin(2 * np.pi * frequency * at)).astype(np.int16)


def write_raw(path: Path, left: NDArray[np.int16], right: NDArray[np.int16]) -> Path:
    path.write_bytes(np.stack([left, right], axis=1).astype("<i2").tobytes())
    return path


def played(path: Path, sound: str, subject: str = "call/1") -> NDArray[np.int16]:
    """What a player makes of the sealed file, in columns of one for each channel."""
    with SealedFile(path, KEYS, KEYS.current.id, subject) as file:
        content = b"".join(file.read(0, file.size))
    segment = AudioSegment.from_file(io.BytesIO(content), format="mp3" if sound == "mp3" else "ogg")
    assert segment.channels == 2
    samples = np.array(segment.set_sample_width(2).set_frame_rate(RATE).get_array_of_samples(), dtype=np.int16)
    return samples.reshape(-1, 2)


def strength(samples: NDArray[np.int16], frequency: float) -> float:
    """Amplitude of one frequency."""
    at = np.arange(len(samples)) / RATE
    return float(2 * abs(np.mean(samples * np.exp(-2j * np.pi * frequency * at))))


@pytest.mark.parametrize("sound", ["mp3", "opus"])
def test_each_side_is_heard_in_its_own_channel_only(tmp_path: Path, sound: str) -> None:
    raw = write_raw(tmp_path / "raw", tone(440, 4), tone(660, 4))
    result = seal(raw, tmp_path / "out", KEYS, subject="call/1", sound=sound)
    heard = played(tmp_path / "out", sound)[RATE : 3 * RATE]
    assert strength(heard[:, 0], 440) > 6_000
    assert strength(heard[:, 1], 660) > 6_000
    # 40 dB down: nobody hears it.
    assert strength(heard[:, 0], 660) < 80
    assert strength(heard[:, 1], 440) < 80
    assert result.length_ms == 4_000
    assert result.size == (tmp_path / "out").stat().st_size


@pytest.mark.parametrize("sound", ["mp3", "opus"])
def test_times_are_right_to_a_few_milliseconds(tmp_path: Path, sound: str) -> None:
    quiet = np.zeros(2 * RATE, np.int16)
    left = np.concatenate((quiet, tone(440, 2)))
    raw = write_raw(tmp_path / "raw", left, np.zeros_like(left))
    seal(raw, tmp_path / "out", KEYS, subject="call/1", sound=sound)
    heard = played(tmp_path / "out", sound)
    begins_ms = int(np.argmax(np.abs(heard[:, 0].astype(np.int32)) > 2_000)) / RATE * 1000
    assert abs(begins_ms - 2_000) <= 10


def test_only_the_part_between_two_times_is_kept(tmp_path: Path) -> None:
    left = np.concatenate((tone(300, 1), tone(500, 1), tone(700, 1)))
    raw = write_raw(tmp_path / "raw", left, left)
    result = seal(raw, tmp_path / "out", KEYS, subject="call/1", sound="mp3", from_ms=1_000, to_ms=2_000)
    assert result.length_ms == 1_000
    heard = played(tmp_path / "out", "mp3")[400:-400, 0]
    assert strength(heard, 500) > 6_000
    assert strength(heard, 300) < 200
    assert strength(heard, 700) < 200


def test_a_sample_that_was_not_written_whole_is_left_out(tmp_path: Path) -> None:
    raw = write_raw(tmp_path / "raw", tone(440, 1), tone(660, 1))
    raw.write_bytes(raw.read_bytes()[:-3])
    assert raw_length_ms(raw) == 999
    assert seal(raw, tmp_path / "out", KEYS, subject="call/1", sound="mp3").length_ms == 999


def test_a_long_talk_is_read_piece_by_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "_PIECE", 4_000)
    raw = write_raw(tmp_path / "raw", tone(440, 3), tone(660, 3))
    result = seal(raw, tmp_path / "out", KEYS, subject="call/1", sound="mp3", from_ms=7, to_ms=2_993)
    assert result.length_ms == 2_986
    assert [len(channel) for channel in result.peaks] == [30, 30]


def test_nothing_but_the_sealed_file_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    raw = write_raw(tmp_path / "raw", tone(440, 1), tone(660, 1))
    seal(raw, tmp_path / "kept" / "2026" / "out", KEYS, subject="call/1", sound="mp3")
    assert [path.name for path in (tmp_path / "kept" / "2026").iterdir()] == ["out"]
    assert list((tmp_path / "tmp").iterdir()) == []
    assert (tmp_path / "kept" / "2026").stat().st_mode & 0o077 == 0


def test_without_ffmpeg_it_says_so_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = write_raw(tmp_path / "raw", tone(440, 1), tone(660, 1))
    monkeypatch.setattr(recording, "encoder_program", lambda: str(tmp_path / "none"))
    with pytest.raises(EncoderUnavailable) as raised:
        seal(raw, tmp_path / "kept" / "out", KEYS, subject="call/1", sound="mp3")
    assert "ffmpeg" in raised.value.remedy
    monkeypatch.setattr(recording, "encoder_program", lambda: "false")
    with pytest.raises(EncoderUnavailable):
        seal(raw, tmp_path / "kept" / "out", KEYS, subject="call/1", sound="mp3")
    assert list((tmp_path / "kept").iterdir()) == []


def test_the_waveform_is_the_loudest_of_each_tenth_of_a_second() -> None:
    waveform = Waveform(RATE, 2)
    left = np.zeros(RATE, np.int16)
    left[2_500] = -32_768
    right = np.full(RATE, 16_384, np.int16)
    samples = np.stack([left, right], axis=1)
    for at in range(0, RATE, 333):
        waveform.add(samples[at : at + 333])
    citizen, others = waveform.peaks()
    assert list(citizen) == [0, 0, 0, 255, *[0] * 6]
    assert list(others) == [127] * PEAKS_A_SECOND


def test_the_waveform_of_nothing_is_empty() -> None:
    assert Waveform(RATE, 2).peaks() == [b"", b""]
    assert BYTES_A_MS == 32
