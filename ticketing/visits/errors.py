"""What can go wrong with a visit, by name."""

from __future__ import annotations

from hotline.errors import Conflict


class NotTriedEnough(Conflict):
    """A citizen is unreachable only after the attempts and days of the policy (requirements 3: 3 over 2 days)."""

    code = "ticket.not_tried_enough"


class NotToClose(Conflict):
    """The citizen is dissatisfied, and nobody found that the reply complies with the law: it is handled again, or an
    auditor is asked (TH 19, 20).
    """

    code = "ticket.not_to_close"


class NotToldBySms(Conflict):
    """A citizen who could not be reached is told by SMS before the ticket is closed (requirements 3)."""

    code = "ticket.unreachable_not_told"


class NotDissatisfied(Conflict):
    """Whether a reply complies is asked when the citizen was visited and is dissatisfied."""

    code = "ticket.not_dissatisfied"


class FindingStands(Conflict):
    """Of this handling it was found already whether the reply complies, or somebody has been asked."""

    code = "ticket.finding_stands"


class EvaluatedAlready(Conflict):
    """The citizen has evaluated this handling."""

    code = "ticket.evaluated_already"
