"""The story of a call: inbound, waiting, talking, journal."""
