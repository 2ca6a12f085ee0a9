"""Tables of the people who work the line: users, roles, agents' profiles, sessions."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from directory.models.columns import enum_column
from hotline.database import Base, UtcDateTime
from hotline.sealed import Sealed


class Role(StrEnum):
    """What a person may do (角色). One person can have several."""

    AGENT = "agent"  # 话务员
    EXPERT = "expert"  # 专家座席
    SUPERVISOR = "supervisor"  # 班长
    DISPATCHER = "dispatcher"  # 派单员
    VISIT_AGENT = "visit_agent"  # 回访员
    KNOWLEDGE_EDITOR = "knowledge_editor"  # 知识库编辑
    UNIT_HANDLER = "unit_handler"  # 单位承办人
    UNIT_HEAD = "unit_head"  # 单位负责人
    UNIT_LEADER = "unit_leader"  # 分管领导 (unit leader in charge)
    COUNTY_BODY = "county_body"  # 县级承办单位: dispatches, supervises and reports below itself (TH 11)
    GOVERNMENT_LEADER = "government_leader"  # 政府分管领导 (TH 16)
    INSPECTOR = "inspector"  # 督查
    AUDITOR = "auditor"  # 审计
    ADMIN = "admin"  # 管理员


class SessionState(StrEnum):
    """How far a session is. Only an open one is good for anything but its own second step and its first password."""

    OPEN = "open"
    TOTP = "totp"  # the password was right, a code is still to come
    ENROL = "enrol"  # the password was right, and this person must set up a second step first
    RENEW = "password"  # all was right, and the password is one that an administrator knows: another comes first


class User(Base):
    """A person with a login. Failed attempts are counted before a password is checked."""

    __tablename__ = "users"
    __table_args__ = (CheckConstraint("failed_attempts >= 0", name="failed_attempts"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    login: Mapped[str] = mapped_column(String(32), unique=True)
    name: Mapped[str] = mapped_column(String(64))
    password_hash: Mapped[str] = mapped_column(String(200))
    password_changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failed_attempts: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    locks: Mapped[int] = mapped_column(default=0, server_default="0")
    """Locks in a row: each one lasts twice as long as the one before. A right password ends the row."""
    first_password: Mapped[bool] = mapped_column(default=False, server_default="false")
    """Whether an administrator gave this password (初始密码): it is good for choosing another one and nothing else."""
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    """Counted up by every change of the person's administration."""


class UserRole(Base):
    """A role of a user."""

    __tablename__ = "user_roles"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[Role] = mapped_column(enum_column(Role, "role"), primary_key=True)


class AgentProfile(Base):
    """A user who takes calls: work number (工号) and the seat used unless another is chosen."""

    __tablename__ = "agent_profiles"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    work_number: Mapped[str] = mapped_column(String(32), unique=True)
    default_extension: Mapped[str | None] = mapped_column(String(8))


class AgentGroup(Base):
    """A skill group (技能组) of an agent; level (熟练度) 9 is the best."""

    __tablename__ = "agent_groups"
    __table_args__ = (CheckConstraint("level BETWEEN 1 AND 9", name="level"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("agent_profiles.user_id", ondelete="CASCADE"), primary_key=True)
    group: Mapped[str] = mapped_column("skill_group", String(32), primary_key=True)
    level: Mapped[int] = mapped_column(default=1)


class UserTotp(Base):
    """The second step (动态口令) of a user: RFC 6238. Not asked for before it was confirmed by a first code."""

    __tablename__ = "user_totp"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    secret: Mapped[str] = mapped_column(Sealed("user_totp.secret"))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_step: Mapped[int] = mapped_column(BigInteger, default=0)
    """Time step of the newest code that was taken: neither it nor an older one is taken again."""


class UserRecoveryCode(Base):
    """A code that stands in for the second step once. Only its SHA-256 is kept: it has 80 random bits."""

    __tablename__ = "user_recovery_code"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)


class UserSession(Base):
    """A signed-in session. Only the SHA-256 of its token is kept."""

    __tablename__ = "user_sessions"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    client: Mapped[str] = mapped_column(String(200), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    state: Mapped[SessionState] = mapped_column(
        enum_column(SessionState, "state"), default=SessionState.OPEN, server_default=SessionState.OPEN.value
    )
    browser: Mapped[bool] = mapped_column(default=False, server_default="false")
    """Whether its token is a browser's cookie; a cookie is no bearer token, nor the other way round."""
