"""Asterisk's manager interface: typed actions and events over a connection that heals itself."""
