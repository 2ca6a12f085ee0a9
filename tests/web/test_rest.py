"""REST: who may do what, what errors look like, and that a request is kept whole or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from acd.presence import AgentPresence
from acd.service import Acd
from calls.models import CallRow, JournalRow
from directory.models import Role
from hotline.database import Database
from hotline.errors import PartUnavailable
from hotline.redis import connect as connect_redis
from tests.web.conftest import CALL, PASSWORD, Caller, Units
from ticketing.events import TicketLinked
from web.app import create_app
from web.problems import DOCUMENTED
from web.services import Services

_ALL = frozenset(Role)
_SEATS = {Role.AGENT, Role.EXPERT}
_DESK = {Role.AGENT, Role.EXPERT, Role.SUPERVISOR}
_CALLS = _DESK | {Role.VISIT_AGENT, Role.INSPECTOR, Role.AUDITOR, Role.ADMIN}
_TICKETS = _ALL - {Role.KNOWLEDGE_EDITOR}
_OVERSEERS = frozenset(
    {Role.SUPERVISOR, Role.DISPATCHER, Role.INSPECTOR, Role.AUDITOR, Role.ADMIN, Role.GOVERNMENT_LEADER}
)
_FIGURES = _OVERSEERS | {Role.UNIT_HANDLER, Role.UNIT_HEAD, Role.UNIT_LEADER, Role.COUNTY_BODY}
_ANSWERERS = _DESK | {Role.DISPATCHER, Role.VISIT_AGENT}
_UNITS = {Role.UNIT_HANDLER, Role.UNIT_HEAD, Role.COUNTY_BODY}
_DECIDE = {Role.DISPATCHER, Role.SUPERVISOR}
_ORDERERS = {Role.SUPERVISOR, Role.INSPECTOR, Role.COUNTY_BODY, Role.GOVERNMENT_LEADER}
_ROSTER = {Role.SUPERVISOR, Role.ADMIN, Role.UNIT_HANDLER, Role.UNIT_HEAD}
_CENTRE = {Role.SUPERVISOR, Role.ADMIN}
_OUT = _DESK | {Role.VISIT_AGENT, Role.ADMIN}
_VISITS = _CENTRE | {Role.VISIT_AGENT}
_BOOKS = _CENTRE | {Role.DISPATCHER, Role.AUDITOR}
_TAPES = _DESK | {Role.AUDITOR}
_RULES = _DESK | {Role.AUDITOR, Role.ADMIN}
_MENUS = {Role.SUPERVISOR, Role.AUDITOR, Role.ADMIN}
_POLICIES = _MENUS | {Role.DISPATCHER}
_KNOWLEDGE = {Role.KNOWLEDGE_EDITOR, Role.SUPERVISOR, Role.UNIT_HANDLER, Role.UNIT_HEAD}

ROUTES: dict[tuple[str, str], frozenset[Role] | set[Role]] = {
    ("GET", "/api/auth/me"): _ALL,
    ("GET", "/api/auth/sessions"): _ALL,
    ("DELETE", "/api/auth/sessions/{session_id}"): _ALL,
    ("POST", "/api/auth/logout"): _ALL,
    ("GET", "/api/sessions"): _ALL,
    ("DELETE", "/api/sessions/{session_id}"): _ALL,
    ("DELETE", "/api/users/{login}/lock"): {Role.ADMIN},
    ("GET", "/api/staff"): _ROSTER | {Role.AUDITOR},
    ("POST", "/api/staff"): {Role.ADMIN},
    ("GET", "/api/staff/{login}"): {Role.ADMIN, Role.AUDITOR},
    ("PUT", "/api/staff/{login}"): {Role.ADMIN},
    ("POST", "/api/staff/{login}/disable"): {Role.ADMIN},
    ("POST", "/api/staff/{login}/enable"): {Role.ADMIN},
    ("PUT", "/api/staff/{login}/password"): {Role.ADMIN},
    ("DELETE", "/api/users/{login}/second-step"): {Role.ADMIN},
    ("GET", "/api/phone"): _SEATS,
    ("GET", "/api/agents"): {Role.SUPERVISOR, Role.ADMIN},
    ("GET", "/api/agents/me"): _SEATS,
    ("GET", "/api/agents/me/calls"): _DESK,
    ("GET", "/api/agents/me/calls/sums"): _DESK,
    ("POST", "/api/agents/me/sign-in"): _SEATS,
    ("POST", "/api/agents/me/ready"): _SEATS,
    ("POST", "/api/agents/me/not-ready"): _SEATS,
    ("POST", "/api/agents/me/end-wrap-up"): _SEATS,
    ("POST", "/api/agents/me/extend-wrap-up"): _SEATS,
    ("GET", "/api/agents/reasons"): _DESK | {Role.ADMIN},
    ("POST", "/api/agents/me/sign-out"): _SEATS,
    ("GET", "/api/calls/recent"): _CALLS,
    ("GET", "/api/calls/{call}"): _CALLS,
    ("GET", "/api/calls/{call}/survey"): _CALLS | {Role.DISPATCHER},
    ("GET", "/api/tickets/{number}/surveys"): _CALLS | {Role.DISPATCHER},
    ("GET", "/api/surveys"): _CENTRE,
    ("GET", "/api/figures/satisfaction"): _CENTRE,
    ("GET", "/api/figures/live"): {Role.SUPERVISOR, Role.ADMIN},
    ("GET", "/api/figures/history"): {Role.SUPERVISOR, Role.ADMIN},
    ("GET", "/api/figures/history.csv"): {Role.SUPERVISOR, Role.ADMIN},
    ("GET", "/api/figures/definitions"): _FIGURES,
    ("GET", "/api/figures/tickets"): _FIGURES,
    ("GET", "/api/figures/tickets.csv"): _FIGURES,
    ("GET", "/api/figures/tickets/{figure_name}/cases"): _FIGURES,
    ("GET", "/api/tickets/{number}/figure-exclusions"): _FIGURES,
    ("POST", "/api/tickets/{number}/figure-exclusions"): {Role.SUPERVISOR},
    ("POST", "/api/tickets/{number}/figure-exclusions/{exclusion_id}/revoke"): {Role.SUPERVISOR},
    ("GET", "/api/topics/rises"): _OVERSEERS,
    ("GET", "/api/topics/words"): _OVERSEERS,
    ("GET", "/api/topics/concentrated"): _OVERSEERS,
    ("GET", "/api/reports"): _OVERSEERS,
    ("POST", "/api/reports"): {Role.SUPERVISOR, Role.INSPECTOR, Role.ADMIN},
    ("GET", "/api/reports/{report_id}"): _OVERSEERS,
    ("GET", "/api/reports/{report_id}/content"): _OVERSEERS,
    ("GET", "/api/reports/{report_id}/document"): _OVERSEERS,
    ("GET", "/api/reports/{report_id}/workbook"): _OVERSEERS,
    ("POST", "/api/reports/{report_id}/publish"): {Role.SUPERVISOR},
    ("GET", "/api/publications"): _FIGURES,
    ("GET", "/api/publications/of/{report_kind}/{period}"): _FIGURES,
    ("GET", "/api/publications/{publication_id}"): _FIGURES,
    ("GET", "/api/publications/{publication_id}/document"): _FIGURES,
    ("GET", "/api/publications/{publication_id}/workbook"): _FIGURES,
    ("GET", "/api/ticket-policies"): _POLICIES,
    ("POST", "/api/ticket-policies"): {Role.ADMIN},
    ("GET", "/api/ticket-policies/schema"): _POLICIES,
    ("GET", "/api/ticket-policies/{version}"): _POLICIES,
    ("DELETE", "/api/ticket-policies/{version}"): {Role.ADMIN},
    ("GET", "/api/ticket-policies/{version}/changes"): _POLICIES,
    ("GET", "/api/assessment-methods"): _FIGURES,
    ("POST", "/api/assessment-methods"): {Role.ADMIN},
    ("GET", "/api/directory/hotlines"): _ALL,
    ("GET", "/api/directory/plan"): _ALL,
    ("GET", "/api/directory/lines/{line}/modes"): _MENUS,
    ("POST", "/api/directory/lines/{line}/modes"): {Role.ADMIN},
    ("DELETE", "/api/directory/lines/{line}/modes/{planned}"): {Role.ADMIN},
    ("GET", "/api/directory/units"): _ALL,
    ("POST", "/api/directory/units"): {Role.ADMIN},
    ("PUT", "/api/directory/units/{unit_id}"): {Role.ADMIN},
    ("GET", "/api/directory/areas"): _ALL,
    ("GET", "/api/menus/flows"): _MENUS,
    ("GET", "/api/menus/flows/{flow}/draft"): _MENUS,
    ("PUT", "/api/menus/flows/{flow}/draft"): {Role.ADMIN},
    ("POST", "/api/menus/flows/{flow}/check"): _MENUS,
    ("POST", "/api/menus/flows/{flow}/simulate"): _MENUS,
    ("GET", "/api/menus/flows/{flow}/stashes"): {Role.ADMIN},
    ("DELETE", "/api/menus/flows/{flow}/stashes/{stash}"): {Role.ADMIN},
    ("POST", "/api/menus/flows/{flow}/stashes/{stash}/merge"): {Role.ADMIN},
    ("GET", "/api/menus/flows/{flow}/versions"): _MENUS,
    ("POST", "/api/menus/flows/{flow}/versions"): {Role.ADMIN},
    ("GET", "/api/menus/flows/{flow}/versions/{version}"): _MENUS,
    ("DELETE", "/api/menus/flows/{flow}/versions/{version}"): {Role.ADMIN},
    ("POST", "/api/menus/flows/{flow}/rollback"): {Role.ADMIN},
    ("GET", "/api/menus/flows/{flow}/yaml"): _MENUS,
    ("PUT", "/api/menus/flows/{flow}/yaml"): {Role.ADMIN},
    ("GET", "/api/menus/flows/{flow}/difference"): _MENUS,
    ("GET", "/api/menus/flows/{flow}/layout"): _MENUS,
    ("GET", "/api/menus/flows/{flow}/figures"): _MENUS,
    ("GET", "/api/menus/schema"): _MENUS,
    ("GET", "/api/menus/proposals"): _MENUS,
    ("POST", "/api/menus/proposals/{proposal}/approve"): {Role.ADMIN},
    ("POST", "/api/menus/proposals/{proposal}/decline"): {Role.ADMIN},
    ("POST", "/api/menus/flows/{flow}/rehearsal"): {Role.ADMIN},
    ("GET", "/api/menus/rehearsal"): {Role.ADMIN},
    ("DELETE", "/api/menus/rehearsal"): {Role.ADMIN},
    ("GET", "/api/menus/lines"): _MENUS,
    ("GET", "/api/menus/lines/{line}"): _MENUS,
    ("PUT", "/api/menus/lines/{line}"): {Role.ADMIN},
    ("DELETE", "/api/menus/assignments/{assignment}"): {Role.ADMIN},
    ("GET", "/api/menus/switches"): _MENUS,
    ("PUT", "/api/menus/switches/{line}"): _CENTRE,
    ("DELETE", "/api/menus/switches/{line}"): _CENTRE,
    ("GET", "/api/prompts/voices"): _MENUS,
    ("GET", "/api/prompts/texts"): _MENUS,
    ("POST", "/api/prompts/texts"): {Role.ADMIN},
    ("GET", "/api/prompts/texts/{key}"): _MENUS,
    ("GET", "/api/prompts/texts/{key}/sound"): _MENUS,
    ("GET", "/api/prompts/texts/{key}/uses"): _MENUS,
    ("GET", "/api/prompts/flows/{flow}"): _MENUS,
    ("POST", "/api/prompts/flows/{flow}"): {Role.ADMIN},
    ("POST", "/api/prompts/knowledge"): {Role.ADMIN},
    ("GET", "/api/prompts/recordings"): _MENUS,
    ("GET", "/api/prompts/recordings/{code}/versions"): _MENUS,
    ("POST", "/api/prompts/recordings/{code}/versions"): {Role.ADMIN},
    ("PUT", "/api/prompts/recordings/{code}/published"): {Role.ADMIN},
    ("GET", "/api/prompts/recordings/{code}/versions/{version}/sound"): _MENUS,
    ("GET", "/api/prompts/recordings/{code}/uses"): _MENUS,
    ("GET", "/api/rosters/shifts"): _ROSTER | _SEATS,
    ("POST", "/api/rosters/shifts"): _ROSTER,
    ("DELETE", "/api/rosters/shifts/{shift_id}"): _ROSTER,
    ("GET", "/api/rosters/due"): _ROSTER,
    ("GET", "/api/rosters/missing"): _ROSTER,
    ("GET", "/api/rosters/swaps"): _SEATS | {Role.SUPERVISOR, Role.ADMIN},
    ("POST", "/api/rosters/swaps"): _SEATS,
    ("POST", "/api/rosters/swaps/{swap_id}/agree"): _SEATS,
    ("POST", "/api/rosters/swaps/{swap_id}/withdraw"): _SEATS,
    ("POST", "/api/rosters/swaps/{swap_id}/approve"): {Role.SUPERVISOR, Role.ADMIN},
    ("POST", "/api/rosters/swaps/{swap_id}/refuse"): {Role.SUPERVISOR, Role.ADMIN},
    ("GET", "/api/queues"): _RULES,
    ("GET", "/api/queues/{queue}"): _RULES,
    ("PUT", "/api/queues/{queue}"): {Role.ADMIN},
    ("DELETE", "/api/queues/{queue}"): {Role.ADMIN},
    ("PUT", "/api/queues/{queue}/opening"): {Role.ADMIN},
    ("DELETE", "/api/queues/{queue}/opening"): {Role.ADMIN},
    ("GET", "/api/skills"): _RULES,
    ("PUT", "/api/skills/{group}"): {Role.ADMIN},
    ("DELETE", "/api/skills/{group}"): {Role.ADMIN},
    ("GET", "/api/skills/agents/{agent}"): _CENTRE,
    ("PUT", "/api/skills/agents/{agent}"): _CENTRE,
    ("GET", "/api/hours/schedules"): _RULES | {Role.DISPATCHER},
    ("PUT", "/api/hours/schedules/{name}"): {Role.ADMIN},
    ("PUT", "/api/hours/schedules/{name}/days/{day}"): {Role.ADMIN},
    ("DELETE", "/api/hours/schedules/{name}/days/{day}"): {Role.ADMIN},
    ("GET", "/api/hours/workdays"): _ALL,
    ("GET", "/api/hours/workdays/due"): _ALL,
    ("GET", "/api/hours/workdays/years"): _ALL,
    ("GET", "/api/hours/workdays/{day}/effect"): {Role.ADMIN},
    ("PUT", "/api/hours/workdays/{day}"): {Role.ADMIN},
    ("DELETE", "/api/hours/workdays/{day}"): {Role.ADMIN},
    ("PUT", "/api/hours/workdays/years/{year}"): {Role.ADMIN},
    ("GET", "/api/supervision/waiting"): _DESK | {Role.ADMIN},
    ("POST", "/api/supervision/waiting/{call}/pick"): _DESK | {Role.ADMIN},
    ("POST", "/api/supervision/waiting/{call}/move"): _CENTRE,
    ("POST", "/api/supervision/waiting/{call}/release"): _CENTRE,
    ("POST", "/api/supervision/agents/{agent}/state"): _CENTRE,
    ("GET", "/api/callers/nuisance"): _CENTRE,
    ("POST", "/api/callers/nuisance"): _DESK | {Role.ADMIN},
    ("POST", "/api/callers/nuisance/{flag_id}/lift"): _CENTRE,
    ("POST", "/api/callers/nuisance/{flag_id}/evidence"): _DESK | {Role.ADMIN},
    ("GET", "/api/callers/vulnerable"): _CENTRE,
    ("POST", "/api/callers/vulnerable"): _CENTRE,
    ("POST", "/api/callers/vulnerable/unmark"): _CENTRE,
    ("GET", "/api/callbacks"): _CENTRE,
    ("GET", "/api/callbacks/{callback}"): _CENTRE,
    ("POST", "/api/callbacks/{callback}/cancel"): _CENTRE,
    ("POST", "/api/callbacks/{callback}/now"): _CENTRE,
    ("GET", "/api/messages"): _CENTRE,
    ("GET", "/api/messages/{message}/sound"): _CENTRE,
    ("POST", "/api/erasures"): {Role.SUPERVISOR, Role.ADMIN},
    ("GET", "/api/erasures"): {Role.SUPERVISOR, Role.ADMIN, Role.AUDITOR},
    ("GET", "/api/audit"): {Role.AUDITOR, Role.ADMIN},
    ("GET", "/api/audit/entries.csv"): {Role.AUDITOR},
    ("GET", "/api/audit/verify"): {Role.AUDITOR, Role.ADMIN},
    ("GET", "/api/tickets"): _TICKETS,
    ("POST", "/api/tickets"): _DESK,
    ("GET", "/api/tickets/{number}"): _TICKETS,
    ("POST", "/api/tickets/{number}/unmask"): _TICKETS,
    ("PATCH", "/api/tickets/{number}"): _DESK,
    ("POST", "/api/tickets/{number}/answer"): _DESK,
    ("POST", "/api/tickets/{number}/calls"): _DESK | {Role.VISIT_AGENT},
    ("POST", "/api/tickets/{number}/actions"): _DESK,
    ("POST", "/api/tickets/{number}/query-code"): _DESK | {Role.VISIT_AGENT},
    ("GET", "/api/tickets/{number}/parts/{part}"): _TICKETS,
    ("GET", "/api/tickets/{number}/parts/{part}/steps"): _TICKETS,
    ("POST", "/api/tickets/{number}/parts/{part}/actions"): _UNITS | {Role.DISPATCHER, Role.SUPERVISOR},
    ("GET", "/api/tickets/{number}/rulings"): _TICKETS,
    ("POST", "/api/tickets/{number}/rulings/{ruling}/actions"): {*_DECIDE, Role.GOVERNMENT_LEADER},
    ("GET", "/api/tickets/{number}/contacts"): _TICKETS,
    ("POST", "/api/tickets/{number}/contacts"): _DESK | _UNITS | {Role.DISPATCHER, Role.VISIT_AGENT},
    ("GET", "/api/tickets/{number}/meetings"): _TICKETS,
    ("POST", "/api/tickets/{number}/meetings"): _UNITS | {Role.UNIT_LEADER, Role.DISPATCHER, Role.SUPERVISOR},
    ("POST", "/api/tickets/{number}/meetings/{meeting}/actions"): {*_DECIDE, Role.GOVERNMENT_LEADER},
    ("GET", "/api/tickets/{number}/first-unit"): _TICKETS,
    ("POST", "/api/tickets/{number}/first-unit/actions"): _UNITS | {Role.DISPATCHER, Role.SUPERVISOR},
    ("GET", "/api/first-units/mine"): _UNITS | {Role.UNIT_LEADER},
    ("GET", "/api/tickets/{number}/statutory-procedures"): _TICKETS,
    ("POST", "/api/tickets/{number}/statutory-procedures"): _UNITS,
    ("POST", "/api/tickets/{number}/statutory-procedures/{procedure}/actions"): {Role.DISPATCHER, Role.SUPERVISOR},
    ("GET", "/api/tickets/{number}/questions"): _TICKETS,
    ("POST", "/api/tickets/{number}/questions"): _UNITS,
    ("POST", "/api/tickets/{number}/questions/{question}/actions"): _ANSWERERS | _UNITS,
    ("GET", "/api/tickets/{number}/force-majeure"): _TICKETS,
    ("POST", "/api/tickets/{number}/force-majeure"): _UNITS,
    ("POST", "/api/tickets/{number}/force-majeure/{majeure}/actions"): {Role.DISPATCHER, Role.SUPERVISOR},
    ("GET", "/api/guest-sittings"): _CENTRE | {Role.AUDITOR},
    ("POST", "/api/guest-sittings"): {Role.SUPERVISOR},
    ("POST", "/api/guest-sittings/{sitting}/actions"): {Role.SUPERVISOR},
    ("GET", "/api/tickets/{number}/unattended"): {Role.DISPATCHER, Role.SUPERVISOR, Role.AUDITOR},
    ("GET", "/api/unit-phones"): _UNITS,
    ("GET", "/api/tickets/{number}/masked-calls"): _TICKETS,
    ("POST", "/api/tickets/{number}/masked-calls"): _UNITS,
    ("GET", "/api/centre-desk"): _TICKETS - _UNITS - {Role.UNIT_LEADER},
    ("GET", "/api/unit-desk"): _UNITS | {Role.UNIT_LEADER},
    ("GET", "/api/unit-desk/{box}"): _UNITS | {Role.UNIT_LEADER},
    ("GET", "/api/tickets/{number}/handlers"): _TICKETS,
    ("POST", "/api/tickets/{number}/parts/{part}/handlers"): _UNITS,
    ("POST", "/api/tickets/{number}/handlers/{handler}/actions"): _UNITS,
    ("GET", "/api/visits/due"): _VISITS,
    ("GET", "/api/tickets/{number}/visits"): _TICKETS,
    ("GET", "/api/tickets/{number}/findings"): _TICKETS,
    ("POST", "/api/tickets/{number}/findings"): {Role.VISIT_AGENT, Role.SUPERVISOR},
    ("POST", "/api/tickets/{number}/findings/{finding}/actions"): {Role.VISIT_AGENT, Role.SUPERVISOR, Role.AUDITOR},
    ("GET", "/api/findings/waiting"): {Role.VISIT_AGENT, Role.SUPERVISOR, Role.AUDITOR},
    ("GET", "/api/supervisions"): _TICKETS,
    ("POST", "/api/supervisions"): _ORDERERS,
    ("GET", "/api/supervisions/{supervision_id}/steps"): _TICKETS,
    ("POST", "/api/supervisions/{supervision_id}/actions"): _UNITS | _ORDERERS | {Role.DISPATCHER},
    ("GET", "/api/tickets/{number}/archive"): {Role.SUPERVISOR, Role.INSPECTOR, Role.AUDITOR},
    ("GET", "/api/accountability-leads"): {Role.SUPERVISOR, Role.INSPECTOR, Role.AUDITOR},
    ("POST", "/api/accountability-leads"): {Role.SUPERVISOR, Role.INSPECTOR},
    ("POST", "/api/accountability-leads/{lead_id}/actions"): {Role.INSPECTOR},
    ("GET", "/api/accountability-leads/{lead_id}/steps"): {Role.SUPERVISOR, Role.INSPECTOR, Role.AUDITOR},
    ("GET", "/api/tickets/{number}/repeat-determinations"): _ANSWERERS | {Role.INSPECTOR, Role.AUDITOR},
    ("POST", "/api/tickets/{number}/repeat-determinations"): _ANSWERERS,
    ("POST", "/api/tickets/{number}/repeat-determinations/{repeat}/actions"): _ANSWERERS,
    ("GET", "/api/catalogue/categories"): _ALL,
    ("GET", "/api/catalogue/rows"): _ALL,
    ("POST", "/api/catalogue/rows"): {Role.SUPERVISOR, Role.ADMIN},
    ("PUT", "/api/catalogue/rows/{row_id}"): {Role.SUPERVISOR, Role.ADMIN},
    ("POST", "/api/catalogue/categories/import"): {Role.SUPERVISOR, Role.ADMIN},
    ("POST", "/api/catalogue/rows/import"): {Role.SUPERVISOR, Role.ADMIN},
    ("GET", "/api/imports/{kind}/{source}/mapping"): {Role.SUPERVISOR, Role.ADMIN},
    ("PUT", "/api/imports/{kind}/{source}/mapping"): {Role.SUPERVISOR, Role.ADMIN},
    ("POST", "/api/imports/{kind}/{source}"): {Role.SUPERVISOR, Role.ADMIN},
    ("POST", "/api/tickets/duplicates"): _DESK | {Role.DISPATCHER, Role.VISIT_AGENT},
    ("GET", "/api/tickets/{number}/duplicates"): _DESK | {Role.DISPATCHER, Role.VISIT_AGENT},
    ("GET", "/api/tickets/{number}/accused"): _DESK | {Role.DISPATCHER},
    ("POST", "/api/tickets/{number}/accused"): _DESK | {Role.DISPATCHER},
    ("GET", "/api/tickets/{number}/suggestions"): {Role.SUPERVISOR, Role.DISPATCHER},
    ("GET", "/api/citizen-notices"): _DESK | {Role.DISPATCHER, Role.VISIT_AGENT},
    ("POST", "/api/citizen-notices/{notice}/told"): _DESK | {Role.DISPATCHER, Role.VISIT_AGENT},
    ("GET", "/api/refusals/counts"): {Role.SUPERVISOR, Role.INSPECTOR, Role.AUDITOR},
    ("GET", "/api/knowledge"): _ALL,
    ("GET", "/api/knowledge/stale"): _KNOWLEDGE | {Role.INSPECTOR, Role.AUDITOR, Role.ADMIN},
    ("GET", "/api/knowledge/waiting"): _KNOWLEDGE,
    ("GET", "/api/knowledge/entries"): _KNOWLEDGE,
    ("POST", "/api/knowledge/entries"): _KNOWLEDGE,
    ("GET", "/api/knowledge/entries/{code}"): _KNOWLEDGE,
    ("POST", "/api/knowledge/entries/{code}/versions"): _KNOWLEDGE,
    ("POST", "/api/knowledge/entries/{code}/versions/{number}/{step}"): _KNOWLEDGE,
    ("PUT", "/api/knowledge/entries/{code}/review"): _KNOWLEDGE,
    ("GET", "/api/knowledge/entries/{code}/answer"): _ALL,
    ("POST", "/api/knowledge/entries/{code}/reports"): _ALL,
    ("POST", "/api/knowledge/entries/{code}/reports/{report}/settle"): _KNOWLEDGE,
    ("POST", "/api/knowledge/entries/{code}/uses"): _DESK | {Role.VISIT_AGENT},
    ("GET", "/api/calls/{call}/answers"): _CALLS,
    ("GET", "/api/lookups"): _SEATS,
    ("POST", "/api/lookups/{code}"): _SEATS,
    ("GET", "/api/calls-out"): _OUT,
    ("GET", "/api/calls-out/{call_out}"): _OUT,
    ("GET", "/api/calls-out/not-called"): _CENTRE,
    ("POST", "/api/calls-out/not-called"): _OUT,
    ("POST", "/api/calls-out/not-called/remove"): _CENTRE,
    ("GET", "/api/rounds"): _VISITS,
    ("POST", "/api/rounds"): _CENTRE,
    ("GET", "/api/rounds/sms"): _CENTRE,
    ("GET", "/api/rounds/{round_id}"): _VISITS,
    ("GET", "/api/rounds/{round_id}/report"): _VISITS,
    ("GET", "/api/rounds/{round_id}/items"): _VISITS,
    ("GET", "/api/rounds/items/{item_id}"): _VISITS,
    ("POST", "/api/rounds/{round_id}/start"): _CENTRE,
    ("POST", "/api/rounds/{round_id}/pause"): _CENTRE,
    ("POST", "/api/rounds/{round_id}/close"): _CENTRE,
    ("POST", "/api/rounds/items/{item_id}/sms-sent"): _CENTRE,
    ("GET", "/api/contacts"): _BOOKS,
    ("POST", "/api/contacts"): {Role.ADMIN},
    ("PUT", "/api/contacts/{contact_id}"): {Role.ADMIN},
    ("DELETE", "/api/contacts/{contact_id}"): {Role.ADMIN},
    ("GET", "/api/duty-numbers"): _BOOKS,
    ("POST", "/api/duty-numbers"): {Role.ADMIN},
    ("PUT", "/api/duty-numbers/{duty_id}"): {Role.ADMIN},
    ("DELETE", "/api/duty-numbers/{duty_id}"): {Role.ADMIN},
    ("GET", "/api/partners"): _CENTRE | {Role.AUDITOR},
    ("GET", "/api/tickets/{number}/attachments"): _TICKETS,
    ("POST", "/api/tickets/{number}/attachments"): _ANSWERERS | _UNITS,
    ("GET", "/api/tickets/{number}/attachments/{attachment}"): _TICKETS,
    ("POST", "/api/tickets/{number}/attachments/{attachment}/release"): {Role.DISPATCHER, Role.SUPERVISOR},
    ("POST", "/api/tickets/{number}/attachments/{attachment}/remove"): {Role.SUPERVISOR},
    ("GET", "/api/message-desk"): _DESK,
    ("POST", "/api/message-desk/{message}/take"): _DESK,
    ("GET", "/api/message-desk/{message}/sound"): _DESK,
    ("POST", "/api/message-desk/{message}/ticket"): _DESK,
    ("GET", "/api/collected"): _BOOKS | {Role.INSPECTOR},
    ("GET", "/api/collected/counts"): _BOOKS | {Role.INSPECTOR},
    ("GET", "/api/collected/{record}"): _BOOKS | {Role.INSPECTOR},
    ("GET", "/api/channels"): _CENTRE | {Role.AUDITOR},
    ("GET", "/api/channels/sources"): _ALL,
    ("GET", "/api/channels/counts"): _CENTRE | {Role.AUDITOR},
    ("PUT", "/api/channels/{code}"): {Role.ADMIN},
    ("POST", "/api/channels/{code}/suspend"): _CENTRE,
    ("POST", "/api/channels/{code}/resume"): _CENTRE,
    ("PUT", "/api/partners/{code}"): {Role.ADMIN},
    ("DELETE", "/api/partners/{code}"): {Role.ADMIN},
    ("GET", "/api/exchange/receivers"): _CENTRE | {Role.AUDITOR},
    ("PUT", "/api/exchange/receivers/{code}"): {Role.ADMIN},
    ("DELETE", "/api/exchange/receivers/{code}"): {Role.ADMIN},
    ("POST", "/api/exchange/receivers/{code}/replay"): {Role.ADMIN},
    ("GET", "/api/exchange/parked"): _CENTRE | {Role.AUDITOR},
    ("POST", "/api/exchange/receivers/{code}/parked/{position}/retry"): _CENTRE,
    ("POST", "/api/exchange/receivers/{code}/parked/{position}/skip"): {Role.ADMIN},
    ("GET", "/api/exchange/unit-feed"): _UNITS | {Role.UNIT_LEADER},
    ("GET", "/api/exchange/messages"): _CENTRE | {Role.AUDITOR},
    ("POST", "/api/tickets/{number}/transfers"): {Role.DISPATCHER, Role.SUPERVISOR},
    ("GET", "/api/tickets/{number}/transfers"): _OUT | {Role.DISPATCHER, Role.AUDITOR},
    ("GET", "/api/handovers"): _CENTRE | {Role.AUDITOR},
    ("GET", "/api/handovers/received"): _CENTRE | {Role.AUDITOR},
    ("POST", "/api/handovers/{handover}/now"): _CENTRE,
    ("GET", "/api/targets"): _OUT | {Role.DISPATCHER},
    ("GET", "/api/targets/trunks"): {Role.ADMIN},
    ("GET", "/api/targets/{key}"): _OUT | {Role.DISPATCHER},
    ("GET", "/api/targets/lines/{number}/numbers"): {Role.ADMIN},
    ("PUT", "/api/targets/lines/{number}/numbers"): {Role.ADMIN},
    ("GET", "/api/teams"): _CENTRE | {Role.AUDITOR},
    ("PUT", "/api/teams/{group}"): {Role.ADMIN},
    ("DELETE", "/api/teams/{group}"): {Role.ADMIN},
    ("GET", "/api/floor"): _CENTRE,
    ("GET", "/api/floor/messages"): _CENTRE,
    ("GET", "/api/floor/messages/mine"): _SEATS,
    ("POST", "/api/floor/messages/{message}/read"): _SEATS,
    ("POST", "/api/talks/{call}/phone-lost"): _SEATS,
    ("POST", "/api/talks/{call}/{command}"): _SEATS,
    ("GET", "/api/recordings/{recording}/peaks"): _TAPES,
    ("POST", "/api/recordings/{recording}/playbacks"): _TAPES,
    ("POST", "/api/recordings/{recording}/hold"): _CENTRE | {Role.AUDITOR},
    ("POST", "/api/recordings/{recording}/hold/lift"): _CENTRE | {Role.AUDITOR},
}
"""Who gets past the door of each route; on a fresh ticket only the desk has an action."""

_OF_THEIR_UNIT = {
    ("GET", "/api/tickets/{number}"),
    ("POST", "/api/tickets/{number}/unmask"),
    ("GET", "/api/tickets/{number}/figure-exclusions"),
    ("GET", "/api/tickets/{number}/rulings"),
    ("GET", "/api/tickets/{number}/contacts"),
    ("GET", "/api/tickets/{number}/masked-calls"),
    ("POST", "/api/tickets/{number}/masked-calls"),
    ("GET", "/api/tickets/{number}/handlers"),
    ("GET", "/api/tickets/{number}/meetings"),
    ("POST", "/api/tickets/{number}/meetings"),
    ("GET", "/api/tickets/{number}/first-unit"),
    ("GET", "/api/tickets/{number}/statutory-procedures"),
    ("POST", "/api/tickets/{number}/statutory-procedures"),
    ("GET", "/api/tickets/{number}/questions"),
    ("POST", "/api/tickets/{number}/questions"),
    ("GET", "/api/tickets/{number}/force-majeure"),
    ("POST", "/api/tickets/{number}/force-majeure"),
    ("GET", "/api/tickets/{number}/visits"),
    ("GET", "/api/tickets/{number}/findings"),
    ("GET", "/api/tickets/{number}/attachments"),
    ("POST", "/api/tickets/{number}/attachments"),
    ("GET", "/api/tickets/{number}/attachments/{attachment}"),
}
"""Doors that a unit's people have on what their unit has a part in."""

