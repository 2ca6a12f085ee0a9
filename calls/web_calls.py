"""Citizens' calls from their own page (网页通话): how they are told from those of a carrier.

They come through `web.web_calls` alone, at an endpoint of their own, without a number. What a citizen typed as the
number to call back is shown to the agent and kept nowhere: nobody has verified it.
"""

from __future__ import annotations

from typing import Any, Final

from agi.errors import AgiError
from agi.session import AgiSession
from directory.numbers import caller

ENDPOINT: Final = "web-call"
"""Of these calls in Asterisk, as a trunk is of a carrier's."""

DECLARED: Final = "X-HL-Declared"
"""Header in which the web process, and nobody else, says which number the citizen typed."""


def access(trunk: str) -> dict[str, Any]:
    """The attribute of `entered` that names the way in; none for the telephone."""
    return {"access": "web"} if trunk == ENDPOINT else {}


async def told(session: AgiSession, trunk: str, area_code: str) -> dict[str, Any]:
    """What the agent is shown of it: the way in, and the number the citizen typed, if any. Empty for the telephone."""
    shown = access(trunk)
    if not shown:
        return {}
    try:
        typed = await session.get_full_variable(f"${{PJSIP_HEADER(read,{DECLARED})}}")
    except AgiError:
        # Who hung up this soon is written down all the same.
        return shown
    number = caller(typed, area_code).number
    return shown | {"declared": number} if number else shown
