"""relations of tickets, refusals, dispatch catalogue"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import hotline.database
from hotline import search

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_MOMENT = hotline.database.UtcDateTime(timezone=True)
_STATES = (
    "'registered', 'refused', 'answered', 'to_dispatch', {merged}'to_sign', 'handling', 'return_asked', "
    "'extension_asked', 'reply_to_review', 'replied', 'visited', 'closed', 'archived'"
)
_ACTIONS = (
    "'register', 'amend', 'answer', 'accept', 'refuse', {relations}'dispatch', {recall}'sign_for', 'return', "
    "'agree_return', 'refuse_return', 'extend', 'sign_extension', 'grant_extension', 'refuse_extension', 'meet', "
    "'reply', 'approve_reply', 'reject_reply', 'supervise', 'visit', 'rehandle', 'close', 'evaluate', 'archive'"
)
_BATCH = 1_000


def _words(states: str, actions: str) -> None:
    op.drop_constraint(op.f("ck_ticket_state"), "ticket")
    op.create_check_constraint(op.f("ck_ticket_state"), "ticket", f"state IN ({states})")
    op.drop_constraint(op.f("ck_ticket_history_action"), "ticket_history")
    op.create_check_constraint(op.f("ck_ticket_history_action"), "ticket_history", f"action IN ({actions})")


def _tickets_texts() -> None:
    """What is written in the tickets that are there already, so that new ones are compared with them."""
    connection = op.get_bind()
    last = 0
    while True:
        rows = connection.execute(
            sa.text("SELECT id, registered_at, title, content FROM ticket WHERE id > :last ORDER BY id LIMIT :batch"),
            {"last": last, "batch": _BATCH},
        ).all()
        if not rows:
            return
        last = rows[-1].id
        connection.execute(
            sa.text("INSERT INTO ticket_text VALUES (:id, :at, :compared, CAST(:search AS tsvector))"),
            [
                {
                    "id": row.id,
                    "at": row.registered_at,
                    "compared": search.normal(f"{row.title} {row.content}"),
                    "search": search.vector((row.title, "A"), (row.content, "B")),
                }
                for row in rows
            ],
        )


def _relations() -> None:
    op.create_table(
        "ticket_text",
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("registered_at", _MOMENT, nullable=False),
        sa.Column("compared", sa.Text(), nullable=False),
        sa.Column("search", postgresql.TSVECTOR(), nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_text_ticket_id_ticket")),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_ticket_text")),
    )
    op.create_index("ix_ticket_text_search", "ticket_text", ["search"], unique=False, postgresql_using="gin")
    op.create_index("ix_ticket_text_registered_at", "ticket_text", ["registered_at"], unique=False)
    op.create_table(
        "ticket_link",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("other_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("made_by", sa.String(length=32), nullable=False),
        sa.Column("made_at", _MOMENT, nullable=False),
        sa.Column("ended_by", sa.String(length=32), nullable=True),
        sa.Column("ended_at", _MOMENT, nullable=True),
        sa.Column("ended_why", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint("kind IN ('merged', 'split', 'repeats')", name=op.f("ck_ticket_link_kind")),
        sa.CheckConstraint("ticket_id <> other_id", name=op.f("ck_ticket_link_not_itself")),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name=op.f("ck_ticket_link_ended")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_link_ticket_id_ticket")),
        sa.ForeignKeyConstraint(["other_id"], ["ticket.id"], name=op.f("fk_ticket_link_other_id_ticket")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_link")),
    )
    op.create_index(
        "uq_ticket_link_standing",
        "ticket_link",
        ["ticket_id", "kind"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL AND kind <> 'repeats'"),
    )
    op.create_index(
        "uq_ticket_link_pair",
        "ticket_link",
        ["ticket_id", "other_id", "kind"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("ix_ticket_link_other_id", "ticket_link", ["other_id", "kind"], unique=False)
    op.create_table(
        "ticket_reply_offer",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("parent_id", sa.BigInteger(), nullable=False),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.Column("offered_at", _MOMENT, nullable=False),
        sa.Column("taken_by", sa.String(length=32), nullable=True),
        sa.Column("taken_at", _MOMENT, nullable=True),
        sa.Column("withdrawn_at", _MOMENT, nullable=True),
        sa.CheckConstraint("taken_at IS NULL OR withdrawn_at IS NULL", name=op.f("ck_ticket_reply_offer_one_end")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_reply_offer_ticket_id_ticket")),
        sa.ForeignKeyConstraint(["parent_id"], ["ticket.id"], name=op.f("fk_ticket_reply_offer_parent_id_ticket")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_reply_offer")),
    )
    op.create_index(
        "uq_ticket_reply_offer_open",
        "ticket_reply_offer",
        ["ticket_id"],
        unique=True,
        postgresql_where=sa.text("taken_at IS NULL AND withdrawn_at IS NULL"),
    )
    op.create_index("ix_ticket_reply_offer_parent_id", "ticket_reply_offer", ["parent_id"], unique=False)
    op.create_table(
        "ticket_lead_candidate",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("ground", sa.String(length=24), nullable=False),
        sa.Column("matter_id", sa.BigInteger(), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("first_month", sa.Date(), nullable=False),
        sa.Column("last_month", sa.Date(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.CheckConstraint("ground IN ('repeated_months')", name=op.f("ck_ticket_lead_candidate_ground")),
        sa.CheckConstraint("first_month <= last_month", name=op.f("ck_ticket_lead_candidate_months")),
        sa.ForeignKeyConstraint(["matter_id"], ["ticket.id"], name=op.f("fk_ticket_lead_candidate_matter_id_ticket")),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_lead_candidate_ticket_id_ticket")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_lead_candidate")),
        sa.UniqueConstraint("matter_id", "ground", "first_month", name=op.f("uq_ticket_lead_candidate_matter_id")),
    )
    op.create_index("ix_ticket_lead_candidate_at", "ticket_lead_candidate", ["at"], unique=False)


def _refusals() -> None:
    op.create_table(
        "ticket_refusal",
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("ground", sa.String(length=24), nullable=False),
        sa.Column("local_ground", sa.String(length=32), nullable=False),
        sa.Column("term", sa.String(length=100), nullable=False),
        sa.Column("basis", sa.String(length=300), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("guidance", sa.Text(), nullable=False),
        sa.Column("unit_id", sa.BigInteger(), nullable=True),
        sa.Column("refused_by", sa.String(length=32), nullable=False),
        sa.Column("refused_at", _MOMENT, nullable=False),
        sa.CheckConstraint(
            "ground IN ('secrets', 'other_powers', 'other_procedure', 'already_handled', 'closed_same_matter', "
            "'outside_city', 'unlawful')",
            name=op.f("ck_ticket_refusal_ground"),
        ),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_refusal_ticket_id_ticket")),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_ticket_refusal_unit_id_units")),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_ticket_refusal")),
    )
    op.create_index("ix_ticket_refusal_refused_at", "ticket_refusal", ["refused_at", "ground"], unique=False)
    op.create_table(
        "ticket_citizen_notice",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("made_at", _MOMENT, nullable=False),
        sa.Column("told", sa.String(length=16), nullable=True),
        sa.Column("told_by", sa.String(length=32), nullable=True),
        sa.Column("told_at", _MOMENT, nullable=True),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint("kind IN ('refusal')", name=op.f("ck_ticket_citizen_notice_kind")),
        sa.CheckConstraint(
            "told IN ('phone', 'sms', 'letter', 'online', 'no_contact')", name=op.f("ck_ticket_citizen_notice_told")
        ),
        sa.CheckConstraint(
            "(told_at IS NULL) = (told IS NULL) AND (told_at IS NULL) = (told_by IS NULL)",
            name=op.f("ck_ticket_citizen_notice_told_how"),
        ),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_citizen_notice_ticket_id_ticket")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_citizen_notice")),
    )
    op.create_index("ix_ticket_citizen_notice_ticket_id", "ticket_citizen_notice", ["ticket_id"], unique=False)
    op.create_index(
        "ix_ticket_citizen_notice_open",
        "ticket_citizen_notice",
        ["id"],
        unique=False,
        postgresql_where=sa.text("told_at IS NULL"),
    )


def _catalogue() -> None:
    op.create_table(
        "ticket_category",
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("parent_code", sa.String(length=32), nullable=True),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.CheckConstraint("parent_code <> code", name=op.f("ck_ticket_category_not_own_parent")),
        sa.ForeignKeyConstraint(
            ["parent_code"], ["ticket_category.code"], name=op.f("fk_ticket_category_parent_code_ticket_category")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_ticket_category")),
    )
    op.create_index(op.f("ix_ticket_category_parent_code"), "ticket_category", ["parent_code"], unique=False)
    op.create_table(
        "ticket_catalogue",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("category_code", sa.String(length=32), nullable=False),
        sa.Column("area_code", sa.String(length=12), nullable=False),
        sa.Column("lead_unit_id", sa.BigInteger(), nullable=False),
        sa.Column("assisting_unit_ids", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("from_day", sa.Date(), nullable=False),
        sa.Column("until_day", sa.Date(), nullable=True),
        sa.Column("note", sa.String(length=200), server_default="", nullable=False),
        sa.Column("made_by", sa.String(length=32), nullable=False),
        sa.Column("made_at", _MOMENT, nullable=False),
        sa.CheckConstraint("until_day >= from_day", name=op.f("ck_ticket_catalogue_days_in_order")),
        sa.ForeignKeyConstraint(
            ["category_code"], ["ticket_category.code"], name=op.f("fk_ticket_catalogue_category_code_ticket_category")
        ),
        sa.ForeignKeyConstraint(["lead_unit_id"], ["units.id"], name=op.f("fk_ticket_catalogue_lead_unit_id_units")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_catalogue")),
        sa.UniqueConstraint("category_code", "area_code", "from_day", name=op.f("uq_ticket_catalogue_category_code")),
    )
    op.create_index("ix_ticket_catalogue_lead_unit_id", "ticket_catalogue", ["lead_unit_id"], unique=False)
    op.create_table(
        "ticket_accused",
        sa.Column("ticket_id", sa.BigInteger(), nullable=False),
        sa.Column("unit_id", sa.BigInteger(), nullable=False),
        sa.Column("named_by", sa.String(length=32), nullable=False),
        sa.Column("named_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["ticket.id"], name=op.f("fk_ticket_accused_ticket_id_ticket")),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_ticket_accused_unit_id_units")),
        sa.PrimaryKeyConstraint("ticket_id", "unit_id", name=op.f("pk_ticket_accused")),
    )
    op.create_index("ix_ticket_accused_unit_id", "ticket_accused", ["unit_id"], unique=False)


def upgrade() -> None:
    _words(
        _STATES.format(merged="'merged', "),
        _ACTIONS.format(relations="'split', 'merge', 'unmerge', 'take_reply', ", recall="'recall', "),
    )
    op.add_column("ticket", sa.Column("category", sa.String(length=32), server_default="", nullable=False))
    op.create_index(
        "ix_ticket_category_id",
        "ticket",
        ["category", "id"],
        unique=False,
        postgresql_where=sa.text("category <> ''"),
    )
    _relations()
    _refusals()
    _catalogue()
    _tickets_texts()


def downgrade() -> None:
    for table in (
        "ticket_accused",
        "ticket_catalogue",
        "ticket_category",
        "ticket_citizen_notice",
        "ticket_refusal",
        "ticket_lead_candidate",
        "ticket_reply_offer",
        "ticket_link",
        "ticket_text",
    ):
        op.drop_table(table)
    op.drop_index("ix_ticket_category_id", table_name="ticket")
    op.drop_column("ticket", "category")
    _words(_STATES.format(merged=""), _ACTIONS.format(relations="", recall=""))