BY_MORE_THAN_A_ROLE = {
    # A unit's own tickets, and what the ticket's state lets whom do (test_ticket_relations).
    ("GET", "/api/tickets/{number}/relations"),
    ("POST", "/api/tickets/{number}/merge"),
    ("POST", "/api/tickets/{number}/split"),
    ("POST", "/api/tickets/{number}/repeats"),
    ("GET", "/api/tickets/{number}/refusal-grounds"),
    ("POST", "/api/tickets/{number}/refuse"),
    ("GET", "/api/tickets/{number}/refusal"),
    # A supervisor's own team (test_floor).
    ("POST", "/api/floor/{agent}/{command}"),
    ("POST", "/api/floor/{agent}/hang-up"),
    ("POST", "/api/floor/{agent}/stop"),
    ("POST", "/api/floor/messages"),
    ("POST", "/api/supervision/agents/{agent}/state"),
    # A role and a seat (test_calls_out).
    ("POST", "/api/calls-out"),
    ("POST", "/api/calls-out/{call_out}/withdraw"),
    ("POST", "/api/rounds/next"),
    ("POST", "/api/rounds/items/{item_id}/start"),
    ("POST", "/api/rounds/items/{item_id}/skip"),
    ("POST", "/api/rounds/items/{item_id}/outcome"),
    # An agent's own talks, as policy says (test_recordings).
    ("GET", "/api/recordings"),
    ("GET", "/api/calls/{call}/recordings"),
    # A platform's signature (test_handovers).
    ("POST", "/api/handovers"),
    # A receiver's, or a platform's (test_exchange).
    ("GET", "/api/exchange/feed"),
    ("POST", "/api/exchange/incoming"),
    ("POST", "/api/exchange/transfers/{transfer}/answers"),
    # An app's key (test_open311).
    ("POST", "/open311/v2/requests.xml"),
    ("POST", "/open311/v2/requests.json"),
    # A platform's signature (test_collected).
    ("POST", "/api/collected/push"),
    # A gateway's signature (test_intake_channels).
    ("POST", "/api/channels/demands"),
    ("POST", "/api/channels/demands/{request_id}/attachments"),
    # A ticket for one playback (test_recordings).
    ("GET", "/api/recordings/{recording}/sound"),
}
"""Doors that are tested where what is behind them is."""

