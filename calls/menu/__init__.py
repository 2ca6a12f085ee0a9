"""Menus on the line: a flow's run driven on a citizen's channel."""
