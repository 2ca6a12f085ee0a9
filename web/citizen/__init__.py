"""Citizens' own pages: plain HTML made here, for old phones and screen readers. One column, one style sheet,
and no script but that of `call`, which needs a microphone.

They ask the same services as the public routes of the API, under the same limits: there is no second rule here.
"""

from __future__ import annotations

from web.citizen import call, cases, demand, front, knowledge, progress
from web.citizen.demand import UPLOADS

__all__ = ["ROUTERS", "UPLOADS"]

ROUTERS = (call.permits, call.router, progress.router, demand.router, knowledge.router, cases.router, front.router)
"""`front` last: it answers whatever page there is not."""
