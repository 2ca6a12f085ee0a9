"""menus"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import hotline.database
from ivr.tables import IMMUTABLE

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_MOMENT = hotline.database.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "menu_state",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", _MOMENT, nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_menu_state_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_menu_state")),
    )
    op.create_table(
        "menu_flows",
        sa.Column("flow", sa.String(length=40), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(length=32), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("flow", name=op.f("pk_menu_flows")),
    )
    op.create_table(
        "menu_revisions",
        sa.Column("flow", sa.String(length=40), nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("saved_by", sa.String(length=32), nullable=False),
        sa.Column("saved_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["flow"], ["menu_flows.flow"], name=op.f("fk_menu_revisions_flow_menu_flows")),
        sa.PrimaryKeyConstraint("flow", "revision", name=op.f("pk_menu_revisions")),
    )
    op.create_table(
        "menu_stashes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("flow", sa.String(length=40), nullable=False),
        sa.Column("editor", sa.String(length=32), nullable=False),
        sa.Column("base_revision", sa.Integer(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["flow"], ["menu_flows.flow"], name=op.f("fk_menu_stashes_flow_menu_flows")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_menu_stashes")),
    )
    op.create_index("ix_menu_stashes_flow_editor", "menu_stashes", ["flow", "editor"], unique=False)
    op.create_table(
        "menu_versions",
        sa.Column("flow", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("comment", sa.String(length=400), nullable=False),
        sa.Column("author", sa.String(length=32), nullable=False),
        sa.Column("approved_by", sa.String(length=32), nullable=True),
        sa.Column("published_at", _MOMENT, nullable=False),
        sa.Column("effective_at", _MOMENT, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=True),
        sa.Column("restores", sa.Integer(), nullable=True),
        sa.Column("acknowledged", sa.JSON(), nullable=False),
        sa.CheckConstraint("version >= 1", name=op.f("ck_menu_versions_version")),
        sa.CheckConstraint("approved_by <> author", name=op.f("ck_menu_versions_approved_by")),
        sa.CheckConstraint("restores < version", name=op.f("ck_menu_versions_restores")),
        sa.ForeignKeyConstraint(["flow"], ["menu_flows.flow"], name=op.f("fk_menu_versions_flow_menu_flows")),
        sa.PrimaryKeyConstraint("flow", "version", name=op.f("pk_menu_versions")),
    )
    for statement in IMMUTABLE:
        op.execute(statement)
    op.create_table(
        "menu_withdrawals",
        sa.Column("flow", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("by", sa.String(length=32), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["flow", "version"],
            ["menu_versions.flow", "menu_versions.version"],
            name=op.f("fk_menu_withdrawals_flow_menu_versions"),
        ),
        sa.PrimaryKeyConstraint("flow", "version", name=op.f("pk_menu_withdrawals")),
    )
    op.create_table(
        "menu_proposals",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("flow", sa.String(length=40), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("comment", sa.String(length=400), nullable=False),
        sa.Column("author", sa.String(length=32), nullable=False),
        sa.Column("proposed_at", _MOMENT, nullable=False),
        sa.Column("effective_at", _MOMENT, nullable=True),
        sa.Column("acknowledged", sa.JSON(), nullable=False),
        sa.Column("decision", sa.String(length=12), nullable=True),
        sa.Column("decided_by", sa.String(length=32), nullable=True),
        sa.Column("decided_at", _MOMENT, nullable=True),
        sa.Column("reason", sa.String(length=400), server_default="", nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.CheckConstraint("decision IN ('approved', 'refused', 'withdrawn')", name=op.f("ck_menu_proposals_decision")),
        sa.CheckConstraint("(decision IS NULL) = (decided_at IS NULL)", name=op.f("ck_menu_proposals_decided")),
        sa.CheckConstraint("(decision = 'approved') = (version IS NOT NULL)", name=op.f("ck_menu_proposals_version")),
        sa.ForeignKeyConstraint(
            ["flow", "revision"],
            ["menu_revisions.flow", "menu_revisions.revision"],
            name=op.f("fk_menu_proposals_flow_menu_revisions"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_menu_proposals")),
    )
    op.create_index(
        "uq_menu_proposals_open",
        "menu_proposals",
        ["flow"],
        unique=True,
        postgresql_where=sa.text("decision IS NULL"),
    )
    op.create_table(
        "menu_assignments",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("line", sa.String(length=32), nullable=False),
        sa.Column("flow", sa.String(length=40), nullable=True),
        sa.Column("effective_at", _MOMENT, nullable=False),
        sa.Column("by", sa.String(length=32), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["flow"], ["menu_flows.flow"], name=op.f("fk_menu_assignments_flow_menu_flows")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_menu_assignments")),
    )
    op.create_index("ix_menu_assignments_line_effective_at", "menu_assignments", ["line", "effective_at"], unique=False)
    op.create_table(
        "menu_switches",
        sa.Column("line", sa.String(length=32), nullable=False),
        sa.Column("by", sa.String(length=32), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("line", name=op.f("pk_menu_switches")),
    )
    op.create_table(
        "menu_visits",
        sa.Column("call_id", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("flow", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("node", sa.String(length=40), nullable=False),
        sa.Column("branch", sa.String(length=40), nullable=False),
        sa.Column("ms", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("call_id", "seq", name=op.f("pk_menu_visits")),
    )
    op.create_index("ix_menu_visits_flow_at", "menu_visits", ["flow", "at"], unique=False)


def downgrade() -> None:
    for table in (
        *("menu_visits", "menu_switches", "menu_assignments", "menu_proposals", "menu_withdrawals"),
        *("menu_versions", "menu_stashes", "menu_revisions", "menu_flows", "menu_state"),
    ):
        op.drop_table(table)
    op.execute("DROP FUNCTION menu_versions_are_immutable()")
