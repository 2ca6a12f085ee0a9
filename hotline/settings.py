"""Every setting of the line, typed and documented. Read from `hotline.toml` (or the file HOTLINE_CONFIG names).

Environment variables `HOTLINE_<SECTION>__<KEY>` override the file. Servers listen on loopback unless a `bind` says
otherwise. Times are seconds unless the key ends in `_ms`.
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from hotline.errors import SettingsError


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Site(_Section):
    """The city this line serves."""

    name: str = Field("三门峡", description="City name as spoken and shown.")
    id: str = Field("smx", pattern=r"^[a-z][a-z0-9]{1,15}$", description="Short id; prefix of the Redis keys.")
    area_code: str = Field("0398", pattern=r"^0[1-9][0-9]{1,2}$", description="Area code with its leading 0.")
    timezone: str = Field("Asia/Shanghai", description="IANA zone of opening hours and work days.")


class Postgres(_Section):
    """PostgreSQL: the truth."""

    host: str = Field("127.0.0.1", description="Host of the server.")
    port: int = Field(15432, description="TCP port.")
    database: str = Field("hotline", description="Database name.")
    user: str = Field("hotline", description="Role name.")
    password: str = Field("hotline", description="The role's password; the private instance listens on loopback only.")
    private: bool = Field(True, description="Whether `hotline up` starts a private server under var/.")

    @property
    def url(self) -> str:
        """SQLAlchemy URL."""
        return f"postgresql+asyncpg://{self.user}:{self.password}@{self.host}:{self.port}/{self.database}"


class Redis(_Section):
    """Redis: the live state."""

    host: str = Field("127.0.0.1", description="Host of the server.")
    port: int = Field(16379, description="TCP port.")
    private: bool = Field(True, description="Whether `hotline up` starts a private server under var/.")

    @property
    def url(self) -> str:
        """Redis URL."""
        return f"redis://{self.host}:{self.port}/0"


class Trunk(_Section):
    """A SIP trunk: the carrier, a branch centre's PBX, the province, an emergency desk."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,31}$", description="Endpoint name in pjsip.conf.")
    contact: str = Field(
        pattern=r"^[A-Za-z0-9.-]{1,253}:[0-9]{1,5}$",
        description="host:port the far side listens on; calls go there.",
    )
    identify: list[str] = Field(
        default=[], description="Addresses calls may come from; empty: this trunk takes no incoming calls."
    )
    inbound: bool = Field(False, description="Whether its incoming calls are citizens' calls.")


class Asterisk(_Section):
    """The Asterisk this host runs."""

    systemname: str = Field("ast1", pattern=r"^[A-Za-z][A-Za-z0-9]{0,15}$", description="systemname; part of call ids.")
    bind: str = Field("127.0.0.1", description="Address of the SIP and RTP listeners.")
    sip_port: int = Field(15060, description="SIP over UDP (trunks, desk phones).")
    http_port: int = Field(18088, description="WebSocket for browser phones.")
    ami_port: int = Field(15038, description="AMI, loopback only.")
    rtp_start: int = Field(20000, description="First RTP port.")
    rtp_end: int = Field(20999, description="Last RTP port.")
    ami_user: str = Field("hotline", description="AMI user of our processes.")
    ami_secret: str = Field("", description="AMI secret; empty: one is made and kept under var/.")
    trunks: list[Trunk] = Field(
        default=[], description="SIP trunks. With none, nobody can call in and nothing is dialled outside."
    )
    extensions_from: int = Field(8001, description="First seat extension (desk phone endpoint).")
    extensions_count: int = Field(20, ge=0, le=2000, description="How many seat extensions.")
    webrtc_from: int = Field(9001, description="First browser-phone extension.")
    webrtc_count: int = Field(20, ge=0, le=2000, description="How many browser-phone extensions.")
    phone_secret: str = Field("", description="SIP password base of seats; empty: made and kept under var/.")


class Voice(_Section):
    """Voice processes: FastAGI, AMI, the story of each call."""

    processes: int = Field(2, ge=1, le=16, description="Voice processes on this host.")
    fastagi_bind: str = Field("127.0.0.1", description="Address of the FastAGI listeners.")
    fastagi_port: int = Field(14573, description="FastAGI port of the first process; the next ones follow.")
    ring_seconds: int = Field(20, ge=3, le=120, description="How long one agent's phone rings.")
    pop_wait_ms: int = Field(300, ge=0, le=2000, description="Longest wait for the pop to be written before Dial.")
    redis_grace_seconds: float = Field(
        5.0, description="How long callers are kept without Redis before the native queue."
    )
    drain_seconds: float = Field(20.0, description="Longest wait for calls to leave on an orderly stop.")


class Acd(_Section):
    """Distribution of calls."""

    general_after_ms: int = Field(15_000, description="A call for experts also asks general agents after this long.")
    wrap_up_seconds: int = Field(30, ge=0, le=600, description="After-call work (话后整理) before the next offer.")
    lease_ms: int = Field(3_000, description="Lease of a process on its calls; renewed every third of it.")
    reserve_ms: int = Field(5_000, description="Longest time from reservation to ringing.")
    rebuild_ms: int = Field(1_500, description="After a new site epoch: how long processes re-send before matching.")
    no_answer_not_ready: bool = Field(True, description="An agent that let the phone ring out becomes not ready.")


class Web(_Section):
    """The web process."""

    bind: str = Field("127.0.0.1", description="Address of the HTTP listener.")
    port: int = Field(18345, description="HTTP port.")
    session_hours: float = Field(12.0, description="Absolute life of a session token.")
    idle_minutes: float = Field(60.0, description="A token unused for so long is void.")


class Watchdog(_Section):
    """The process that notices a voice process that hangs."""

    interval_ms: int = Field(1_000, description="Time between two pings.")
    timeout_ms: int = Field(1_500, description="A ping without answer for so long counts as missed.")
    misses: int = Field(2, description="So many misses in a row: the process is hung.")


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
    voice: Voice = Field(default_factory=Voice)
    acd: Acd = Field(default_factory=Acd)
    web: Web = Field(default_factory=Web)
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
    return Path(__file__).resolve().parent.parent


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
