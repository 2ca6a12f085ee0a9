"""How an old system's files are read, as data: which of its columns is which of ours, and what its words mean."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from ticketing.importing.errors import FileUnreadable, MappingWrong
from ticketing.importing.words import Kind

_SOURCE: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
Source = Annotated[str, StringConstraints(pattern=rf"^{_SOURCE.pattern}$")]
"""The old system's short name: numbers are unique within one."""
Header = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
_Written = Annotated[str, StringConstraints(max_length=200)]

COLUMNS: Final[Mapping[Kind, Mapping[str, tuple[str, ...]]]] = MappingProxyType(
    {
        Kind.TICKETS: {
            "key": ("原工单编号", "工单编号", "工单号", "受理编号", "编号"),
            "type": ("诉求类型", "工单类型", "类型"),
            "title": ("标题", "诉求标题", "工单标题"),
            "content": ("诉求内容", "内容", "工单内容"),
            "source": ("诉求来源", "来源", "来源渠道", "渠道"),
            "caller_number": ("来电号码", "联系电话", "联系方式"),
            "caller_name": ("诉求人", "来电人", "姓名"),
            "address": ("地址", "事发地址", "诉求地址"),
            "area_code": ("区划代码", "所属区域"),
            "category": ("类别编码", "事项分类"),
            "urgency": ("紧急程度",),
            "confidentiality": ("是否保密", "保密"),
            "hotline": ("热线号码",),
            "state": ("状态", "工单状态", "办理状态"),
            "registered_at": ("受理时间", "登记时间", "来电时间"),
            "agent": ("受理人", "话务员", "受理工号"),
            "dispatched_at": ("派单时间", "转办时间", "交办时间"),
            "lead": ("主办单位", "承办单位"),
            "assisting": ("协办单位",),
            "signed_at": ("签收时间",),
            "extensions": ("延期次数",),
            "due_at": ("办理期限", "截止时间"),
            "replied_at": ("答复时间", "回复时间", "反馈时间"),
            "reply": ("答复内容", "办理结果", "回复内容"),
            "visited_at": ("回访时间",),
            "satisfaction": ("满意度", "评价"),
            "closed_at": ("办结时间", "结案时间"),
            "course": ("办理过程", "流转记录"),
        },
        Kind.UNITS: {
            "key": ("单位编码", "单位编号", "编码"),
            "name": ("单位名称", "名称"),
            "level": ("层级", "单位级别"),
            "parent": ("上级单位编码", "上级编码"),
        },
        Kind.KNOWLEDGE: {
            "key": ("知识编号", "编号", "知识ID"),
            "title": ("标题", "知识标题", "问题"),
            "answer": ("答案", "知识内容", "内容"),
            "spoken": ("播报内容",),
            "category": ("知识分类", "分类"),
            "unit": ("责任单位", "所属单位"),
            "public": ("是否公开", "公开"),
            "valid_from": ("生效日期",),
            "valid_until": ("失效日期", "有效期至"),
            "review_on": ("复审日期", "复核日期"),
        },
    }
)
"""Our fields with the names that columns of such files usually have, the likeliest first."""
NEEDED: Final[Mapping[Kind, frozenset[str]]] = MappingProxyType(
    {
        Kind.TICKETS: frozenset({"key", "content", "state", "registered_at"}),
        Kind.UNITS: frozenset({"key", "name"}),
        Kind.KNOWLEDGE: frozenset({"key", "title", "answer", "unit"}),
    }
)


class FileMapping(BaseModel):
    """One old system's files of one kind. What is not said is as in `COLUMNS`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: dict[str, Header | None] = Field({}, description="Our field -> its column; null: the file has none.")
    words: dict[str, dict[_Written, _Written]] = Field(
        {}, description="Our field -> what the old system writes -> what is meant, before anything else is looked at."
    )
    defaults: dict[str, _Written] = Field({}, description="Our field -> what stands for an empty cell.")
    sheet: str = Field("", max_length=64, description="The workbook's sheet; the first one if not said.")

    def check(self, kind: Kind) -> None:
        """Raises MappingWrong for fields that such files do not have."""
        known = COLUMNS[kind]
        if unknown := sorted(({*self.columns, *self.words, *self.defaults}) - known.keys()):
            raise MappingWrong(f"没有这些字段：{'、'.join(unknown)[:200]}", remedy=f"可用字段：{'、'.join(known)}")


@dataclass(frozen=True, slots=True)
class Layout:
    """A file's columns found: our field -> its header; `ignored` are those nobody reads."""

    columns: Mapping[str, str]
    ignored: tuple[str, ...]

    def header(self, field: str, kind: Kind) -> str:
        """What people call the field: its column's name, or the name it would have."""
        return self.columns.get(field) or COLUMNS[kind][field][0]


def check_source(source: str) -> None:
    """Raises MappingWrong for what is no short name."""
    if not _SOURCE.fullmatch(source):
        raise MappingWrong("来源名应为 1 至 32 位小写字母、数字或横线，如 old12345")


def lay_out(kind: Kind, mapping: FileMapping, headers: Iterable[str]) -> Layout:
    """Find the columns. Raises FileUnreadable naming all that are missing, MappingWrong."""
    mapping.check(kind)
    given = [name for name in headers if name]
    found: dict[str, str] = {}
    missing: list[str] = []
    for field, usual in COLUMNS[kind].items():
        names = usual if field not in mapping.columns else tuple(filter(None, (mapping.columns[field],)))
        # A usual name that the mapping gives to another field is that field's.
        taken = {name for other, name in mapping.columns.items() if other != field and name}
        column = next((name for name in names if name in given and name not in taken), None)
        if column is not None:
            found[field] = column
        elif mapping.columns.get(field) or (field in NEEDED[kind] and field not in mapping.defaults):
            missing.append(names[0] if names else usual[0])
    if missing:
        raise FileUnreadable(f"文件缺少列：{'、'.join(missing)}", remedy="补上这些列，或在映射（mapping）中写明列名")
    return Layout(found, tuple(name for name in given if name not in found.values()))


def read_mapping(text: str, kind: Kind) -> FileMapping:
    """A mapping as an operator writes it (TOML). Raises MappingWrong."""
    try:
        mapping = FileMapping.model_validate(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise MappingWrong(f"映射文件不成立：{str(error)[:500]}") from None
    mapping.check(kind)
    return mapping
