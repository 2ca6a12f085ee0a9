"""Asterisk's gateway interface: the FastAGI server, its session, and the classic script."""
