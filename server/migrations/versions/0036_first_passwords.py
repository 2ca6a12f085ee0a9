"""first passwords, and versions of people"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0033"
branch_labels = None
depends_on = None

_STATE = "ck_user_sessions_state"


def upgrade() -> None:
    op.add_column("users", sa.Column("first_password", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("users", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.drop_constraint(op.f(_STATE), "user_sessions", type_="check")
    op.create_check_constraint(op.f(_STATE), "user_sessions", "state IN ('open', 'totp', 'enrol', 'password')")


def downgrade() -> None:
    op.execute("DELETE FROM user_sessions WHERE state = 'password'")
    op.drop_constraint(op.f(_STATE), "user_sessions", type_="check")
    op.create_check_constraint(op.f(_STATE), "user_sessions", "state IN ('open', 'totp', 'enrol')")
    op.drop_column("users", "version")
    op.drop_column("users", "first_password")
