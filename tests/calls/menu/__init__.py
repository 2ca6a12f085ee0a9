"""Menus on citizens' channels."""
