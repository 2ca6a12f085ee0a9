"""prompts studio"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import hotline.database

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_MOMENT = hotline.database.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "studio_state",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_studio_state_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_studio_state")),
    )
    op.create_table(
        "studio_texts",
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("text", sa.String(length=600), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("voice", sa.String(length=32), nullable=False),
        sa.Column("why", sa.String(length=200), nullable=True),
        sa.Column("ordered_by", sa.String(length=32), nullable=False),
        sa.Column("ordered_at", _MOMENT, nullable=False),
        sa.Column("claimed_until", _MOMENT, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("sound", sa.LargeBinary(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("duration_ms", sa.Integer(), nullable=True),
        sa.Column("spoken_by", sa.String(length=64), nullable=True),
        sa.Column("rendered_at", _MOMENT, nullable=True),
        sa.CheckConstraint("state IN ('ordered', 'rendered', 'refused')", name=op.f("ck_studio_texts_state")),
        sa.CheckConstraint("(sound IS NULL) = (sha256 IS NULL)", name=op.f("ck_studio_texts_sound")),
        sa.CheckConstraint("state <> 'rendered' OR sound IS NOT NULL", name=op.f("ck_studio_texts_rendered")),
        sa.CheckConstraint("(state = 'refused') = (why IS NOT NULL)", name=op.f("ck_studio_texts_why")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_studio_texts")),
    )
    op.create_table(
        "studio_recordings",
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("text", sa.String(length=600), nullable=False),
        sa.Column("published", sa.Integer(), nullable=True),
        sa.Column("published_by", sa.String(length=32), nullable=True),
        sa.Column("published_at", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_studio_recordings")),
    )
    op.create_table(
        "studio_versions",
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sound", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("upload_sha256", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("trimmed_ms", sa.Integer(), nullable=False),
        sa.Column("level_before", sa.Float(), nullable=False),
        sa.Column("uploaded_by", sa.String(length=32), nullable=False),
        sa.Column("uploaded_at", _MOMENT, nullable=False),
        sa.CheckConstraint("version >= 1", name=op.f("ck_studio_versions_version")),
        sa.ForeignKeyConstraint(
            ["code"], ["studio_recordings.code"], name=op.f("fk_studio_versions_code_studio_recordings")
        ),
        sa.PrimaryKeyConstraint("code", "version", name=op.f("pk_studio_versions")),
    )


def downgrade() -> None:
    for table in ("studio_versions", "studio_recordings", "studio_texts", "studio_state"):
        op.drop_table(table)
