"""What agents may ask departments' systems (部门查询)."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from hotline.settings.section import Section

_FieldName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]


class LookupField(Section):
    """What an agent types for a look-up."""

    name: _FieldName = Field(description="Its name in the request.")
    label: str = Field(min_length=1, max_length=40, description="What the agent reads.")
    pattern: str = Field(r"[^\x00-\x1f\x7f]+", max_length=200, description="Regular expression the whole value fits.")
    hint: str = Field("", max_length=100, description="Said below it, and where the value does not fit.")
    longest: int = Field(60, ge=1, le=200, description="Most characters of a value.")

    @model_validator(mode="after")
    def _is_an_expression(self) -> Self:
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise ValueError(f"no regular expression: {error}") from None
        return self


class LookupShown(Section):
    """A value of a department's answer that is shown."""

    label: str = Field(min_length=1, max_length=40, description="What the agent reads.")
    at: str = Field(pattern=r"^(/[^/]*){1,12}$", max_length=200, description="Where it is in the answer: JSON pointer.")


class LookupQuery(Section):
    """A question that agents may ask a department's own system."""

    code: str = Field(pattern=r"^[a-z][a-z0-9-]{0,39}$", description="Short id, in addresses and in the audit log.")
    name: str = Field(min_length=1, max_length=40, description="What it is about.")
    department: str = Field(min_length=1, max_length=60, description="Whose system answers.")
    url: str = Field(
        pattern=r"^https?://[^\s/@{}]{1,253}(/[^\s]{0,500})?$",
        description="Address of its service; {name} in path or query is a field's value.",
    )
    method: Literal["GET", "POST"] = Field("POST", description="POST keeps values out of addresses.")
    seconds: float = Field(8.0, gt=0, le=30, description="Longest wait for the whole answer.")
    roles: list[Literal["agent", "expert"]] = Field(
        ["agent", "expert"], min_length=1, description="Roles whose people may ask."
    )
    skills: list[str] = Field([], max_length=32, description="Skill groups, of which one must be held; empty: any.")
    fields: list[LookupField] = Field(min_length=1, max_length=12, description="What is asked for.")
    shown: list[LookupShown] = Field(min_length=1, max_length=40, description="What is shown of the answer.")

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        names = [field.name for field in self.fields]
        if len(set(names)) != len(names) or set(names) & {"operator", "reason"}:
            raise ValueError("fields need names of their own; operator and reason go with every request")
        if unknown := set(re.findall(r"\{([^{}]*)\}", self.url)) - set(names):
            raise ValueError(f"no such field: {', '.join(sorted(unknown))}")
        return self


class Lookups(Section):
    """Look-ups in departments' systems (部门查询)."""

    queries: list[LookupQuery] = Field(default=[], max_length=200, description="The questions there are.")
    after_call_minutes: float = Field(
        15.0, ge=0, le=120, description="How long a call that is over is still a reason for its agent."
    )

    @model_validator(mode="after")
    def _can_be_told_apart(self) -> Self:
        codes = [query.code for query in self.queries]
        if len(set(codes)) != len(codes):
            raise ValueError("each query needs a code of its own")
        return self
