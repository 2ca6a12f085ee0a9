"""What every section of `hotline.toml` is, and the forms that several of them share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

HOST_AND_PORT = r"^[A-Za-z0-9.-]{1,253}:[0-9]{1,5}$"
SYSTEMNAME = r"^[A-Za-z][A-Za-z0-9]{0,15}$"
QueueName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
LineNumber = Annotated[str, Field(pattern=r"^[0-9]{3,16}$")]


class Section(BaseModel):
    """A section: keys that are not known are refused, and what was read does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)
