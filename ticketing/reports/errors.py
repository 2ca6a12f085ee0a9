"""What can go wrong with reports, by name."""

from __future__ import annotations

from hotline.errors import Conflict, InvalidInput, NotFound


class ReportNotFound(NotFound):
    """No report has this id."""

    code = "reports.not_found"


class PublicationNotFound(NotFound):
    """Nothing was published under this id."""

    code = "reports.not_published"


class WrongPeriod(InvalidInput):
    """This kind of report is not of periods of this length."""

    code = "reports.wrong_period"


class NotMadeYet(Conflict):
    """The report is not made yet, or could not be."""

    code = "reports.not_made"


class PeriodNotOver(Conflict):
    """Only what was counted after its period's end is published."""

    code = "reports.period_not_over"


class PublishedAlready(Conflict):
    """This very report was published."""

    code = "reports.published_already"


class ReasonMissing(InvalidInput):
    """The period is published: a correction says why."""

    code = "reports.reason_missing"


class ReasonUnexpected(InvalidInput):
    """Nothing is published of the period yet: there is nothing to correct."""

    code = "reports.reason_unexpected"


class MethodTooLate(InvalidInput):
    """A method of assessment is laid down before the day from which it counts."""

    code = "reports.method_too_late"
