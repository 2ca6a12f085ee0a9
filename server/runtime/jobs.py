"""The jobs process, put together: the journal's way into PostgreSQL, promises to call back, and what is read back from
Asterisk's own records."""

from __future__ import annotations

import asyncio

import httpx
from prometheus_client import CollectorRegistry, generate_latest

from calls.callback_policy import CallbackPolicy
from calls.callbacks import CallbackIntake
from calls.erasing import CallErasing
from calls.facts import stream_key
from calls.handover_keys import FILE as PARTNER_KEYS
from calls.handover_keys import PartnerKeys
from calls.handover_runner import HandoverPolicy, HandoverRunner
from calls.health import HealthSocket
from calls.ingest import JournalIngest
from calls.message_tickets import MessageTickets
from calls.missed import MissedCalls
from calls.readback import Readback
from calls.round_feeding import RoundFeeding
from calls.round_keeper import RoundKeeper
from calls.round_texts import RoundTexts, SmsGateway
from calls.survey_followups import SurveyFollowUps
from calls.thinning import Thinning
from calls.web_address import CheckedNetwork
from directory.loader import CurrentDirectory
from directory.reads import ReadKeeper
from hotline import redis
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.settings import Settings
from hotline.tasks import end, never_ending
from media.studio_speaking import StudioSpeaking
from media.transcribe import local_transcriber
from server.asterisk.layout import find
from server.provision.programs import socket_of
from server.runtime.figures import figure_jobs
from server.runtime.intake import intake_jobs
from server.runtime.parts import process_id
from server.runtime.recordings import recording_jobs
from ticketing.catalogue.unattended import Unattended
from ticketing.deadlines import Deadlines
from ticketing.erasing import Erasing
from ticketing.exchange.runner import PushPolicy, PushRunner
from ticketing.handling.archiving import Archiving
from ticketing.intake import IntakeDesk
from ticketing.procedures.questions import Lapsing
from ticketing.visits.keeping import VisitKeeper


async def serve(settings: Settings, name: str = "jobs") -> None:
    """Be the jobs process until cancelled."""
    process = process_id(settings, name)
    database = Database.of(settings)
    blocking = redis.connect(settings.redis.url, timeout=10.0)
    registry = CollectorRegistry()
    ingest = JournalIngest(
        redis=blocking,
        database=database,
        site=settings.site.id,
        stream=stream_key(settings.site.id),
        consumer=process,
    )
    layout = find(settings)
    directory = CurrentDirectory(database, settings, settings.var_dir / f"directory-{name}.json")
    callbacks = CallbackIntake(spool=layout.callbacks, database=database, directory=directory, process=process)
    missed = MissedCalls(
        database=database,
        directory=directory,
        policy=CallbackPolicy.of(settings),
        clock=SystemClock(),
        process=process,
    )
    surveys = SurveyFollowUps(database=database, directory=directory, keys=settings.survey, clock=SystemClock())
    site = settings.site
    written_up = MessageTickets(
        host=settings.asterisk.systemname,
        kept=settings.var_dir / "messages",
        database=database,
        desk=IntakeDesk(site=site.id, zone=site.timezone, area_code=site.area_code, clock=SystemClock()),
        transcriber=local_transcriber(settings.messages.transcription_model),
        clock=SystemClock(),
        process=process,
    )
    message_jobs = (written_up.run,) if settings.messages.tickets else ()
    readback = Readback(
        host=settings.asterisk.systemname,
        records=layout.cel_file,
        queue_log=layout.log / "queue_log",
        promises=layout.callbacks,
        spool=settings.var_dir / "spool" / "journal",
        database=database,
        directory=directory,
        process=process,
        clock=SystemClock(),
    )
    handovers = HandoverRunner(
        database=database,
        keys=PartnerKeys(settings.var_dir / PARTNER_KEYS),
        clock=SystemClock(),
        policy=HandoverPolicy.of(settings),
    )
    network = CheckedNetwork(settings.exchange.allowed_hosts)
    pushing = PushRunner(
        database=database,
        keys=PartnerKeys(settings.var_dir / PARTNER_KEYS),
        clock=SystemClock(),
        policy=PushPolicy.of(settings),
        network=network,
    )
    speaking = StudioSpeaking(database=database, voices=settings.var_dir / "voices", clock=SystemClock())
    deadlines = Deadlines(database, SystemClock())
    archiving = Archiving(database, SystemClock())
    sounds = settings.var_dir / "messages"
    forgetting = CallErasing(database, SystemClock(), host=settings.asterisk.systemname, sounds=sounds)
    keeper = RoundKeeper(database=database, clock=SystemClock())
    lapsing = Lapsing(database, SystemClock())
    unattended = Unattended(database, SystemClock())
    feeding = RoundFeeding(database=database, directory=directory, settings=settings, clock=SystemClock())
    visits = VisitKeeper(database, SystemClock())
    gateway = SmsGateway(settings, SystemClock(), lambda: httpx.AsyncClient(timeout=settings.sms.answer_seconds))
    text_jobs = (RoundTexts(database, gateway, SystemClock()).run,) if settings.sms.url else ()
    health = HealthSocket(
        socket_of(settings, name), calls=lambda: 0, metrics=lambda: generate_latest(registry).decode()
    )
    await health.start()
    figures = figure_jobs(settings, redis=blocking, database=database, directory=directory, process=process)
    recordings = recording_jobs(settings, layout, database=database, process=process, registry=registry)
    jobs = [
        asyncio.create_task(never_ending(job))
        for job in (
            ingest.run,
            callbacks.run,
            missed.run,
            surveys.run,
            readback.run,
            keeper.run,
            deadlines.run,
            ReadKeeper(database).run,
            archiving.run,
            Erasing(database, SystemClock()).run,
            forgetting.run,
            Thinning(database, SystemClock(), settings.privacy).run,
            lapsing.run,
            unattended.run,
            feeding.run,
            visits.run,
            *text_jobs,
            handovers.run,
            pushing.run,
            speaking.run,
            *message_jobs,
            *intake_jobs(settings, database=database),
            *recordings,
            *figures,
        )
    ]
    try:
        await asyncio.Event().wait()
    finally:
        await end(jobs)
        network.close()
        await health.close()
        await blocking.aclose()
        await database.close()
