"""Who may do what to tickets, as sets of roles."""

from __future__ import annotations

from directory.models import Role

DESK = frozenset({Role.AGENT, Role.EXPERT, Role.SUPERVISOR})
"""People who take calls."""
CENTRE = frozenset({Role.DISPATCHER, Role.SUPERVISOR})
"""People of the centre who route demands."""
COUNTY = frozenset({Role.COUNTY_BODY})
"""People of a county's responsible body (TH 11): of its own unit, and over those below it."""
UNIT = frozenset({Role.UNIT_HANDLER, Role.UNIT_HEAD}) | COUNTY
"""People of a unit who work on its tickets."""
UNIT_HEAD = frozenset({Role.UNIT_HEAD})
UNIT_LEADER = frozenset({Role.UNIT_LEADER})
"""The leader in charge of a unit (分管领导)."""
VISITORS = frozenset({Role.VISIT_AGENT, Role.SUPERVISOR})
SUPERVISION = frozenset({Role.SUPERVISOR, Role.INSPECTOR})
GOVERNMENT = frozenset({Role.GOVERNMENT_LEADER})
"""The leader of the government who calls special meetings, and rules where the government is asked (TH 16)."""
ORDERERS = SUPERVISION | COUNTY | GOVERNMENT
"""Who tells units to act: a county's body those below it (TH 11), the leader by instruction (领导批示督办, TH 18)."""
RATERS = frozenset({Role.AGENT, Role.EXPERT, Role.VISIT_AGENT, Role.SUPERVISOR})
"""People who may write down what a citizen says of the handling."""

OF_A_UNIT = frozenset({Role.UNIT_HANDLER, Role.UNIT_HEAD, Role.UNIT_LEADER}) | COUNTY
"""Roles that reach only their own unit's tickets."""
