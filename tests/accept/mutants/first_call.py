"""The mutants of the first call, by the item whose check must notice them."""

from tests.accept.mutants import stories
from tests.accept.mutants.mutant_line import Mutant

_NO_MARK = {"Set(MASTER_CHANNEL(HL_PHASE)=talked)": "NoOp()"}
_NEW_ENTRY = {
    " same => n(next),Set(AGIEXITONHANGUP=yes)": " same => n(next),Set(AGIEXITONHANGUP=yes)\n"
    " same => n,Set(HL_ENTERED=${STRFTIME(,,%s%3q)})"
}

MUTANTS = [
    Mutant("m0", "none: with every guard in place the same stories go well", stories.all_well),
    Mutant(
        "m1",
        "item 1, the pop comes after the phone",
        stories.whole_call,
        "the phone rang before the pop",
        guards=("pop-first",),
        quick=True,
    ),
    Mutant(
        "m2",
        "item 4, neither the channel nor the ACD knows that a citizen was answered",
        stories.answered_then_killed,
        "an answered citizen was queued again",
        guards=("answered-is-final",),
        dialplan=_NO_MARK,
        quick=True,
    ),
    Mutant(
        "m2a",
        "item 4, the channel does not know that the citizen was answered, the ACD does",
        stories.answered_then_killed,
        dialplan=_NO_MARK,
    ),
    Mutant(
        "m2b",
        "item 4, the ACD does not know that the citizen was answered, the channel does",
        stories.answered_then_killed,
        guards=("answered-is-final",),
    ),
    Mutant(
        "m3",
        "item 7, a failed offer costs the place",
        stories.place_after_refusal,
        "the place is lost",
        guards=("place-after-failure",),
        quick=True,
    ),
    Mutant(
        "m3a",
        "item 4, neither the channel nor the ACD keeps the time of entry",
        stories.order_after_kill,
        "was taken before",
        guards=("place-in-acd",),
        dialplan=_NEW_ENTRY,
    ),
    Mutant(
        "m3b",
        "item 4, the channel does not keep the time of entry, the ACD does",
        stories.order_after_kill,
        dialplan=_NEW_ENTRY,
    ),
    Mutant(
        "m3c",
        "item 4, the ACD does not keep the place, the channel does",
        stories.order_after_kill,
        guards=("place-in-acd",),
    ),
    Mutant(
        "m4",
        "item 4, no watchdog: who waits in a hung process is offered to nobody",
        stories.offered_when_hung,
        "an agent is offered a waiting call",
        without=("watchdog",),
    ),
    Mutant(
        "m5",
        "item 8, after a flush talks are not said again, and a talking phone looks free",
        stories.no_second_offer,
        "was offered a call while holding",
        guards=("resend-talk", "device-in-use"),
        quick=True,
    ),
    Mutant(
        "m5a",
        "item 8, after a flush talks are not said again: the phone's state keeps a second call away",
        stories.no_second_offer,
        guards=("resend-talk",),
    ),
    Mutant(
        "m5b",
        "item 8, a talking phone looks free: the talk said again keeps a second call away",
        stories.no_second_offer,
        guards=("device-in-use",),
    ),
    Mutant(
        "m5c",
        "item 8, after a flush talks are not said again: the agent is not known to talk",
        stories.flushed,
        "UNREACHABLE",
        guards=("resend-talk",),
    ),
    Mutant(
        "m6",
        "item 8, a worker does not write what nobody confirmed",
        stories.facts_after_both_stores,
        "has a fact 'wrap_up'",
        guards=("unconfirmed",),
    ),
    Mutant(
        "m7",
        "item 5, a promise is inserted whenever it is read",
        stories.promise_once,
        "Record.*Record",
        guards=("promise-once",),
        quick=True,
    ),
    Mutant(
        "m8",
        "item 2, a change of mode never begins",
        stories.mode_begins,
        "after the change 12366 still goes to the branch",
        guards=("mode-begins",),
    ),
    Mutant(
        "m8a",
        "item 2, a change of mode begins when it is entered",
        stories.mode_not_before,
        "an hour before its change 12366 comes out at general",
        guards=("mode-not-before",),
        quick=True,
    ),
]
