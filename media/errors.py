"""What can go wrong with sound."""

from __future__ import annotations

from typing import ClassVar

from hotline.errors import HotlineError, NotFound, PartUnavailable


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


class NothingAudible(HotlineError):
    """The synthesizer returned silence for a sentence."""

    code: ClassVar[str] = "media.nothing_audible"


class UnspeakableText(HotlineError):
    """The text holds something this voice has no sound for, such as Latin letters."""

    code: ClassVar[str] = "media.unspeakable_text"
