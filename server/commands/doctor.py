"""`hotline doctor`: every part looked at, with what to do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from hotline.settings import Settings, load_settings
from server.doctor import examine
from server.doctor_findings import Finding, Verdict

_COLOURS = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "red"}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, for monitoring.")] = False,
) -> None:
    """Look at every part of the line and say what to do. Exit status 1 if a part fails, 0 otherwise."""
    console = Console(soft_wrap=True)

    def show(finding: Finding) -> None:
        if as_json:
            typer.echo(json.dumps(asdict(finding), ensure_ascii=False))
            return
        colour = _COLOURS[finding.verdict]
        console.print(f"[{colour}]{finding.verdict:4}[/] {finding.part:22}", end=" ")
        console.print(finding.seen, markup=False, highlight=False)
        if finding.remedy:
            console.print(f"     what to do: {finding.remedy}", markup=False, highlight=False)

    findings = asyncio.run(_examined(load_settings(), show))
    failed = sum(finding.verdict is Verdict.FAIL for finding in findings)
    if not as_json:
        console.print(f"{len(findings)} parts looked at, {failed} failed")
    if failed:
        raise typer.Exit(1)


async def _examined(settings: Settings, show: Callable[[Finding], None]) -> list[Finding]:
    findings = []
    async for finding in examine(settings):
        show(finding)
        findings.append(finding)
    return findings
