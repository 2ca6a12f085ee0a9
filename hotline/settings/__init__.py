"""Every setting of the line, typed and documented. Read from `hotline.toml` (or the file HOTLINE_CONFIG names).

Environment variables `HOTLINE_<SECTION>__<KEY>` override the file. Servers listen on loopback unless a `bind` says
otherwise. Times are seconds unless the key ends in `_ms`.
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from hotline.errors import SettingsError
from hotline.settings.calls_out import Callbacks, CallsOut, Messages, Rounds, Sms
from hotline.settings.distribution import Acd, Priority, Supervision, Waiting
from hotline.settings.exchange import Attachments, Exchange, Handovers, Mail, MailBox
from hotline.settings.lookups import LookupField, LookupQuery, Lookups, LookupShown
from hotline.settings.pages import Citizen, Progress, SignIn, Web, WebCalls
from hotline.settings.site import Privacy, Site
from hotline.settings.stores import Postgres, Redis
from hotline.settings.talks import Menus, Recording, Survey, Talk, Transfers
from hotline.settings.telephony import Asterisk, Kamailio, Peer, Trunk, Voice, Watchdog

__all__ = [
    "Acd",
    "Asterisk",
    "Attachments",
    "Callbacks",
    "CallsOut",
    "Citizen",
    "Exchange",
    "Handovers",
    "Kamailio",
    "LookupField",
    "LookupQuery",
    "LookupShown",
    "Lookups",
    "Mail",
    "MailBox",
    "Menus",
    "Messages",
    "Peer",
    "Postgres",
    "Priority",
    "Privacy",
    "Progress",
    "Recording",
    "Redis",
    "Rounds",
    "Settings",
    "SignIn",
    "Site",
    "Sms",
    "Supervision",
    "Survey",
    "Talk",
    "Transfers",
    "Trunk",
    "Voice",
    "Waiting",
    "Watchdog",
    "Web",
    "WebCalls",
    "load_settings",
    "project_root",
    "settings_file",
]


class Settings(BaseSettings):
    """All of `hotline.toml`. `var_dir` holds everything the project writes; relative paths start at the project."""

    model_config = SettingsConfigDict(
        env_prefix="HOTLINE_", env_nested_delimiter="__", extra="forbid", frozen=True, toml_file=None
    )

    var_dir: Path = Field(Path("var"), description="Private folder for servers, logs, sockets and spools.")
    log_level: str = Field("info", description="debug, info, warning or error.")
    site: Site = Field(default_factory=Site)
    postgres: Postgres = Field(default_factory=Postgres)
    redis: Redis = Field(default_factory=Redis)
    asterisk: Asterisk = Field(default_factory=Asterisk)
    kamailio: Kamailio = Field(default_factory=Kamailio)
    voice: Voice = Field(default_factory=Voice)
    acd: Acd = Field(default_factory=Acd)
    menus: Menus = Field(default_factory=Menus)
    progress: Progress = Field(default_factory=Progress)
    privacy: Privacy = Field(default_factory=Privacy)
    waiting: Waiting = Field(default_factory=Waiting)
    talk: Talk = Field(default_factory=Talk)
    priority: Priority = Field(default_factory=Priority)
    callbacks: Callbacks = Field(default_factory=Callbacks)
    calls_out: CallsOut = Field(default_factory=CallsOut)
    rounds: Rounds = Field(default_factory=Rounds)
    sms: Sms = Field(default_factory=Sms)
    messages: Messages = Field(default_factory=Messages)
    recording: Recording = Field(default_factory=Recording)
    survey: Survey = Field(default_factory=Survey)
    transfers: Transfers = Field(default_factory=Transfers)
    handovers: Handovers = Field(default_factory=Handovers)
    attachments: Attachments = Field(default_factory=Attachments)
    mail: Mail = Field(default_factory=Mail)
    lookups: Lookups = Field(default_factory=Lookups)
    exchange: Exchange = Field(default_factory=Exchange)
    supervision: Supervision = Field(default_factory=Supervision)
    web: Web = Field(default_factory=Web)
    sign_in: SignIn = Field(default_factory=SignIn)
    citizen: Citizen = Field(default_factory=Citizen)
    web_calls: WebCalls = Field(default_factory=WebCalls)
    watchdog: Watchdog = Field(default_factory=Watchdog)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls, settings_file()))


def project_root() -> Path:
    """The checkout the code runs from; templates and data are found from here."""
    return Path(__file__).resolve().parents[2]


def settings_file() -> Path:
    """The file settings are read from."""
    return Path(os.environ.get("HOTLINE_CONFIG", project_root() / "hotline.toml")).resolve()


def load_settings() -> Settings:
    """Read and check the settings. Raises SettingsError naming each wrong key."""
    try:
        settings = Settings()
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise SettingsError(wrong, remedy=f"correct {settings_file()}; every key is described there") from None
    except ValueError as error:
        raise SettingsError(str(error), remedy=f"{settings_file()} must be valid TOML") from None
    if settings.var_dir.is_absolute():
        return settings
    return settings.model_copy(update={"var_dir": settings_file().parent / settings.var_dir})
