"""`hotline asterisk`: Asterisk's files from the settings and the directory."""

from __future__ import annotations

from pathlib import Path

import typer

from hotline.settings import load_settings
from server.asterisk import secrets
from server.asterisk.apply import apply as apply_files
from server.asterisk.check import check as check_files
from server.asterisk.instance import write
from server.asterisk.layout import Layout, find
from server.asterisk.render import render
from server.emergency import all_routes, emergency_routes, without_trunk

app = typer.Typer(
    help="Asterisk's files: render them, check them on a real Asterisk, apply them.", no_args_is_help=True
)


@app.command("render")
def render_command(
    to: Path | None = typer.Option(None, help="Folder to write to; without it the names and sizes are shown."),
) -> None:
    """Render every file. Secrets are in them: the folder gets mode 0700."""
    settings = load_settings()
    layout = find(settings)
    files = render(settings, secrets.load(settings), layout, emergency_routes(settings))
    if to is None:
        for name, text in files.items():
            typer.echo(f"{name:24} {len(text.splitlines()):5} lines")
        return
    to.mkdir(mode=0o700, parents=True, exist_ok=True)
    place = Layout(layout.instance, to, None)
    place.etc.mkdir(exist_ok=True)
    write(place, files)
    typer.echo(f"{len(files)} files in {place.etc}")


@app.command("check")
def check_command() -> None:
    """Start a throw-away Asterisk on the rendered files and fail on any warning."""
    settings = load_settings()
    routes = all_routes(settings)
    lost = without_trunk(settings, routes)
    report = check_files(settings, [route for route in routes if route not in lost])
    faults = [*report.faults, *(f"{r.number}: its target's trunk {r.trunk} is not in asterisk.trunks" for r in lost)]
    for fault in faults:
        typer.echo(fault, err=True)
    if faults:
        raise typer.Exit(1)
    typer.echo(f"{report.modules} modules, no warning")


@app.command("apply")
def apply_command() -> None:
    """Write what changed and reload it in the running Asterisk; calls go on."""
    settings = load_settings()
    done = apply_files(settings, emergency_routes(settings))
    typer.echo(f"changed: {', '.join(done.changed) or 'nothing'}")
    for command in done.reloaded:
        typer.echo(f"reloaded: {command}")
    if done.restart:
        typer.echo(f"takes effect at the next start: {', '.join(done.restart)}")