_PATH: dict[str, Any] = {
    "kind": "tickets",
    "login": "nobody",
    "source": "old12345",
    "part": 2**40,
    "attachment": 2**40,
    "record": 2**40,
    "lead_id": 2**40,
    "unit_id": 2**40,
    "row_id": 2**40,
    "repeat": 2**40,
    "supervision_id": 2**40,
    "ruling": 2**40,
    "meeting": 2**40,
    "handler": 2**40,
    "sitting": 2**40,
    "box": "to_sign",
    "procedure": 2**40,
    "question": 2**40,
    "majeure": 2**40,
    "finding": 2**40,
    "call_out": 2**40,
    "round_id": 2**40,
    "item_id": 2**40,
    "contact_id": 2**40,
    "duty_id": 2**40,
    "code": "nobody",
    "position": 2**40,
    "notice": 2**40,
    "version": 1,
    "flow": "nothing",
    "stash": 1,
    "proposal": 1,
    "assignment": 1,
    "line": "12345",
    "planned": 2**40,
    "handover": "0" * 32,
    "key": "line:12366",
    "command": "hold",
    "recording": 2**40,
    "call": CALL,
    "session_id": 2**40,
    "report": 2**40,
    "step": "check",
    "shift_id": 2**40,
    "swap_id": 2**40,
    "exclusion_id": 2**40,
    "report_id": 2**40,
    "publication_id": 2**40,
    "report_kind": "bulletin",
    "period": "2026-10",
    "figure_name": "on_time_rate",
    "flag_id": 2**40,
    "callback": 2**40,
    "message": 2**40,
    "queue": "night",
    "group": "night",
    "agent": "9999",
    "name": "上班时间",
    "day": "2026-10-01",
    "year": 2030,
}

