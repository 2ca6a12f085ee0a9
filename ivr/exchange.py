"""A flow as a file (YAML), for people, their editors and their version control; and the grammar of such files as JSON
Schema.

A file is written in one way only: fields in the order of the model, nodes by name with the entry first, keys as on a
telephone, one field a line, defaults left out, a prompt that is only a text as that text. So a change shows as the
lines that were changed. What was written is read back as an equal flow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from hotline.errors import InvalidInput
from ivr.document import KINDS, document
from ivr.flow import Flow
from ivr.plain_yaml import LARGEST_BYTES, Loaded, Refused, dump, load

SCHEMA_ID: Final = "urn:hotline-12345:menu-flow"
_MOST_PROBLEMS: Final = 30
"""Told at once; nobody reads more, and one slip can make hundreds."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing in a file that cannot be read. `kind` is stable; `line` counts from 1, 0 where nothing has lines; `at`
    is the path in the file."""

    kind: str
    line: int
    at: str
    message: str
    remedy: str

    def __str__(self) -> str:
        line = f"第 {self.line} 行" if self.line else ""
        at = f"（{self.at}）" if self.line and self.at else self.at
        return f"{line}{at}：{self.message}；{self.remedy}"


class UnreadableFlow(InvalidInput):
    """A file is no flow. `problems` says where and why, by line."""

    code = "menu.file_unreadable"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        self.wrong = tuple((one.at, str(one)) for one in self.problems)
        super().__init__("\n".join(map(str, self.problems)), remedy="按提示逐处修改后再试")


# --- written ----------------------------------------------------------------------------------------------------------


def write(flow: Flow) -> str:
    """The flow's file. Equal flows give equal files, however their nodes are ordered."""
    return dump(document(flow))


# --- read -------------------------------------------------------------------------------------------------------------


def read(text: str | bytes) -> Flow:
    """The flow a file holds. Raises UnreadableFlow."""
    if isinstance(text, bytes):
        text = _decoded(text)
    try:
        loaded = load(text)
    except Refused as error:
        raise UnreadableFlow([Problem(error.kind, error.line, "", error.message, error.remedy)]) from error
    return _flow(loaded)


def of_document(value: Any) -> Flow:
    """The flow of maps, lists and plain values, as a page sends them. Raises UnreadableFlow."""
    return _flow(Loaded(value, {(): 0}))


def _flow(loaded: Loaded) -> Flow:
    if not isinstance(loaded.value, dict):
        raise UnreadableFlow(
            [Problem("flow.no_map", loaded.line_of(()), "", "文件里没有流程", "至少写明 flow、name、entry 和 nodes")]
        )
    try:
        return Flow.model_validate(loaded.value)
    except ValidationError as error:
        told = [_problem(one, loaded) for one in error.errors(include_url=False)]
        raise UnreadableFlow(sorted(told, key=lambda one: (one.line, one.at))[:_MOST_PROBLEMS]) from error


def _decoded(data: bytes) -> str:
    if len(data) > LARGEST_BYTES:
        data = data[: LARGEST_BYTES + 1]  # enough for `load` to say so
        return data.decode("utf-8", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UnreadableFlow([Problem("yaml.encoding", line, "", "不是 UTF-8 编码", "用 UTF-8 保存文件")]) from error


def _problem(error: ErrorDetails, loaded: Loaded) -> Problem:
    path: list[str | int] = []
    value: Any = loaded.value
    missing = ""
    for step in error["loc"]:
        # Between the steps of the file pydantic names the types it tried.
        within = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
        if step in within:
            path.append(step)
            value = value[step]
        elif error["type"] == "missing":
            missing = str(step)
    message, remedy = _words(error, missing)
    at = ".".join(map(str, path))
    return Problem(f"flow.{error['type']}", loaded.line_of(tuple(path)), at, message, remedy)


def _words(error: ErrorDetails, missing: str) -> tuple[str, str]:
    about: Mapping[str, Any] = error.get("ctx", {})
    kind = error["type"]
    match kind:
        case "missing":
            return f"缺少“{missing}”", "补上这一项"
        case "extra_forbidden":
            return "没有这样的字段", "检查拼写和缩进，或删除它"
        case "union_tag_not_found":
            return "没有写明类型", f"补上 {about.get('discriminator', '')}"
        case "union_tag_invalid":
            return f"没有“{about.get('tag', '')}”这种类型", f"可用的有 {about.get('expected_tags', '')}"
        case "literal_error" | "enum":
            return "不是可用的值", f"可用的有 {about.get('expected', '')}"
        case "string_pattern_mismatch":
            return "编号或按键的写法不对", f"要符合 {about.get('pattern', '')}"
        case "string_too_long" | "string_too_short" | "too_long" | "too_short":
            return "太长、太短或项数不对", _limits(about)
        case "greater_than" | "greater_than_equal" | "less_than" | "less_than_equal":
            return "数值超出范围", _limits(about)
    return next((words for start, words in _BY_START if kind.startswith(start)), ("值的写法不对", "对照格式说明修改"))


_BY_START: Final = (
    ("int_", ("应当是整数", "只写数字")),
    ("float_", ("应当是数值", "只写数字，可带小数点")),
    ("finite_number", ("应当是数值", "只写数字，可带小数点")),
    ("bool_", ("应当是 true 或 false", "写 true 或 false")),
    ("date", ("应当是日期", "写成 2026-10-01 这样")),
    ("time", ("应当是时刻", "写成 08:30 这样")),
    ("url_", ("应当是网址", "写成 https://… 这样")),
    ("string_", ("应当是文字", "检查缩进；这里不能是列表或下级字段")),
    ("dict_", ("应当是若干“名称: 值”", "在下一行缩进后逐行写")),
    ("tuple_", ("应当是列表", "每项一行，以“- ”开头")),
    ("model_", ("应当是若干“名称: 值”", "在下一行缩进后逐行写")),
)
_LIMITS: Final = {
    "min_length": "至少 {}",
    "max_length": "至多 {}",
    "ge": "不小于 {}",
    "gt": "大于 {}",
    "le": "不大于 {}",
    "lt": "小于 {}",
}


def _limits(about: Mapping[str, Any]) -> str:
    return "，".join(words.format(about[name]) for name, words in _LIMITS.items() if name in about)


# --- its grammar ------------------------------------------------------------------------------------------------------


def schema() -> dict[str, Any]:
    """The grammar of such files as JSON Schema (2020-12), for editors that check while one types."""
    found = Flow.model_json_schema()
    parts: dict[str, Any] = found["$defs"]
    parts["Prompt"] = {
        "description": parts["Prompt"].pop("description"),
        "anyOf": [{"type": "string", "maxLength": 600}, parts["Prompt"]],
    }
    _close(found)
    for part in parts.values():
        for name in KINDS:
            if "const" in part.get("properties", {}).get(name, {}):
                part["required"] = sorted({name, *part.get("required", ())})
                part["properties"][name].pop("default", None)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        **found,
        "title": "菜单流程",
    }


def _close(part: Any) -> None:
    """Names that are not written as their pattern says are refused, not left unchecked."""
    if isinstance(part, dict):
        if "patternProperties" in part:
            part.setdefault("additionalProperties", False)
        part = list(part.values())
    if isinstance(part, list):
        for one in part:
            _close(one)
