"""Whether a flow makes sense, before it is published: `findings(flow, world)`. One rule is one function, in `rules`."""

from ivr.validation.finding import Finding, Severity
from ivr.validation.rules import CODES, RULES, findings
from ivr.validation.world import Surroundings, World

__all__ = ["CODES", "RULES", "Finding", "Severity", "Surroundings", "World", "findings"]
