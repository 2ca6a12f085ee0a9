"""The platforms (对接平台) we exchange calls and data with: branch centres, 110, the province, utilities."""

from __future__ import annotations

from typing import Annotated, Self

from fastapi import APIRouter, Path, status
from pydantic import BaseModel, ConfigDict, Field

from directory import partners
from directory.lines import NewTarget
from directory.models import PartnerKind, Role
from directory.models.lines import TARGET_ENDPOINT
from directory.models.targets import PARTNER_CODE
from directory.partners import PartnerEntry, UnknownPartner
from web.access import Parts, Transaction, roles
from web.administration import Administration, Name
from web.problems import DOCUMENTED
from web.routes.targets import Number

router = APIRouter(prefix="/api/partners", tags=["partners"], responses=DOCUMENTED)

_READERS = (Role.SUPERVISOR, Role.AUDITOR, Role.ADMIN)

Code = Annotated[str, Path(pattern=f"^{PARTNER_CODE}$")]


class PartnerIn(BaseModel):
    """A platform. With `line` it is reached through that line's numbers, else through its own."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    kind: PartnerKind
    line: Annotated[str, Field(pattern=r"^\+?[0-9]{3,15}$")] | None = None
    numbers: Annotated[list[Number], Field(max_length=20)] = []
    schedule: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    trunk: Annotated[str, Field(pattern=f"^({TARGET_ENDPOINT})?$")] = ""
    """Name of the trunk its calls come in on."""
    webhook: Annotated[str, Field(max_length=500)] = ""
    """Where data that go with a call are sent; empty: it takes none."""
    enabled: bool = True

    @classmethod
    def of(cls, entry: PartnerEntry) -> Self:
        """As the API tells of one."""
        return cls(
            name=entry.name,
            kind=entry.kind,
            line=entry.line,
            numbers=[Number.model_validate(one) for one in entry.numbers],
            schedule=entry.schedule,
            trunk=entry.trunk,
            webhook=entry.webhook,
            enabled=entry.enabled,
        )


class PartnerOut(PartnerIn):
    """A platform as it stands."""

    code: str
    has_key: bool
    """Whether this host has a key to sign with: `hotline partners key`."""


@router.get("", dependencies=[roles(*_READERS)])
async def listed(session: Transaction, services: Parts) -> list[PartnerOut]:
    """Every platform by its code."""
    keys = services.partner_keys.partners()
    return [
        PartnerOut(code=code, has_key=code in keys, **PartnerIn.of(entry).model_dump())
        for code, entry in (await partners.listed(session)).items()
    ]


@router.put("/{code}", dependencies=[roles(Role.ADMIN)])
async def save(code: Code, body: PartnerIn, change: Administration) -> PartnerOut:
    """Enter a platform, or change it. Its key is given on the host: `hotline partners key`."""
    session, services = change.session, change.services
    before = (await partners.listed(session)).get(code)
    numbers = tuple(NewTarget(**one.model_dump()) for one in body.numbers)
    entry = PartnerEntry(**{**body.model_dump(), "numbers": numbers})
    await partners.save(session, code, entry, now=services.clock.now())
    await change.record("partner.saved", f"partner:{code}", before, entry)
    return next(one for one in await listed(session, services) if one.code == code)


@router.delete("/{code}", status_code=status.HTTP_204_NO_CONTENT, dependencies=[roles(Role.ADMIN)])
async def remove(code: Code, change: Administration) -> None:
    """Take a platform away. Data that still wait for it are given up."""
    before = (await partners.listed(change.session)).get(code)
    if before is None:
        raise UnknownPartner("no such platform")
    await partners.remove(change.session, code, now=change.services.clock.now())
    await change.record("partner.removed", f"partner:{code}", before)
