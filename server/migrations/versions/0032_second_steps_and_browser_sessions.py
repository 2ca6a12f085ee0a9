"""second steps and browser sessions"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import hotline.database

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

_MOMENT = hotline.database.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.add_column("users", sa.Column("locks", sa.Integer(), server_default="0", nullable=False))
    op.create_table(
        "user_totp",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", _MOMENT, nullable=False),
        sa.Column("confirmed_at", _MOMENT, nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_user_totp_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_user_totp")),
    )
    op.create_table(
        "user_recovery_code",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_user_recovery_code_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "code_hash", name=op.f("pk_user_recovery_code")),
    )
    op.add_column("user_sessions", sa.Column("state", sa.String(length=32), server_default="open", nullable=False))
    op.create_check_constraint(op.f("ck_user_sessions_state"), "user_sessions", "state IN ('open', 'totp', 'enrol')")
    op.add_column("user_sessions", sa.Column("browser", sa.Boolean(), server_default="false", nullable=False))


def downgrade() -> None:
    op.drop_column("user_sessions", "browser")
    op.drop_constraint(op.f("ck_user_sessions_state"), "user_sessions", type_="check")
    op.drop_column("user_sessions", "state")
    op.drop_table("user_recovery_code")
    op.drop_table("user_totp")
    op.drop_column("users", "locks")
