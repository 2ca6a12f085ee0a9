"""Tickets told to and taken from other systems: units, the province, 110, citizens' apps."""
