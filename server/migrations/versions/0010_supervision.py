"""supervision"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import hotline.database

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "teams",
        sa.Column("team", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("team", name=op.f("pk_teams")),
        sa.UniqueConstraint("name", name=op.f("uq_teams_name")),
    )
    op.create_table(
        "team_members",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("team", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["agent_profiles.user_id"],
            name=op.f("fk_team_members_user_id_agent_profiles"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["team"], ["teams.team"], name=op.f("fk_team_members_team_teams"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_team_members")),
    )
    op.create_index(op.f("ix_team_members_team"), "team_members", ["team"], unique=False)
    op.create_table(
        "team_supervisors",
        sa.Column("team", sa.String(length=32), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["team"], ["teams.team"], name=op.f("fk_team_supervisors_team_teams"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_team_supervisors_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("team", "user_id", name=op.f("pk_team_supervisors")),
    )
    op.create_index(op.f("ix_team_supervisors_user_id"), "team_supervisors", ["user_id"], unique=False)
    op.create_table(
        "agent_messages",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("sender", sa.String(length=32), nullable=False),
        sa.Column("audience", sa.String(length=48), nullable=False),
        sa.Column("text", sa.String(length=500), nullable=False),
        sa.Column("sent_at", hotline.database.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agent_messages")),
    )
    op.create_index(op.f("ix_agent_messages_sender"), "agent_messages", ["sender"], unique=False)
    op.create_table(
        "agent_message_receipts",
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("agent", sa.String(length=32), nullable=False),
        sa.Column("read_at", hotline.database.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["agent_messages.id"],
            name=op.f("fk_agent_message_receipts_message_id_agent_messages"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("message_id", "agent", name=op.f("pk_agent_message_receipts")),
    )
    op.create_index(
        "ix_agent_message_receipts_unread",
        "agent_message_receipts",
        ["agent", "message_id"],
        unique=False,
        postgresql_where=sa.text("read_at IS NULL"),
    )


def downgrade() -> None:
    for table in ("agent_message_receipts", "agent_messages", "team_supervisors", "team_members", "teams"):
        op.drop_table(table)
