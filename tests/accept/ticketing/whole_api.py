"""Item 3: the whole API against its own document: no bug, no breach, every operation granted to somebody who may.

Who may not is in tests/web: roles by doors (test_rest), roles by endpoint by ownership (test_ownership).
"""

from __future__ import annotations

from argon2 import PasswordHasher

from acd.model import AcdPolicy
from acd.service import Acd
from directory.loader import CurrentDirectory
from directory.passwords import Passwords
from directory.sessions import SessionPolicy, Sessions
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.redis import connect as connect_redis
from hotline.witness import Witness, witness_file
from tests.accept.line import Line
from tests.accept.scenario import Scale
from tests.accept.ticketing.office import database_admin, fresh_database
from tests.web.whole_api import Effort, examined, never_granted, stories
from web.services import Services

_SHORT = Effort(share=0.002, examples=1)
_FULL = Effort(share=0.5, examples=40)


async def whole_api(line: Line, scale: Scale) -> str:
    """The stories, then hostile and generated requests to every operation."""
    settings = await fresh_database(line)
    # A name of its own: nothing of the line's state is touched.
    settings = settings.model_copy(update={"site": settings.site.model_copy(update={"id": "api"})})
    folder = settings.var_dir / "whole-api"
    folder.mkdir(exist_ok=True)
    settings = settings.model_copy(update={"var_dir": folder})
    clock = SystemClock()
    database = Database(settings.postgres.url, pool_size=20, witness=Witness(witness_file(settings)))
    redis = connect_redis(settings.redis.url)
    blocking = connect_redis(settings.redis.url, timeout=None)
    passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    services = Services(
        settings=settings,
        database=database,
        redis=redis,
        blocking_redis=blocking,
        acd=Acd(redis, site="api", process="ast1/web", clock=clock, policy=AcdPolicy()),
        directory=CurrentDirectory(database, settings, folder / "directory.json"),
        sessions=Sessions(database, passwords, clock, SessionPolicy()),
        clock=clock,
    )
    try:
        app, recorder = await stories(services)
        assert recorder.breaches == [], recorder.breaches
        assert never_granted(recorder) == [], never_granted(recorder)
        examiner = await examined(app, recorder, _FULL if scale.full else _SHORT)
        await recorder.close()
        assert not examiner.breaches, examiner.told()
    finally:
        await redis.aclose()
        await blocking.aclose()
        await database.close()
        await database_admin(line, f"DROP DATABASE {settings.postgres.database} WITH (FORCE)")
    requests = sum(examiner.counted.values())
    return f"{len(recorder.good)} operations granted, {requests} requests, 0 answers of 5xx, 0 breaches of the document"
