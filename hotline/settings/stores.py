"""Where everything is kept: PostgreSQL and Redis."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from hotline.settings.section import HOST_AND_PORT, Section


class Postgres(Section):
    """PostgreSQL: the truth."""

    host: str = Field("127.0.0.1", description="Host of the server.")
    port: int = Field(15432, description="TCP port.")
    database: str = Field("hotline", description="Database name.")
    user: str = Field("hotline", description="Role name.")
    password: str = Field("hotline", description="The role's password; the private instance listens on loopback only.")
    private: bool = Field(True, description="Whether `hotline up` starts a private server under var/.")
    buffers_mb: int = Field(
        0,
        ge=0,
        le=1_048_576,
        description="Memory the private server keeps pages in; 0: an eighth of the machine's, 128 to 4096 MB.",
    )

    @property
    def url(self) -> str:
        """SQLAlchemy URL."""
        return f"postgresql+asyncpg://{self.user}:{self.password}@{self.host}:{self.port}/{self.database}"


class Redis(Section):
    """Redis: the live state."""

    host: str = Field("127.0.0.1", description="Host of the server.")
    port: int = Field(16379, description="TCP port.")
    private: bool = Field(True, description="Whether `hotline up` starts a private server under var/.")
    sentinels: list[Annotated[str, Field(pattern=HOST_AND_PORT)]] = Field(
        default=[], max_length=9, description="host:port of each Redis Sentinel; with any, they say which Redis to use."
    )
    master_name: str = Field(
        "hotline", pattern=r"^[A-Za-z0-9._-]{1,64}$", description="Name under which the sentinels know the primary."
    )

    @model_validator(mode="after")
    def _sentinels_lead_to_servers_that_are_not_ours(self) -> Self:
        if self.sentinels and self.private:
            raise ValueError("sentinels lead to servers of the site: set private = false")
        return self

    @property
    def url(self) -> str:
        """Redis URL; with sentinels `redis+sentinel://host:port,host:port/<master_name>`. `hotline.redis.connect`
        takes both."""
        if self.sentinels:
            return f"redis+sentinel://{','.join(self.sentinels)}/{self.master_name}"
        return f"redis://{self.host}:{self.port}/0"
