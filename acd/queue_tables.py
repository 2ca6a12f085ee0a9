"""Tables of queues (队列) and skill groups (技能组) as administrators laid them down. The rest has defaults."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from acd.queues import OverflowAction, TieBreak
from directory.models.columns import enum_column
from hotline.database import Base, UtcDateTime


class SkillKind(StrEnum):
    """What a skill group is about (技能组类别)."""

    GENERAL = "general"  # 综合
    EXPERT = "expert"  # 专家
    ENTERPRISE = "enterprise"  # 企业
    DIALECT = "dialect"  # 方言
    LANGUAGE = "language"  # 外语
    NIGHT = "night"  # 夜间


class RulesVersion(Base):
    """One row, counted up by every change of queues, opening or groups; its lock makes writers take turns."""

    __tablename__ = "queue_rules_version"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(BigInteger)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SkillGroupRow(Base):
    """A skill group with the name people read; agents' levels in it are in `agent_groups`."""

    __tablename__ = "skill_groups"

    group: Mapped[str] = mapped_column("skill_group", String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    kind: Mapped[SkillKind] = mapped_column(enum_column(SkillKind, "kind"))


class QueueRow(Base):
    """A queue. Durations are milliseconds; `version` is the row's own, for who edits it."""

    __tablename__ = "queues"
    __table_args__ = (
        CheckConstraint("0 <= wrap_up_ms AND wrap_up_ms <= wrap_up_max_ms", name="wrap_up"),
        CheckConstraint("(when_full = 'queue') = (full_queue IS NOT NULL)", name="full_queue"),
        CheckConstraint("(when_late = 'queue') = (late_queue IS NOT NULL)", name="late_queue"),
    )

    queue: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    tie_break: Mapped[TieBreak] = mapped_column(enum_column(TieBreak, "tie_break"))
    wrap_up_ms: Mapped[int]
    wrap_up_max_ms: Mapped[int]
    affinity_ms: Mapped[int]
    max_waiting: Mapped[int | None]
    when_full: Mapped[OverflowAction] = mapped_column(enum_column(OverflowAction, "when_full"))
    full_queue: Mapped[str | None] = mapped_column(String(32))
    max_wait_ms: Mapped[int | None]
    when_late: Mapped[OverflowAction] = mapped_column(enum_column(OverflowAction, "when_late"))
    late_queue: Mapped[str | None] = mapped_column(String(32))
    service_level_ms: Mapped[int]
    version: Mapped[int]


class QueueStepRow(Base):
    """From `after_ms` on, agents who meet any of `needs` (as `acd.needs.Need` writes them)."""

    __tablename__ = "queue_steps"
    __table_args__ = (
        CheckConstraint("after_ms >= 0", name="after_ms"),
        CheckConstraint("cardinality(needs) > 0", name="needs"),
    )

    queue: Mapped[str] = mapped_column(ForeignKey("queues.queue", ondelete="CASCADE"), primary_key=True)
    after_ms: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    needs: Mapped[list[str]] = mapped_column(ARRAY(String(200)))


class QueueOpeningRow(Base):
    """When a queue takes calls, and which takes them while it does not. A default queue may have one too."""

    __tablename__ = "queue_openings"
    __table_args__ = (CheckConstraint("closed_queue <> queue", name="elsewhere"),)

    queue: Mapped[str] = mapped_column(String(32), primary_key=True)
    schedule_id: Mapped[int] = mapped_column(ForeignKey("directory_schedules.id"))
    closed_queue: Mapped[str | None] = mapped_column(String(32))
    version: Mapped[int]
