"""What can go wrong with what a unit's time depends on, by name."""

from __future__ import annotations

from hotline.errors import Conflict, InvalidInput


class StatutoryStands(Conflict):
    """The matter is in its statutory procedure: that one's own limit counts, and it is not returned."""

    code = "ticket.statutory_stands"


class StatutoryWhen(InvalidInput):
    """A procedure is entered between delivery and now, and its limit ends on a day that is still to come."""

    code = "ticket.statutory_when"


class QuestionOpen(Conflict):
    """The citizen is asked already; while the unit's time stands still for that it is not extended."""

    code = "ticket.question_open"


class NotUrgent(Conflict):
    """Force majeure is an exception to the hours of an urgent matter, while they run (TH 16)."""

    code = "ticket.not_urgent"


class MajeureClaimed(Conflict):
    """Force majeure was claimed for this handling already."""

    code = "ticket.majeure_claimed"


class NoQuestionOpen(Conflict):
    """The unit waits for this answer no more: it has one, its days have gone, or the question was withdrawn."""

    code = "ticket.no_question_open"
