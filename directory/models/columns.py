"""Column types the directory's tables share."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import Enum


def enum_column(kind: type[StrEnum], name: str) -> Enum:
    """A StrEnum kept as its value in a checked varchar, so that a new value needs no type migration."""
    return Enum(
        kind,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=32,
        values_callable=lambda members: [member.value for member in members],
    )
