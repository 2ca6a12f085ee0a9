"""Subcommands of `hotline`, one module each."""