_QUERIES: dict[tuple[str, str], dict[str, Any]] = {
    ("GET", "/api/directory/plan"): {"dialled": "12333"},
    ("DELETE", "/api/queues/{queue}"): {"version": 99},
    ("DELETE", "/api/queues/{queue}/opening"): {"version": 99},
    ("GET", "/api/hours/workdays"): {"first": "2026-10-01", "last": "2026-10-10"},
    ("GET", "/api/knowledge"): {"q": "社保卡"},
    ("GET", "/api/refusals/counts"): {"since": "2026-10-01T00:00:00Z", "before": "2026-11-01T00:00:00Z"},
    ("POST", "/api/tickets/{number}/attachments"): {"name": "a.txt"},
    ("GET", "/api/channels/counts"): {"since": "2026-10-01T00:00:00Z", "before": "2026-11-01T00:00:00Z"},
    ("GET", "/api/hours/workdays/due"): {"start": "2026-10-01", "days": 5},
}

_NO_JSON = {
    "/metrics",
    "/api/figures/history.csv",
    "/api/audit/entries.csv",
    "/api/figures/tickets.csv",
    "/api/reports/{report_id}/document",
    "/api/reports/{report_id}/workbook",
    "/api/publications/{publication_id}/document",
    "/api/publications/{publication_id}/workbook",
    "/open311/discovery.xml",
    "/open311/v2/services.xml",
    "/open311/v2/services/{service_code}.xml",
    "/open311/v2/requests.xml",
    "/open311/v2/requests/{service_request_id}.xml",
    "/api/messages/{message}/sound",
    "/api/message-desk/{message}/sound",
    "/api/tickets/{number}/attachments/{attachment}",
    "/api/recordings/{recording}/sound",
    "/api/menus/flows/{flow}/yaml",
    "/api/prompts/texts/{key}/sound",
    "/api/prompts/recordings/{code}/versions/{version}/sound",
}

