"""How a Chinese sentence is pronounced: the phonemes, with tones, that Kokoro was trained on."""

from __future__ import annotations

import logging
import re
from typing import Final

from media.digits import with_spoken_numbers
from media.errors import SpeechUnavailable, UnspeakableText

SPEECH_REMEDY: Final = "pip install 'hotline-12345[speech]' (in a checkout: pip install -e '.[speech]')"

_HANZI: Final = "\u4e00-\u9fff"
_PIECES: Final = re.compile(f"([{_HANZI}]+)|([^{_HANZI}]+)")
_PAUSES: Final = dict(zip("，、。！？；：", (", ", ", ", ". ", "! ", "? ", "; ", ": "), strict=True))
_SILENT: Final = frozenset(" \n「」《》“”（）")


def syllables(text: str) -> list[list[str]]:
    """Pinyin with tone numbers, word by word; a pause mark stands alone as a word of its own.

    Numbers are read digit by digit, each a word, so that the rhythm does not run over them. Raises UnspeakableText
    for characters that are neither Chinese nor known punctuation, SpeechUnavailable without the `speech` extra.
    """
    try:
        import jieba
        from pypinyin import Style, lazy_pinyin
    except ImportError:
        raise SpeechUnavailable("the speech libraries are not installed", remedy=SPEECH_REMEDY) from None
    jieba.setLogLevel(logging.WARNING)
    check_speakable(text)
    words: list[list[str]] = []
    for hanzi, other in _PIECES.findall(with_spoken_numbers(text)):
        for word in jieba.cut(hanzi) if hanzi else ():
            words.append(_third_tones(lazy_pinyin(word, style=Style.TONE3, neutral_tone_with_five=True)))
        words.extend([_PAUSES[character]] for character in other if character in _PAUSES)
    return words


def check_speakable(text: str) -> None:
    """Raises UnspeakableText as `syllables` would; needs no speech libraries."""
    for _, other in _PIECES.findall(with_spoken_numbers(text)):
        for character in other:
            if character not in _PAUSES and character not in _SILENT:
                raise UnspeakableText(f"{character!r} cannot be spoken", remedy="write it in Chinese characters")


def phonemes(text: str) -> str:
    """The sentence in Kokoro's alphabet: IPA with arrows for the tones. Raises as `syllables` does.

    It always ends in a pause mark: without one the model drawls a lone syllable or adds a sound of its own.
    """
    words = syllables(text)
    try:
        from misaki.zh import ZHG2P
    except ImportError:
        raise SpeechUnavailable("the speech libraries are not installed", remedy=SPEECH_REMEDY) from None
    spoken = ""
    for word in words:
        if word[0] in _PAUSES.values():
            spoken = spoken.rstrip() + word[0]
        else:
            spoken += "".join(ZHG2P.py2ipa(syllable) for syllable in word) + " "
    spoken = spoken.strip().replace(chr(0x32F), "")  # misaki marks glides with a combining arch that has no token
    return spoken if spoken.endswith(tuple(mark.strip() for mark in _PAUSES.values())) else f"{spoken}."


def _third_tones(word: list[str]) -> list[str]:
    """Within a word, a third tone before a third tone becomes a second (上声变调): guan3 li3 is spoken guan2 li3."""
    return [
        f"{syllable[:-1]}2" if syllable.endswith("3") and following.endswith("3") else syllable
        for syllable, following in zip(word, [*word[1:], ""], strict=True)
    ]
