"""queues, special days, audit, nuisance and vulnerable callers"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import hotline.database
from directory.models.audit import APPEND_ONLY

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _queues()
    _days()
    _audit()
    _callers()
    # The first revision made it a serial; its one row has the id 1.
    op.execute("DROP SEQUENCE site_epoch_id_seq CASCADE")


def _queues() -> None:
    op.create_table(
        "queue_rules_version",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", hotline.database.UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_queue_rules_version_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_queue_rules_version")),
    )
    op.create_table(
        "skill_groups",
        sa.Column("skill_group", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "general",
                "expert",
                "enterprise",
                "dialect",
                "language",
                "night",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("skill_group", name=op.f("pk_skill_groups")),
    )
    op.create_table(
        "queues",
        sa.Column("queue", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column(
            "tie_break",
            sa.Enum(
                "longest_idle",
                "least_occupied",
                "most_proficient",
                name="tie_break",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("wrap_up_ms", sa.Integer(), nullable=False),
        sa.Column("wrap_up_max_ms", sa.Integer(), nullable=False),
        sa.Column("affinity_ms", sa.Integer(), nullable=False),
        sa.Column("max_waiting", sa.Integer(), nullable=True),
        sa.Column("when_full", _overflow("when_full"), nullable=False),
        sa.Column("full_queue", sa.String(length=32), nullable=True),
        sa.Column("max_wait_ms", sa.Integer(), nullable=True),
        sa.Column("when_late", _overflow("when_late"), nullable=False),
        sa.Column("late_queue", sa.String(length=32), nullable=True),
        sa.Column("service_level_ms", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("0 <= wrap_up_ms AND wrap_up_ms <= wrap_up_max_ms", name=op.f("ck_queues_wrap_up")),
        sa.CheckConstraint("(when_full = 'queue') = (full_queue IS NOT NULL)", name=op.f("ck_queues_full_queue")),
        sa.CheckConstraint("(when_late = 'queue') = (late_queue IS NOT NULL)", name=op.f("ck_queues_late_queue")),
        sa.PrimaryKeyConstraint("queue", name=op.f("pk_queues")),
    )
    op.create_table(
        "queue_steps",
        sa.Column("queue", sa.String(length=32), nullable=False),
        sa.Column("after_ms", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("needs", sa.ARRAY(sa.String(length=200)), nullable=False),
        sa.CheckConstraint("after_ms >= 0", name=op.f("ck_queue_steps_after_ms")),
        sa.CheckConstraint("cardinality(needs) > 0", name=op.f("ck_queue_steps_needs")),
        sa.ForeignKeyConstraint(
            ["queue"], ["queues.queue"], name=op.f("fk_queue_steps_queue_queues"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("queue", "after_ms", name=op.f("pk_queue_steps")),
    )
    op.create_table(
        "queue_openings",
        sa.Column("queue", sa.String(length=32), nullable=False),
        sa.Column("schedule_id", sa.BigInteger(), nullable=False),
        sa.Column("closed_queue", sa.String(length=32), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("closed_queue <> queue", name=op.f("ck_queue_openings_elsewhere")),
        sa.ForeignKeyConstraint(
            ["schedule_id"], ["directory_schedules.id"], name=op.f("fk_queue_openings_schedule_id_directory_schedules")
        ),
        sa.PrimaryKeyConstraint("queue", name=op.f("pk_queue_openings")),
    )


def _overflow(name: str) -> sa.Enum:
    actions = ("wait_on", "queue", "callback", "message")
    return sa.Enum(*actions, name=name, native_enum=False, create_constraint=True, length=32)


def _days() -> None:
    op.add_column(
        "directory_schedules",
        sa.Column("follows_holidays", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.alter_column("directory_schedules", "follows_holidays", server_default=None)
    op.create_table(
        "directory_special_days",
        sa.Column("schedule_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("spans", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("note", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["schedule_id"],
            ["directory_schedules.id"],
            name=op.f("fk_directory_special_days_schedule_id_directory_schedules"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("schedule_id", "day", name=op.f("pk_directory_special_days")),
    )
    op.create_table(
        "workday_overrides",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("worked", sa.Boolean(), nullable=False),
        sa.Column("note", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_workday_overrides")),
    )
    op.create_table(
        "workday_years",
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("entered_at", hotline.database.UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("year BETWEEN 2004 AND 2999", name=op.f("ck_workday_years_year")),
        sa.PrimaryKeyConstraint("year", name=op.f("pk_workday_years")),
    )


def _audit() -> None:
    op.create_table(
        "audit_log",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", hotline.database.UtcDateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=32), nullable=False),
        sa.Column("action", sa.String(length=48), nullable=False),
        sa.Column("subject", sa.String(length=96), nullable=False),
        sa.Column("before", postgresql.JSON(astext_type=sa.Text()), nullable=True),
        sa.Column("after", postgresql.JSON(astext_type=sa.Text()), nullable=True),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_log")),
    )
    op.create_index(op.f("ix_audit_log_subject"), "audit_log", ["subject"], unique=False)
    for statement in APPEND_ONLY:
        op.execute(statement)


def _callers() -> None:
    op.create_table(
        "nuisance_flag",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("caller", sa.String(length=32), nullable=False),
        sa.Column(
            "measure",
            sa.Enum("flag", "warn", "limit", name="measure", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("calls_per_hour", sa.Integer(), nullable=True),
        sa.Column("queue", sa.String(length=32), nullable=True),
        sa.Column("flagged_by", sa.String(length=32), nullable=False),
        sa.Column("flagged_at", hotline.database.UtcDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", hotline.database.UtcDateTime(timezone=True), nullable=False),
        sa.Column("lifted_by", sa.String(length=32), nullable=True),
        sa.Column("lifted_at", hotline.database.UtcDateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(measure = 'limit') = (calls_per_hour IS NOT NULL)", name=op.f("ck_nuisance_flag_calls_per_hour")
        ),
        sa.CheckConstraint("flagged_at < expires_at", name=op.f("ck_nuisance_flag_expires_at")),
        sa.CheckConstraint("(lifted_at IS NULL) = (lifted_by IS NULL)", name=op.f("ck_nuisance_flag_lifted_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_nuisance_flag")),
    )
    op.create_index(
        "uq_nuisance_flag_caller",
        "nuisance_flag",
        ["caller"],
        unique=True,
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    op.create_table(
        "vulnerable_caller",
        sa.Column("caller", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("marked_by", sa.String(length=32), nullable=False),
        sa.Column("marked_at", hotline.database.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("caller", name=op.f("pk_vulnerable_caller")),
    )
