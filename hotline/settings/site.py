"""The city this line serves, and what it keeps of its citizens."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hotline.settings.section import Section

_AreaCode = Annotated[str, Field(pattern=r"^[0-9]{6}([0-9]{6})?$")]


class Site(Section):
    """The city this line serves."""

    name: str = Field("三门峡", description="City name as spoken and shown.")
    id: str = Field("smx", pattern=r"^[a-z][a-z0-9]{1,15}$", description="Short id; prefix of the Redis keys.")
    area_code: str = Field("0398", pattern=r"^0[1-9][0-9]{1,2}$", description="Area code with its leading 0.")
    timezone: str = Field("Asia/Shanghai", description="IANA zone of opening hours and work days.")
    areas: dict[_AreaCode, str] = Field(
        default_factory=lambda: {
            "411200": "三门峡市",
            "411202": "湖滨区",
            "411203": "陕州区",
            "411221": "渑池县",
            "411224": "卢氏县",
            "411281": "义马市",
            "411282": "灵宝市",
        },
        description="Administrative divisions (GB/T 2260) a demand may be in, with their names.",
    )


class Privacy(Section):
    """Personal data of citizens (个人信息) are sealed in the tables."""

    key_file: str = Field(
        "", description="The keys they are sealed with, the same on every host; empty: keys/personal under var_dir."
    )
    witness_file: str = Field(
        "",
        description="Where the audit log's heads are noted outside the database; empty: audit/witness under var_dir.",
    )
    exchange_days: int = Field(
        800, ge=30, description="How long events of a finished ticket stay in the feeds of other systems."
    )
    menu_visits_days: int = Field(
        800, ge=30, description="How long it is kept which nodes of menus a call went through."
    )
