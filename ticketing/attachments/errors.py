"""What can go wrong with an attachment, by name."""

from __future__ import annotations

from hotline.errors import Conflict, HotlineError, InvalidInput, NotFound


class AttachmentNotFound(NotFound):
    """The ticket has no such attachment, or none for this person."""

    code = "attachment.not_found"


class KindNotAllowed(InvalidInput):
    """Files of this kind are not taken."""

    code = "attachment.kind_not_allowed"


class KindMismatch(InvalidInput):
    """The file holds something else than its name says."""

    code = "attachment.kind_mismatch"


class TooLarge(InvalidInput):
    """The file is larger than attachments may be."""

    code = "attachment.too_large"


class EmptyFile(InvalidInput):
    """The file holds nothing."""

    code = "attachment.empty"


class TooManyAttachments(Conflict):
    """The ticket has as many attachments as it may have."""

    code = "attachment.too_many"


class TicketIsArchived(Conflict):
    """The ticket is archived: nothing is added to its file, and nothing taken away."""

    code = "attachment.ticket_archived"


class AttachmentDamaged(HotlineError):
    """What lies in the store is not what was put there, or is gone."""

    code = "attachment.damaged"
