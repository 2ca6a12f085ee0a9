"""The directory's tables. Importing this package declares all of them."""

from directory.models.accounts import (
    AgentGroup,
    AgentProfile,
    Role,
    SessionState,
    User,
    UserRecoveryCode,
    UserRole,
    UserSession,
    UserTotp,
)
from directory.models.audit import AuditRow, PendingReadRow
from directory.models.calendar import SpecialDayRow, WorkdayOverride, WorkdayYear
from directory.models.lines import (
    AccessNumber,
    DirectoryVersion,
    Hotline,
    HotlineMode,
    HourSpan,
    Schedule,
    TransferTarget,
)
from directory.models.targets import Partner, PartnerKind, PartnerNumber
from directory.models.teams import AgentMessage, AgentMessageReceipt, TeamMember, TeamRow, TeamSupervisor
from directory.models.units import Contact, DutyNumber, Unit, UnitLevel

__all__ = [
    "AccessNumber",
    "AgentGroup",
    "AgentMessage",
    "AgentMessageReceipt",
    "AgentProfile",
    "AuditRow",
    "Contact",
    "DirectoryVersion",
    "DutyNumber",
    "Hotline",
    "HotlineMode",
    "HourSpan",
    "Partner",
    "PartnerKind",
    "PartnerNumber",
    "PendingReadRow",
    "Role",
    "Schedule",
    "SessionState",
    "SpecialDayRow",
    "TeamMember",
    "TeamRow",
    "TeamSupervisor",
    "TransferTarget",
    "Unit",
    "UnitLevel",
    "User",
    "UserRecoveryCode",
    "UserRole",
    "UserSession",
    "UserTotp",
    "WorkdayOverride",
    "WorkdayYear",
]