PUBLIC = {
    ("POST", "/api/auth/login"),
    # By a browser's cookie, or before there is one: test_session
    *((method, "/api/session") for method in ("POST", "GET", "DELETE")),
    *(("POST", f"/api/session/{path}") for path in ("totp", "totp/enrol", "password")),
    ("GET", "/healthz"),
    ("GET", "/metrics"),
    # test_intake_channels
    ("POST", "/api/public/demands"),
    ("POST", "/api/public/demands/{number}/attachments"),
    # test_progress, test_knowledge
    ("POST", "/api/public/progress"),
    ("POST", "/api/public/evaluations"),
    ("POST", "/api/public/questions"),
    ("POST", "/api/public/answers"),
    ("GET", "/api/public/knowledge"),
    ("GET", "/api/public/knowledge/{code}"),
    # test_open311
    *(
        ("GET", f"/open311/{path}.{form}")
        for path in (
            "discovery",
            "v2/services",
            "v2/services/{service_code}",
            "v2/requests",
            "v2/requests/{service_request_id}",
        )
        for form in ("xml", "json")
    ),
}

_BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("PUT", "/api/staff/{login}"): {"version": 1, "name": "x", "roles": ["auditor"]},
    ("POST", "/api/staff/{login}/disable"): {"version": 1},
    ("POST", "/api/staff/{login}/enable"): {"version": 1},
    ("PUT", "/api/staff/{login}/password"): {"password": "a first password"},
    ("POST", "/api/agents/me/not-ready"): {"reason": "小休"},
    ("POST", "/api/agents/me/sign-in"): {"extension": "8001"},
    ("POST", "/api/agents/me/extend-wrap-up"): {"seconds": 30},
    ("POST", "/api/rosters/shifts"): {
        "agents": ["9999"],
        "group": "general",
        "first": "2099-01-05",
        "last": "2099-01-05",
        "begins": "08:00",
        "ends": "16:00",
    },
    ("POST", "/api/rosters/swaps"): {"shift_id": 1, "to_agent": "9999"},
    ("PUT", "/api/queues/{queue}"): {
        "version": 0,
        "rule": {"name": "夜间", "steps": [{"after_ms": 0, "needs": ["night"]}]},
    },
    ("PUT", "/api/queues/{queue}/opening"): {"version": 0, "schedule": "没有"},
    ("PUT", "/api/skills/{group}"): {"name": "夜间", "kind": "night"},
    ("PUT", "/api/skills/agents/{agent}"): {"levels": {}},
    ("PUT", "/api/hours/schedules/{name}"): {"spans": []},
    ("PUT", "/api/hours/schedules/{name}/days/{day}"): {"spans": []},
    ("POST", "/api/directory/lines/{line}/modes"): {"mode": "main", "platform": "ours"},
    ("PUT", "/api/hours/workdays/{day}"): {"worked": True},
    ("PUT", "/api/hours/workdays/years/{year}"): {"complete": False},
    ("POST", "/api/supervision/waiting/{call}/pick"): {},
    ("POST", "/api/supervision/waiting/{call}/move"): {"queue": "night"},
    ("POST", "/api/supervision/agents/{agent}/state"): {"state": "READY", "reason": "x"},
    ("POST", "/api/callers/nuisance"): {
        "caller": "13812345678",
        "reason": "x",
        "evidence": [CALL],
        "expires_at": "2020-01-01T00:00:00Z",
    },
    ("POST", "/api/lookups/{code}"): {"fields": {"card": "A1"}, "call": CALL},
    ("POST", "/api/callers/vulnerable"): {"caller": "13812345678", "reason": "独居老人"},
    ("POST", "/api/callers/vulnerable/unmark"): {"caller": "13812345678"},
    ("POST", "/api/tickets"): {"title": "路灯不亮"},
    ("POST", "/api/tickets/duplicates"): {"title": "路灯不亮"},
    ("POST", "/api/message-desk/{message}/ticket"): {"title": "路灯不亮"},
    ("POST", "/api/tickets/{number}/accused"): {"units": [2**40]},
    ("POST", "/api/citizen-notices/{notice}/told"): {"how": "phone"},
    ("POST", "/api/tickets/{number}/unmask"): {"reason": "核实来电人"},
    ("POST", "/api/erasures"): {"caller_number": "13812345678", "reason": "本人书面申请"},
    ("PATCH", "/api/tickets/{number}"): {"version": 1, "changes": {"title": "x"}},
    ("POST", "/api/tickets/{number}/answer"): {"version": 1, "answer": "x"},
    ("POST", "/api/tickets/{number}/calls"): {"call": CALL},
    ("POST", "/api/tickets/{number}/query-code"): {"reason": "市民遗忘查询码"},
    ("POST", "/api/tickets/{number}/actions"): {"version": 1, "action": "accept"},
    ("POST", "/api/tickets/{number}/transfers"): {"partner": "police", "reason": "涉及警情"},
    ("PUT", "/api/exchange/receivers/{code}"): {"name": "x", "scope": "all"},
    ("POST", "/api/exchange/receivers/{code}/replay"): {"position": 1},
    ("POST", "/api/tickets/{number}/parts/{part}/actions"): {"version": 1, "action": "sign_for"},
    ("POST", "/api/tickets/{number}/rulings/{ruling}/actions"): {"version": 1, "action": "submit"},
    ("POST", "/api/tickets/{number}/meetings"): {"kind": "joint", "report": "x"},
    ("POST", "/api/tickets/{number}/meetings/{meeting}/actions"): {"version": 1, "action": "cancel"},
    ("POST", "/api/tickets/{number}/first-unit/actions"): {"version": 1, "action": "release"},
    ("POST", "/api/tickets/{number}/statutory-procedures"): {
        "kind": "filing",
        "basis": "x",
        "entered_on": "2026-11-20",
        "ends_on": "2099-01-01",
    },
    ("POST", "/api/tickets/{number}/statutory-procedures/{procedure}/actions"): {"version": 1, "action": "accept"},
    ("POST", "/api/tickets/{number}/handlers/{handler}/actions"): {"version": 1, "action": "release"},
    ("POST", "/api/guest-sittings"): {"guest": "x", "standing": "deputy", "seat": "9999", "host": "9998"},
    ("POST", "/api/guest-sittings/{sitting}/actions"): {"version": 1, "action": "begin"},
    ("POST", "/api/tickets/{number}/questions"): {"words": "请提供照片"},
    ("POST", "/api/tickets/{number}/questions/{question}/actions"): {"version": 1, "action": "withdraw"},
    ("POST", "/api/tickets/{number}/force-majeure"): {"facts": "暴雨"},
    ("POST", "/api/tickets/{number}/force-majeure/{majeure}/actions"): {"version": 1, "action": "refuse"},
    ("POST", "/api/tickets/{number}/findings"): {"facts": "x"},
    ("POST", "/api/tickets/{number}/findings/{finding}/actions"): {"version": 1, "action": "withdraw"},
    ("POST", "/api/accountability-leads"): {
        "number": "SMX20261121999999",
        "unit_id": 2**40,
        "ground": "leak",
        "facts": "泄露诉求人信息",
    },
    ("POST", "/api/accountability-leads/{lead_id}/actions"): {"version": 1, "action": "investigate"},
    ("POST", "/api/tickets/{number}/repeat-determinations"): {"facts": "x", "earlier": ["SMX20261121999999"]},
    ("POST", "/api/tickets/{number}/repeat-determinations/{repeat}/actions"): {"version": 1, "action": "approve"},
    ("POST", "/api/supervisions"): {
        "unit_id": 2**40,
        "ground": "knowledge",
        "form": "letter",
        "deadline": "2099-01-01T00:00:00Z",
        "words": "知识条目已过期",
    },
    ("POST", "/api/supervisions/{supervision_id}/actions"): {"version": 1, "action": "lift", "note": "x"},
    ("POST", "/api/tickets/{number}/masked-calls"): {"contact": 2**40},
    ("POST", "/api/tickets/{number}/contacts"): {
        "at": "2026-11-21T01:00:00Z",
        "way": "phone",
        "by": "张工",
        "outcome": "answered",
    },
}


