"""erasure of personal data of calls"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import hotline.database

revision = "0028"
down_revision = "0032"
branch_labels = None
depends_on = None

_MOMENT = hotline.database.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "call_erasure",
        sa.Column("request_id", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.LargeBinary(length=16), nullable=True),
        sa.Column("records", sa.Integer(), server_default="0", nullable=False),
        sa.Column("done_at", _MOMENT, nullable=True),
        sa.CheckConstraint("(done_at IS NULL) = (person IS NOT NULL)", name=op.f("ck_call_erasure_person")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["personal_erasure.id"], name=op.f("fk_call_erasure_request_id_personal_erasure")
        ),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_call_erasure")),
    )
    op.create_index("ix_call_erasure_open", "call_erasure", ["request_id"], postgresql_where=sa.text("done_at IS NULL"))
    op.create_index(
        "ix_call_personal",
        "call",
        ["entered_at"],
        postgresql_where=sa.text("caller_index IS NOT NULL OR called_index IS NOT NULL"),
    )
    op.add_column("voice_message", sa.Column("erased_at", _MOMENT, nullable=True))
    op.create_index(
        "ix_voice_message_to_forget",
        "voice_message",
        ["host"],
        postgresql_where=sa.text("erased_at IS NOT NULL AND sha256 <> ''"),
    )


def downgrade() -> None:
    op.drop_index("ix_voice_message_to_forget", "voice_message")
    op.drop_column("voice_message", "erased_at")
    op.drop_index("ix_call_personal", "call")
    op.drop_table("call_erasure")
