"""What the routes of menus take and give: findings, cases, versions, drafts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import Path
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from ivr.coverage import coverage
from ivr.drafts import Draft
from ivr.flow import Flow
from ivr.judging import Verdict, id_of
from ivr.tables import MenuProposalRow, MenuVersionRow

Key = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]{0,39}$", description="The flow's key.")]
Number = Annotated[int, Path(ge=1, lt=2**31, description="The version's number.")]
RecordId = Annotated[int, Path(ge=1, lt=2**63)]
"""Of a stash, a proposal or an assignment."""
LineNumber = Annotated[str, Path(pattern=r"^[0-9]{3,16}$", description="The line's number.")]
Revision = Annotated[int, Field(ge=0, lt=2**31)]
Comment = Annotated[str, StringConstraints(strip_whitespace=True, max_length=400, pattern=r"^[^\x00]*$")]
Soon = Annotated[AwareDatetime | None, Field(description="From when on, with its zone; none: at once.")]


class FindingOut(BaseModel):
    """A finding of the validation. `id` is what is acknowledged."""

    id: str
    rule: str
    severity: str
    node: str
    field: str
    message: str
    remedy: str


class CaseOut(BaseModel):
    """What became of a case; `reasons` are empty when it passed."""

    name: str
    passed: bool
    reasons: list[str]
    end: str | None
    of: str | None
    seconds: float | None


class CoverageOut(BaseModel):
    """What the cases walked of the flow's branches, 0 to 1, and what they did not."""

    share: float
    nodes_left: list[str]
    branches_left: list[str]


class VerdictOut(BaseModel):
    """Everything that is to be said of a flow. `sound`: it may be published, once its warnings are acknowledged."""

    sound: bool
    findings: list[FindingOut]
    cases: list[CaseOut]
    coverage: CoverageOut
    led_here: dict[str, list[str]] = Field(description="What would go wrong in published flows that lead here.")

    @classmethod
    def of(cls, flow: Flow, verdict: Verdict) -> Self:
        """As the API tells of it."""
        simulations = [one.simulation for one in verdict.cases if one.simulation is not None]
        covered = coverage(flow, simulations)
        return cls(
            sound=not (verdict.errors or verdict.failed or verdict.led_here),
            findings=[
                FindingOut(
                    id=id_of(one),
                    rule=one.rule,
                    severity=one.severity.value,
                    node=one.node,
                    field=one.field,
                    message=one.message,
                    remedy=one.remedy,
                )
                for one in verdict.findings
            ],
            cases=[
                CaseOut(
                    name=one.name,
                    passed=one.passed,
                    reasons=list(one.reasons),
                    end=one.simulation.end.at if one.simulation else None,
                    of=one.simulation.end.of if one.simulation else None,
                    seconds=one.simulation.seconds if one.simulation else None,
                )
                for one in verdict.cases
            ],
            coverage=CoverageOut(
                share=covered.share,
                nodes_left=sorted(covered.nodes_left),
                branches_left=sorted(f"{step.node}: {step.branch}" for step in covered.branches_left),
            ),
            led_here={flow: list(wrong) for flow, wrong in verdict.led_here.items()},
        )


class DraftOut(BaseModel):
    """A draft. `revision` is to be named when saving over it (If-Match)."""

    flow: str
    revision: int
    document: Any
    saved_by: str
    saved_at: datetime

    @classmethod
    def of(cls, draft: Draft) -> Self:
        """As the API tells of it."""
        return cls(
            flow=draft.flow.flow,
            revision=draft.revision,
            document=draft.flow.model_dump(mode="json"),
            saved_by=draft.saved_by,
            saved_at=draft.saved_at,
        )


class SavedOut(DraftOut):
    """A draft that was saved, and what is to be said of it."""

    verdict: VerdictOut


class AcknowledgedOut(BaseModel):
    """A warning somebody took note of."""

    id: str
    text: str


class VersionOut(BaseModel):
    """A published version, without its content."""

    model_config = ConfigDict(from_attributes=True)

    flow: str
    version: int
    comment: str
    author: str
    approved_by: str | None
    published_at: datetime
    effective_at: datetime
    revision: int | None
    restores: int | None
    acknowledged: list[AcknowledgedOut]


class WholeVersionOut(VersionOut):
    """A published version."""

    document: Any

    @classmethod
    def of(cls, row: MenuVersionRow) -> Self:
        """As the API tells of it."""
        return cls.model_validate(row)


class ProposalOut(BaseModel):
    """A draft that waits, or waited, for its second approver."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    flow: str
    revision: int
    comment: str
    author: str
    proposed_at: datetime
    effective_at: datetime | None
    acknowledged: list[str]
    decision: str | None
    decided_by: str | None
    decided_at: datetime | None
    reason: str
    version: int | None

    @classmethod
    def of(cls, row: MenuProposalRow) -> Self:
        """As the API tells of it."""
        return cls.model_validate(row)
