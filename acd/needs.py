"""What a call asks of an agent: skills, each with a lowest level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hotline.errors import InvalidInput
from hotline.ids import group_id

LOWEST, HIGHEST = 1, 9
"""Levels of proficiency (熟练度); 9 is the best."""


@dataclass(frozen=True, slots=True)
class Need:
    """All of `skills` at these levels or better. `text` is its one written form, and its pool in distribution."""

    text: str

    @classmethod
    def of(cls, skills: Mapping[str, int]) -> Need:
        """From skill groups with their lowest levels; raises InvalidInput for none, or a level outside 1 to 9."""
        if not skills:
            raise InvalidInput("a need names at least one skill group")
        parts = []
        for skill, level in sorted(skills.items()):
            if not LOWEST <= level <= HIGHEST:
                raise InvalidInput(f"a level is {LOWEST} to {HIGHEST}")
            parts.append(group_id(skill) if level == LOWEST else f"{group_id(skill)}:{level}")
        return cls("+".join(parts))

    @classmethod
    def parse(cls, text: str) -> Need:
        """From `general`, `expert-12333:4` or `dialect-henan:2+expert-12333:4`; raises InvalidInput."""
        skills: dict[str, int] = {}
        for part in text.split("+"):
            skill, colon, level = part.partition(":")
            if colon and not level.isdecimal():
                raise InvalidInput("a level is a number")
            if skill in skills:
                raise InvalidInput("a skill group is named twice")
            skills[skill] = int(level) if colon else LOWEST
        return cls.of(skills)

    @property
    def skills(self) -> dict[str, int]:
        """Skill group -> lowest level."""
        found = {}
        for part in self.text.split("+"):
            skill, _, level = part.partition(":")
            found[skill] = int(level or LOWEST)
        return found

    def met_by(self, levels: Mapping[str, int]) -> bool:
        """Whether an agent with these levels qualifies."""
        return all(levels.get(skill, 0) >= level for skill, level in self.skills.items())

    def __str__(self) -> str:
        return self.text
