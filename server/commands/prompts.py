"""`hotline prompts`: speak the fixed sentences, or try one out; what the studio does is in `prompt_studio`."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from hotline.errors import HotlineError, InvalidInput
from hotline.settings import load_settings
from media.catalogue import Catalogue, default_catalogue
from media.kokoro import Kokoro, voice_id
from media.music import MUSIC_FILE, write_music
from media.render import render_prompts, telephone_sound
from media.sound import TELEPHONE_HZ, active_level
from media.spoken import MENUS_FOLDER
from media.store import PROMPTS_ROOT
from media.voices import DEFAULT_VOICE, VOICES
from server.commands import prompt_studio
from server.provision.menu_texts import menu_catalogue

app = typer.Typer(help="Fixed sentences (提示音): render and preview.", no_args_is_help=True)

for command in (prompt_studio.flow, prompt_studio.upload, prompt_studio.publish, prompt_studio.recordings):
    app.command()(command)

VoiceOption = Annotated[str, typer.Option(help=f"One of {', '.join(VOICES)}.")]


@app.command()
def render(
    voice: VoiceOption = DEFAULT_VOICE,
    everything: Annotated[bool, typer.Option("--all", help="Render again what is there already.")] = False,
) -> None:
    """Speak every sentence of the catalogue, and every text of the default menus, that has no sound of its present text
    yet."""
    console = Console()
    _render(console, default_catalogue(), PROMPTS_ROOT, voice, everything=everything)
    console.print("menus:")
    _render(console, menu_catalogue(), PROMPTS_ROOT / MENUS_FOLDER, voice, everything=everything)
    if everything or not MUSIC_FILE.exists():
        write_music()


def _render(console: Console, catalogue: Catalogue, root: Path, voice: str, *, everything: bool) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("提示音", total=None)

        def show(done: int, total: int, key: str) -> None:
            progress.update(task, completed=done, total=total, description=key)

        try:
            report = render_prompts(
                catalogue,
                root,
                voice_id(voice),
                lambda: Kokoro(_voice_dir(), voice),
                everything=everything,
                on_progress=show,
            )
        except HotlineError as error:
            progress.stop()
            _refuse(console, error)
        count = len(report.made) + len(report.kept)
        progress.update(task, completed=count, total=count, description="提示音")
    console.print(f"{len(report.made)} rendered, {len(report.kept)} up to date, {len(report.removed)} removed")


@app.command()
def say(
    line: Annotated[str, typer.Argument(help="The line whose greeting this might become, such as 12333.")],
    text: Annotated[str, typer.Argument(help="What to say, in Chinese; digits are spoken one by one.")],
    voice: VoiceOption = DEFAULT_VOICE,
    output: Annotated[Path | None, typer.Option(help="Where to write; default: var/previews/<line>.wav.")] = None,
) -> None:
    """Speak a text as a caller of that line would hear it, into a wav file whose path is printed."""
    console = Console(soft_wrap=True)
    try:
        if f"greeting.{line}" not in default_catalogue():
            raise InvalidInput(f"no line {line!r} has a greeting", remedy="see media/prompts.toml for the lines")
        synthesizer = Kokoro(_voice_dir(), voice)
        heard = telephone_sound(synthesizer.speak(text), synthesizer.rate)
        target = (output or load_settings().var_dir / "previews" / f"{line}.wav").resolve()
    except HotlineError as error:
        _refuse(console, error)
    target.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(target), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(TELEPHONE_HZ)
        file.writeframes(heard.astype("<i2").tobytes())
    console.print(f"{line}: {len(heard) / TELEPHONE_HZ:.1f} s at {active_level(heard):.1f} dBFS")
    console.print(str(target), highlight=False)


def _voice_dir() -> Path:
    return load_settings().var_dir / "voices"


def _refuse(console: Console, error: HotlineError) -> NoReturn:
    console.print(f"[red]{error}[/red]")
    if error.remedy:
        console.print(error.remedy, markup=False)
    raise typer.Exit(1)
