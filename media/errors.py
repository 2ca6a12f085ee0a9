"""What can go wrong with sound."""

from __future__ import annotations

from typing import ClassVar, Final

from hotline.errors import HotlineError, InvalidInput, NotFound, PartUnavailable


class UnknownPrompt(NotFound):
    """No sentence of that key is in the catalogue."""

    code: ClassVar[str] = "media.unknown_prompt"


class CatalogueInvalid(HotlineError):
    """`media/prompts.toml` cannot be used as it stands."""

    code: ClassVar[str] = "media.catalogue_invalid"


class PromptMissing(NotFound):
    """The sentence is in the catalogue, but has not been rendered."""

    code: ClassVar[str] = "media.prompt_missing"


class PromptDamaged(HotlineError):
    """A rendered file is not the one its manifest describes."""

    code: ClassVar[str] = "media.prompt_damaged"


class SpeechUnavailable(PartUnavailable):
    """Speech cannot be synthesised here: the `speech` extra or a voice is not installed."""

    code: ClassVar[str] = "media.speech_unavailable"


class WeightsMismatch(HotlineError):
    """Model or voice is not the one we pin by SHA-256."""

    code: ClassVar[str] = "media.weights_mismatch"


class NotTranscribed(HotlineError):
    """The engine could make no words of the sound."""

    code: ClassVar[str] = "media.not_transcribed"


class NothingAudible(HotlineError):
    """The synthesizer returned silence for a sentence."""

    code: ClassVar[str] = "media.nothing_audible"


class UnspeakableText(HotlineError):
    """The text holds something this voice has no sound for, such as Latin letters."""

    code: ClassVar[str] = "media.unspeakable_text"


class SealBroken(HotlineError):
    """A sealed recording is not the one that was sealed: changed, cut off, or another one's."""

    code: ClassVar[str] = "recording.damaged"


class EncoderUnavailable(PartUnavailable):
    """ffmpeg is not installed, or did not take the sound."""

    code: ClassVar[str] = "recording.encoder"


class UploadRefused(InvalidInput):
    """An uploaded recording cannot be used. `why` is a stable word of `REASONS`; what a person reads is Chinese."""

    code: ClassVar[str] = "studio.upload_refused"

    REASONS: Final = {
        "empty": ("文件是空的", "请重新选择文件"),
        "too_big": ("文件太大", "请上传不超过24MB的文件"),
        "unknown_kind": ("不是WAV、MP3、M4A或Opus格式的录音", "请导出为其中一种格式再上传"),
        "broken": ("文件已损坏或不完整", "请重新导出后再上传"),
        "too_long": ("录音太长", "请剪到180秒以内"),
        "too_short": ("录音太短, 几乎没有内容", "请检查是否选错了文件"),
        "channels": ("声道太多", "请导出为单声道或双声道"),
        "rate": ("采样率不合适", "请用8000到48000赫兹的采样率导出"),
        "silent": ("没有声音", "请检查话筒后重新录制"),
        "quiet": ("声音太小, 放大后噪声会很明显", "请靠近话筒重新录制"),
        "clipped": ("声音过大, 已经失真(削波)", "请调低录音音量后重新录制"),
    }

    def __init__(self, why: str) -> None:
        what, remedy = self.REASONS[why]
        super().__init__(what, remedy=remedy)
        self.why = why


class UnknownRecording(NotFound):
    """No recording of that code, or no such version of it, was uploaded."""

    code: ClassVar[str] = "studio.unknown_recording"
