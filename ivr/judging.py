"""What stands against publishing a flow: findings of the validation, and cases that fail."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from ivr.cases import CaseResult
from ivr.flow import Flow
from ivr.menu_errors import NotAcknowledged, NotSound
from ivr.validation.finding import Finding, Severity


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found about a flow. `led_here` has what is wrong with published flows that lead into it, by their key:
    they would call this version from their next call on."""

    findings: Sequence[Finding] = ()
    cases: Sequence[CaseResult] = ()
    led_here: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def errors(self) -> list[Finding]:
        return [one for one in self.findings if one.severity is Severity.ERROR]

    @property
    def warnings(self) -> list[Finding]:
        return [one for one in self.findings if one.severity is Severity.WARNING]

    @property
    def failed(self) -> list[CaseResult]:
        return [one for one in self.cases if not one.passed]


Judge = Callable[[Flow], Awaitable[Verdict]]
"""Looks at a flow in the world as it is."""


def id_of(finding: Finding) -> str:
    """Names a finding as long as the flow has it: what a person takes note of."""
    return f"{finding.rule}:{finding.node}:{finding.field}"


def told(finding: Finding) -> str:
    """In Chinese: where, what, and what to do."""
    where = f"节点“{finding.node}”: " if finding.node else ""
    return f"{where}{finding.message}（{finding.remedy}）"


def must_be_sound(verdict: Verdict, acknowledged: Collection[str]) -> None:
    """Raises NotSound for errors and failing cases, NotAcknowledged for a warning that is not in `acknowledged`."""
    against = [(id_of(one), told(one)) for one in verdict.errors]
    against += [(f"case:{one.name}", f"用例“{one.name}”未通过: {'，'.join(one.reasons)}") for one in verdict.failed]
    against += [
        (f"flow:{key}", f"引用本菜单的“{key}”会出错: {'；'.join(why)}") for key, why in verdict.led_here.items()
    ]
    if against:
        raise NotSound(against)
    if unseen := [(id_of(one), told(one)) for one in verdict.warnings if id_of(one) not in acknowledged]:
        raise NotAcknowledged(unseen)
