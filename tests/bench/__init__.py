"""Benchmarks: `python -m tests.bench NAME` prints what it saw for people, and one JSON object as its last line."""
