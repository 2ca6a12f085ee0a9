"""What can go wrong with figures, by name."""

from __future__ import annotations

from hotline.errors import Conflict, InvalidInput, NotFound


class FigureUnknown(NotFound):
    """No figure has this name."""

    code = "figures.unknown"


class PeriodUnknown(InvalidInput):
    """Not a period: 2026-10-31, 2026-W44, 2026-10, 2026-Q4, 2026-H2 and 2026 are."""

    code = "figures.period_unknown"


class TooManyPeriods(InvalidInput):
    """More periods than one answer holds."""

    code = "figures.too_many_periods"


class ExclusionStands(Conflict):
    """The ticket is left out of this already, for this unit."""

    code = "figures.exclusion_stands"


class ExclusionNotFound(NotFound):
    """The ticket has no such exclusion that stands."""

    code = "figures.exclusion_not_found"


class NotWithUnit(InvalidInput):
    """The unit never had a part in the ticket."""

    code = "figures.not_with_unit"
