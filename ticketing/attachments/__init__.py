"""附件: files that belong to a ticket."""
