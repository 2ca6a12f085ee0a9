"""Flows by seed, for tests of everything that is done with flows.

`valid(seed)` is a flow without findings in `WORLD`; `broken(seed)` one with a single planted fault of a named rule.
"""

from __future__ import annotations

from random import Random

from hypothesis import strategies as st

from ivr.flow import Flow
from tests.ivr.grown import SUB_FLOWS, TEXTS, WORLD, Grower
from tests.ivr.planted import PLANTS, Broken, planted

__all__ = ["SUB_FLOWS", "TEXTS", "WORLD", "Broken", "broken", "broken_flows", "grown", "valid", "valid_flows"]


def valid(seed: int) -> Flow:
    """The valid flow of this number, always the same. It leads into `SUB_FLOWS` and says `TEXTS`."""
    return grown(Random(f"valid {seed}"), f"grown-{seed}")


def broken(seed: int) -> Broken:
    """The broken flow of this number, always the same. Seeds that follow each other go through all rules in turn, so
    that any `5 * len(PLANTS)` of them in a row break each rule five times."""
    rule = list(PLANTS)[seed % len(PLANTS)]
    return planted(Random(f"broken {seed}"), rule, f"broken-{seed}")


def grown(random: Random, key: str) -> Flow:
    """A valid flow that this source of chance makes."""
    return Grower(random, random.choice([4, 8, 16, 30])).flow(key)


def valid_flows() -> st.SearchStrategy[Flow]:
    """Valid flows for hypothesis, which makes those that fail a test smaller."""
    return st.randoms(use_true_random=False).map(lambda random: grown(random, "grown"))


def broken_flows(rule: str | None = None) -> st.SearchStrategy[Broken]:
    """Broken flows for hypothesis, all of one rule or of any."""
    rules = st.just(rule) if rule else st.sampled_from(sorted(PLANTS))
    return st.builds(lambda random, rule: planted(random, rule, "broken"), st.randoms(use_true_random=False), rules)
