"""How an agent's phone is dialled, and what it means that a Dial across hosts failed."""

from __future__ import annotations

import pytest

from acd.states import Outcome
from calls.agent_leg import agent_leg
from hotline.errors import InvalidInput
from hotline.settings import Asterisk

ASTERISK = Asterisk.model_validate(
    {"systemname": "ast1", "phone_secret": "x", "peers": [{"systemname": "ast2", "sip": "10.0.0.2:5060"}]}
)
CALL = "ast1-1763761000.12"


@pytest.mark.parametrize("host", ["", "ast1"])
def test_a_phone_of_this_host_is_dialled_here(host: str) -> None:
    leg = agent_leg(ASTERISK, "8001", host, CALL)
    assert leg is not None
    assert (leg.destination, leg.options) == ("PJSIP/8001", "")
    assert leg.outcome("CHANUNAVAIL", 18) is Outcome.NO_ANSWER
    assert leg.outcome("NOANSWER", 0, silent=True) is Outcome.NO_ANSWER


def test_a_phone_of_another_host_is_dialled_through_it_with_the_calls_id() -> None:
    leg = agent_leg(ASTERISK, "8001", "ast2", CALL)
    assert leg is not None
    assert leg.destination == "PJSIP/8001@host-ast2"
    assert leg.options == f"b(hl-outgoing-leg^s^1({CALL}))"


def test_a_host_that_the_settings_do_not_name_is_not_dialled() -> None:
    assert agent_leg(ASTERISK, "8001", "ast3", CALL) is None


@pytest.mark.parametrize(("seat", "call"), [("8001&PJSIP/9", CALL), ("8001", "x)U(evil"), ("8001", "ast1-1.2^x")])
def test_nothing_else_gets_into_the_options(seat: str, call: str) -> None:
    with pytest.raises(InvalidInput):
        agent_leg(ASTERISK, seat, "ast2", call)


@pytest.mark.parametrize(
    ("status", "cause", "silent", "outcome"),
    [
        ("BUSY", 17, False, Outcome.BUSY),
        ("CHANUNAVAIL", 21, False, Outcome.REJECTED),
        ("CHANUNAVAIL", 19, False, Outcome.NO_ANSWER),
        ("NOANSWER", 0, False, Outcome.NO_ANSWER),
        ("CHANUNAVAIL", 1, False, Outcome.UNREGISTERED),
        ("CHANUNAVAIL", 0, False, Outcome.UNREGISTERED),
        ("CHANUNAVAIL", 18, False, Outcome.FAILED),
        ("NOANSWER", 0, True, Outcome.FAILED),
        ("CONGESTION", 42, False, Outcome.FAILED),
    ],
)
def test_what_another_host_says_of_a_phone(status: str, cause: int, silent: bool, outcome: Outcome) -> None:
    leg = agent_leg(ASTERISK, "8001", "ast2", CALL)
    assert leg is not None
    assert leg.outcome(status, cause, silent=silent) is outcome
