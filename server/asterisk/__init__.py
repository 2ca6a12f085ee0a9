"""Asterisk as the project runs it: where its files lie, what is in them, how it is started, checked and reloaded."""
