"""Uploads: what is good is trimmed and brought to the level of all prompts; what is not is refused by its reason."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from media.errors import UploadRefused
from media.render import ACTIVE_LEVEL_DBFS, CEILING_DBFS
from media.sound import active_level, from_alaw, peak_level
from media.studio_decode import KINDS, LARGEST_BYTES, LONGEST_SECONDS, decode, kind_of
from media.studio_upload import Converted, convert
from tests.media.uploads import FORMATS, RATE, encoded, speech, wav


def refused(path: Path) -> str:
    """Why."""
    with pytest.raises(UploadRefused) as refusal:
        convert(path)
    assert refusal.value.remedy
    return refusal.value.why


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_is_trimmed_and_brought_to_the_level_of_all_prompts(tmp_path: Path, kind: str) -> None:
    pcm = speech(peak=0.25)
    upload = encoded(tmp_path / f"upload.{kind}", pcm)
    converted = convert(upload)
    assert converted.kind == kind
    sound = from_alaw(converted.sound)
    assert active_level(sound) == pytest.approx(ACTIVE_LEVEL_DBFS, abs=0.5)
    # A-law's own steps at the top are 0.3 dB.
    assert peak_level(sound) <= CEILING_DBFS + 0.4
    # Of the second of silence around it a breath is left.
    assert 800 <= converted.trimmed_ms <= 1_100
    spoken_ms = len(pcm) * 1_000 / RATE - 1_000
    assert converted.duration_ms == pytest.approx(spoken_ms, abs=150)
    assert len(converted.sound) == converted.duration_ms * 8


@pytest.mark.parametrize("peak", [0.03, 0.25, 0.99])
def test_the_level_does_not_depend_on_how_it_was_recorded(tmp_path: Path, peak: float) -> None:
    converted = convert(wav(tmp_path / "upload.wav", speech(peak=peak)))
    assert active_level(from_alaw(converted.sound)) == pytest.approx(ACTIVE_LEVEL_DBFS, abs=0.5)


def test_the_name_of_a_file_says_nothing(tmp_path: Path) -> None:
    upload = encoded(tmp_path / "upload.m4a", speech())
    assert convert(upload.rename(tmp_path / "song.mp3")).kind == "m4a"


def test_a_file_may_be_called_anything_and_lie_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    upload = encoded(tmp_path / "upload.mp3", speech()).rename(tmp_path / "http:-i 欢迎词.mp3")
    assert convert(Path(upload.name)).kind == "mp3"


def test_two_channels_upside_down_are_heard_all_the_same(tmp_path: Path) -> None:
    pcm = speech()
    both = np.stack([pcm, -pcm], axis=1).reshape(-1)
    converted = convert(wav(tmp_path / "upload.wav", both, channels=2))
    assert active_level(from_alaw(converted.sound)) == pytest.approx(ACTIVE_LEVEL_DBFS, abs=0.5)


def test_a_cover_picture_is_no_fault(tmp_path: Path) -> None:
    """Recorders and shops put one into MP3 and M4A files."""
    cover = tmp_path / "cover.png"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=red:s=32x32", "-frames:v", "1", str(cover)], check=True
    )
    for kind in ("mp3", "m4a"):
        plain = encoded(tmp_path / f"plain.{kind}", speech())
        covered = tmp_path / f"covered.{kind}"
        streams = ["-map", "0:a", "-map", "1:v", "-c", "copy", "-disposition:v", "attached_pic"]
        subprocess.run(
            ["ffmpeg", "-v", "error", "-i", str(plain), "-i", str(cover), *streams, str(covered)], check=True
        )
        assert convert(covered).duration_ms == pytest.approx(convert(plain).duration_ms, abs=60)


@pytest.mark.parametrize("gain", [3.0, 8.0])
def test_what_was_recorded_too_loud_is_refused(tmp_path: Path, gain: float) -> None:
    loud = speech(peak=gain)
    assert refused(wav(tmp_path / "upload.wav", loud)) == "clipped"
    # Turned down afterwards it is as broken as before.
    assert refused(wav(tmp_path / "lower.wav", (loud * 0.6).astype(np.int16))) == "clipped"


@pytest.mark.parametrize("kind", ["mp3", "m4a", "opus"])
def test_clipping_is_seen_through_lossy_formats(tmp_path: Path, kind: str) -> None:
    loud = (speech(peak=6.0) * 0.6).astype(np.int16)
    assert refused(encoded(tmp_path / f"upload.{kind}", loud)) == "clipped"


def test_one_loud_channel_of_two_is_clipping_too(tmp_path: Path) -> None:
    both = np.stack([speech(), speech(peak=6.0)], axis=1).reshape(-1)
    assert refused(wav(tmp_path / "upload.wav", both, channels=2)) == "clipped"


def test_silence_and_what_is_hardly_more_are_refused(tmp_path: Path) -> None:
    assert refused(wav(tmp_path / "a.wav", np.zeros(RATE * 3, np.int16))) == "silent"
    noise = np.random.default_rng(1).integers(-30, 30, RATE * 3).astype(np.int16)
    assert refused(wav(tmp_path / "b.wav", noise)) == "silent"
    assert refused(wav(tmp_path / "c.wav", speech(peak=0.02))) == "quiet"


def test_lengths_are_bounded_on_both_sides(tmp_path: Path) -> None:
    assert refused(wav(tmp_path / "a.wav", speech()[: RATE // 5])) == "too_short"
    hum = (np.sin(np.arange(8_000 * (LONGEST_SECONDS + 1)) / 8) * 3_000).astype(np.int16)
    assert refused(wav(tmp_path / "b.wav", hum, rate=8_000)) == "too_long"
    assert refused(encoded(tmp_path / "c.mp3", np.resize(speech(), RATE * (LONGEST_SECONDS + 5)))) == "too_long"


def test_a_file_that_is_too_big_is_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "upload.wav"
    with path.open("wb") as file:
        file.truncate(LARGEST_BYTES + 1)
    assert refused(path) == "too_big"


def test_more_channels_and_other_rates_are_refused(tmp_path: Path) -> None:
    assert refused(wav(tmp_path / "a.wav", np.repeat(speech(), 6), channels=6)) == "channels"
    assert refused(wav(tmp_path / "b.wav", speech(), rate=4_000)) == "rate"
    assert refused(wav(tmp_path / "c.wav", speech(), rate=96_000)) == "rate"


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7 ...",
        b"<html>",
        b"OggS" + bytes(60),
        b"fLaC" + bytes(60),
        b"\xff\xf9\x50\x80" + bytes(60),
        b"#EXTM3U\n",
    ],
)
def test_what_is_no_recording_is_refused_by_its_content(tmp_path: Path, content: bytes) -> None:
    assert refused(written(tmp_path / "upload.wav", content)) == "unknown_kind"
    assert refused(written(tmp_path / "empty.wav", b"")) == "empty"


@pytest.mark.parametrize("kind", ["wav", "m4a", "opus"])
@pytest.mark.parametrize("share", [0.3, 0.7])
def test_half_a_file_is_refused(tmp_path: Path, kind: str, share: float) -> None:
    whole = encoded(tmp_path / f"upload.{kind}", speech(), *(("-movflags", "+faststart") if kind == "m4a" else ()))
    content = whole.read_bytes()
    assert refused(written(tmp_path / f"half.{kind}", content[: int(len(content) * share)])) == "broken"


def test_a_playlist_of_other_files_inside_a_good_head_reads_none_of_them(tmp_path: Path) -> None:
    """ffmpeg must not be talked into reading what the upload names."""
    secret = wav(tmp_path / "secret.wav", speech())
    playlist = f"ffconcat version 1.0\nfile '{secret}'\n".encode()
    for head in (b"ID3\x04\x00\x00\x00\x00\x00\x00", b"\x00\x00\x00\x18ftypM4A ", b"RIFF\xff\xff\xff\xffWAVE"):
        assert refused(written(tmp_path / "upload.bin", head + playlist)) == "broken"


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("good")
    return {kind: encoded(folder / f"good.{kind}", speech("bye.thanks")).read_bytes() for kind in FORMATS}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_upload_does_anything_but_be_converted_or_refused(
    tmp_path: Path, good: dict[str, bytes], data: st.DataObject
) -> None:
    """Bytes of a good file changed, cut out, doubled: it becomes a whole sound within bounds, or there is a reason."""
    content = bytearray(good[data.draw(st.sampled_from(KINDS))])
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(content) - 1))
        match data.draw(st.sampled_from(["byte", "length", "cut", "double"])):
            case "byte":
                content[at] = data.draw(st.integers(0, 255))
            case "length":
                content[at : at + 4] = struct.pack("<I", data.draw(st.sampled_from([0, 1, 2**31, 2**32 - 1])))
            case "cut":
                del content[at : at + data.draw(st.integers(1, 2_000))]
            case _:
                content[at:at] = content[at : at + 500]
        if not content:
            return
    try:
        converted = convert(written(tmp_path / "upload.bin", bytes(content)))
    except UploadRefused:
        return
    assert isinstance(converted, Converted)
    assert 300 <= converted.duration_ms <= LONGEST_SECONDS * 1_000
    assert active_level(from_alaw(converted.sound)) == pytest.approx(ACTIVE_LEVEL_DBFS, abs=1.0)


@settings(max_examples=200, deadline=None)
@given(head=st.binary(max_size=64))
def test_any_head_has_a_kind_or_is_refused(head: bytes) -> None:
    try:
        found = kind_of(head)
    except UploadRefused as refusal:
        found = refusal.why
    assert found in (*KINDS, "unknown_kind", "empty")


def test_decoding_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    decode(encoded(tmp_path / "upload.mp3", speech()))
    with pytest.raises(UploadRefused):
        decode(written(tmp_path / "bad.wav", b"RIFF\xff\xff\xff\xffWAVEnonsense"))
    assert list((tmp_path / "tmp").iterdir()) == []
