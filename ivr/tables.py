"""Tables of menus (菜单): drafts, immutable versions, which line uses which flow, how often each node was visited."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    String,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from hotline.database import Base, UtcDateTime, never_changed

EVERY_LINE = "*"
"""Stands for all lines where menus are switched off."""


class MenuStateRow(Base):
    """One row, counted up by whatever changes what callers hear; its lock makes writers take turns."""

    __tablename__ = "menu_state"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(BigInteger)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class MenuFlowRow(Base):
    """A flow. `revision` is that of its draft; writers of a draft lock this row."""

    __tablename__ = "menu_flows"

    flow: Mapped[str] = mapped_column(String(40), primary_key=True)
    revision: Mapped[int]
    created_by: Mapped[str] = mapped_column(String(32))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class MenuRevisionRow(Base):
    """A draft as somebody saved it. All are kept: a merge needs the one both editors began with."""

    __tablename__ = "menu_revisions"

    flow: Mapped[str] = mapped_column(ForeignKey("menu_flows.flow"), primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    # JSON and not JSONB: nodes and keys stay in the order they were written in.
    document: Mapped[Any] = mapped_column(JSON)
    saved_by: Mapped[str] = mapped_column(String(32))
    saved_at: Mapped[datetime] = mapped_column(UtcDateTime)


class MenuStashRow(Base):
    """What an editor wanted to save when somebody else had been quicker, until that editor drops it."""

    __tablename__ = "menu_stashes"
    __table_args__ = (Index("ix_menu_stashes_flow_editor", "flow", "editor"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    flow: Mapped[str] = mapped_column(ForeignKey("menu_flows.flow"))
    editor: Mapped[str] = mapped_column(String(32))
    base_revision: Mapped[int]
    document: Mapped[Any] = mapped_column(JSON)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class MenuVersionRow(Base):
    """A published version. Rows are added, never changed: PostgreSQL itself refuses."""

    __tablename__ = "menu_versions"
    __table_args__ = (
        CheckConstraint("version >= 1", name="version"),
        CheckConstraint("approved_by <> author", name="approved_by"),
        CheckConstraint("restores < version", name="restores"),
    )

    flow: Mapped[str] = mapped_column(ForeignKey("menu_flows.flow"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    document: Mapped[Any] = mapped_column(JSON)
    comment: Mapped[str] = mapped_column(String(400))
    author: Mapped[str] = mapped_column(String(32))
    approved_by: Mapped[str | None] = mapped_column(String(32))
    published_at: Mapped[datetime] = mapped_column(UtcDateTime)
    effective_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """From when on calls begin with it."""
    revision: Mapped[int | None]
    """Of the draft it was made from; None: it came from a file or is a rollback."""
    restores: Mapped[int | None]
    """The version whose content a rollback brought back."""
    acknowledged: Mapped[list[dict[str, str]]] = mapped_column(JSON)
    """Warnings the author took note of."""


class MenuWithdrawalRow(Base):
    """A scheduled version that was taken back before its time; it never comes into force."""

    __tablename__ = "menu_withdrawals"
    __table_args__ = (ForeignKeyConstraint(["flow", "version"], ["menu_versions.flow", "menu_versions.version"]),)

    flow: Mapped[str] = mapped_column(String(40), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    by: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class MenuProposalRow(Base):
    """A draft that waits for its second approver (复核). At most one of a flow is open."""

    __tablename__ = "menu_proposals"
    __table_args__ = (
        CheckConstraint("decision IN ('approved', 'refused', 'withdrawn')", name="decision"),
        CheckConstraint("(decision IS NULL) = (decided_at IS NULL)", name="decided"),
        CheckConstraint("(decision = 'approved') = (version IS NOT NULL)", name="version"),
        Index("uq_menu_proposals_open", "flow", unique=True, postgresql_where=text("decision IS NULL")),
        ForeignKeyConstraint(["flow", "revision"], ["menu_revisions.flow", "menu_revisions.revision"]),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    flow: Mapped[str] = mapped_column(String(40))
    revision: Mapped[int]
    comment: Mapped[str] = mapped_column(String(400))
    author: Mapped[str] = mapped_column(String(32))
    proposed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    effective_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """None: at once when it is approved."""
    acknowledged: Mapped[list[str]] = mapped_column(JSON)
    decision: Mapped[str | None] = mapped_column(String(12))
    decided_by: Mapped[str | None] = mapped_column(String(32))
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(String(400), server_default="")
    version: Mapped[int | None]


class MenuAssignmentRow(Base):
    """From `effective_at` on a line's callers hear this flow; no flow: they go to a human directly. All are kept."""

    __tablename__ = "menu_assignments"
    __table_args__ = (Index("ix_menu_assignments_line_effective_at", "line", "effective_at"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    line: Mapped[str] = mapped_column(String(32))
    flow: Mapped[str | None] = mapped_column(ForeignKey("menu_flows.flow"))
    effective_at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class MenuSwitchRow(Base):
    """Menus are off for this line, or for every line (`*`): callers go to a human directly, whatever is assigned."""

    __tablename__ = "menu_switches"

    line: Mapped[str] = mapped_column(String(32), primary_key=True)
    by: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(String(64))


class MenuVisitRow(Base):
    """A call left a node by a branch. Projected from the journal; it holds no key beyond a menu's own."""

    __tablename__ = "menu_visits"
    __table_args__ = (Index("ix_menu_visits_flow_at", "flow", "at"),)

    call_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    flow: Mapped[str] = mapped_column(String(40))
    version: Mapped[int]
    node: Mapped[str] = mapped_column(String(40))
    branch: Mapped[str] = mapped_column(String(40))
    ms: Mapped[int]
    """From the beginning of the node to its end."""


IMMUTABLE = never_changed(
    MenuVersionRow,
    function="menu_versions_are_immutable",
    trigger="immutable",
    said="a published menu is never changed",
)
"""What the migration runs too."""
