"""The engine that writes messages down, played by a module of its name: what it is given, and when there is none."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from media.errors import NotTranscribed
from media.transcribe import Transcriber, local_transcriber

ENGINE = """
class _Result:
    text = ""

class _Stream:
    def __init__(self):
        self.result = _Result()
    def accept_waveform(self, rate, samples):
        self.heard = (rate, len(samples), float(abs(samples).max()), samples.dtype.name)

class OfflineRecognizer:
    made = []
    @classmethod
    def from_sense_voice(cls, **asked):
        cls.made.append(asked)
        return cls()
    def create_stream(self):
        return _Stream()
    def decode_stream(self, stream):
        rate, count, peak, kind = stream.heard
        stream.result.text = f" {rate} {count} {peak:.1f} {kind} " if peak else " "
"""


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The extra is installed; the folder its model belongs in."""
    packages = tmp_path / "packages"
    packages.mkdir()
    (packages / "sherpa_onnx.py").write_text(ENGINE)
    monkeypatch.syspath_prepend(packages)
    folder = tmp_path / "sense-voice-2024-07-17"
    folder.mkdir()
    yield folder
    sys.modules.pop("sherpa_onnx", None)


def found(folder: Path) -> Transcriber:
    for name in ("model.onnx", "model.int8.onnx", "tokens.txt"):
        (folder / name).touch()
    transcriber = local_transcriber(str(folder))
    assert transcriber is not None
    return transcriber


def test_it_is_given_the_sound_as_it_wants_it(engine: Path) -> None:
    transcriber = found(engine)
    assert transcriber.engine == "sherpa-onnx/sense-voice-2024-07-17"
    assert "sherpa_onnx" not in sys.modules, "loaded before there is anything to write down"
    assert transcriber.transcribe(np.full(800, 16_384, np.int16), 8_000) == "8000 800 0.5 float32"
    transcriber.transcribe(np.full(800, 1, np.int16), 8_000)
    (asked,) = sys.modules["sherpa_onnx"].OfflineRecognizer.made
    assert Path(asked["model"]).name == "model.int8.onnx"


def test_silence_has_no_words(engine: Path) -> None:
    with pytest.raises(NotTranscribed):
        found(engine).transcribe(np.zeros(800, np.int16), 8_000)


@pytest.mark.parametrize("there", [(), ("model.onnx",), ("tokens.txt",)])
def test_a_folder_without_a_whole_model_is_no_engine(engine: Path, there: tuple[str, ...]) -> None:
    for name in there:
        (engine / name).touch()
    assert local_transcriber(str(engine)) is None


def test_a_model_without_the_extra_is_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sherpa_onnx", None)
    for name in ("model.onnx", "tokens.txt"):
        (tmp_path / name).touch()
    assert local_transcriber(str(tmp_path)) is None
