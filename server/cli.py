"""`hotline`: everything a person types."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from hotline.errors import HotlineError
from hotline.settings import load_settings
from server.commands import agent, asterisk, directory, prompts

app = typer.Typer(
    help="12345政务服务便民热线: the telephony backend of a city's government service line.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
run_app = typer.Typer(help="Be one process of the line (the supervisor does this).", no_args_is_help=True)
app.add_typer(run_app, name="run")
app.add_typer(asterisk.app, name="asterisk")
app.add_typer(directory.app, name="directory")
app.add_typer(prompts.app, name="prompts")
app.command("agent")(agent.agent)


@run_app.command()
def voice(name: Annotated[str, typer.Option(help="voice-1, voice-2, ...")]) -> None:
    """FastAGI and AMI: the story of every call."""
    from server.runtime import parts
    from server.runtime import voice as process

    settings = load_settings()
    parts.run(settings, name, process.serve(settings, name))


@run_app.command()
def web() -> None:
    """REST and WebSocket."""
    from server.runtime import parts
    from server.runtime import web as process

    settings = load_settings()
    parts.run(settings, "web", process.serve(settings))


@run_app.command()
def jobs() -> None:
    """The journal's way into PostgreSQL; promises to call back."""
    from server.runtime import jobs as process
    from server.runtime import parts

    settings = load_settings()
    parts.run(settings, "jobs", process.serve(settings))


@run_app.command()
def watchdog() -> None:
    """Notices a voice process that hangs, and gives its callers to another."""
    from server import watchdog as process
    from server.runtime import parts

    settings = load_settings()
    parts.run(settings, "watchdog", process.run_watchdog(settings))


def main() -> None:
    """The entry point. An error of ours ends with what is wrong and what to do next, not with a traceback."""
    try:
        app()
    except HotlineError as error:
        typer.echo(f"{error.code}: {error}", err=True)
        if error.remedy:
            typer.echo(f"  {error.remedy}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
