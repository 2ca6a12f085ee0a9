"""Acceptance: a private line on real parts, with citizens, agents and branch centres on real SIP phones."""
