"""The directory's tables. Importing this package declares all of them."""

from directory.models.accounts import AgentGroup, AgentProfile, Role, User, UserRole, UserSession
from directory.models.lines import (
    AccessNumber,
    DirectoryVersion,
    Hotline,
    HotlineMode,
    HourSpan,
    Schedule,
    TransferTarget,
)
from directory.models.units import Contact, DutyNumber, Unit, UnitLevel

__all__ = [
    "AccessNumber",
    "AgentGroup",
    "AgentProfile",
    "Contact",
    "DirectoryVersion",
    "DutyNumber",
    "Hotline",
    "HotlineMode",
    "HourSpan",
    "Role",
    "Schedule",
    "TransferTarget",
    "Unit",
    "UnitLevel",
    "User",
    "UserRole",
    "UserSession",
]