def test_the_matrix_names_every_route_there_is(app: FastAPI) -> None:
    listed = {(method.upper(), path) for path, methods in app.openapi()["paths"].items() for method in methods}
    assert listed == set(ROUTES) | PUBLIC | BY_MORE_THAN_A_ROLE


async def _knock(caller: Caller, method: str, route: str, number: str) -> httpx.Response:
    path = route.format_map(_PATH | {"number": number})
    params = _QUERIES.get((method, route), {})
    return await caller.request(method, path, json=_BODIES.get((method, route), {}), params=params)


async def test_each_role_gets_through_its_doors_and_no_others(app: FastAPI, line: Acd, nobody: Caller) -> None:
    desk = await nobody.as_("agent")
    unit_roles = {Role.UNIT_HANDLER, Role.UNIT_HEAD, Role.UNIT_LEADER, Role.COUNTY_BODY}
    wrong = []
    for role in Role:
        person = await nobody.as_(role.value)
        for (method, route), allowed in ROUTES.items():
            if route == "/api/auth/logout":
                continue
            number = (await desk.post("/api/tickets", title="x")).json()["number"] if "{number}" in route else ""
            answer = await _knock(person, method, route, number)
            # A unit reads its own tickets; a fresh one is nobody's.
            other_unit = role in unit_roles and (method, route) in _OF_THEIR_UNIT
            if (answer.status_code == 403) == (role in allowed and not other_unit) or answer.status_code == 401:
                wrong.append((role, method, route, answer.status_code))
    assert wrong == [], wrong


async def test_nobody_gets_in_without_a_token(nobody: Caller) -> None:
    for caller in (nobody, Caller(nobody._http, "not-a-token")):
        for method, route in ROUTES:
            answer = await _knock(caller, method, route, "SMX20261121000001")
            assert answer.status_code == 401, route
            assert answer.headers["www-authenticate"] == "Bearer"
            assert answer.json()["code"] == "access.unauthenticated"


async def test_logging_in_and_out(nobody: Caller) -> None:
    agent = await nobody.as_("agent")
    me = (await agent.get("/api/auth/me")).json()
    assert (me["work_number"], me["roles"], me["extension"]) == ("1001", ["agent"], "8001")
    await nobody.as_("agent")
    sessions = (await agent.get("/api/auth/sessions")).json()
    assert [one["current"] for one in sessions] == [True, False]
    assert (await agent.request("DELETE", f"/api/auth/sessions/{sessions[1]['id']}")).status_code == 204
    assert len((await agent.get("/api/auth/sessions")).json()) == 1
    supervisor = await nobody.as_("supervisor")
    foreign = await supervisor.request("DELETE", f"/api/auth/sessions/{sessions[0]['id']}")
    assert (foreign.status_code, foreign.json()["code"]) == (404, "session.unknown")
    assert (await agent.post("/api/auth/logout")).status_code == 204
    assert (await agent.get("/api/auth/me")).status_code == 401


async def test_a_wrong_password_and_an_unknown_login_are_refused_alike(nobody: Caller) -> None:
    answers = [
        await nobody.post("/api/auth/login", user=user, password=password)
        for user, password in (("agent", "wrong-password"), ("stranger", PASSWORD))
    ]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["code"] == "access.sign_in_refused"


async def test_an_agents_day_and_what_is_kept_of_it(services: Services, line: Acd, nobody: Caller) -> None:
    agent, second = await nobody.as_("agent"), await nobody.as_("second")
    await line.device_state("8001", reachable=True, in_use=False)
    assert (await agent.get("/api/agents/me")).json()["state"] == "SIGNED_OUT"
    assert (await agent.post("/api/agents/me/sign-in")).json()["state"] == "NOT_READY"
    assert (await agent.post("/api/agents/me/ready")).json()["state"] == "READY"
    assert await _presence(services) == [("1001", "8001", "READY", "")]
    view = (await agent.post("/api/agents/me/not-ready", reason="小休")).json()
    assert (view["state"], view["reason"]) == ("NOT_READY", "小休")
    assert await _presence(services) == [("1001", "8001", "NOT_READY", "小休")]
    taken = await second.post("/api/agents/me/sign-in", extension="8001")
    assert taken.status_code == 409
    without = await second.post("/api/agents/me/sign-in")
    assert (without.status_code, without.json()["code"]) == (422, "agent.extension_missing")
    unsigned = await second.post("/api/agents/me/ready")
    assert unsigned.status_code == 409
    supervisor = await nobody.as_("supervisor")
    assert [one["agent"] for one in (await supervisor.get("/api/agents")).json()] == ["1001"]
    for _ in range(2):
        assert (await agent.post("/api/agents/me/sign-out")).json()["state"] == "SIGNED_OUT"
    assert await _presence(services) == []


async def _presence(services: Services) -> list[tuple[str, str, str, str]]:
    async with services.database.transaction() as session:
        rows = await session.scalars(select(AgentPresence))
        return [(row.agent, row.extension, row.wanted, row.reason) for row in rows]


