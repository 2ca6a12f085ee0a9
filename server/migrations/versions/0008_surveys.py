"""surveys, voice messages' tickets, evidence of misuse"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import hotline.database

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_KINDS = "kind IN ('queued', 'missed', 'spool')"
_KINDS_WITH_SURVEY = "kind IN ('queued', 'missed', 'spool', 'survey')"
_SOURCES = (
    "'sms', 'mail', 'web', 'wechat', 'weibo', 'app', 'state_council', 'gov_cn', 'people_cn', 'governor_mailbox', "
    "'city_website', 'province', 'police_110', 'branch', 'platform'"
)


def _moment() -> hotline.database.UtcDateTime:
    return hotline.database.UtcDateTime(timezone=True)


def upgrade() -> None:
    _check_again("callback", "kind", _KINDS_WITH_SURVEY)
    _check_again("ticket", "source", f"source IN ('phone', 'voice_message', {_SOURCES})")
    _surveys()
    op.add_column("voice_message", sa.Column("transcription", sa.String(length=8), nullable=True))
    # What was left before is listened to, as it was until now.
    op.execute("UPDATE voice_message SET transcription = 'none'")
    op.alter_column("voice_message", "transcription", nullable=False)
    op.add_column("voice_message", sa.Column("transcript", sa.Text(), nullable=True))
    op.add_column("voice_message", sa.Column("transcribed_by", sa.String(length=64), nullable=True))
    op.add_column("voice_message", sa.Column("ticket", sa.String(length=40), nullable=True))
    op.create_check_constraint(
        op.f("ck_voice_message_transcription"),
        "voice_message",
        "transcription IN ('waiting', 'done', 'none', 'failed')",
    )
    op.create_index(
        "ix_voice_message_to_write_up",
        "voice_message",
        ["left_at"],
        unique=False,
        postgresql_where=sa.text("ticket IS NULL"),
    )
    _evidence()


def _check_again(table: str, column: str, condition: str) -> None:
    name = op.f(f"ck_{table}_{column}")
    op.drop_constraint(name, table, type_="check")
    op.create_check_constraint(name, table, condition)


def _surveys() -> None:
    op.create_table(
        "survey",
        sa.Column("call_id", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=8), nullable=False),
        sa.Column("at", _moment(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=True),
        sa.Column("reason", sa.String(length=24), nullable=True),
        sa.Column("agent", sa.String(length=32), nullable=True),
        sa.Column("queue", sa.String(length=32), nullable=True),
        sa.Column("line", sa.String(length=32), nullable=True),
        sa.Column("follow_up", sa.String(length=16), nullable=True),
        sa.Column("callback_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("source IN ('ivr', 'sms', 'web')", name=op.f("ck_survey_source")),
        sa.CheckConstraint(
            "outcome IN ('hung_up', 'lost', 'no_key', 'rated', 'wrong_key')", name=op.f("ck_survey_outcome")
        ),
        sa.CheckConstraint("level BETWEEN 1 AND 5", name=op.f("ck_survey_level")),
        sa.CheckConstraint("(outcome = 'rated') = (level IS NOT NULL)", name=op.f("ck_survey_rated")),
        sa.CheckConstraint(
            "follow_up IN ('satisfied', 'off', 'promised', 'folded', 'nuisance', 'not_callable')",
            name=op.f("ck_survey_follow_up"),
        ),
        sa.ForeignKeyConstraint(["callback_id"], ["callback.id"], name=op.f("fk_survey_callback_id_callback")),
        sa.PrimaryKeyConstraint("call_id", name=op.f("pk_survey")),
    )
    op.create_index(op.f("ix_survey_at"), "survey", ["at"], unique=False)
    op.create_index(
        "ix_survey_to_follow_up",
        "survey",
        ["at"],
        unique=False,
        postgresql_where=sa.text("level IS NOT NULL AND follow_up IS NULL"),
    )
    op.create_table(
        "survey_ticket",
        sa.Column("call_id", sa.String(length=64), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("at", _moment(), nullable=False),
        sa.CheckConstraint("verdict IN ('evaluated', 'call_only')", name=op.f("ck_survey_ticket_verdict")),
        sa.ForeignKeyConstraint(["call_id"], ["survey.call_id"], name=op.f("fk_survey_ticket_call_id_survey")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_survey_ticket_ticket_id_ticket")),
        sa.PrimaryKeyConstraint("call_id", "ticket_id", name=op.f("pk_survey_ticket")),
    )
    op.create_index("ix_survey_ticket_ticket_id", "survey_ticket", ["ticket_id"], unique=False)


def _evidence() -> None:
    op.create_table(
        "nuisance_evidence",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("flag_id", sa.BigInteger(), nullable=False),
        sa.Column("call_id", sa.String(length=64), nullable=True),
        sa.Column("ticket", sa.String(length=40), nullable=True),
        sa.Column("recording_id", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("added_by", sa.String(length=32), nullable=False),
        sa.Column("added_at", _moment(), nullable=False),
        sa.CheckConstraint(
            "num_nonnulls(call_id, ticket, recording_id) <= 1", name=op.f("ck_nuisance_evidence_one_thing")
        ),
        sa.CheckConstraint(
            "num_nonnulls(call_id, ticket, recording_id, note) > 0", name=op.f("ck_nuisance_evidence_something")
        ),
        sa.ForeignKeyConstraint(
            ["flag_id"], ["nuisance_flag.id"], name=op.f("fk_nuisance_evidence_flag_id_nuisance_flag")
        ),
        sa.ForeignKeyConstraint(
            ["recording_id"], ["recording.id"], name=op.f("fk_nuisance_evidence_recording_id_recording")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_nuisance_evidence")),
    )
    op.create_index("ix_nuisance_evidence_flag_id", "nuisance_evidence", ["flag_id"], unique=False)
    # A ticket's number has no dash; a call's id always has one.
    op.execute(
        """
        INSERT INTO nuisance_evidence (flag_id, call_id, ticket, added_by, added_at)
        SELECT flag.id, CASE WHEN piece LIKE '%-%' THEN piece END, CASE WHEN piece NOT LIKE '%-%' THEN piece END,
               flag.flagged_by, flag.flagged_at
        FROM nuisance_flag AS flag, jsonb_array_elements_text(flag.evidence) WITH ORDINALITY AS told (piece, nth)
        ORDER BY flag.id, nth
        """
    )
    op.drop_column("nuisance_flag", "evidence")


def downgrade() -> None:
    op.add_column("nuisance_flag", sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.execute(
        """
        UPDATE nuisance_flag AS flag SET evidence = COALESCE(
            (SELECT jsonb_agg(COALESCE(call_id, ticket) ORDER BY id) FROM nuisance_evidence
             WHERE flag_id = flag.id AND COALESCE(call_id, ticket) IS NOT NULL), '[]'::jsonb)
        """
    )
    op.alter_column("nuisance_flag", "evidence", nullable=False)
    op.drop_table("nuisance_evidence")
    op.drop_index("ix_voice_message_to_write_up", table_name="voice_message")
    for column in ("ticket", "transcribed_by", "transcript", "transcription"):
        op.drop_column("voice_message", column)
    op.drop_table("survey_ticket")
    op.drop_table("survey")
    op.execute("UPDATE ticket SET source = 'phone' WHERE source = 'voice_message'")
    _check_again("ticket", "source", f"source IN ('phone', {_SOURCES})")
    op.execute("DELETE FROM callback_attempt USING callback WHERE callback_id = callback.id AND kind = 'survey'")
    op.execute("DELETE FROM callback WHERE kind = 'survey'")
    _check_again("callback", "kind", _KINDS)
