"""What can go wrong with the knowledge base, by name."""

from __future__ import annotations

from hotline.errors import Conflict, InvalidInput, NotAllowed, NotFound, Stale


class EntryNotFound(NotFound):
    """No entry has this code, or none that may be seen."""

    code = "knowledge.not_found"


class NoAnswer(NotFound):
    """The entry has no spoken answer that is valid today."""

    code = "knowledge.no_answer"


class StaleEntry(Stale):
    """Somebody else wrote a version after the one that was read. Nothing was changed; read it again."""

    code = "knowledge.stale"


class StepNotPossible(Conflict):
    """The version is not in a state that allows this."""

    code = "knowledge.step_not_possible"


class SamePerson(NotAllowed):
    """双人核对: who wrote a version cannot be who checks it."""

    code = "knowledge.same_person"


class NotYourEntry(NotAllowed):
    """The entry belongs to another unit."""

    code = "knowledge.other_unit"


class CodeTaken(Conflict):
    """Another entry has this code."""

    code = "knowledge.code_taken"


class NotSearchable(InvalidInput):
    """The question has neither a letter nor a digit in it."""

    code = "knowledge.nothing_asked"
