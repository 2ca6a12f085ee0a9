"""Who knows this citizen's matter: the agent of the last talk, or the owner of the open ticket (首接负责).

Such an agent is asked alone for the queue's affinity time; one who is not there is passed over by distribution.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from calls.caller_record import CallerRecord
from hotline.ids import is_agent_id


def preferred(record: CallerRecord | None, *, within: timedelta, now: datetime) -> str:
    """The work number to be asked first; empty for none. The last talk counts if it was within that time."""
    if record is None:
        return ""
    for call in record.earlier:
        if call.agent and call.answered_at is not None and now - within <= call.answered_at:
            return call.agent
    # Who registers a ticket without a work number (a platform, a supervisor's login) takes no calls.
    return next((owner for owner in (t.registered_by for t in record.open_tickets) if is_agent_id(owner)), "")
