"""What is seen of query codes (查询码): whether this host can tell a right one from a wrong one."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from hotline.database import Database
from hotline.errors import HotlineError
from hotline.keys import read_keys
from hotline.settings import Settings
from server.doctor_findings import Finding, fail, ok, warn
from ticketing.progress_codes import key_file
from ticketing.progress_tables import QueryCodeRow

_PART = "query codes"


async def query_codes(settings: Settings) -> Finding:
    """The key file is there, for its owner alone, and has every key that codes were hashed with."""
    path = key_file(settings)
    used = await _used(settings)
    if used is None:
        return warn(_PART, "not seen: PostgreSQL does not serve us", "look at postgres first")
    if not path.exists():
        if used or settings.asterisk.peers:
            return fail(_PART, f"no {path}: nobody hears how their ticket stands", "copy it from another host")
        return ok(_PART, "none yet; the first ticket makes the key")
    try:
        ring = read_keys(path)
    except HotlineError as error:
        return fail(_PART, f"{path}: {error}", error.remedy or "put it back from its copy")
    foreign = sum(number for key_id, number in used if key_id not in ring.ids)
    if foreign:
        return fail(_PART, f"{foreign} were hashed with a key that is not in {path}", "copy it from another host")
    return ok(_PART, f"{sum(number for _, number in used)} can be told from wrong ones")


async def _used(settings: Settings) -> Sequence[tuple[str, int]] | None:
    """Ids of keys, each with how many codes it hashed; None without PostgreSQL."""
    database = Database(settings.postgres.url)
    try:
        rows = await database.ask(select(QueryCodeRow.key_id, func.count()).group_by(QueryCodeRow.key_id))
        return [(str(key_id), int(number)) for key_id, number in rows]
    except (SQLAlchemyError, OSError, TimeoutError):
        return None
    finally:
        await database.close()
