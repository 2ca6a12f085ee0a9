"""Rules of what is said: that there is something to say, that it can be read, and that it can be played."""

from __future__ import annotations

from collections.abc import Iterator

from ivr.flow import AnyNode, Assign, Prompt, Web
from ivr.nodes import prompts, texts
from ivr.speech import BadText, Fixed, Form, fixed, parts, spoken, variables
from ivr.validation.finding import Remark
from ivr.validation.subject import Subject


def prompt_missing(subject: Subject) -> Iterator[Remark]:
    """A prompt with nothing to say: no recording, and no text with a word or a variable in it."""
    for key, node in sorted(subject.flow.nodes.items()):
        for field, prompt in prompts(node):
            if prompt.recording is None and not _says_something(prompt):
                yield Remark(key, field, "这里没有提示音：文字为空，也没有录音", "写上要播报的文字，或选择一段录音")


def text_unreadable(subject: Subject) -> Iterator[Remark]:
    """A text that is not written as texts of flows are."""
    for key, node in sorted(subject.flow.nodes.items()):
        for field, text in texts(node):
            try:
                parts(text)
            except BadText as error:
                yield Remark(
                    key,
                    field,
                    f"第 {error.at + 1} 个字起无法识别：“{text[error.at : error.at + 12]}”",
                    "变量写作 {名称}、{名称:digits}（逐位读数字）或 {名称:number}（读数值），不能有其他花括号",
                )


def not_rendered(subject: Subject) -> Iterator[Remark]:
    """A fixed piece of a text that has no rendering. Also a value that the flow sets and somewhere says in words."""
    in_words = {
        name
        for node in subject.flow.nodes.values()
        for _, prompt in prompts(node)
        if prompt.recording is None
        for name, form in _variables(prompt.text)
        if form is Form.WORDS
    }
    for key, node in sorted(subject.flow.nodes.items()):
        for field, text in _said(node, in_words):
            missing = [piece for piece in _fixed(text) if not subject.world.rendered(piece)]
            if missing:
                yield Remark(
                    key, field, f"还没有合成语音：“{'”、“'.join(missing)}”", "在提示音工作室生成这些语音，试听后再发布"
                )


def answer_in_words(subject: Subject) -> Iterator[Remark]:
    """A prompt says in words what a web request answered. Nobody has rendered that: digits are said one by one,
    anything else is skipped."""
    answered = {name for node in subject.flow.nodes.values() if isinstance(node, Web) for name in node.save}
    for key, node in sorted(subject.flow.nodes.items()):
        for field, prompt in prompts(node):
            said = _variables(prompt.text) if prompt.recording is None else []
            for name in sorted({name for name, form in said if form is Form.WORDS and name in answered}):
                yield Remark(
                    key,
                    field,
                    f"“{name}”来自外部接口：只有数字能读出来，文字没有合成语音，会被跳过",
                    f"写作 {{{name}:digits}} 或 {{{name}:number}}；要播报文字，请按答案分支后播报固定的话",
                )


def recording_unknown(subject: Subject) -> Iterator[Remark]:
    """A prompt names a recording that was never uploaded, or was removed."""
    for key, node in sorted(subject.flow.nodes.items()):
        for field, prompt in prompts(node):
            if prompt.recording is not None and prompt.recording not in subject.world.recordings:
                yield Remark(
                    key,
                    f"{field}.recording",
                    f"没有编号为“{prompt.recording}”的录音",
                    "上传这段录音，或改用已有的录音或文字",
                )


def _said(node: AnyNode, in_words: set[str]) -> Iterator[tuple[str, str]]:
    for field, prompt in prompts(node):
        if prompt.recording is None:
            yield field, prompt.text
    if isinstance(node, Assign):
        for name, text in node.values.items():
            if name in in_words and not text.strip().isdecimal():
                yield f"values.{name}", text


def _says_something(prompt: Prompt) -> bool:
    try:
        return any(not isinstance(piece, Fixed) or spoken(piece.text) for piece in parts(prompt.text))
    except BadText:
        return True


def _variables(text: str) -> list[tuple[str, Form]]:
    """The variables of a text; none of one that cannot be read, which is another rule's matter."""
    try:
        return variables(text)
    except BadText:
        return []


def _fixed(text: str) -> list[str]:
    try:
        return fixed(text)
    except BadText:
        return []