async def test_a_new_epoch_is_joined_by_itself(services: Services, line: Acd, nobody: Caller) -> None:
    agent = await nobody.as_("agent")
    await agent.post("/api/agents/me/sign-in")
    await services.redis.flushall()
    away = await agent.post("/api/agents/me/ready")
    assert (away.status_code, away.json()["code"]) == (503, "part.unavailable")
    await line.open_epoch(2)
    assert (await agent.post("/api/agents/me/sign-in")).json()["state"] == "NOT_READY"


async def test_a_ticket_from_a_call_is_told_to_the_screen_and_to_the_house(services: Services, nobody: Caller) -> None:
    heard: list[TicketLinked] = []

    async def hear(event: TicketLinked) -> None:
        heard.append(event)

    services.events.subscribe(TicketLinked, hear)
    agent = await nobody.as_("agent")
    answer = await agent.post("/api/tickets", title="拖欠工资", type="complaint", call=CALL)
    assert answer.status_code == 201
    ticket = answer.json()
    assert (ticket["type_term"], ticket["state_term"], ticket["stage_term"]) == ("投诉", "已登记", "受理")
    assert ticket["possible"] == [
        *("amend", "answer", "accept", "refuse", "split", "merge"),
        *("urge", "supplement"),
    ]
    assert [(event.call, event.number, event.agent) for event in heard] == [(CALL, ticket["number"], "1001")]
    (frame,) = await services.feed.read("1001", "0-0", block_ms=1)
    assert (frame.kind, frame.body["number"], frame.body["call"]) == ("ticket", ticket["number"], CALL)
    again = await agent.post(f"/api/tickets/{ticket['number']}/calls", call=CALL)
    assert (again.status_code, again.json()["code"]) == (409, "ticket.call_already_linked")
    file = (await agent.get(f"/api/tickets/{ticket['number']}")).json()
    assert file["calls"] == [CALL]
    assert [entry["action"] for entry in file["history"]] == ["register"]


async def test_a_ticket_is_amended_dispatched_and_seen_by_its_unit_alone(nobody: Caller, units: Units) -> None:
    agent, dispatcher = await nobody.as_("agent"), await nobody.as_("dispatcher")
    handler, other = await nobody.as_("unit_handler"), await nobody.as_("other_unit")
    number = (
        await agent.post(
            "/api/tickets",
            title="举报无证施工",
            caller_number="13812345678",
            caller_name="张三",
            address="黄河路1号",
            confidentiality="confidential",
        )
    ).json()["number"]
    path = f"/api/tickets/{number}"
    amended = await agent.request("PATCH", path, json={"version": 1, "changes": {"type": "report"}})
    assert (amended.json()["type"], amended.json()["version"]) == ("report", 2)
    assert (await handler.get(path)).json()["code"] == "ticket.other_unit"
    await agent.post(f"{path}/actions", action="accept", version=2)
    stale = await agent.post(f"{path}/actions", action="accept", version=2)
    assert (stale.status_code, stale.json()["code"]) == (409, "ticket.stale")
    sent = await dispatcher.post(f"{path}/actions", action="dispatch", version=3, lead_unit=units.labour)
    assert sent.json()["state"] == "to_sign"
    seen = (await handler.get(path)).json()["ticket"]
    assert (seen["caller_number"], seen["caller_name"], seen["address"]) == ("138****5678", "*", "*")
    assert seen["possible"] == ["sign_for", "return"]
    assert (await agent.get(path)).json()["ticket"]["caller_number"] == "+8613812345678"
    assert (await other.get(path)).status_code == 403
    assert [one["number"] for one in (await handler.get("/api/tickets")).json()["tickets"]] == [number]
    assert (await other.get("/api/tickets")).json()["tickets"] == []
    assert (await other.get("/api/tickets", unit_id=units.labour)).status_code == 403


async def test_a_unit_never_sees_a_confidential_callers_number(nobody: Caller, units: Units) -> None:
    agent, dispatcher, handler = [await nobody.as_(one) for one in ("agent", "dispatcher", "unit_handler")]
    sent = {"title": "举报,电话138 1234-5678", "content": "张三三 13812345678", "caller_name": "张三三"}
    number = (
        await agent.post("/api/tickets", **sent, caller_number="13812345678", confidentiality="confidential")
    ).json()["number"]
    path = f"/api/tickets/{number}"
    await agent.post(f"{path}/actions", action="accept", version=1, note="回电13812345678")
    await dispatcher.post(f"{path}/actions", action="dispatch", version=2, lead_unit=units.labour)
    said = {"at": datetime.now(UTC).isoformat(), "by": "李工", "outcome": "answered"}
    refused = await handler.post(f"{path}/contacts", way="phone", **said)
    assert (refused.status_code, refused.json()["code"]) == (403, "ticket.caller_confidential")
    kept = await agent.post(f"{path}/contacts", way="phone", note="已致电13812345678", **said)
    assert (kept.status_code, kept.json()["unit_id"]) == (201, None)
    seen = [await handler.get(path), await handler.get("/api/tickets"), await handler.get(f"{path}/contacts")]
    for answer in seen:
        assert answer.status_code == 200
        assert "12345678" not in answer.text.replace(" ", "").replace("-", "")
        assert "张三三" not in answer.text
    assert "13812345678" in (await agent.get(path)).text
    asked = await handler.get("/api/tickets", caller_number="13812345678")
    assert asked.json()["tickets"] == [], "asking for a number tells nothing either"
    assert len((await agent.get("/api/tickets", caller_number="13812345678")).json()["tickets"]) == 1


async def test_a_county_hands_a_part_down_and_an_overdue_is_supervised_over_rest(
    services: Services, nobody: Caller, units: Units
) -> None:
    agent, dispatcher, supervisor = [await nobody.as_(one) for one in ("agent", "dispatcher", "supervisor")]
    handler, other = await nobody.as_("unit_handler"), await nobody.as_("other_unit")
    number = (await agent.post("/api/tickets", title="路灯不亮")).json()["number"]
    path = f"/api/tickets/{number}"
    await agent.post(f"{path}/actions", action="accept", version=1)
    sent = {"lead_unit": units.labour, "assisting_units": [units.urban]}
    await dispatcher.post(f"{path}/actions", action="dispatch", version=2, **sent)
    assist = next(part for part in (await other.get(path)).json()["assignments"] if part["unit_id"] == units.urban)
    at = f"{path}/parts/{assist['id']}"
    assert (await other.get(at)).json()["possible"] == ["sign_for", "return"]
    assert (await handler.get(at)).json()["possible"] == []
    signed = await other.post(f"{at}/actions", action="sign_for", version=1)
    assert (signed.json()["state_term"], signed.json()["version"]) == ("办理中", 2)
    refused = await other.post(f"{at}/actions", action="take", version=2)
    assert (refused.status_code, refused.json()["code"]) == (409, "ticket.action_not_possible")
    replied = await other.post(f"{at}/actions", action="reply", version=2, note="已更换灯泡")
    assert replied.json()["state"] == "replied"
    assert (await handler.get(at)).json()["possible"] == ["take", "send_back"]
    assert [step["action"] for step in (await handler.get(f"{at}/steps")).json()] == ["sign_for", "reply"]
    order = {"ground": "other", "form": "phone", "deadline": "2099-01-01T00:00:00Z"}
    await supervisor.post(f"{path}/actions", action="supervise", version=3, note="请抓紧", supervision=order)
    (mine,) = (await handler.get("/api/supervisions")).json()
    assert (mine["words"], mine["form_term"], mine["possible"]) == ("请抓紧", "电话督办", ["answer"])
    assert (await other.get("/api/supervisions")).json() == []
    answered = await handler.post(
        f"/api/supervisions/{mine['id']}/actions", action="answer", version=1, note="今日完成"
    )
    assert answered.json()["state"] == "answered"


async def test_a_list_is_filtered_and_goes_on_from_its_cursor(nobody: Caller) -> None:
    agent = await nobody.as_("agent")
    for number in range(5):
        await agent.post("/api/tickets", title=str(number), type="help" if number % 2 else "consult")
    page = (await agent.get("/api/tickets", limit=2, type="consult")).json()
    assert [one["title"] for one in page["tickets"]] == ["4", "2"]
    rest = (await agent.get("/api/tickets", limit=2, type="consult", before=page["next"])).json()
    assert ([one["title"] for one in rest["tickets"]], rest["next"]) == (["0"], None)


async def test_the_story_of_a_call_and_the_recent_ones(services: Services, nobody: Caller) -> None:
    at = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
    async with services.database.transaction() as session:
        await session.execute(
            insert(CallRow).values(call_id=CALL, entered_at=at, caller="+8613812345678", line="12333")
        )
        await session.execute(
            insert(JournalRow).values(
                call_id=CALL, seq=10, fact="entered", kind="entered", at=at, process="ast1/voice-1", attributes={}
            )
        )
    agent = await nobody.as_("agent")
    story = (await agent.get(f"/api/calls/{CALL}")).json()
    assert (story["summary"]["line"], [event["kind"] for event in story["events"]]) == ("12333", ["entered"])
    recent = (await agent.get("/api/calls/recent", caller="138 1234 5678")).json()["calls"]
    assert [one["call_id"] for one in recent] == [CALL]
    assert (await agent.get("/api/calls/recent", caller="13900000000")).json()["calls"] == []
    assert (await agent.get("/api/calls/ast1-1.1")).status_code == 404


