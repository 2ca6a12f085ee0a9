"""county bodies and government leaders, requests of apps sent again"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import hotline.database

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_ROLES = (
    *("agent", "expert", "supervisor", "dispatcher", "visit_agent", "knowledge_editor", "unit_handler", "unit_head"),
    *("unit_leader", "county_body", "government_leader", "inspector", "auditor", "admin"),
)


def upgrade() -> None:
    op.drop_constraint(op.f("ck_user_roles_role"), "user_roles", type_="check")
    listed = ", ".join(f"'{role}'" for role in _ROLES)
    op.create_check_constraint(op.f("ck_user_roles_role"), "user_roles", f"role IN ({listed})")
    op.create_table(
        "open311_request",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("app", sa.String(length=24), nullable=False),
        sa.Column("client_key", sa.String(length=64), nullable=True),
        sa.Column("said", sa.LargeBinary(length=16), nullable=False),
        sa.Column("at", hotline.database.UtcDateTime(timezone=True), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["app"], ["open311_key.name"], name=op.f("fk_open311_request_app_open311_key")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_open311_request_ticket_id_ticket")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_open311_request")),
        sa.UniqueConstraint("app", "client_key", name=op.f("uq_open311_request_app")),
    )
    op.create_index("ix_open311_request_app", "open311_request", ["app", "said", "at"])
