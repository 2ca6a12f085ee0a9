"""`hotline`: everything a person types."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from hotline import logs
from hotline.errors import HotlineError
from hotline.settings import load_settings
from server.commands import (
    agent,
    asterisk,
    audit,
    channels,
    demo,
    directory,
    doctor,
    exchange,
    figures,
    imports,
    ivr,
    keys,
    partners,
    privacy,
    prompts,
    queues,
    recordings,
    report,
    roster,
    rounds,
    simulate,
    staffing,
    up,
)

app = typer.Typer(
    help="12345政务服务便民热线: the telephony backend of a city's government service line.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for command in (
    up.up,
    up.stop,
    up.restart,
    up.status,
    up.follow,
    doctor.doctor,
    demo.demo,
    agent.agent,
    staffing.staffing,
    simulate.simulate,
):
    app.command()(command)
app.command("import")(imports.import_file)
app.add_typer(asterisk.app, name="asterisk")
app.add_typer(audit.app, name="audit")
app.add_typer(directory.app, name="directory")
app.add_typer(exchange.app, name="exchange")
app.add_typer(figures.app, name="figures")
app.add_typer(ivr.app, name="ivr")
app.add_typer(keys.app, name="keys")
app.add_typer(partners.app, name="partners")
app.add_typer(channels.app, name="channels")
app.add_typer(privacy.app, name="privacy")
app.add_typer(prompts.app, name="prompts")
app.add_typer(queues.app, name="queues")
app.add_typer(recordings.app, name="recordings")
app.add_typer(report.app, name="report")
app.add_typer(roster.app, name="roster")
app.add_typer(rounds.app, name="rounds")


class Process(StrEnum):
    """The processes of the line that are ours."""

    VOICE = "voice"
    WEB = "web"
    JOBS = "jobs"
    WATCHDOG = "watchdog"


@app.command()
def run(process: Process, name: Annotated[str, typer.Option(help="voice-1, voice-2, ...")] = "") -> None:
    """Be one process of the line in the foreground (the supervisor does this for all of them)."""
    from server.runtime.__main__ import be

    be(load_settings(), process.value, name)


def main() -> None:
    """The entry point. An error of ours ends with what is wrong and what to do next, not with a traceback."""
    logs.configure("hotline", level="warning", pretty=True)
    try:
        app()
    except HotlineError as error:
        typer.echo(f"{error.code}: {error}", err=True)
        if error.remedy:
            typer.echo(f"  {error.remedy}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