async def test_the_directory(services: Services, nobody: Caller, units: Units) -> None:
    agent = await nobody.as_("agent")
    unloaded = await agent.get("/api/directory/hotlines")
    assert (unloaded.status_code, unloaded.json()["code"]) == (503, "part.unavailable")
    await services.directory.refresh()
    assert (await agent.get("/api/directory/hotlines")).json() == []
    assert {unit["id"] for unit in (await agent.get("/api/directory/units")).json()} == {units.labour, units.urban}
    unknown = await agent.get("/api/directory/plan", dialled="12333")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "line.unknown")


_NONSENSE: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/api/tickets", {"content": b"{"}),
    ("POST", "/api/tickets", {"content": b'{"title": "\\ud800"}'}),
    ("POST", "/api/tickets", {"content": b'{"title": "a\\u0000b"}'}),
    ("POST", "/api/tickets", {"content": b'{"title": "\xff"}'}),
    ("POST", "/api/tickets", {"content": b"[" * 100_000}),
    ("POST", "/api/tickets", {"content": b"null"}),
    ("POST", "/api/tickets", {"json": {"title": "x", "type": "表扬"}}),
    ("POST", "/api/tickets", {"json": {"title": "x", "caller_number": "no number"}}),
    ("POST", "/api/tickets", {"json": {"title": "x", "unknown": 1}}),
    ("GET", "/api/tickets/SMX%00", {}),
    ("GET", "/api/tickets/%F0%9F%98%80", {}),
    ("GET", "/api/tickets", {"params": {"before": 2**70}}),
    ("GET", "/api/tickets", {"params": {"unit_tag": "\x00"}}),
    ("GET", "/api/tickets", {"params": {"state": "nowhere"}}),
    ("GET", "/api/tickets", {"params": {"nonsense": "1"}}),
    ("POST", "/api/tickets/SMX1/actions", {"json": {"action": "dance", "version": 1}}),
    ("POST", "/api/tickets/SMX1/actions", {"json": {"action": "accept", "version": 2**40}}),
    ("POST", "/api/tickets/SMX1/calls", {"json": {"call": "x\r\nAction: Hangup"}}),
    ("GET", "/api/calls/not-a-call", {}),
    ("GET", "/api/calls/recent", {"params": {"agent": "A B"}}),
    ("GET", "/api/calls/recent", {"params": {"limit": "many"}}),
    ("GET", "/api/directory/plan", {"params": {"dialled": "12333", "at": "yesterday"}}),
    ("GET", "/api/directory/plan", {"params": {"dialled": "12333", "at": "2026-01-01T00:00:00"}}),
    ("POST", "/api/agents/me/sign-in", {"json": {"extension": "8001\n"}}),
    ("POST", "/api/agents/me/not-ready", {"json": {"reason": ""}}),
    ("POST", "/api/agents/me/not-ready", {"json": {"reason": "钓鱼"}}),
    ("POST", "/api/agents/me/extend-wrap-up", {"json": {"seconds": 0}}),
    ("POST", "/api/agents/me/not-ready", {"json": {"reason": "\x00"}}),
    ("POST", "/api/auth/login", {"json": {"user": "a" * 1000, "password": "x"}}),
    ("DELETE", f"/api/auth/sessions/{2**70}", {}),
]


async def test_bad_input_is_refused_by_name_and_is_never_a_bug(services: Services, nobody: Caller) -> None:
    await services.directory.refresh()
    agent = await nobody.as_("agent")
    for method, path, sent in _NONSENSE:
        answer = await agent.request(method, path, **sent)
        assert answer.status_code in (400, 422), (path, sent, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] in {
            "input.invalid", "http.bad_request", "number.invalid", "agent.reason_missing", "agent.reason_unknown"
        }  # fmt: skip


async def test_a_refusal_never_repeats_what_was_sent(nobody: Caller) -> None:
    answer = await nobody.post("/api/auth/login", user=["secret-user"], password=7, extra="13812345678")
    assert answer.status_code == 422
    assert "secret-user" not in answer.text
    assert "13812345678" not in answer.text


async def test_a_body_that_does_not_end_is_cut_off(app: FastAPI, nobody: Caller) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b"x" * 65_536

    agent = await nobody.as_("agent")
    answer = await agent.request("POST", "/api/tickets", content=endless())
    assert (answer.status_code, answer.json()["code"]) == (413, "http.request_entity_too_large")
    assert sent < 20


async def test_paths_and_methods_that_are_none(nobody: Caller) -> None:
    assert (await nobody.get("/api/nowhere")).json()["code"] == "http.not_found"
    assert (await nobody.request("PUT", "/api/tickets")).json()["code"] == "http.method_not_allowed"


class _FailsToCommit(Database):
    """PostgreSQL dies between the last statement and the commit."""

    failing = False

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        async with super().transaction() as session:
            yield session
            if self.failing:
                raise PartUnavailable("PostgreSQL went away")


async def test_nobody_is_told_of_what_was_not_committed(services: Services, units: Units, database_url: str) -> None:
    database = _FailsToCommit(database_url)
    app = create_app(replace(services, database=database))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://web") as http:
        agent = await Caller(http).as_("agent")
        database.failing = True
        answer = await agent.post("/api/tickets", title="x", call=CALL)
        assert (answer.status_code, answer.json()["code"]) == (503, "part.unavailable")
        assert await services.feed.latest("1001") == "0-0"
        database.failing = False
        assert (await agent.get("/api/tickets")).json()["tickets"] == []
    await database.close()


async def test_a_ticket_is_kept_although_the_screen_cannot_be_told(services: Services, units: Units) -> None:
    away = connect_redis("redis://127.0.0.1:1/0")
    app = create_app(replace(services, redis=away))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://web") as http:
        agent = await Caller(http).as_("agent")
        assert (await agent.post("/api/tickets", title="x", call=CALL)).status_code == 201
        health = await http.get("/healthz")
        assert (health.status_code, health.json()["parts"]) == (503, {"postgres": "ok", "redis": "unavailable"})
    await away.aclose()


@pytest.mark.parametrize("path", ["/api/auth/me", "/api/tickets"])
async def test_postgresql_away_is_said_so(services: Services, path: str) -> None:
    away = Database("postgresql+asyncpg://hotline@127.0.0.1:1/hotline")
    app = create_app(replace(services, database=away))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://web") as http:
        answer = await Caller(http, "token").get(path)
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "part.unavailable", "1")
    await away.close()


async def test_redis_away_is_said_so(services: Services, units: Units, line: Acd) -> None:
    away = connect_redis("redis://127.0.0.1:1/0")
    acd = Acd(away, site="smx", process="ast1/web", clock=services.clock, policy=line._policy)
    app = create_app(replace(services, redis=away, acd=acd))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://web") as http:
        agent, supervisor = await Caller(http).as_("agent"), await Caller(http).as_("supervisor")
        answers = [
            await agent.post("/api/agents/me/sign-in"),
            await agent.get("/api/agents/me"),
            await supervisor.get("/api/agents"),
        ]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(503, "part.unavailable")] * 3
    await away.aclose()


async def test_of_two_requests_at_once_one_wins(nobody: Caller) -> None:
    agent, supervisor = await nobody.as_("agent"), await nobody.as_("supervisor")
    for _ in range(5):
        number = (await agent.post("/api/tickets", title="x")).json()["number"]
        answers = await asyncio.gather(
            agent.post(f"/api/tickets/{number}/actions", action="accept", version=1),
            supervisor.post(
                f"/api/tickets/{number}/actions", action="refuse", version=1, ground="outside_city", note="x"
            ),
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_figures_name_routes_and_never_numbers(nobody: Caller) -> None:
    agent = await nobody.as_("agent")
    await agent.get("/api/tickets/SMX20261121000042")
    figures = (await nobody.get("/metrics")).text
    assert 'hotline_http_requests_total{method="GET",route="/api/tickets/{number}",status="404"} 1.0' in figures
    assert "000042" not in figures


def test_openapi_has_a_model_for_every_answer(app: FastAPI) -> None:
    for route, methods in app.openapi()["paths"].items():
        for operation in methods.values():
            good = next(answer for status, answer in operation["responses"].items() if status.startswith("2"))
            assert "204" in operation["responses"] or route in _NO_JSON or good["content"]["application/json"]["schema"]
            if route.startswith("/api/"):
                assert {str(status) for status in DOCUMENTED} <= set(operation["responses"])
