"""YAML as flows are written in: maps, lists and words, each with its line. Whatever else YAML can do is refused: a key
twice, anchors and aliases (a few lines of which can stand for gigabytes), tags, several documents.

Every scalar is read as the text it is written with, so that `12345`, `0`, `no` and `12:30` mean what they look like;
the flow's fields say what they are to be. Only a bare `null`, `~` or nothing is no value.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import yaml

LARGEST_BYTES: Final = 2_000_000
"""More than a flow of 200 full menus with texts as long as they may be."""
MOST_VALUES: Final = 50_000
DEEPEST: Final = 12
"""A flow's deepest value is a list in a test in a case in a node."""

Path = tuple[str | int, ...]
_LOADER: Final = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
_NO_VALUE: Final = frozenset({"", "~", "null", "Null", "NULL"})


class Refused(Exception):
    """The text is no such YAML. `kind` is stable; the message and remedy are for who wrote it; `line` from 1."""

    def __init__(self, kind: str, line: int, message: str, remedy: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.line = line
        self.message = message
        self.remedy = remedy


@dataclass
class Loaded:
    """What a text says. `lines`: where each value stands, by its path from the top; of a map's value its key's line."""

    value: Any
    lines: dict[Path, int] = field(default_factory=dict)

    def line_of(self, path: Path) -> int:
        """The line of a value, or of the nearest thing around it."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.lines:
                return self.lines[path[:end]]
        return 1


def load(text: str) -> Loaded:
    """Read a text. Raises Refused."""
    if len(text.encode()) > LARGEST_BYTES:
        raise Refused(
            "yaml.too_large", 1, f"文件超过 {LARGEST_BYTES // 1000} KB", "一个文件只写一个流程；请检查是否选错了文件"
        )
    reader = _Reader()
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            reader.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise Refused("yaml.syntax", line, "不是正确的 YAML", _SYNTAX) from error
    except yaml.YAMLError as error:
        line = text.count("\n", 0, getattr(error, "position", 0)) + 1
        raise Refused("yaml.syntax", line, "有不能出现在文件中的字符", "删除看不见的控制字符，用 UTF-8 保存") from error
    return Loaded(reader.value, reader.lines)


_SYNTAX: Final = "检查这一行及上一行的缩进、冒号后的空格和引号是否成对；含有冒号或 # 的文字要加引号"


class _Reader:
    """Builds the value from YAML's events."""

    def __init__(self) -> None:
        self.value: Any = None
        self.lines: dict[Path, int] = {}
        self._open: list[_Collection] = []
        self._documents = 0
        self._values = 0

    def take(self, event: yaml.Event) -> None:
        line = event.start_mark.line + 1 if event.start_mark else 1
        match event:
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise Refused("yaml.documents", line, "文件中有不止一份文档", "删除“---”，一个文件只写一个流程")
            case yaml.AliasEvent():
                raise Refused("yaml.alias", line, "不能使用别名（*）", "把内容写全，不要引用别处")
            case yaml.ScalarEvent() | yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._begun(event, line)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._put(self._open.pop().value)

    def _begun(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, line: int) -> None:
        if event.anchor is not None:
            raise Refused("yaml.anchor", line, "不能使用锚点（&）", "删除锚点，把内容写全")
        if event.tag is not None:
            raise Refused("yaml.tag", line, "不能使用类型标签（!）", "删除标签，直接写值")
        self._values += 1
        if self._values > MOST_VALUES:
            raise Refused("yaml.too_large", line, f"内容超过 {MOST_VALUES} 项", "一个文件只写一个流程")
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event, line)
            return
        if len(self._open) >= DEEPEST:
            raise Refused("yaml.too_deep", line, f"层次超过 {DEEPEST} 层", "检查缩进")
        is_map = isinstance(event, yaml.MappingStartEvent)
        if self._open and self._open[-1].wants_key:
            raise Refused("yaml.key", line, "键必须是文字", "检查缩进和冒号")
        self._place(line)
        self._open.append(_Collection({} if is_map else [], self._path()))

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        if self._open and self._open[-1].wants_key:
            self._open[-1].begin(event.value, line)
            self.lines[(*self._open[-1].path, event.value)] = line
            return
        self._place(line)
        bare = event.style in (None, "")
        self._put(None if bare and event.value in _NO_VALUE else event.value)

    def _path(self) -> Path:
        return (*self._open[-1].path, self._open[-1].next) if self._open else ()

    def _place(self, line: int) -> None:
        self.lines.setdefault(self._path(), line)

    def _put(self, value: Any) -> None:
        if self._open:
            self._open[-1].put(value)
        else:
            self.value = value


@dataclass
class _Collection:
    """A map or a list that is being read, and where it stands."""

    value: Any
    path: Path
    _key: str | None = None

    @property
    def wants_key(self) -> bool:
        return isinstance(self.value, dict) and self._key is None

    @property
    def next(self) -> str | int:
        """Under what the next value will stand."""
        return self._key if self._key is not None else len(self.value)

    def begin(self, key: str, line: int) -> None:
        if key in self.value:
            raise Refused(
                "yaml.duplicate_key", line, f"“{key}”在同一处写了两次", "只保留一个；同一个菜单的按键也不能重复"
            )
        self._key = key

    def put(self, value: Any) -> None:
        if isinstance(self.value, dict):
            self.value[self._key] = value
            self._key = None
        else:
            self.value.append(value)


class _Writer(yaml.SafeDumper):
    """Lists stand in under their key, texts of several lines keep their lines."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # YAML's other line breaks would be read back as a plain one.
    style = '"' if any(mark in text for mark in "\x85\u2028\u2029") else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Writer.add_representer(str, _text)


def dump(value: Any) -> str:
    """A value of maps, lists, texts, numbers, truths and None as YAML: one value a line, Chinese as it is. Texts that
    other readers would take for something else are quoted."""
    written: str = yaml.dump(
        value, Dumper=_Writer, allow_unicode=True, sort_keys=False, default_flow_style=False, width=10**9
    )
    return written
