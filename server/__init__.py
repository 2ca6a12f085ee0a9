"""Composition root: processes, provisioning and the `hotline` command line."""
