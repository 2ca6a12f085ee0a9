"""Automatic call distribution: agents, waiting calls, matching and reservations, all atomic in Redis."""
